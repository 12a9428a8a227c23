import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import type { Measure } from '../measure.js';
import { KeptSearch } from './kept_calls.js';
import type { TwoVolumes } from './two_volumes.js';
import { UserSpaceSearch } from './user_space.js';

const K = 10;
const BATCH_BYTES = 16 << 20;
const SEARCHES = 25;

/** Seeded numbers from 0 to 1. */
function values(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  });
}

function fill(path: string, dimensions: number, rows: number): number {
  const fd = openSync(path, 'w+');
  const outcomes = new Set([setMeta(fd, { dimensions })]);
  const most = Math.floor(BATCH_BYTES / 4 / dimensions);
  for (let done = 0; done < rows; done += most)
    outcomes.add(insert(fd, values(Math.min(most, rows - done) * dimensions, done + 1), { dimensions }));
  if ([...outcomes].join() !== 'ok') throw new Error([...outcomes].join());
  return fd;
}

/** A file that the module searches, and the same pages of it, mapped, that the engine in user space does. */
class Searched {
  readonly module: KeptSearch;
  readonly user: UserSpaceSearch;
  private readonly fd: number;

  constructor(path: string, dimensions: number, rows: number) {
    this.fd = fill(path, dimensions, rows);
    this.module = new KeptSearch(this.fd, dimensions, K);
    this.user = new UserSpaceSearch(this.fd, dimensions, rows, K);
  }

  close(): void {
    this.module.free();
    this.user.end();
    closeSync(this.fd);
  }
}

/** Both sides answer the same queries over the same pages; different answers are an error. */
export function exactSearch(
  volumes: TwoVolumes,
  rows: number,
  dimensions: number,
  atMost: number,
): Measure & { close(): void } {
  let opened: Searched | undefined;
  const open = (): Searched => {
    opened ??= new Searched(join(volumes.vexfs, `rows of ${dimensions}`), dimensions, rows);
    return opened;
  };
  const answers = new Map<string, string>();
  let round = 0;
  const timed = (side: { run(query: Float32Array): readonly bigint[] }): number => {
    let seconds = 0;
    for (let i = 0; i < SEARCHES; i++) {
      const query = values(dimensions, i + 1);
      const start = performance.now();
      const ids = side.run(query).join();
      seconds += (performance.now() - start) / 1000;
      if ((answers.get(`${i}`) ?? ids) !== ids) throw new Error(`the two sides differ in round ${round}`);
      answers.set(`${i}`, ids);
    }
    round += 1;
    return seconds;
  };
  return {
    name: `kernel-search-${dimensions}`,
    title: `exact search of ${rows} x ${dimensions} float32 in the page cache`,
    goal: { kind: 'time', atMost },
    unit: 'queries/s',
    close: () => opened?.close(),
    ours: { name: 'VexFS', amount: SEARCHES, run: () => timed(open().module) },
    peer: { name: 'the same engine in user space', amount: SEARCHES, run: () => timed(open().user) },
  };
}
