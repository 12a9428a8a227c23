import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { must } from '../backend/programs.js';

/** From dist/parity/posix to the sources beside this file's. */
const SOURCES = fileURLToPath(new URL('../../../parity/posix/', import.meta.url));

/** Answers by row and user: `"paths: chmod: missing"` and `"o"` (of `romex`, see table/users.c) lead to `"ENOENT"`. */
export type Table = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Compiles the program that asks; returns its path. */
export function compileTable(folder: string): string {
  const program = `${folder}/table`;
  const words = ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program];
  must('sh', ['-c', 'cd "$1" && shift && exec gcc "$@" *.c', 'sh', `${SOURCES}table`, ...words], 400_000);
  return program;
}

/** The rows of a table as the program prints them: a title, a tab, and groups of users with their answer. */
export function parseTable(text: string): Table {
  const table = new Map<string, Map<string, string>>();
  for (const line of text.split('\n')) {
    const tab = line.indexOf('\t');
    if (tab < 0) continue;
    const answers = new Map<string, string>();
    for (const group of line.slice(tab + 1).split(' | ')) {
      const space = group.indexOf(' ');
      for (const user of group.slice(0, space)) answers.set(user, group.slice(space + 1));
    }
    table.set(line.slice(0, tab), answers);
  }
  return table;
}

function answer(answers: ReadonlyMap<string, string> | undefined, user: string): string | undefined {
  return answers?.get('*') ?? answers?.get(user);
}

/** One answer that is not the expected one. */
export interface Difference {
  readonly row: string;
  readonly user: string;
  readonly expected: string;
  readonly actual: string;
}

export function differences(expected: Table, actual: Table): Difference[] {
  const found: Difference[] = [];
  for (const row of new Set([...expected.keys(), ...actual.keys()])) {
    const [left, right] = [expected.get(row), actual.get(row)];
    const named = [...(left?.keys() ?? []), ...(right?.keys() ?? [])].filter((user) => user !== '*');
    for (const user of named.length === 0 ? ['*'] : new Set(named)) {
      const [want, got] = [answer(left, user), answer(right, user)];
      if (want !== got)
        found.push({ row, user, expected: want ?? '(no answer)', actual: got ?? '(no answer)' });
    }
  }
  return found;
}

/** Where the answers of ext4 to a group of sections are kept; the first line names the kernel. */
export function goldenPath(group: string): string {
  return `${SOURCES}golden/${group}.txt.gz`;
}

export interface Golden {
  /** As `6.18`. */
  readonly kernel: string;
  readonly table: Table;
}

export function readGolden(group: string): Golden {
  const text = gunzipSync(readFileSync(goldenPath(group))).toString('latin1');
  return { kernel: /^# ext4 of Linux ([0-9.]+)/.exec(text)?.[1] ?? '', table: parseTable(text) };
}

/** What is kept of a table that a program printed. */
export function encodeGolden(text: string): Buffer {
  return gzipSync(Buffer.from(`# ext4 of Linux ${kernelSeries()}\n${text}`, 'latin1'), { level: 9 });
}

/** The series of the running kernel, as `6.18`. */
export function kernelSeries(): string {
  return release().split('.').slice(0, 2).join('.');
}
