import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SearchFlag } from '@vexfs/shared';
import { readUint8Matrix } from '../../data/npy.js';
import { createIndex, searchBatch, waitForIndex } from '../../parity/client/index_calls.js';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import type { Measure } from '../measure.js';
import { smallest } from '../mounted/indexed_file.js';
import { KeptBatch } from './kept_calls.js';
import type { TwoVolumes } from './two_volumes.js';
import { UserSpaceIndex } from './user_index.js';

const DATA = fileURLToPath(new URL('../../../bench/data/', import.meta.url));
const K = 10;
const CALL = 100;
const PASSES = 5;
const RECALL = 0.95;
const M = 16;
const EF_CONSTRUCTION = 200;
const INSERTED = 10_000;

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

/** The module's side of a call or that of user space. */
interface Batch {
  readonly queries: Float32Array;
  readonly ids: BigUint64Array;
  run(ef: number): void;
}

/** A file with an index on the volume, and the same rows under an index of the engine in user space. */
class Indexed {
  readonly module: KeptBatch;
  readonly user: UserSpaceIndex;
  /** The smallest at which the module reaches the recall; both sides search with it. */
  readonly ef: number;
  private readonly fd: number;
  private readonly queries: Float32Array;
  private readonly truth: readonly ReadonlySet<bigint>[];

  constructor(path: string, rows: number) {
    const base = readUint8Matrix(`${DATA}sift100k-base.npy`);
    const dimensions = base.columns;
    this.queries = Float32Array.from(readUint8Matrix(`${DATA}sift100k-query.npy`).data);
    this.fd = openSync(path, 'w+');
    must(setMeta(this.fd, { dimensions }), 'SET_VECTOR_META');
    for (let from = 0; from < rows; from += INSERTED) {
      const some = base.data.subarray(from * dimensions, Math.min(from + INSERTED, rows) * dimensions);
      must(insert(this.fd, Float32Array.from(some), { dimensions }), 'BATCH_INSERT');
    }
    must(createIndex(this.fd, { m: M, ef_construction: EF_CONSTRUCTION }), 'CREATE');
    must(waitForIndex(this.fd), 'WAIT');
    const exact = searchBatch(this.fd, this.queries, { dimensions, k: K, flags: SearchFlag.EXACT });
    must(exact.outcome, 'BATCH_SEARCH');
    this.truth = exact.hits.map((near) => new Set(near.map(({ id }) => id)));
    this.module = new KeptBatch(this.fd, { dimensions, k: K, count: CALL });
    this.user = new UserSpaceIndex(this.fd, {
      ...{ rows, dimensions, m: M, efConstruction: EF_CONSTRUCTION },
      ...{ k: K, count: CALL },
    });
    this.ef = smallest((ef) => this.recall(this.module, ef) >= RECALL);
  }

  get queryCount(): number {
    return this.truth.length;
  }

  /** All queries once, by calls of CALL. Returns the seconds of the calls. */
  private pass(side: Batch, ef: number, look: (first: number) => void): number {
    let seconds = 0;
    for (let first = 0; first < this.queryCount; first += CALL) {
      const values = side.queries.length;
      side.queries.set(this.queries.subarray((first / CALL) * values, (first / CALL + 1) * values));
      const start = performance.now();
      side.run(ef);
      seconds += (performance.now() - start) / 1000;
      look(first);
    }
    return seconds;
  }

  recall(side: Batch, ef = this.ef): number {
    let found = 0;
    this.pass(side, ef, (first) => {
      side.ids.forEach((id, place) => {
        if (this.truth[first + Math.floor(place / K)]!.has(id)) found += 1;
      });
    });
    return found / (this.queryCount * K);
  }

  seconds(side: Batch): number {
    let sum = 0;
    for (let pass = 0; pass < PASSES; pass++) sum += this.pass(side, this.ef, () => {});
    return sum;
  }

  close(): void {
    this.module.free();
    this.user.end();
    closeSync(this.fd);
  }
}

const PEER = 'the same engine in user space';

/** BATCH_SEARCH by the module's index, and the engine's in user space, built by itself from the same rows. */
export function indexedSearch(
  volumes: TwoVolumes,
  rows: number,
): { readonly measures: readonly Measure[]; close(): void } {
  let opened: Indexed | undefined;
  const open = (): Indexed => {
    opened ??= new Indexed(join(volumes.vexfs, 'sift'), rows);
    return opened;
  };
  const queries = 1000 * PASSES;
  const where = `BATCH_SEARCH of ${CALL} of ${rows} x 128 SIFT by the index`;
  return {
    measures: [
      {
        name: 'kernel-batch',
        title: `${where}, ef at recall ${RECALL}`,
        goal: { kind: 'time', atMost: 1.3 },
        unit: 'queries/s',
        ours: { name: 'VexFS', amount: queries, run: () => open().seconds(open().module) },
        peer: { name: PEER, amount: queries, run: () => open().seconds(open().user) },
      },
      {
        name: 'kernel-batch-recall',
        title: `${where}, recall at that ef`,
        goal: { kind: 'difference', atLeast: -0.01 },
        unit: 'recall',
        mostRounds: 1,
        ours: { name: 'VexFS', amount: 1, run: () => open().recall(open().module) },
        peer: { name: PEER, amount: 1, run: () => open().recall(open().user) },
      },
    ],
    close: () => opened?.close(),
  };
}
