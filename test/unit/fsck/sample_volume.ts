import { JournalWriter } from '@vexfs/fuse/journal';
import {
  type BlockDevice,
  commitNow,
  createInode,
  directory,
  extentsOf,
  formatVolume,
  type Inode,
  linkName,
  planFormat,
  readContent,
  VectorSet,
  Volume,
  writeContent,
  xattr,
} from '@vexfs/fuse/volume';
import { FOUR_FLOATS } from '../../fixtures/row_layout.js';
import { addIndexedRows, COSINE_GRAPH } from './indexed_file.js';

const NOW = { seconds: 1_700_000_001, nanoseconds: 5 };
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An image in memory that tells when it is written. */
export class Image implements BlockDevice {
  readonly bytes: Uint8Array;
  writes = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(position: number, into: Uint8Array): void {
    if (position + into.length > this.size) throw new Error(`read past the end at ${position}`);
    into.set(this.bytes.subarray(position, position + into.length));
  }

  write(position: number, from: Uint8Array): void {
    if (position + from.length > this.size) throw new Error(`write past the end at ${position}`);
    this.writes += 1;
    this.bytes.set(from, position);
  }

  flush(): void {}
}

export interface Session {
  readonly volume: Volume;
  readonly writer: JournalWriter;
  readonly root: Inode;
}

export function open(image: Image): Session {
  const { volume, nextSequence } = Volume.open(image, { readOnly: false });
  const { journalStart, journalBlocks, blockSize, totalBlocks } = volume.geometry;
  const area = { start: journalStart, blocks: journalBlocks, blockSize };
  const writer = new JournalWriter(image, area, totalBlocks, nextSequence);
  return { volume, writer, root: volume.inodes.get(1) };
}

/** Changes a volume as a mount would. */
export function change(image: Image, work: (session: Session) => void): void {
  const session = open(image);
  work(session);
  commitNow(session.volume, session.writer);
  session.writer.close();
}

export function make(volume: Volume, parent: Inode, name: string, mode: number, target?: string): Inode {
  const attributes = { mode, uid: 1000, gid: 100, rdev: mode >> 12 === 2 ? 259 : 0 };
  const link = target === undefined ? undefined : bytesOf(target);
  return createInode(volume, parent, bytesOf(name), attributes, NOW, link);
}

function fill(seed: number, length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => (i * 31 + seed * 97 + (i >> 8)) & 255);
}

/** A formatted volume of so many bytes, in blocks of 1 KiB. */
export function emptyVolume(bytes: number): Image {
  const image = new Image(new Uint8Array(bytes));
  const plan = planFormat({
    sizeBytes: image.size,
    blockSize: 1024,
    label: 'sample',
    inodes: 512,
    uuid: fill(1, 16),
    hashKey: fill(2, 16),
    time: 1_700_000_000_000,
  });
  formatVolume(image, plan);
  return image;
}

/** Two groups of 1 KiB blocks, so that there are copies, with something of every structure that the format has. */
export function sampleVolume(): Image {
  const image = emptyVolume(10 * 1024 * 1024);
  change(image, ({ volume, root }) => populate(volume, root));
  return image;
}

