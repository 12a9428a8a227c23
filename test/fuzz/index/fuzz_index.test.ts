import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';

const ENGINE = fileURLToPath(new URL('../../../../kernel/engine', import.meta.url));
/** The same inputs on every machine: what fails here fails everywhere. `make fuzz` alone looks for new ones. */
const SEED = 1;
const INPUTS = 1200;
/** Compiling takes most of it. */
const MINUTES = 8;

const hasFuzzer = spawnSync('clang', ['-fsanitize=fuzzer', '-x', 'c', '-', '-o', '/dev/null'], {
  input: 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }',
}).status;
const fuzzing = hasFuzzer === 0 ? test.serial : test.serial.skip;

function make(t: ExecutionContext, ...words: string[]): string {
  t.timeout(MINUTES * 60_000);
  const { status, signal, stdout, stderr } = spawnSync(
    'make',
    ['--no-print-directory', '-C', ENGINE, ...words],
    {
      encoding: 'utf8',
      timeout: MINUTES * 60_000,
      maxBuffer: 1 << 26,
    },
  );
  t.is(
    status,
    0,
    `make ${words.join(' ')} ended with ${signal ?? status}:\n${(stdout + stderr).slice(-6000)}`,
  );
  return stdout + stderr;
}

test.serial('inputs that the fuzzer found give right answers', (t) => {
  const replayed = /(\d+) inputs replayed/.exec(make(t, 'replay'))?.[1];
  t.true(Number(replayed) > 0, `${replayed} inputs`);
});

// Without clang and its fuzzer this is skipped; docs/install.md says so.
fuzzing('random logs, searches and damaged snapshots give right answers', (t) => {
  const said = make(t, 'fuzz', 'FUZZ_SECONDS=0', `FUZZ_SEED=${SEED}`, `FUZZ_RUNS=${INPUTS}`);
  const runs = /stat::number_of_executed_units: *(\d+)/.exec(said)?.[1];
  t.true(Number(runs) >= INPUTS, `${runs} inputs of ${INPUTS}`);
});
