/**
 * A process that works until the filesystem goes away: KIND FOLDER SEED. It prints `issued N` before its operation N begins
 * and `synced N` when the first N operations are on stable storage. Ends with 0 when the mount has ended.
 */
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import { FileOperations } from './file_operations.js';
import { Random } from './random.js';

/** Rows of a batch, and their elements. */
export const ROWS = 20;
export const DIMENSIONS = 24;

const say = (text: string): void => {
  writeSync(1, `${text}\n`);
};

function must(outcome: string): void {
  if (outcome !== 'ok') throw Object.assign(new Error(outcome), { code: outcome });
}

/** Runs operations for ever; `sync` makes everything before durable. */
function work(seed: number, operation: (index: number) => void, sync: () => void): never {
  const random = new Random(seed ^ 0x5bd1e995);
  for (let index = 0; ; index++) {
    say(`issued ${index + 1}`);
    operation(index);
    if (random.below(12) === 0) {
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
    () => operations.next()(folder),
    () => fsyncSync(directory),
  );
}

/** Batch n adds ROWS rows of the value n, or gives it to the rows 0 to ROWS - 1. */
function vectors(folder: string, seed: number, overwrite: boolean): never {
  const path = join(folder, 'rows.vec');
  const fd = openSync(path, 'wx+');
  must(setMeta(fd, { dimensions: DIMENSIONS }));
  fsyncSync(fd);
  closeSync(fd);
  const rows = openSync(path, 'r+');
  const ids = Array.from({ length: ROWS }, (_, i) => i);
  return work(
    seed,
    (index) => {
      const values = new Float32Array(ROWS * DIMENSIONS).fill(index + 1);
      must(
        insert(
          rows,
          values,
          overwrite ? { dimensions: DIMENSIONS, ids, flags: 1 } : { dimensions: DIMENSIONS },
        ),
      );
    },
    () => fsyncSync(rows),
  );
}

const KINDS: Readonly<Record<string, (folder: string, seed: number) => never>> = {
  files,
  append: (folder, seed) => vectors(folder, seed, false),
  overwrite: (folder, seed) => vectors(folder, seed, true),
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