function populate(volume: Volume, root: Inode): void {
  const documents = make(volume, root, 'documents', 0o040755);
  const deep = make(volume, documents, 'deep', 0o040755);
  make(volume, make(volume, deep, 'deeper', 0o040755), 'bottom', 0o100644);
  for (let i = 0; i < 3; i++) {
    writeContent(volume, make(volume, documents, `text ${i}`, 0o100644), 0, fill(i, 3000 + i));
  }
  const many = make(volume, root, 'many', 0o040755);
  for (let i = 0; i < 90; i++) make(volume, many, `entry ${i} ${'x'.repeat(40)}`, 0o100600);
  const pieces = make(volume, root, 'pieces', 0o100644);
  for (let i = 0; i < 60; i++) writeContent(volume, pieces, i * 2048, fill(i, 1000));
  const kept = make(volume, root, 'kept', 0o100644);
  writeContent(volume, kept, 0, fill(9, 5000));
  linkName(volume, deep, bytesOf('kept too'), kept, NOW);
  make(volume, root, 'short', 0o120777, 'documents/text 0');
  make(volume, root, 'long', 0o120777, `documents/${'l'.repeat(300)}`);
  make(volume, root, 'pipe', 0o010600);
  make(volume, root, 'device', 0o020600);
  for (const [name, value] of [
    ['user.colour', 'blue'],
    ['security.mark', 'm'.repeat(200)],
  ] as const) {
    xattr.set(volume, kept, xattr.parseName(bytesOf(name))!, bytesOf(value));
  }
  xattr.set(volume, documents, xattr.parseName(bytesOf('user.on'))!, bytesOf('directory'));
  const reserved = make(volume, root, 'reserved', 0o100644);
  writeContent(volume, reserved, 0, fill(4, 10));
  const { start } = volume.blocks.take(volume.goalFor(reserved.number, false), 3);
  extentsOf(volume, reserved).insert(4, start, 3, true);
  reserved.blocks += 3;
  reserved.markDirty();
  addRows(volume, make(volume, root, 'rows.f32', 0o100644), 100);
  addRows(volume, make(volume, documents, 'few.f32', 0o100644), 5);
  addIndexedRows(volume, make(volume, root, 'indexed.f32', 0o100644), COSINE_GRAPH);
}

/** Rows with even ids; a block of 1 KiB takes 21 records, so 100 rows fill log blocks. */
function addRows(volume: Volume, file: Inode, count: number): void {
  writeContent(volume, file, 0, fill(7, count * 16));
  const set = VectorSet.create(volume, file);
  set.layout = FOUR_FLOATS;
  for (let slot = 0; slot < count; slot++) set.appendPut(slot, slot * 2, 0, 1);
  set.appendDelete(1, 2);
  set.slots = count;
  set.liveRows = count - 2;
  set.nextId = BigInt(count * 2);
}

/** Everything that a user can see: a line for each path, with content, attributes and rows. */
export function contentOf(image: Image): Map<string, string> {
  const { volume } = Volume.open(image, { readOnly: true, deviceReadOnly: true });
  const seen = new Map<string, string>();
  describe(volume, 1, '', seen);
  return seen;
}

function describe(volume: Volume, number: number, path: string, seen: Map<string, string>): void {
  const inode = volume.inodes.get(number);
  const parts = [inode.mode.toString(8), `${inode.uid}:${inode.gid}`, `rdev ${inode.rdev}`];
  xattr.each(volume, inode, ({ space, name }, value) => {
    parts.push(`${space}.${Buffer.from(name).toString('latin1')}=${Buffer.from(value).toString('latin1')}`);
  });
  if (inode.isDirectory) {
    const entries: Array<[string, number]> = [];
    directory.iterate(volume, inode, { hi: 0, lo: 0 }, (name, target) => {
      entries.push([Buffer.from(name).toString('latin1'), target]);
      return true;
    });
    for (const [name, target] of entries) describe(volume, target, `${path}/${name}`, seen);
  } else {
    parts.push(`size ${inode.size}`, hash(content(volume, inode)));
    if (inode.vectorSet !== 0) parts.push(rows(volume, inode));
  }
  seen.set(path === '' ? '/' : path, parts.join(' '));
}

function content(volume: Volume, inode: Inode): Uint8Array {
  if (inode.mode >> 12 === 10 && inode.size <= inode.root.length) return inode.root.slice(0, inode.size);
  // A damaged size can be anything; more than this no file of the sample has.
  const bytes = new Uint8Array(Math.min(inode.size, 1 << 18));
  readContent(volume, inode, 0, bytes);
  return bytes;
}

function rows(volume: Volume, inode: Inode): string {
  const set = VectorSet.open(volume, inode);
  const ids = new Map<number, number>();
  set.replay((type, slot, low, _high, count) => {
    for (let i = 0; i < count; i++) {
      if (type <= 2) ids.set(slot + i, low + i);
      else ids.delete(slot + i);
    }
  });
  return `rows ${set.liveRows}/${set.slots} next ${set.nextId} ${JSON.stringify([...ids].sort((a, b) => a[0] - b[0]))}`;
}

function hash(bytes: Uint8Array): string {
  let sum = 2166136261;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 16777619);
  return (sum >>> 0).toString(16);
}
