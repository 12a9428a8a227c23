/** Ids that stand in a file of their own, in the order of the rows: .npy of integers, or text with one a line. */
import { extname } from 'node:path';
import { NO_ID } from '@vexfs/shared';
import { openSized, readExactly } from './bytes.js';
import { ID_RULE, parseId } from './id.js';
import { type Line, readLines } from './lines.js';
import { readNpyHeader } from './npy_header.js';
import { SourceError } from './source.js';

export interface IdSource {
  readonly path: string;
  /** Undefined where only reading to the end would tell. */
  readonly count: number | undefined;
  /** The next `count` ids. @throws SourceError when there are fewer, or one is no id */
  take(count: number): Promise<BigUint64Array>;
  close(): Promise<void>;
}

type ReadInteger = (view: DataView, at: number) => bigint;
const integers: Readonly<Record<string, readonly [bytes: number, read: ReadInteger]>> = {
  '<u8': [8, (view, at) => view.getBigUint64(at, true)],
  '<i8': [8, (view, at) => view.getBigInt64(at, true)],
  '<u4': [4, (view, at) => BigInt(view.getUint32(at, true))],
  '<i4': [4, (view, at) => BigInt(view.getInt32(at, true))],
};

async function openNpyIds(path: string): Promise<IdSource> {
  const file = await openSized(path);
  try {
    const integer = (descr: string) => {
      const found = Object.hasOwn(integers, descr) ? integers[descr] : undefined;
      if (found !== undefined) return found;
      throw new SourceError(
        path,
        `has elements of type '${descr}', ids can be ${Object.keys(integers).join(' ')}`,
      );
    };
    const { descr, shape, start } = await readNpyHeader(file, (name) => integer(name)[0]);
    if (shape.length !== 1)
      throw new SourceError(path, `has the shape (${shape.join(', ')}); wanted is (rows,)`);
    const [bytes, read] = integer(descr);
    const total = shape[0]!;
    let next = 0;
    const take = async (count: number): Promise<BigUint64Array> => {
      if (next + count > total) throw new SourceError(path, `has ${total} ids, the source has more rows`);
      const view = new DataView((await readExactly(file, start + next * bytes, count * bytes)).buffer);
      const ids = new BigUint64Array(count);
      for (let i = 0; i < count; i++) {
        const id = read(view, i * bytes);
        if (id < 0n || id === NO_ID)
          throw new SourceError(path, `${id} is no id: ${ID_RULE}`, `row ${next + i}`);
        ids[i] = id;
      }
      next += count;
      return ids;
    };
    return { path, count: total, take, close: () => file.handle.close() };
  } catch (error) {
    await file.handle.close();
    throw error;
  }
}

function idOfLine(path: string, { text, number }: Line): bigint {
  const id = parseId(text);
  if (id === undefined) throw new SourceError(path, `'${text}' is no id: ${ID_RULE}`, `line ${number}`);
  return id;
}

function openTextIds(path: string): IdSource {
  const lines = readLines(path);
  let taken = 0;
  const take = async (count: number): Promise<BigUint64Array> => {
    const ids = new BigUint64Array(count);
    for (let i = 0; i < count; i++) {
      const { done, value } = await lines.next();
      if (done === true) throw new SourceError(path, `has ${taken + i} ids, the source has more rows`);
      ids[i] = idOfLine(path, value);
    }
    taken += count;
    return ids;
  };
  const close = async (): Promise<void> => {
    await lines.return(undefined);
  };
  return { path, count: undefined, take, close };
}

function isNpy(path: string): boolean {
  return extname(path).toLowerCase() === '.npy';
}

/** Every id of a file, `-` for standard input. @throws SourceError when there are more than `most`, or one is no id */
export async function readAllIds(path: string, most: number): Promise<BigUint64Array> {
  const tooMany = (): SourceError => new SourceError(path, `has more than ${most} ids, which one call takes`);
  if (isNpy(path)) {
    const source = await openNpyIds(path);
    try {
      const { count = 0 } = source;
      if (count > most) throw tooMany();
      return await source.take(count);
    } finally {
      await source.close();
    }
  }
  const ids: bigint[] = [];
  const lines = path === '-' ? readLines('standard input', process.stdin) : readLines(path);
  for await (const line of lines) {
    if (ids.length === most) throw tooMany();
    ids.push(idOfLine(path, line));
  }
  return BigUint64Array.from(ids);
}

/** @throws SourceError when a .npy file holds no list of integers */
export async function openIds(path: string): Promise<IdSource> {
  return isNpy(path) ? openNpyIds(path) : openTextIds(path);
}
