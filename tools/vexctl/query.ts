/** The QUERY of a search: a file with one query a row, `row:ID`, or an array written out. */
import type { VectorFile } from '../client/index.js';
import { UsageError } from './exit.js';
import { ID_RULE, parseId } from './read/id.js';
import { openSource, SourceError } from './read/index.js';

function parseArray(text: string): Float32Array {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the query is no JSON array: ${(error as Error).message}`);
  }
  if (!Array.isArray(value) || value.length === 0)
    throw new UsageError('the query is no JSON array of numbers');
  const wrong = value.findIndex((part) => typeof part !== 'number' || !Number.isFinite(Math.fround(part)));
  if (wrong >= 0)
    throw new UsageError(
      `component ${wrong} of the query is no finite float32: ${JSON.stringify(value[wrong])}`,
    );
  return Float32Array.from(value as number[]);
}

async function storedRow(file: VectorFile, text: string): Promise<Float32Array> {
  const id = parseId(text);
  if (id === undefined) throw new UsageError(`row:${text} names no row: ${ID_RULE}`);
  const row = await file.get(id);
  if (row === undefined) throw new SourceError(file.path, 'there is no such row', `id ${id}`);
  return row.vector;
}

async function* fileRows(
  path: string,
  limit: number,
  vectorKey: string | undefined,
): AsyncGenerator<Float32Array> {
  const source = await openSource(path, vectorKey === undefined ? {} : { vectorKey });
  try {
    let left = limit;
    for await (const { rows, count } of source.batches(0, 256)) {
      for (let i = 0; i < count && left > 0; i++, left--) {
        yield rows.subarray(i * source.dimensions, (i + 1) * source.dimensions);
      }
      if (left === 0) return;
    }
  } finally {
    await source.close();
  }
}

/** @returns whether there can be several queries, and the queries themselves */
export function queries(
  file: VectorFile,
  text: string,
  limit: number,
  vectorKey: string | undefined,
): { several: boolean; rows: AsyncIterable<Float32Array> } {
  const one = async function* (row: Float32Array | Promise<Float32Array>) {
    yield await row;
  };
  if (text.trimStart().startsWith('[')) return { several: false, rows: one(parseArray(text)) };
  if (text.startsWith('row:')) return { several: false, rows: one(storedRow(file, text.slice(4))) };
  return { several: true, rows: fileRows(text, limit, vectorKey) };
}
