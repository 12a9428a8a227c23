/**
 * A process that does one thing with PATH over and over until it is killed: OPERATION PATH DIMENSIONS [wait]. Prints `started` after
 * the first time, and `failed: ...` for an outcome that the operation must not have. With `wait` it goes on when its standard
 * input ends: then others that are to run beside it have started too, which they do slowly beside one that runs.
 */
import { once as event } from 'node:events';
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { InsertFlag } from '@vexfs/shared';
import { insert, search } from './vector_calls.js';

const [operation = '', path = '', dimensions = '', wait = ''] = process.argv.slice(2);
const d = Number(dimensions);
const fd = openSync(path, 'r+');
const appender = openSync(path, 'a');
let rounds = 0;

function must(outcome: string): void {
  if (outcome !== 'ok' && outcome !== 'EINTR') console.log(`failed: ${outcome}`);
}

/** So long nothing else happens in this process: its end waits for it. */
const BURST_MS = 20;
/** Rows of 16 dimensions in 8 MiB. */
const LARGE = 131_072;
const MOST_LOADED = 32 << 20;

function mayBeFull(outcome: string): void {
  if (outcome !== 'ENOSPC') must(outcome);
}

/** Batches that the FUSE daemon gives to a thread of their own. */
function fill(): void {
  mayBeFull(insert(fd, new Float32Array(LARGE * d).fill(rounds), { dimensions: d }));
}

const operations: Record<string, () => void> = {
  search: () => must(search(fd, new Float32Array(d), { k: 100 }).outcome),
  insert: () => must(insert(fd, new Float32Array(d * 20).fill(rounds), { dimensions: d })),
  fill,
  load: () => {
    // Who is fast must not take all space from the others.
    if (fstatSync(fd).size > MOST_LOADED) ftruncateSync(fd, 0);
    fill();
  },
  replace: () =>
    mayBeFull(
      insert(fd, new Float32Array(LARGE * d).fill(rounds), {
        dimensions: d,
        ids: Array.from({ length: LARGE }, (_, i) => i),
        flags: InsertFlag.OVERWRITE,
      }),
    ),
  append: () => {
    writeSync(appender, Buffer.from(new Float32Array(d).fill(rounds).buffer));
  },
  truncate: () => ftruncateSync(fd, (rounds % 3) * 4096),
  grow: () => ftruncateSync(fd, (1 + (rounds % 50)) * 65_536),
  read: () => {
    readFileSync(path);
  },
  rename: () => {
    renameSync(rounds % 2 === 0 ? path : `${path}.moved`, rounds % 2 === 0 ? `${path}.moved` : path);
  },
};

const once = operations[operation];
if (once === undefined) throw new Error(`no operation ${operation}`);
once();
rounds += 1;
console.log('started');
process.on('SIGTERM', () => {
  // A rename that was done an odd number of times is undone.
  if (operation === 'rename' && rounds % 2 === 1) once();
  closeSync(fd);
  process.exit(0);
});
if (wait === 'wait') await event(process.stdin.resume(), 'end');
setInterval(() => {
  const end = performance.now() + BURST_MS;
  do {
    once();
    rounds += 1;
  } while (performance.now() < end);
}, 0);
