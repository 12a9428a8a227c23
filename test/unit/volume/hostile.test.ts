import { JournalError } from '@vexfs/fuse/journal';
import {
  createInode,
  DamageError,
  DeviceError,
  deleteInode,
  directory,
  FsError,
  finishOrphans,
  holdsExtents,
  type Inode,
  lookupName,
  NeedCommit,
  readContent,
  removeDirectory,
  renameName,
  truncateContent,
  unlinkName,
  VectorSet,
  Volume,
  VolumeError,
  writeContent,
  xattr,
} from '@vexfs/fuse/volume';
import { ROOT_INODE, XATTR_USER } from '@vexfs/shared';
import test from 'ava';
import { metadataOf, mutate } from './hostile.js';
import { MemoryDevice } from './memory_device.js';
import { chosen, Seeded } from './seeded.js';
import { TestVolume } from './test_volume.js';
import { Workload } from './workload.js';

const NOW = { seconds: 1, nanoseconds: 0 };
/** Milliseconds that everything done with one image may take, and bytes that one call reads. */
const MOST_TIME = 3000;
const MOST_READ = 1 << 20;
/** Names that are looked at on one image: a directory may lead into itself. */
const MOST_NAMES = 400;

/** The sentences with which damage was refused. */
const refusals = new Set<string>();

/** Runs something that damage may end, but only with an error that a caller knows. */
function tolerate(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof DamageError || error instanceof VolumeError) {
      refusals.add(error.message.replaceAll(/\d+/g, 'N'));
      return;
    }
    if (error instanceof FsError) return;
    if (error instanceof DeviceError || error instanceof JournalError) return;
    throw error;
  }
}

/** Repeats what wants a commit. */
function persist(target: TestVolume, work: () => boolean): void {
  for (let i = 0; i < 50; i++) {
    try {
      if (work()) return;
    } catch (error) {
      if (!(error instanceof NeedCommit)) throw error;
    }
    target.commit();
  }
}

function look(volume: Volume, inode: Inode): void {
  tolerate(() => xattr.list(volume, inode));
  if (inode.isDirectory) return;
  if (holdsExtents(inode)) {
    tolerate(() => readContent(volume, inode, 0, new Uint8Array(MOST_READ)));
    tolerate(() => readContent(volume, inode, Math.max(0, inode.size - 5000), new Uint8Array(5000)));
  }
  if (inode.vectorSet !== 0) tolerate(() => VectorSet.open(volume, inode).replay(() => {}));
}

interface Name {
  readonly parent: Inode;
  readonly name: Uint8Array;
}

/** Lists everything from the root on. */
function explore(volume: Volume): Name[] {
  const names: Name[] = [];
  const pending = [volume.inodes.get(ROOT_INODE)];
  for (let dir = pending.pop(); dir !== undefined && names.length < MOST_NAMES; dir = pending.pop()) {
    const here = dir;
    look(volume, here);
    const found: Uint8Array[] = [];
    tolerate(() =>
      directory.iterate(volume, here, { hi: 0, lo: 0 }, (name) => found.push(name.slice()) < MOST_NAMES),
    );
    for (const name of found) {
      names.push({ parent: here, name });
      tolerate(() => {
        const inode = lookupName(volume, here, name);
        if (inode === undefined) return;
        look(volume, inode);
        if (inode.isDirectory) pending.push(inode);
      });
    }
  }
  return names;
}

/** Changes and removes what is there. */
function disturb(target: TestVolume, names: readonly Name[], random: Seeded): void {
  const { volume } = target;
  const data = random.bytes(3000);
  for (const { parent, name } of names) {
    tolerate(() => {
      const inode = lookupName(volume, parent, name);
      if (inode?.isRegular !== true) return;
      tolerate(() => writeContent(volume, inode, random.below(5000), data));
      tolerate(() => {
        persist(target, () => {
          truncateContent(volume, inode, random.below(3000));
          return true;
        });
      });
    });
    tolerate(() => createInode(volume, parent, random.bytes(20), { mode: 0o100644, uid: 0, gid: 0 }, NOW));
    tolerate(() => renameName(volume, parent, name, parent, Buffer.from('new name'), 0, NOW));
    tolerate(() => {
      const inode = lookupName(volume, parent, name) ?? parent;
      xattr.set(volume, inode, { space: XATTR_USER, name: Buffer.from('k') }, data.subarray(0, 50));
    });
  }
  for (const { parent, name } of [...names].reverse()) {
    tolerate(() => {
      const inode = lookupName(volume, parent, name);
      const remove = inode?.isDirectory === true ? removeDirectory : unlinkName;
      const gone = remove(volume, parent, name, NOW).inode;
      if (gone !== undefined) persist(target, () => deleteInode(volume, gone));
    });
  }
  tolerate(() => target.commit());
}

function useAll(image: Uint8Array, random: Seeded): void {
  tolerate(() => {
    const { volume } = Volume.open(new MemoryDevice(image), { readOnly: true, deviceReadOnly: true });
    explore(volume);
  });
  tolerate(() => {
    const target = new TestVolume(new MemoryDevice(image), 4);
    finishOrphans(target.volume, () => target.commit());
    disturb(target, explore(target.volume), random);
  });
}

test('metadata that lies behind right checksums ends no operation but with an errno, and none hangs', (t) => {
  const first = chosen('VEXFS_TEST_SEED', 1);
  const images = chosen('VEXFS_TEST_IMAGES', 1200);
  const made = TestVolume.make({ blockSize: 1024, dataBlocks: 400, inodes: 60 }, 4);
  const work = new Workload(made, new Seeded(5), { mostBytes: 40 * 1024, names: 50 });
  for (let i = 0; i < 500; i++) work.step();
  made.commit();
  made.writer.close();
  const targets = metadataOf(Volume.open(made.device, { readOnly: true, deviceReadOnly: true }).volume);
  const kinds = new Map<string, typeof targets>();
  for (const target of targets) {
    const kind = target.what.replace(/ \d+$/, '');
    kinds.set(kind, [...(kinds.get(kind) ?? []), target]);
  }
  t.true(kinds.size >= 7, [...kinds.keys()].join(', '));
  let slowest = 0;
  for (let seed = first; seed < first + images; seed++) {
    const random = new Seeded(seed);
    const image = made.device.bytes.slice();
    const target = random.of(random.of([...kinds.values()]));
    mutate(image, target, random);
    const began = performance.now();
    try {
      useAll(image, random);
    } catch (error) {
      throw new Error(`seed ${seed}, ${target.what}: ${(error as Error).message}`, { cause: error });
    }
    const took = performance.now() - began;
    slowest = Math.max(slowest, took);
    t.true(took < MOST_TIME, `seed ${seed}, ${target.what}: ${took} ms`);
  }
  t.log(`${images} images, the slowest took ${Math.round(slowest)} ms; ${refusals.size} different refusals`);
  t.true(refusals.size > 30, [...refusals].join('\n'));
});
