const RESULT = /^(ok|not ok) \d+ - (.*)$/;
/** A row of a table, which is for whoever reads along. */
const TABLE = /^# \| /;
const SUMMARY = /(?:^|\s)(\d+) passed, (\d+) failed$/;

/**
 * Counts what a stage prints and shows only what a reader needs: failures with their details, what was skipped,
 * and tables.
 *
 * Understands TAP (https://testanything.org, as ava writes it) and lines that end in "N passed, N failed"; a command
 * that prints neither is one check, which its exit code decides, and all of its output is shown when it fails.
 */
export class TestOutput {
  passed = 0;
  failed = 0;
  skipped = 0;
  #show;
  #lines = [];
  #counted = false;
  #tap = false;
  #inFailure = false;

  /** @param {(line: string) => void} show */
  constructor(show) {
    this.#show = show;
  }

  /** Takes the next line that the command printed. */
  add(line) {
    if (line.startsWith('TAP version ')) this.#tap = true;
    const result = RESULT.exec(line);
    if (result !== null) {
      this.#addResult(result[1] === 'ok', result[2], line);
      return;
    }
    // What tests print may look like a summary, and theirs is counted already.
    const summary = this.#tap ? null : SUMMARY.exec(line);
    if (summary !== null) {
      this.#counted = true;
      this.passed += Number(summary[1]);
      this.failed += Number(summary[2]);
      if (summary[2] !== '0') this.#show(line);
    }
    if (/^1\.\.\d+$/.test(line)) this.#inFailure = false;
    if (this.#inFailure || TABLE.test(line)) this.#show(line);
    else this.#lines.push(line);
  }

  #addResult(ok, title, line) {
    this.#counted = true;
    this.#inFailure = !ok;
    if (!ok) {
      this.failed++;
      this.#show(line);
    } else if (/# (?:SKIP|TODO)\b/i.test(title)) {
      this.skipped++;
      this.#show(`skipped: ${title.replace(/\s*# (?:SKIP|TODO).*$/i, '')}`);
    } else {
      this.passed++;
    }
  }

  /** Counts a failure that no line of the output told of. */
  fail(sentence) {
    this.failed++;
    this.#show(`failed: ${sentence}`);
  }

  /** @param {string | undefined} ended how the command failed; undefined when it succeeded */
  end(ended) {
    if (ended === undefined) {
      if (!this.#counted) this.passed++;
      return;
    }
    // Failures that were printed already explain the exit code.
    if (this.failed > 0 && /exit code/.test(ended)) return;
    for (const line of this.#lines) this.#show(line);
    this.fail(ended);
  }
}
