import { extentsOf, type Inode, superblockChecksum, type Volume } from '@vexfs/fuse/volume';
import {
  type AnyStruct,
  crc32c,
  directoryHeader,
  directoryRoot,
  extentHeader,
  groupDescriptor,
  INODE_SIZE,
  inode as inodeLayout,
  logHeader,
  setHeader,
  superblock,
  xattrHeader,
} from '@vexfs/shared';
import { type Image, open } from './sample_volume.js';

const SEALS = {
  extent: extentHeader.checksum.offset,
  directory: directoryHeader.checksum.offset,
  xattr: xattrHeader.checksum.offset,
  set: setHeader.checksum.offset,
  log: logHeader.checksum.offset,
} as const;

/** Writes past every rule into an image, with checksums that are right afterwards: what the checksums cannot tell. */
export class Tamper {
  readonly image: Image;
  readonly view: DataView;
  readonly volume: Volume;

  constructor(image: Image) {
    this.image = image;
    this.view = new DataView(image.bytes.buffer);
    this.volume = open(image).volume;
  }

  get blockSize(): number {
    return this.volume.geometry.blockSize;
  }

  /** The inode that a path leads to, as it was before any tampering. */
  inode(path: string): Inode {
    let found = this.volume.inodes.get(1);
    for (const name of path.split('/').filter((part) => part !== '')) {
      found = this.volume.inodes.get(this.lookup(found, name));
    }
    return found;
  }

  private lookup(parent: Inode, name: string): number {
    const block = this.leafOf(parent, name);
    return Number(this.view.getBigUint64(this.record(block, name) + 8, true));
  }

  /** The leaf block of a directory that has a name. */
  leafOf(directory: Inode, name: string): number {
    for (const leaf of this.leaves(directory)) if (this.record(leaf, name) >= 0) return leaf;
    throw new Error(`there is no ${name}`);
  }

  leaves(directory: Inode): number[] {
    const { rootView } = directory;
    let blocks = [directoryRoot.block.get(rootView, 0)];
    for (let level = directoryRoot.depth.get(rootView, 0); level > 0; level--) {
      blocks = blocks.flatMap((block) => {
        const at = block * this.blockSize;
        const count = this.view.getUint16(at + directoryHeader.count.offset, true);
        return Array.from({ length: count }, (_, i) =>
          Number(this.view.getBigUint64(at + 32 + i * 16 + 8, true)),
        );
      });
    }
    return blocks;
  }

  /** Byte of the image where the record of a name begins; -1 when the leaf does not have it. */
  record(leaf: number, name: string): number {
    const base = leaf * this.blockSize;
    const count = this.view.getUint16(base + directoryHeader.count.offset, true);
    for (let slot = 0; slot < count; slot++) {
      const at = base + this.view.getUint16(base + 32 + slot * 2, true);
      const length = this.view.getUint8(at + 17);
      const found = Buffer.from(this.image.bytes.subarray(at + 18, at + 18 + length)).toString('latin1');
      if (found === name) return at;
    }
    return -1;
  }

  /** Sets fields of the inode in its table and seals it. */
  setInode(number: number, fields: Readonly<Record<string, number>>): void {
    const at = this.inodeAt(number);
    this.set(inodeLayout, at, fields);
    this.sealInode(number);
  }

  inodeAt(number: number): number {
    const { geometry } = this.volume;
    return geometry.inodeBlock(number) * this.blockSize + geometry.inodeOffset(number);
  }

  sealInode(number: number): void {
    const at = this.inodeAt(number);
    inodeLayout.checksum.set(this.view, at, 0);
    const bytes = this.image.bytes.subarray(at, at + INODE_SIZE);
    const generation = bytes.subarray(inodeLayout.generation.offset, inodeLayout.generation.offset + 4);
    const seed = this.volume.store.seedFor(number);
    inodeLayout.checksum.set(this.view, at, crc32c(crc32c(seed, generation), bytes));
  }

  /** Fields of a structure at a byte of the image; 64-bit ones take numbers. */
  set(struct: AnyStruct, at: number, fields: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(fields)) {
      const field = struct.$.fields.find(([label]) => label === name)?.[1] as unknown as {
        set(view: DataView, base: number, value: number): void;
      };
      field.set(this.view, at, value);
    }
  }

  sealBlock(number: number, kind: keyof typeof SEALS): void {
    const at = number * this.blockSize;
    const bytes = this.image.bytes.subarray(at, at + this.blockSize);
    this.view.setUint32(at + SEALS[kind], this.volume.store.checksum(number, bytes, SEALS[kind]), true);
  }

  setDescriptor(group: number, fields: Readonly<Record<string, number>>): void {
    const at = this.blockSize + group * 64;
    this.set(groupDescriptor, at, fields);
    groupDescriptor.checksum.set(this.view, at, 0);
    const sum = crc32c(this.volume.store.seedFor(group), this.image.bytes.subarray(at, at + 64));
    groupDescriptor.checksum.set(this.view, at, sum);
  }

  setSuperblock(fields: Readonly<Record<string, number>>): void {
    this.set(superblock, 0, fields);
    superblock.checksum.set(
      this.view,
      0,
      superblockChecksum(this.volume.superblock.seed, 0, this.image.bytes),
    );
  }

  /** Flips a bit of a bitmap; with `seal` its sum in the descriptor follows. */
  flipBit(group: number, which: 'block' | 'inode', bit: number, seal = true): void {
    const { geometry, store } = this.volume;
    const number = which === 'block' ? geometry.blockBitmap(group) : geometry.inodeBitmap(group);
    const at = number * this.blockSize;
    this.image.bytes[at + (bit >> 3)]! ^= 1 << (bit & 7);
    if (!seal) return;
    const sum = crc32c(store.seedFor(number), this.image.bytes.subarray(at, at + this.blockSize));
    this.setDescriptor(group, { [`${which}_bitmap_checksum`]: sum });
  }

  /** First block of a file's first extent. */
  dataBlock(inode: Inode): number {
    return extentsOf(this.volume, inode).find(0, 1).physical;
  }

  /** Blocks of a file's extent tree. */
  treeBlocks(inode: Inode): number[] {
    const blocks: number[] = [];
    extentsOf(this.volume, inode).treeBlocks((block) => blocks.push(block));
    return blocks;
  }

  /** The set header's block of a file with rows. */
  setBlock(owner: Inode): number {
    return this.dataBlock(this.volume.inodes.get(owner.vectorSet));
  }

  logInode(owner: Inode): Inode {
    const at = this.setBlock(owner) * this.blockSize;
    return this.volume.inodes.get(setHeader.log_inode.get(this.view, at));
  }

  graphInode(owner: Inode): Inode {
    const at = this.setBlock(owner) * this.blockSize;
    return this.volume.inodes.get(setHeader.graph_inode.get(this.view, at));
  }

  /** Turns the bits of byte `offset` of a file's content over. */
  flipContent(inode: Inode, offset: number): void {
    const { physical } = extentsOf(this.volume, inode).find(Math.floor(offset / this.blockSize), 1);
    this.byte(physical * this.blockSize + (offset % this.blockSize));
  }

  byte(at: number): void {
    this.image.bytes[at]! ^= 0xff;
  }
}
