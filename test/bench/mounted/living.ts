import { fsyncSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InsertFlag } from '@vexfs/shared';
import { insert, search } from '../../parity/client/vector_calls.js';
import type { Group, Measure } from '../measure.js';
import type { Mount, Workplace } from '../workplace.js';
import { IndexedFile } from './indexed_file.js';
import { type RowSet, siftRows, writeFloats } from './row_sets.js';

const ROWS = 100_000;
const FILL = 1000;
/** Rows that are there before, and that are added: below the bound behind which an index no longer helps. */
const BEFORE = 20_000;
const ADDED = 16_000;
/** One takes milliseconds. */
const FILES = 5;
const CHURN = { rounds: 10, batches: 10, ef: 64 };
const LOOK_MS = 20;

/** Rows of the set in another order, a little away from where they were: nothing that is there already. */
function replacement(values: Float32Array, dimensions: number, round: number): Float32Array {
  const rows = values.length / dimensions;
  const step = 7919 * (round + 1);
  let state = round + 1;
  const out = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) {
    const from = ((i + 1) * step) % rows;
    for (let j = 0; j < dimensions; j++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      out[i * dimensions + j] = values[from * dimensions + j]! + (state >>> 24) / 32;
    }
  }
  return out;
}

type Sift = RowSet & { readonly values: Float32Array };

/** Replaces a tenth of the rows ten times, a hundredth at a time; returns what the file holds then. */
function churn(file: IndexedFile, set: Sift): Float32Array {
  const { dimensions, rows } = set;
  const batch = Math.floor(rows / CHURN.rounds / CHURN.batches);
  const now = set.values.slice();
  for (let round = 0; round < CHURN.rounds; round++) {
    const others = replacement(set.values, dimensions, round);
    for (let b = 0; b < CHURN.batches; b++) {
      // Rows all over the file, others each round.
      const ids = Array.from({ length: batch }, (_, i) => (i * CHURN.batches + b) * CHURN.rounds + round);
      const picked = new Float32Array(batch * dimensions);
      for (const [i, id] of ids.entries()) {
        const row = others.subarray(id * dimensions, (id + 1) * dimensions);
        picked.set(row, i * dimensions);
        now.set(row, id * dimensions);
      }
      const outcome = insert(file.fd, picked, { dimensions, ids, flags: InsertFlag.OVERWRITE });
      if (outcome !== 'ok') throw new Error(`BATCH_INSERT: ${outcome}`);
      // The places of the rows before are used again when their removal is durable and the index has taken it.
      fsyncSync(file.fd);
      file.wait();
    }
  }
  return now;
}

