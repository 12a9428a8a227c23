/** What goes to standard output: JSON for programs, tables for people. */

export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/**
 * JSON with every digit of a bigint and without `undefined`; JSON.stringify refuses bigints.
 * Numbers that JSON cannot carry become null, as JSON.stringify has it.
 */
export function toJson(value: Json): string {
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`;
  const entries = Object.entries(value as { readonly [key: string]: Json });
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${toJson(part)}`).join(',')}}`;
}

/** The number with the fewest digits that is the same float32: 0.1 instead of 0.10000000149011612. */
export function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number.isFinite(value) ? Number(value.toPrecision(9)) : value;
}

/** Columns under their headings, the first cells aligned to the right as numbers are. */
export function table(headings: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all.map((row) => row.map((cell, column) => cell.padStart(widths[column]!)).join('  ')).join('\n');
}

/** One fact a line. */
export function facts(entries: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}

export const count = (value: number | bigint): string => value.toLocaleString('en-US');

/** As in `1.5 MiB`. */
export function bytes(value: number): string {
  let amount = value;
  let unit = 'B';
  for (const larger of ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']) {
    if (amount < 1024) break;
    amount /= 1024;
    unit = larger;
  }
  return unit === 'B' ? `${count(value)} B` : `${amount.toFixed(1)} ${unit} (${count(value)} B)`;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
