/**
 * A process that works until the filesystem goes away: KIND FOLDER SEED. It prints `issued N` before its operation N begins
 * and `synced N` when the first N operations are on stable storage. Ends with 0 when the mount has ended.
 */
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import { FileOperations } from './file_operations.js';
import { Random } from './random.js';

/** What the batches of a vector file are like. One of the large ones is 32 MiB. */
export interface Batches {
  readonly rows: number;
  readonly dimensions: number;
  /** Each batch replaces the one before. */
  readonly overwrites: boolean;
  /** One of how many batches is followed by a sync. */
  readonly perSync: number;
}

export const BATCHES: Readonly<Record<'append' | 'overwrite' | 'large', Batches>> = {
  append: { rows: 20, dimensions: 24, overwrites: false, perSync: 12 },
  overwrite: { rows: 20, dimensions: 24, overwrites: true, perSync: 12 },
  large: { rows: 16_384, dimensions: 512, overwrites: true, perSync: 2 },
};

/** One of how many operations on files is followed by a sync. */
const FILES_PER_SYNC = 12;

const say = (text: string): void => {
  writeSync(1, `${text}\n`);
};

function must(outcome: string): void {
  if (outcome !== 'ok') throw Object.assign(new Error(outcome), { code: outcome });
}

/** Runs operations for ever; `sync` makes everything before durable, after the first and one of `perSync` operations. */
function work(seed: number, perSync: number, operation: (index: number) => void, sync: () => void): never {
  const random = new Random(seed ^ 0x5bd1e995);
  for (let index = 0; ; index++) {
    say(`issued ${index + 1}`);
    operation(index);
    if (index === 0 || random.below(perSync) === 0) {
      sync();
      say(`synced ${index + 1}`);
    }
  }
}

function files(folder: string, seed: number): never {
  const directory = openSync(folder, 'r');
  const operations = new FileOperations(seed);
  return work(
    seed,
    FILES_PER_SYNC,
    () => operations.next()(folder),
    () => fsyncSync(directory),
  );
}

/** Batch n adds rows of the value n, or gives it to the first rows. */
function vectors(
  folder: string,
  seed: number,
  { rows: count, dimensions, overwrites, perSync }: Batches,
): never {
  const path = join(folder, 'rows.vec');
  const fd = openSync(path, 'wx+');
  must(setMeta(fd, { dimensions }));
  fsyncSync(fd);
  closeSync(fd);
  const rows = openSync(path, 'r+');
  const ids = Array.from({ length: count }, (_, i) => i);
  return work(
    seed,
    perSync,
    (index) => {
      const values = new Float32Array(count * dimensions).fill(index + 1);
      must(insert(rows, values, overwrites ? { dimensions, ids, flags: 1 } : { dimensions }));
    },
    () => fsyncSync(rows),
  );
}

const KINDS: Readonly<Record<string, (folder: string, seed: number) => never>> = {
  files,
  append: (folder, seed) => vectors(folder, seed, BATCHES.append),
  overwrite: (folder, seed) => vectors(folder, seed, BATCHES.overwrite),
  large: (folder, seed) => vectors(folder, seed, BATCHES.large),
};

function main(kind: string, folder: string, seed: number): void {
  try {
    KINDS[kind]!(folder, seed);
  } catch (error) {
    const { code } = error as { code?: string };
    const dead = code === 'ENOTCONN' || code === 'ECONNABORTED' || code === 'EIO';
    // The mount may be taken away between two operations: then the names below it are gone.
    if (!dead && !(code === 'ENOENT' && !existsSync(folder))) throw error;
  }
}

if (process.argv[2] !== undefined) main(process.argv[2], process.argv[3] ?? '', Number(process.argv[4]));