/** How an index lives with its file: rows that come, rows that are replaced, a crash in the middle of a build. */
export const living: Group = {
  name: 'living',
  measures: ['indexed-insert', 'replaced-recall', 'replaced-blocks', 'killed-search', 'killed-index'],
  command: 'npm run bench -- --only mounted --only living --only million --write',
  async open(place: Workplace) {
    const set = siftRows(place, ROWS);
    const added = place.scaled(ADDED);
    const before = {
      ...set,
      base: writeFloats(place.path('before.f32'), part(set, 0, place.scaled(BEFORE))),
    };
    const more = writeFloats(place.path('more.f32'), part(set, place.scaled(BEFORE), added));
    place.format('2G');
    let mount: Mount = await place.vexfs();
    const at = (name: string): string => join(mount.mountpoint, name);

    const insertOnce = async (isIndexed: boolean): Promise<number> => {
      const file = IndexedFile.make(at('inserted'), before);
      try {
        await file.fill(FILL);
        if (isIndexed) {
          file.createIndex();
          file.wait();
        }
        file.blocks();
        return await file.fill(FILL, more);
      } finally {
        file.close();
        rmSync(at('inserted'));
      }
    };

    const insertInto = async (isIndexed: boolean): Promise<number> => {
      let seconds = 0;
      for (let i = 0; i < FILES; i++) seconds += await insertOnce(isIndexed);
      return seconds;
    };

    let churned: Promise<readonly [number, number, number]> | undefined;
    const churnOnce = async (): Promise<readonly [number, number, number]> => {
      const file = IndexedFile.make(at('replaced'), set);
      await file.fill(FILL);
      file.createIndex();
      file.wait();
      const blocks = file.blocks();
      const rows = writeFloats(place.path('now.f32'), churn(file, set));
      file.wait();
      await sleep(1500);
      const growth = (file.blocks() / blocks - 1) * 100;
      const fresh = IndexedFile.make(at('fresh'), set);
      await fresh.fill(FILL, rows);
      fresh.createIndex();
      fresh.wait();
      const truth = fresh.truth();
      const answer = [file.recall(CHURN.ef, truth), fresh.recall(CHURN.ef, truth), growth] as const;
      file.close();
      fresh.close();
      return answer;
    };
    const figure = (which: 0 | 1 | 2) => async (): Promise<number> => {
      churned ??= churnOnce();
      return (await churned)[which];
    };

    let kept = Number.NaN;
    const killed = async (): Promise<number> => {
      const name = 'killed';
      rmSync(at(name), { force: true });
      let file = IndexedFile.make(at(name), set);
      await file.fill(FILL);
      file.blocks();
      file.createIndex();
      let indexed = 0;
      while (indexed < (set.rows * 2) / 3) {
        await sleep(LOOK_MS);
        indexed = file.info().indexed_rows!;
      }
      // What is durable is what a later commit has taken along.
      file.blocks();
      file.close();
      await mount.kill();
      const query = set.queryValues.subarray(0, set.dimensions);
      const start = performance.now();
      mount = await place.vexfs();
      file = new IndexedFile(at(name), set);
      const { hits } = search(file.fd, query, { k: 10 });
      const seconds = (performance.now() - start) / 1000;
      const first = file.info();
      if (JSON.stringify(hits, named) !== JSON.stringify(file.truth()[0], named))
        throw new Error('the first search after the crash was wrong');
      kept = (first.indexed_rows! / indexed) * 100;
      file.wait();
      if (file.info().indexed_rows !== set.rows) throw new Error('the index did not catch up');
      file.close();
      return seconds;
    };

    const replaced = `replacing 10 % of ${set.rows} x ${set.dimensions} SIFT rows ${CHURN.rounds} times, 1 % a batch, each with fsync and WAIT`;
    const crash = `kill -9 after two thirds of indexing ${set.rows} x ${set.dimensions} SIFT rows`;
    const measures: Measure[] = [
      {
        name: 'indexed-insert',
        title: `BATCH_INSERT of ${added} rows, ${FILL} a call, into a file with an index`,
        goal: { kind: 'speed', atLeast: 0.9 },
        unit: 'rows/s',
        ours: { name: 'VexFS with an index', amount: added * FILES, run: () => insertInto(true) },
        peer: { name: 'VexFS without', amount: added * FILES, run: () => insertInto(false) },
      },
      {
        name: 'replaced-recall',
        title: `recall at ef ${CHURN.ef} after ${replaced}`,
        goal: { kind: 'difference', atLeast: -0.01 },
        unit: 'recall',
        mostRounds: 1,
        ours: { name: 'VexFS', amount: 1, run: figure(0) },
        peer: { name: 'a fresh build', amount: 1, run: figure(1) },
      },
      {
        name: 'replaced-blocks',
        title: `growth of st_blocks after ${replaced}`,
        goal: { kind: 'figure', atMost: 5 },
        unit: '%',
        mostRounds: 1,
        ours: { name: 'VexFS', amount: 1, run: figure(2) },
      },
      {
        name: 'killed-search',
        title: `mount and first correct search after ${crash}`,
        goal: { kind: 'seconds', below: 2 },
        unit: 's',
        mostRounds: 3,
        ours: { name: 'VexFS', amount: 1, run: killed },
      },
      {
        name: 'killed-index',
        title: `rows still indexed after ${crash}`,
        goal: { kind: 'figure', atLeast: 30 },
        unit: '%',
        mostRounds: 1,
        ours: { name: 'VexFS', amount: 1, run: () => kept },
      },
    ];
    return { measures, close: () => mount.end() };
  },
};

function part({ values, dimensions }: Sift, from: number, rows: number): Float32Array {
  return values.subarray(from * dimensions, (from + rows) * dimensions);
}

/** For JSON, which knows no bigint. */
function named(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}
