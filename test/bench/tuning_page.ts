import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Drawing, Result } from './measure.js';
import { COLUMNS, cells } from './table.js';

const ROOT = new URL('../../../', import.meta.url);
const PAGE = fileURLToPath(new URL('docs/tuning.md', ROOT));
const END = '<!-- end of measured -->';

/** Replaces what stands between a line that begins a measured part and the next that ends one. */
function replacePart(begin: string, text: (old: string) => string): void {
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(begin);
  const to = page.indexOf(END, from);
  if (from < 0 || to < 0) throw new Error(`docs/tuning.md lacks the lines '${begin}' and '${END}'`);
  const old = page.slice(from + begin.length, to);
  writeFileSync(PAGE, `${page.slice(0, from)}${begin}\n${text(old)}\n${page.slice(to)}`);
}

function tableLines(rows: readonly (readonly string[])[]): string[] {
  const [head, ...rest] = rows;
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [line(head!), `|${head!.map(() => '---').join('|')}|`, ...rest.map(line)];
}

/**
 * Puts results into the table of docs/tuning.md that `command` fills. Lines of measures that were not run stay as they are.
 * Throws when the page has no place for them.
 */
export function writeResults(
  command: string,
  results: readonly Result[],
  machine: string,
  runs: number,
): void {
  replacePart(`<!-- measured: ${command} -->`, (old) => {
    const lines = new Map<string, string[]>();
    for (const line of old.split('\n')) {
      const name = /^\| `([^`]+)` \|/.exec(line)?.[1];
      if (name !== undefined) lines.set(name, line.slice(2, -2).split(' | '));
    }
    for (const result of results) {
      const [name, ...rest] = cells(result);
      lines.set(name!, [`\`${name}\``, ...rest]);
    }
    return [
      `Measured on ${machine}; medians of ${runs} rounds after one that does not count.`,
      '',
      ...tableLines([COLUMNS, ...lines.values()]),
    ].join('\n');
  });
}

/** Writes a picture where it belongs; shows it in the page, which lies in the same folder, above its numbers. */
export function writeDrawing(command: string, drawing: Drawing, machine: string): void {
  writeFileSync(fileURLToPath(new URL(drawing.path, ROOT)), drawing.svg);
  replacePart(`<!-- measured: ${command} -->`, () =>
    [
      `![${drawing.title}](${basename(drawing.path)})`,
      '',
      `Measured on ${machine}.`,
      '',
      ...tableLines(drawing.table),
    ].join('\n'),
  );
}
