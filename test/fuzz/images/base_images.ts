/** Volumes that are damaged: of several block sizes, full of what the format has, and left in states that mounts begin with. */

import {
  createInode,
  createUnnamed,
  directory,
  type Geometry,
  type Inode,
  linkName,
  NeedCommit,
  preallocate,
  truncateContent,
  unlinkName,
  VectorSet,
  Volume,
  writeContent,
  xattr,
} from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';
import { FOUR_FLOATS } from '../../fixtures/row_layout.js';
import { sampleVolume } from '../../unit/fsck/sample_volume.js';
import { metadataOf, type Target } from '../../unit/volume/hostile.js';
import { MemoryDevice, type Step } from '../../unit/volume/memory_device.js';
import { Seeded } from '../../unit/volume/seeded.js';
import { emptyImage, TestVolume, type VolumeChoices } from '../../unit/volume/test_volume.js';
import { Workload } from '../../unit/volume/workload.js';

/** A sound volume, and where on it the metadata lies. */
export interface BaseImage {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly geometry: Geometry;
  readonly uuid: Uint8Array;
  readonly targets: readonly Target[];
}

const NOW = { seconds: 1_700_000_000, nanoseconds: 7 };
const FILE = 0o100644;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function worked(choices: VolumeChoices, steps: number, seed: number, mostBytes: number): TestVolume {
  const made = TestVolume.make(choices, 8);
  const work = new Workload(made, new Seeded(seed), { mostBytes, names: 60 });
  for (let i = 0; i < steps; i++) work.step();
  work.deleteDoomed();
  made.commit();
  return made;
}

function closed(made: TestVolume): Uint8Array {
  made.commit();
  made.writer.close();
  return made.device.bytes;
}

function file(made: TestVolume, name: string): Inode {
  const root = made.volume.inodes.get(ROOT_INODE);
  return made.run(() => createInode(made.volume, root, bytesOf(name), { mode: FILE, uid: 1, gid: 2 }, NOW));
}

/** A matrix of four float32 a row; every second row is deleted, so that the log is long and slots are free. */
function addRows(made: TestVolume, name: string, count: number): Inode {
  const owner = file(made, name);
  const { volume } = made;
  const data = new Uint8Array(new Float32Array(count * 4).map((_, i) => Math.sin(i)).buffer);
  made.run(() => writeContent(volume, owner, 0, data));
  made.run(() => {
    const set = VectorSet.create(volume, owner);
    set.layout = FOUR_FLOATS;
    for (let slot = 0; slot < count; slot++) set.appendPut(slot, slot * 3, 0, 1);
    for (let slot = 0; slot < count; slot += 2) set.appendDelete(slot, 1);
    set.slots = count;
    set.liveRows = Math.floor(count / 2);
    set.nextId = BigInt(count * 3);
  });
  return owner;
}

/** Extent trees of several levels, a directory of several, large attributes, unwritten extents. */
function deep(): Uint8Array {
  const made = TestVolume.make({ blockSize: 1024, dataBlocks: 3000, inodes: 700 }, 16);
  const { volume } = made;
  const root = volume.inodes.get(ROOT_INODE);
  for (let i = 0; i < 400; i++) file(made, `${i} ${'n'.repeat(i % 90)}`);
  const pieces = file(made, 'pieces');
  for (let i = 0; i < 700; i++)
    made.run(() => writeContent(volume, pieces, i * 2048, new Uint8Array(700).fill(i)));
  const reserved = file(made, 'reserved');
  made.run(() => preallocate(volume, reserved, 0, 60_000));
  for (let i = 0; i < 20; i++)
    made.run(() => writeContent(volume, reserved, i * 3000, bytesOf(`piece ${i}`)));
  made.run(() => {
    for (let i = 0; i < 12; i++) {
      xattr.set(volume, pieces, xattr.parseName(bytesOf(`user.a${i}`))!, new Uint8Array(50).fill(i));
    }
  });
  made.run(() => xattr.set(volume, root, xattr.parseName(bytesOf('trusted.root'))!, new Uint8Array(90)));
  addRows(made, 'rows', 900);
  return closed(made);
}

/** What a crash leaves: files without names, one of them with rows, and a truncation that had not ended. */
function orphaned(): TestVolume {
  const made = worked({ blockSize: 1024, dataBlocks: 600, inodes: 80 }, 120, 31, 20_000);
  const { volume } = made;
  const root = volume.inodes.get(ROOT_INODE);
  for (let i = 0; i < 4; i++) {
    const one = file(made, `gone ${i}`);
    made.run(() => writeContent(volume, one, i * 3000, new Uint8Array(5000).fill(i + 1)));
    made.run(() => unlinkName(volume, root, bytesOf(`gone ${i}`), NOW));
  }
  addRows(made, 'gone rows', 120);
  made.run(() => unlinkName(volume, root, bytesOf('gone rows'), NOW));
  made.run(() => createUnnamed(volume, root, { mode: FILE, uid: 0, gid: 0 }, NOW));
  const cut = file(made, 'cut');
  for (let i = 0; i < 90; i++)
    made.run(() => writeContent(volume, cut, i * 2048, new Uint8Array(600).fill(i)));
  made.commit();
  volume.freeBudget = 3;
  try {
    truncateContent(volume, cut, 1000);
    throw new Error('the truncation was not to end in one transaction');
  } catch (error) {
    if (!(error instanceof NeedCommit)) throw error;
  }
  return made;
}

