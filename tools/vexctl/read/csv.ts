import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { ID_RULE, parseId } from './id.js';
import { MAX_LINE_BYTES } from './lines.js';
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
  const parser = parse({
    bom: true,
    info: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: MAX_LINE_BYTES,
  });
  const input = createReadStream(path);
  input.on('error', (error) => parser.destroy(error));
  input.pipe(parser);
  let column: number | undefined;
  let started = false;
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: string[];
      info: { lines: number };
    }>) {
      const place = `line ${info.lines}`;
      if (!started) {
        started = true;
        const header = record.some((field) => parseNumber(field) === undefined) ? record : undefined;
        if (options.ids !== undefined) column = idColumn(path, header, record.length, options.ids);
        if (header !== undefined) continue;
      }
      yield { ...parseRecord(path, record, column, place), place };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line: unknown = error.lines;
    throw new SourceError(path, error.message, typeof line === 'number' ? `line ${line}` : undefined);
  } finally {
    input.destroy();
    parser.destroy();
  }
}

function parseRecord(
  path: string,
  record: readonly string[],
  column: number | undefined,
  place: string,
): { values: number[]; id?: bigint } {
  const values: number[] = [];
  let id: bigint | undefined;
  record.forEach((field, index) => {
    if (index === column) {
      id = parseId(field);
      if (id === undefined) throw new SourceError(path, `'${field}' is no id: ${ID_RULE}`, place);
      return;
    }
    const value = parseNumber(field);
    if (value === undefined)
      throw new SourceError(path, `column ${index} is '${field.slice(0, 40)}', no number`, place);
    values.push(value);
  });
  return id === undefined ? { values } : { values, id };
}

/**
 * Comma-separated numbers (RFC 4180), a row a record. A first record with a field that is no number is a header.
 * @throws SourceError for a field that is no number, an id that is none, records of different length
 */
export function openCsv(path: string, options: ReadOptions): Promise<RowSource> {
  return textRows(path, () => records(path, options), options);
}
