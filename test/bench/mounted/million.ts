import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, VEXFS_FUSE } from '../../parity/backend/programs.js';
import { search } from '../../parity/client/vector_calls.js';
import type { Group, Measure } from '../measure.js';
import type { Mount, Workplace } from '../workplace.js';
import { IndexedFile } from './indexed_file.js';
import type { RowSet } from './row_sets.js';
import { seededRows } from './seeded_rows.js';

const ROWS = 1_000_000;
const FEWER = 100_000;
/** As few as an index is asked for at all. */
const FEW = 5000;
const FILL = 10_000;
const RECALL = 0.95;
const PASSES = 5;
const THREADS = 2;

/** KiB of memory that belong to a process alone and to no file. */
function ownMemory(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+)/m.exec(text)?.[1] ?? Number.NaN);
}

/** A million rows: how soon the first search is answered, how fast the others, and in how much memory. */
export const million: Group = {
  name: 'million',
  measures: ['million-open', 'million-search', 'million-memory'],
  command: 'npm run bench -- --only mounted --only living --only million --write',
  async open(place: Workplace) {
    const sets = {
      all: await seededRows(place, ROWS),
      fewer: await seededRows(place, FEWER),
      few: await seededRows(place, FEW),
    };
    place.format('4G');
    const options = [`threads=${THREADS}`];
    let mount: Mount = await place.vexfs(options);
    const files = new Map<RowSet, IndexedFile>();
    const at = (set: RowSet): string => join(mount.mountpoint, `rows of ${set.rows}`);
    const opened = (set: RowSet): IndexedFile => {
      const file = files.get(set) ?? new IndexedFile(at(set), set);
      files.set(set, file);
      return file;
    };
    const unmount = async (): Promise<void> => {
      for (const file of files.values()) file.close();
      files.clear();
      await mount.end();
    };
    try {
      for (const set of Object.values(sets)) {
        const file = IndexedFile.make(at(set), set);
        files.set(set, file);
        await file.fill(FILL);
        file.createIndex();
        file.wait();
        file.tune(file.efFor(RECALL));
      }
    } catch (error) {
      await unmount();
      throw error;
    }
    const { all, fewer, few } = sets;
    let isWarm = false;
    const firstQuery = (): void => {
      const found = search(opened(all).fd, all.queryValues.subarray(0, all.dimensions), { k: 10 });
      if (found.outcome !== 'ok' || found.hits.length !== 10)
        throw new Error(`VECTOR_SEARCH: ${found.outcome}`);
    };
    const cold = async (): Promise<number> => {
      await unmount();
      writeFileSync('/proc/sys/vm/drop_caches', '3');
      // The volume is to be cold, not the program.
      must(process.execPath, [VEXFS_FUSE, '--version']);
      isWarm = false;
      const start = performance.now();
      mount = await place.vexfs(options);
      firstQuery();
      return (performance.now() - start) / 1000;
    };
    const memoryAfterSearches = async (set: RowSet): Promise<number> => {
      const file = opened(set);
      await file.searchSeconds(1);
      file.truth();
      return ownMemory(mount.pid) * 1024;
    };
    /** Beyond that of a daemon whose threads have all started, because those are the same for any number of rows. */
    const memory = async (): Promise<number> => {
      await unmount();
      mount = await place.vexfs(options);
      const before = await memoryAfterSearches(few);
      return ((await memoryAfterSearches(all)) - before) / all.rows;
    };
    const queries = (all.queryValues.length / all.dimensions) * PASSES;
    const rate = (set: RowSet) => ({
      name: set === all ? 'VexFS' : `${set.rows} rows`,
      amount: queries,
      run: async () => {
        if (!isWarm) {
          for (const each of [all, fewer]) {
            opened(each).truth();
            await opened(each).searchSeconds(1);
          }
          isWarm = true;
        }
        return opened(set).searchSeconds(PASSES);
      },
    });
    const measures: Measure[] = [
      {
        name: 'million-open',
        title: `mount and first search of ${all.rows} x ${all.dimensions} seeded rows, nothing of the volume cached`,
        goal: { kind: 'seconds', below: 3 },
        unit: 's',
        ours: { name: 'VexFS', amount: 1, run: cold },
      },
      {
        name: 'million-search',
        title: `VECTOR_SEARCH of ${all.rows} x ${all.dimensions} seeded rows at recall ${RECALL}`,
        goal: { kind: 'speed', atLeast: 0.5 },
        unit: 'queries/s',
        ours: rate(all),
        peer: rate(fewer),
      },
      {
        name: 'million-memory',
        title: `memory of the daemon beside the page cache for ${all.rows} x ${all.dimensions} rows with an index, a row`,
        goal: { kind: 'figure', atMost: 300 },
        unit: 'bytes',
        mostRounds: 1,
        ours: { name: 'VexFS', amount: 1, run: memory },
      },
    ];
    return { measures, close: unmount };
  },
};