/** A small volume without free space or inodes. */
function full(): Uint8Array {
  const made = worked({ blockSize: 1024, dataBlocks: 150, inodes: 32 }, 200, 77, 8000);
  const { volume } = made;
  const root = volume.inodes.get(ROOT_INODE);
  const grown = directory.lookup(volume, root, bytesOf('filler')) === undefined ? file(made, 'filler') : root;
  for (let i = 0; i < 400; i++) {
    if (made.attempt(() => writeContent(volume, grown, i * 1024, new Uint8Array(1024).fill(3))) !== 0) break;
  }
  for (let i = 0; i < 40; i++) {
    if (made.attempt(() => file(made, `inode ${i}`)) !== 0) break;
  }
  return closed(made);
}

/**
 * The power goes when transactions are in the journal and their blocks not in place, `transactions` of them: what a mount
 * has to replay, with revoked blocks among them.
 */
function dirty(blockSize: number, transactions: number): Uint8Array {
  const device = new MemoryDevice(emptyImage({ blockSize, dataBlocks: 500, inodes: 80 }), true);
  const made = new TestVolume(device, 8);
  const work = new Workload(made, new Seeded(transactions * 7 + blockSize), { mostBytes: 20_000, names: 40 });
  for (let i = 0; i < 150; i++) work.step();
  work.deleteDoomed();
  made.commit();
  made.writer.close();
  const opened = new TestVolume(device, 8);
  const before = device.bytes.slice();
  const first = device.steps.length;
  const { volume } = opened;
  const root = volume.inodes.get(ROOT_INODE);
  for (let i = 0; i < transactions; i++) {
    const one = file(opened, `late ${i}`);
    writeContent(volume, one, 0, new Uint8Array(3000 + i).fill(i));
    if (i % 3 === 2) unlinkName(volume, root, bytesOf(`late ${i - 1}`), NOW);
    if (i % 4 === 3) linkName(volume, root, bytesOf(`linked ${i}`), one, NOW);
    opened.commit();
  }
  return withoutCheckpoints(before, device.steps.slice(first), volume);
}

/** The image as it was, with what went to the journal and to data since, and no metadata in place. */
function withoutCheckpoints(before: Uint8Array, steps: readonly Step[], volume: Volume): Uint8Array {
  const { journalStart, journalBlocks, blockSize } = volume.geometry;
  const [from, to] = [journalStart * blockSize, (journalStart + journalBlocks) * blockSize];
  let sealed = false;
  for (const step of steps) {
    if (step.kind !== 'write') continue;
    const inJournal = step.position >= from && step.position < to;
    // The tail moves behind checkpoints; the first note of it starts the log.
    if (inJournal && step.position === from) {
      if (sealed) continue;
      sealed = true;
    }
    if (inJournal) before.set(step.data, step.position);
  }
  return before;
}

function described(name: string, bytes: Uint8Array): BaseImage {
  const { volume } = Volume.open(new MemoryDevice(bytes), { readOnly: true, deviceReadOnly: true });
  const { geometry, superblock } = volume;
  return {
    name,
    bytes,
    geometry,
    uuid: superblock.uuid,
    targets: metadataOf(volume),
  };
}

const MAKERS: ReadonlyArray<readonly [string, () => Uint8Array]> = [
  ['mixed, 1 KiB', () => closed(worked({ blockSize: 1024, dataBlocks: 500, inodes: 70 }, 400, 5, 40_000))],
  ['mixed, 4 KiB', () => closed(worked({ blockSize: 4096, dataBlocks: 300, inodes: 96 }, 400, 6, 90_000))],
  [
    'mixed, 16 KiB',
    () => closed(worked({ blockSize: 16384, dataBlocks: 200, inodes: 128 }, 250, 8, 150_000)),
  ],
  ['two groups', () => sampleVolume().bytes],
  ['deep trees', deep],
  ['orphans', () => closed(orphaned())],
  ['full', full],
  ['dirty journal, 1 KiB', () => dirty(1024, 9)],
  ['dirty journal, 4 KiB', () => dirty(4096, 5)],
];

/** How many there are. */
export const BASE_IMAGES: number = MAKERS.length;
const made = new Map<number, BaseImage>();

/** A base image, made when it is first wanted; the same bytes in every run. */
export function baseImage(index: number): BaseImage {
  let found = made.get(index);
  if (found === undefined) {
    const [name, make] = MAKERS[index]!;
    found = described(name, make());
    made.set(index, found);
  }
  return found;
}
