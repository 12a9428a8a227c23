import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hit } from '../../parity/client/vector_calls.js';
import { Harness } from '../index/harness.js';
import type { Group, Measure } from '../measure.js';
import type { Mount, Workplace } from '../workplace.js';
import { IndexedFile } from './indexed_file.js';
import { siftRows } from './row_sets.js';

const ROWS = 100_000;
const FILL = 1000;
const RECALL = 0.95;
const PASSES = 5;
const CALL = 100;
const THREADS = 2;
const MOST_EF = 2000;
const PEER = 'hnswlib-node in process';
const PROCESS = fileURLToPath(new URL('./hnswlib_process.js', import.meta.url));

/** hnswlib-node with the ef at which it reaches the recall. */
class Peer {
  private readonly harness: Harness;
  private ef = 0;

  constructor(harness: Harness) {
    this.harness = harness;
  }

  private async find(truth: string): Promise<void> {
    let low = 1;
    let high = 10;
    const recall = async (ef: number): Promise<number> => (await this.harness.ask('recall', ef, truth))[0]!;
    while ((await recall(high)) < RECALL) {
      low = high;
      high *= 2;
      if (high > MOST_EF) throw new Error(`${PEER} does not reach the recall`);
    }
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((await recall(middle)) >= RECALL) high = middle;
      else low = middle;
    }
    this.ef = high;
  }

  async seconds(truth: string): Promise<number> {
    if (this.ef === 0) await this.find(truth);
    return (await this.harness.ask('search', this.ef, PASSES))[0]!;
  }

  end(): void {
    this.harness.end();
  }
}

function writeTruth(path: string, truth: readonly (readonly Hit[])[]): string {
  const ids = Uint32Array.from(truth.flatMap((near) => near.map(({ id }) => Number(id))));
  writeFileSync(path, new Uint8Array(ids.buffer));
  return path;
}

/** Searches of a file with an index on a mount, wall time of one caller, against hnswlib-node called in process. */
export const searching: Group = {
  name: 'mounted',
  measures: ['mounted-search', 'mounted-batch', 'mounted-threads'],
  command: 'npm run bench -- --only mounted --only living --only million --write',
  async open(place: Workplace) {
    const set = siftRows(place, ROWS);
    place.format('1G');
    let threads = 1;
    let mount: Mount = await place.vexfs([`threads=${threads}`]);
    const path = join(mount.mountpoint, 'rows');
    let file: IndexedFile | undefined;
    const peer = new Peer(
      new Harness(process.execPath, [PROCESS, set.base, set.queries, `${set.dimensions}`]),
    );
    const end = async (): Promise<void> => {
      file?.close();
      file = undefined;
      await mount.end();
    };
    let truth: string;
    let ef: number;
    try {
      file = IndexedFile.make(path, set);
      await file.fill(FILL);
      file.createIndex();
      file.wait();
      const hits = file.truth();
      truth = writeTruth(place.path('truth.u32'), hits);
      ef = file.efFor(RECALL, hits);
      file.tune(ef);
    } catch (error) {
      peer.end();
      await end();
      throw error;
    }
    const using = async (wanted: number): Promise<IndexedFile> => {
      if (wanted !== threads || file === undefined) {
        await end();
        threads = wanted;
        mount = await place.vexfs([`threads=${threads}`]);
        file = new IndexedFile(path, set);
        await file.searchSeconds(1);
      }
      return file;
    };
    const queries = (set.queryValues.length / set.dimensions) * PASSES;
    const where = `of ${set.rows} x ${set.dimensions} SIFT at recall ${RECALL}`;
    const batch = (wanted: number) => async (): Promise<number> =>
      (await using(wanted)).batchSeconds(ef, CALL, PASSES);
    const peerSide = { name: PEER, amount: queries, run: () => peer.seconds(truth) };
    const measures: Measure[] = [
      {
        name: 'mounted-search',
        title: `VECTOR_SEARCH ${where}`,
        goal: { kind: 'speed', atLeast: 2 },
        unit: 'queries/s',
        ours: { name: 'VexFS', amount: queries, run: async () => (await using(1)).searchSeconds(PASSES) },
        peer: peerSide,
      },
      {
        name: 'mounted-batch',
        title: `BATCH_SEARCH of ${CALL} ${where}, one thread`,
        goal: { kind: 'speed', atLeast: 4 },
        unit: 'queries/s',
        ours: { name: 'VexFS', amount: queries, run: batch(1) },
        peer: peerSide,
      },
      {
        name: 'mounted-threads',
        title: `BATCH_SEARCH of ${CALL} ${where}, ${THREADS} threads`,
        goal: { kind: 'speed' },
        unit: 'queries/s',
        ours: { name: 'VexFS', amount: queries, run: batch(THREADS) },
        peer: { name: 'one thread', amount: queries, run: batch(1) },
      },
    ];
    return {
      measures,
      close: async () => {
        peer.end();
        await end();
      },
    };
  },
};
