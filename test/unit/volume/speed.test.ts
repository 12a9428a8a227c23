import {
  createInode,
  deleteInode,
  extentsOf,
  type Inode,
  readContent,
  truncateContent,
  unlinkName,
  writeContent,
} from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';
import test, { type ExecutionContext } from 'ava';
import { assertSound } from './check.js';
import { TestVolume } from './test_volume.js';

const NOW = { seconds: 1, nanoseconds: 0 };
const FILE = { mode: 0o100644, uid: 0, gid: 0 };

/** Microseconds of this process's processor time, whatever else runs, of one of `count` calls. */
function measure(count: number, call: (i: number) => void): number {
  const began = process.cpuUsage();
  for (let i = 0; i < count; i++) call(i);
  const { user, system } = process.cpuUsage(began);
  return (user + system) / count;
}

/** The second half of the calls may not take much longer than the first: nothing grows with what is there. */
function isFlat(t: ExecutionContext, what: string, count: number, call: (i: number) => void): void {
  const half = count >> 1;
  const first = measure(half, call);
  const second = measure(half, (i) => call(half + i));
  t.log(`${what}: ${first.toFixed(1)} us, then ${second.toFixed(1)} us`);
  t.true(second < 5 * first + 20, `${what}: ${first} us, then ${second} us`);
}

function makeFile(target: TestVolume, name: string): Inode {
  const root = target.volume.inodes.get(ROOT_INODE);
  return target.run(() => createInode(target.volume, root, Buffer.from(name), FILE, NOW));
}

function remove(target: TestVolume, name: string): void {
  const root = target.volume.inodes.get(ROOT_INODE);
  const { inode } = target.run(() => unlinkName(target.volume, root, Buffer.from(name), NOW));
  while (inode !== undefined && !deleteInode(target.volume, inode)) target.commit();
}

test('20,000 files are made and removed in time that does not grow with their number', (t) => {
  const target = TestVolume.make({ blockSize: 4096, dataBlocks: 4000, inodes: 21_000 });
  isFlat(t, 'create', 20_000, (i) => makeFile(target, `file ${i}`));
  target.commit();
  isFlat(t, 'unlink and delete', 20_000, (i) => remove(target, `file ${i}`));
  isFlat(t, 'create and unlink', 4000, (i) => {
    makeFile(target, `file ${i}`);
    remove(target, `file ${i}`);
  });
  target.commit();
  assertSound(target.volume, 'at the end');
});

test('files that are open without a name are dropped from a long list one by one', (t) => {
  const target = TestVolume.make({ blockSize: 4096, dataBlocks: 4000, inodes: 11_000 });
  const root = target.volume.inodes.get(ROOT_INODE);
  const count = 10_000;
  for (let i = 0; i < count; i++) makeFile(target, `file ${i}`);
  const open: Inode[] = [];
  isFlat(t, 'unlink while open', count, (i) => {
    const { inode } = target.run(() => unlinkName(target.volume, root, Buffer.from(`file ${i}`), NOW));
    open.push(inode!);
  });
  isFlat(t, 'close', count, (i) => {
    target.run(() => deleteInode(target.volume, open[(i * 7919) % count]!));
  });
  target.commit();
  assertSound(target.volume, 'at the end');
});

test('a file of 100,000 extents is written, read and freed in time that does not grow with their number', (t) => {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 240_000, inodes: 64 });
  const { volume } = target;
  const count = 100_000;
  const inode = makeFile(target, 'comb');
  const data = new Uint8Array(1024).fill(7);
  isFlat(t, 'write every second block', count, (i) => {
    target.run(() => writeContent(volume, inode, i * 2048, data));
  });
  target.commit();
  // A second comb between the teeth of the first finds no two blocks together.
  const extents = [...extentsOf(volume, inode).all()].length;
  t.true(extents > 10);
  const buffer = new Uint8Array(1024);
  isFlat(t, 'read', 20_000, (i) => {
    readContent(volume, inode, ((i * 7919) % count) * 2048, buffer);
  });
  t.true(buffer.every((byte) => byte === 7));
  target.run(() => truncateContent(volume, inode, 0));
  target.commit();
  assertSound(volume, 'at the end');
});

test('blocks are found on a volume in small pieces without reading every bitmap for each', (t) => {
  const target = TestVolume.make({ blockSize: 1024, dataBlocks: 120_000, inodes: 64 });
  const { volume } = target;
  const [one, other] = [makeFile(target, 'one'), makeFile(target, 'other')];
  const data = new Uint8Array(1 << 20).fill(7);
  // Blocks of two files lie alternately over all groups; then those of one become free.
  while (volume.superblock.freeBlocks > 2000) {
    for (const inode of [one, other]) {
      target.run(() => writeContent(volume, inode, inode.size, data.subarray(0, 1024)));
    }
  }
  const rest = makeFile(target, 'rest');
  while (target.attempt(() => writeContent(volume, rest, rest.size, data)) === 0);
  remove(target, 'other');
  target.commit();
  const second = makeFile(target, 'second');
  isFlat(t, 'write 16 KiB into single blocks', 1500, (i) => {
    target.run(() => writeContent(volume, second, i * 16_384, data.subarray(0, 16_384)));
  });
  target.commit();
  assertSound(volume, 'at the end');
});
