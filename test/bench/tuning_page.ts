import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Result } from './measure.js';
import { cells } from './table.js';

const PAGE = fileURLToPath(new URL('../../../docs/tuning.md', import.meta.url));
const BEGIN = '<!-- measured: npm run bench -- --write -->';
const END = '<!-- end of measured -->';
const HEAD = ['name', 'measure', 'VexFS', 'peer', 'ratio (lowest-highest)', 'goal', ''];

/**
 * Puts results into the table of docs/tuning.md. Lines of measures that were not run stay as they are. Throws when the page has
 * no place for them.
 */
export function writePage(results: readonly Result[], machine: string, runs: number): void {
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`docs/tuning.md lacks the lines '${BEGIN}' and '${END}'`);
  const lines = new Map<string, string>();
  for (const line of page.slice(begin, end).split('\n')) {
    const name = /^\| `([^`]+)` \|/.exec(line)?.[1];
    if (name !== undefined) lines.set(name, line);
  }
  for (const result of results) {
    const [name, ...rest] = cells(result);
    lines.set(name!, `| \`${name}\` | ${rest.join(' | ')} |`);
  }
  const table = [
    `Measured on ${machine}; medians of ${runs} rounds after one that does not count.`,
    '',
    `| ${HEAD.join(' | ')} |`,
    `|${HEAD.map(() => '---').join('|')}|`,
    ...lines.values(),
  ].join('\n');
  writeFileSync(PAGE, `${page.slice(0, begin)}${BEGIN}\n${table}\n${page.slice(end)}`);
}
