import { ID_RULE, parseId } from './id.js';
import { readLines } from './lines.js';
import { type ReadOptions, type RowSource, SourceError } from './source.js';
import { type TextRecord, textRows } from './text_rows.js';

/** @returns the reason to refuse it when it is no array of numbers */
function numbers(value: unknown): readonly number[] | string {
  if (!Array.isArray(value)) return 'is no array of numbers';
  const wrong = value.findIndex((component) => typeof component !== 'number');
  if (wrong >= 0) return `component ${wrong} is ${JSON.stringify(value[wrong])}, no number`;
  return value as number[];
}

function idOf(value: unknown): bigint | undefined {
  if (typeof value === 'string') return parseId(value);
  return Number.isSafeInteger(value) ? parseId(String(value)) : undefined;
}

async function* records(path: string, options: ReadOptions): AsyncGenerator<TextRecord> {
  const key = options.vectorKey ?? 'vector';
  for await (const { text, number } of readLines(path)) {
    const place = `line ${number}`;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new SourceError(path, `is no JSON: ${(error as Error).message}`, place);
    }
    const bare = Array.isArray(value);
    if (!bare && (typeof value !== 'object' || value === null)) {
      throw new SourceError(path, 'is neither an array of numbers nor an object', place);
    }
    const object = bare ? {} : (value as Record<string, unknown>);
    if (!bare && !Object.hasOwn(object, key)) {
      const keys = Object.keys(object).slice(0, 12).join(', ');
      throw new SourceError(
        path,
        `has no key '${key}', its keys are ${keys}: name it with --vector-key`,
        place,
      );
    }
    const values = numbers(bare ? value : object[key]);
    if (typeof values === 'string') throw new SourceError(path, bare ? values : `'${key}' ${values}`, place);
    if (options.ids === undefined) {
      yield { values, place };
      continue;
    }
    const id = Object.hasOwn(object, options.ids) ? idOf(object[options.ids]) : undefined;
    if (id === undefined) {
      const rule = `${ID_RULE}; above 2^53 they are written as strings`;
      throw new SourceError(path, `has no usable id under '${options.ids}': ${rule}`, place);
    }
    yield { values, id, place };
  }
}

/**
 * JSON Lines: each line an array of numbers, or an object that holds one under `vectorKey`.
 * @throws SourceError for a line that is neither, an id that is none, rows of different length
 */
export function openJsonl(path: string, options: ReadOptions): Promise<RowSource> {
  return textRows(path, () => records(path, options), options);
}
