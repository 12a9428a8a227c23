/** Files with an index, made by the same calls on every backend, and what searches of them find. */
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteFlag, IndexOperation, SearchType } from '@vexfs/shared';
import { deleteRow, deleteRows } from '../../parity/client/delete_calls.js';
import {
  createIndex,
  type IndexFields,
  indexInfo,
  manage,
  waitForIndex,
} from '../../parity/client/index_calls.js';
import { getStats, insert, search, setMeta } from '../../parity/client/vector_calls.js';
import { sift10k } from '../../parity/index/sift.js';

const OVERWRITE = 1;
const sift = sift10k();
const D = sift.dimensions;
const part = (from: number, to: number): Float32Array => sift.rows.subarray(from * D, to * D);

interface Kind {
  readonly name: string;
  readonly metric: number;
  readonly index: IndexFields;
}

const KINDS: readonly Kind[] = [
  { name: 'euclidean', metric: SearchType.EUCLIDEAN, index: { type: 1 } },
  { name: 'cosine', metric: SearchType.COSINE, index: { type: 1, m: 8, ef_construction: 60 } },
  { name: 'flat', metric: SearchType.COSINE, index: { type: 2 } },
];
export const INDEXED_FILES: readonly string[] = KINDS.map(({ name }) => name);

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

/** Makes the files, each call followed by a wait. */
export function makeIndexedFiles(folder: string): void {
  for (const { name, metric, index } of KINDS) {
    const fd = openSync(join(folder, name), 'w+');
    must(setMeta(fd, { dimensions: D }), 'SET_VECTOR_META');
    must(insert(fd, part(0, 4500), { dimensions: D }), 'BATCH_INSERT');
    must(createIndex(fd, { metric, ...index }), 'CREATE');
    must(waitForIndex(fd), 'WAIT');
    for (let i = 0; i < 3; i++) {
      must(insert(fd, part(4500 + i * 600, 5100 + i * 600), { dimensions: D }), 'BATCH_INSERT');
      must(waitForIndex(fd), 'WAIT');
    }
    ftruncateSync(fd, 5800 * D * 4);
    must(waitForIndex(fd), 'WAIT');
    // Nothing is inserted from here on until all is packed: when slots that rows leave are used again depends on commits.
    const ids = Array.from({ length: 120 }, (_, i) => i * 7);
    must(insert(fd, part(9000, 9120), { dimensions: D, ids, flags: OVERWRITE }), 'OVERWRITE');
    must(waitForIndex(fd), 'WAIT');
    // Not those that were put behind the others: the file would be cut off when that can be.
    const gone = Array.from({ length: 1200 }, (_, i) => (i % 400) * 7 + 1 + Math.floor(i / 400));
    must(deleteRows(fd, gone), 'BATCH_DELETE');
    must(waitForIndex(fd), 'WAIT');
    for (const id of [3000, 3001, 4444]) must(deleteRow(fd, id, { flags: DeleteFlag.MISSING_OK }), 'DELETE');
    must(waitForIndex(fd), 'WAIT');
    // So many that the others move into their places.
    const half = Array.from({ length: 2900 }, (_, i) => 2 * i);
    must(deleteRows(fd, half, { flags: DeleteFlag.MISSING_OK }), 'BATCH_DELETE');
    must(waitForIndex(fd), 'WAIT');
    if (getStats(fd).stats.free_slots !== 0) throw new Error('WAIT left free slots');
    must(insert(fd, part(8000, 8300), { dimensions: D }), 'BATCH_INSERT');
    must(waitForIndex(fd), 'WAIT');
    closeSync(fd);
  }
}

/** What an index says of itself and finds, in a form that can be compared; no index is built for it. */
export function askIndexedFiles(folder: string): unknown[] {
  return KINDS.map(({ name, metric }) => {
    const fd = openSync(join(folder, name), 'r');
    try {
      const found = sift.queries
        .slice(0, 20)
        .map((query) =>
          search(fd, query, { k: 10, type: metric }).hits.map(({ id, distance }) => [Number(id), distance]),
        );
      must(manage(fd, IndexOperation.VERIFY).outcome, 'VERIFY');
      const { state, rows, indexed_rows, searches, snapshot_bytes, levels } = indexInfo(fd);
      return { name, found, state, rows, indexed_rows, searches, snapshot_bytes, levels };
    } finally {
      closeSync(fd);
    }
  });
}
