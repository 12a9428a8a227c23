import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { fallocate } from '../parity/operations/calls.js';
import { chosen, Seeded } from '../unit/volume/seeded.js';
import { emptyImage } from '../unit/volume/test_volume.js';
import { assertClean } from './check/crash_check.js';
import { ServedVolume } from './device/served_volume.js';
import { differenceOf } from './workload/difference.js';
import { readMount } from './workload/found.js';
import { OPERATIONS, type Plan, plan, ShortWrite } from './workload/operations.js';
import { syncPath } from './workload/recording.js';
import { makeSetting } from './workload/setting.js';
import type { Tree } from './workload/tree.js';

/** How many blocks are left free; with VEXFS_FULL_MOST=20 every number from none to more than any operation takes. */
const MOST = chosen('VEXFS_FULL_MOST', 0);
const LEFT = MOST > 0 ? Array.from({ length: MOST + 1 }, (_, left) => left) : [0, 1, 2, 3, 5, 9, 14];
const SEED = chosen('VEXFS_TEST_SEED', 1);
const BLOCK = 4096;
const MOST_TRIES = 100;
const PAUSE_MS = 50;

const root = mkdtempSync(join(tmpdir(), 'vexfs-full-'));
const image = join(root, 'volume.img');
const mountpoint = join(root, 'mnt');
mkdirSync(mountpoint);
writeFileSync(image, emptyImage({ blockSize: BLOCK, dataBlocks: 700, inodes: 128 }));

test.after.always(() => rmSync(root, { recursive: true, force: true }));

/**
 * Takes all blocks but `left`, or as many as can be taken: of the last few an allocation is refused that might need more. Returns
 * how many are left.
 */
function fill(folder: string, left: number): number {
  mkdirSync(folder);
  let most = Number.MAX_SAFE_INTEGER;
  for (let names = 0; ; names++) {
    syncPath(mountpoint);
    const { bfree } = statfsSync(mountpoint);
    if (bfree <= left) return bfree;
    const path = join(folder, `${names}`);
    const blocks = Math.min(bfree - left, most);
    if (blocks > 0) {
      const fd = openSync(path, 'wx');
      if (fallocate(fd, 0, 0, blocks * BLOCK) !== 0) most = blocks >> 1;
      closeSync(fd);
    } else {
      try {
        // A target that does not fit into the inode takes a block of its own.
        symlinkSync('x'.repeat(1000), path);
      } catch {
        return bfree;
      }
    }
  }
}

/** Does it, as far as there is space: what was done, or undefined for ENOSPC. */
function tryOn(planned: Plan, folder: string): Plan | undefined {
  try {
    planned.run(folder);
    return planned;
  } catch (error) {
    if (error instanceof ShortWrite && planned.partly !== undefined) return planned.partly(error.count);
    if ((error as { code?: string }).code !== 'ENOSPC') throw error;
    return undefined;
  }
}

function expectTree(folder: string, tree: Tree, when: string): void {
  const difference = differenceOf(readMount(folder), tree);
  if (difference !== undefined) throw new Error(`${when}: ${difference}`);
}

/** One operation with so many blocks left, and again when there is space. Whether there was none. */
function runFull(name: string, operation: string, left: number, random: Seeded): boolean {
  const folder = join(mountpoint, name);
  const filler = join(mountpoint, `${name}.filler`);
  try {
    mkdirSync(folder);
    return tryFull(folder, filler, operation, left, random);
  } finally {
    rmSync(filler, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
    syncPath(mountpoint);
  }
}

function tryFull(folder: string, filler: string, operation: string, left: number, random: Seeded): boolean {
  const tree = makeSetting(folder, random);
  const planned = plan(operation, tree, random);
  fill(filler, left);
  const done = tryOn(planned, folder);
  if (done !== undefined) done.apply(tree, folder);
  expectTree(folder, tree, `${planned.text}, ${done === undefined ? 'refused' : 'done'}`);
  rmSync(filler, { recursive: true });
  syncPath(mountpoint);
  expectTree(folder, tree, `${planned.text}, after a commit`);
  if (done === undefined) {
    planned.run(folder);
    planned.apply(tree, folder);
    expectTree(folder, tree, `${planned.text}, when there is space`);
  }
  return done === undefined;
}

/**
 * Free blocks, once they are so many: the kernel holds an inode while it drops pages that the daemon has told it of, and forgets
 * a deleted file only then.
 */
async function freeBlocks(expected: number): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES && statfsSync(mountpoint).bfree !== expected; tries++)
    await sleep(PAUSE_MS);
  return statfsSync(mountpoint).bfree;
}

for (const left of LEFT) {
  test.serial(
    `every operation with ${left} free blocks is done whole or answers ENOSPC and has changed nothing`,
    async (t) => {
      const served = await ServedVolume.start(image, mountpoint);
      if (!(served instanceof ServedVolume)) throw new Error(served.output);
      let refused = 0;
      try {
        const free = statfsSync(mountpoint).bfree;
        for (const [index, operation] of OPERATIONS.entries()) {
          const seed = SEED * 1000 + left * 100 + index;
          try {
            if (runFull(`${left}.${index}`, operation, left, new Seeded(seed))) refused += 1;
          } catch (error) {
            throw new Error(`VEXFS_TEST_SEED=${SEED}, ${operation}: ${(error as Error).stack}`, {
              cause: error,
            });
          }
          t.is(await freeBlocks(free), free, `space is back after ${operation}`);
        }
        t.deepEqual(await served.unmount(), { how: '0', output: '' });
        assertClean(readFileSync(image), 'after an unmount');
      } finally {
        await served.destroy();
      }
      t.log(`${refused} of ${OPERATIONS.length} operations found no space`);
      if (left === 0) t.true(refused > 5);
    },
  );
}
