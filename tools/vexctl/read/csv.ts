import { ID_RULE, parseId } from './id.js';
import { readLines } from './lines.js';
import { type ReadOptions, type RowSource, SourceError } from './source.js';
import { type TextRecord, textRows } from './text_rows.js';

const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const NON_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;

/** The number that a field spells, undefined when it spells none. */
function parseNumber(field: string): number | undefined {
  if (NUMBER.test(field)) return Number(field);
  if (!NON_FINITE.test(field)) return undefined;
  if (/nan/i.test(field)) return Number.NaN;
  return field.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** One field and the comma or end behind it: quoted with doubled quotes inside, or plain without any (RFC 4180). */
const FIELD = /(?:\s*"([^"]*(?:""[^"]*)*)"\s*|([^",]*))(,|$)/y;

/**
 * The fields of a record, without the space around them. A record is one line: only text could go on over the next,
 * and there is no room for text in a table of numbers.
 * @returns undefined when a quote stands where it cannot, or does not end
 */
function splitFields(line: string): string[] | undefined {
  if (!line.includes('"')) return line.split(',').map((field) => field.trim());
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (;;) {
    const found = FIELD.exec(line);
    if (found === null) return undefined;
    const [, quoted, plain = '', end] = found;
    fields.push((quoted === undefined ? plain : quoted.replaceAll('""', '"')).trim());
    if (end === '') return fields;
  }
}

/** Which column holds the ids: by its name in the header, or by its number from 0 where there is none. */
function idColumn(path: string, names: readonly string[] | undefined, width: number, wanted: string): number {
  const named = names?.indexOf(wanted) ?? -1;
  if (named >= 0) return named;
  const index = /^[0-9]+$/.test(wanted) ? Number(wanted) : -1;
  if (index >= 0 && index < width) return index;
  const known =
    names === undefined ? `it has no header and ${width} columns` : `it has ${names.slice(0, 12).join(', ')}`;
  throw new SourceError(path, `has no column '${wanted}': ${known}`);
}

async function* records(path: string, options: ReadOptions): AsyncGenerator<TextRecord> {
  let column: number | undefined;
  let width: number | undefined;
  for await (const { text, number } of readLines(path)) {
    const place = `line ${number}`;
    const fields = splitFields(text);
    if (fields === undefined)
      throw new SourceError(path, 'has a quote that does not begin or end a field', place);
    if (width === undefined) {
      width = fields.length;
      const header = fields.some((field) => parseNumber(field) === undefined) ? fields : undefined;
      if (options.ids !== undefined) column = idColumn(path, header, width, options.ids);
      if (header !== undefined) continue;
    }
    if (fields.length !== width) {
      throw new SourceError(path, `has ${fields.length} fields, the first record has ${width}`, place);
    }
    yield parseRecord(path, fields, column, place);
  }
}

function parseRecord(
  path: string,
  fields: readonly string[],
  column: number | undefined,
  place: string,
): TextRecord {
  const values: number[] = [];
  let id: bigint | undefined;
  for (const [index, field] of fields.entries()) {
    if (index === column) {
      id = parseId(field);
      if (id === undefined)
        throw new SourceError(path, `'${field.slice(0, 40)}' is no id: ${ID_RULE}`, place);
      continue;
    }
    const value = parseNumber(field);
    if (value === undefined)
      throw new SourceError(path, `column ${index} is '${field.slice(0, 40)}', no number`, place);
    values.push(value);
  }
  return id === undefined ? { values, place } : { values, id, place };
}

/**
 * Comma-separated numbers, a row a line. A first line with a field that is no number is a header.
 * @throws SourceError for a field that is no number, an id that is none, lines of different length
 */
export function openCsv(path: string, options: ReadOptions): Promise<RowSource> {
  return textRows(path, () => records(path, options), options);
}
