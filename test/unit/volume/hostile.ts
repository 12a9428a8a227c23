import { directory, extentsOf, holdsExtents, type Inode, VectorSet, type Volume } from '@vexfs/fuse/volume';
import {
  crc32c,
  GROUP_DESCRIPTOR_SIZE,
  groupDescriptor,
  INODE_SIZE,
  inode,
  ROOT_INODE,
  setHeader,
  superblock,
} from '@vexfs/shared';
import type { Seeded } from './seeded.js';

/** A piece of metadata of a volume, and how its checksum is set right after a change. */
export interface Target {
  readonly what: string;
  readonly position: number;
  readonly length: number;
  readonly seal: (image: Uint8Array) => void;
}

/** Everything on a volume that carries a checksum. */
export function metadataOf(volume: Volume): Target[] {
  const found: Target[] = [];
  const { geometry, superblock: sb } = volume;
  const { blockSize } = geometry;
  const start = (number: number): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(number), true);
    return bytes;
  };
  const sealAt = (position: number, length: number, at: number, seeded: (piece: Uint8Array) => number) => {
    return (image: Uint8Array): void => {
      const piece = image.subarray(position, position + length);
      piece.fill(0, at, at + 4);
      new DataView(piece.buffer, piece.byteOffset).setUint32(at, crc32c(seeded(piece), piece), true);
    };
  };
  const add = (what: string, position: number, length: number, at: number, number: number): void => {
    const seal = sealAt(position, length, at, () => crc32c(sb.seed, start(number)));
    found.push({ what, position, length, seal });
  };
  add('superblock', 0, 1024, superblock.checksum.offset, 0);
  for (let group = 0; group < geometry.groupCount; group++) {
    const position = geometry.descriptorBlock(group) * blockSize + geometry.descriptorOffset(group);
    add(`descriptor ${group}`, position, GROUP_DESCRIPTOR_SIZE, groupDescriptor.checksum.offset, group);
  }
  const visitor = new Visitor(volume, (what, block, at) =>
    add(what, block * blockSize, blockSize, at, block),
  );
  visitor.all();
  for (const one of visitor.inodes) {
    const position = geometry.inodeBlock(one) * blockSize + geometry.inodeOffset(one);
    const generation = inode.generation.offset;
    const seal = sealAt(position, INODE_SIZE, inode.checksum.offset, (piece) => {
      return crc32c(crc32c(sb.seed, start(one)), piece.slice(generation, generation + 4));
    });
    found.push({ what: `inode ${one}`, position, length: INODE_SIZE, seal });
  }
  return found;
}

/** Walks a sound volume and shows every block that has a checksum, with the place of the sum. */
class Visitor {
  readonly inodes = new Set<number>();
  private readonly volume: Volume;
  private readonly show: (what: string, block: number, checksumAt: number) => void;

  constructor(volume: Volume, show: (what: string, block: number, checksumAt: number) => void) {
    this.volume = volume;
    this.show = show;
  }

  all(): void {
    const pending = [this.volume.inodes.get(ROOT_INODE)];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (this.inodes.has(next.number)) continue;
      this.one(next);
      if (!next.isDirectory) continue;
      const dir = next;
      directory.walk(this.volume, dir, {
        block: (block) => {
          this.show(`directory block of ${dir.number}`, block, 20);
          return true;
        },
        entry: (_name, number) => pending.push(this.volume.inodes.get(number)),
        damage: (error) => {
          throw error;
        },
      });
    }
  }

  private one(found: Inode): void {
    this.inodes.add(found.number);
    if (found.xattrBlock !== 0) this.show(`attributes of ${found.number}`, found.xattrBlock, 12);
    if (!found.isDirectory && holdsExtents(found)) this.tree(found);
    if (found.vectorSet === 0) return;
    const set = VectorSet.open(this.volume, found);
    this.hidden(set.inode);
    const { physical } = extentsOf(this.volume, set.inode).find(0, 1);
    this.show(`set of ${found.number}`, physical, 4);
    const header = this.volume.store.getOwned(physical, 'set', found.number).view;
    const log = setHeader.log_inode.get(header, 0);
    if (log === 0) return;
    const logInode = this.volume.inodes.get(log);
    this.hidden(logInode);
    for (const run of extentsOf(this.volume, logInode).all()) {
      for (let i = 0; i < run.length; i++) this.show(`log of ${found.number}`, run.physical + i, 24);
    }
  }

  private hidden(found: Inode): void {
    this.inodes.add(found.number);
    this.tree(found);
  }

  private tree(found: Inode): void {
    extentsOf(this.volume, found).treeBlocks((block) => this.show(`extents of ${found.number}`, block, 16));
  }
}

/** Values that are likely to get past a careless check. */
const WORDS = [0, 1, 2, 3, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** Changes up to three places of a piece of metadata and sets its checksum right. */
export function mutate(image: Uint8Array, target: Target, random: Seeded): void {
  const view = new DataView(image.buffer, image.byteOffset + target.position, target.length);
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    // Most blocks are mostly empty; what counts stands in front.
    const limit = random.chance(60) ? Math.min(target.length, 128) : target.length;
    const way = random.below(5);
    if (way === 0) {
      view.setUint8(random.below(limit), random.bits() & 0xff);
    } else if (way === 1) {
      view.setUint16(random.below(limit >> 1) * 2, random.of(WORDS) & 0xffff, true);
    } else if (way === 2) {
      view.setUint32(random.below(limit >> 2) * 4, random.of(WORDS), true);
    } else if (way === 3) {
      const at = random.below(limit >> 2) * 4;
      view.setUint32(at, view.getUint32(at, true) + random.below(5) - 2, true);
    } else {
      const at = random.below(limit >> 3) * 8;
      view.setUint32(at, random.of(WORDS), true);
      view.setUint32(at + 4, random.of(WORDS), true);
    }
  }
  target.seal(image);
}
