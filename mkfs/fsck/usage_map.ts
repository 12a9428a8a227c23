import { bitsAre, clearBits, type Geometry, setBits, testBit } from '@vexfs/fuse/volume';

/**
 * Which blocks something claims, one bit each, in pieces of a group that exist once a block of the group is claimed.
 * Fixed metadata, the journal and what lies past the end count as claimed from the start.
 */
export class BlockUsage {
  private readonly geometry: Geometry;
  private readonly groups: Array<Uint8Array | undefined>;
  /** Blocks that are claimed no more, or never were, and hold something all the same. */
  private readonly left = new Map<number, Uint8Array>();

  constructor(geometry: Geometry) {
    this.geometry = geometry;
    this.groups = new Array(geometry.groupCount);
  }

  /** What the bitmap of the group has to be. The caller must not change it. */
  bitmap(group: number): Uint8Array {
    let bits = this.groups[group];
    if (bits === undefined) {
      bits = emptyBlockBitmap(this.geometry, group);
      this.groups[group] = bits;
    }
    return bits;
  }

  /** Whether nothing beyond the fixed metadata was ever claimed in the group. */
  isUntouched(group: number): boolean {
    return this.groups[group] === undefined;
  }

  isClaimed(block: number): boolean {
    const group = this.geometry.groupOfBlock(block);
    const bits = this.groups[group];
    return bits !== undefined && testBit(bits, block - this.geometry.groupStart(group));
  }

  /** Claims a data range inside one group if all of it is free; otherwise claims nothing and returns false. */
  claim(block: number, length: number): boolean {
    const group = this.geometry.groupOfBlock(block);
    const bits = this.bitmap(group);
    const first = block - this.geometry.groupStart(group);
    if (!bitsAre(bits, first, length, false)) return false;
    setBits(bits, first, length);
    return true;
  }

  release(block: number, length: number): void {
    const group = this.geometry.groupOfBlock(block);
    clearBits(this.bitmap(group), block - this.geometry.groupStart(group), length);
    this.note(block, length);
  }

  /** Remembers blocks that something leads to without claiming them. */
  note(block: number, length: number): void {
    const group = this.geometry.groupOfBlock(block);
    let bits = this.left.get(group);
    if (bits === undefined) {
      bits = new Uint8Array(this.geometry.blockSize);
      this.left.set(group, bits);
    }
    setBits(bits, block - this.geometry.groupStart(group), length);
  }

  /** Whether something led to the block, claimed or not. */
  isKnown(block: number): boolean {
    const group = this.geometry.groupOfBlock(block);
    const bits = this.left.get(group);
    return (
      this.isClaimed(block) || (bits !== undefined && testBit(bits, block - this.geometry.groupStart(group)))
    );
  }

  /** Calls `visit` for the runs of blocks that are known here and that `now` has free. */
  eachFreed(now: BlockUsage, visit: (block: number, length: number) => void): void {
    for (let group = 0; group < this.geometry.groupCount; group++) {
      const had = this.groups[group];
      const left = this.left.get(group);
      if (had === undefined && left === undefined) continue;
      const has = now.bitmap(group);
      const start = this.geometry.groupStart(group);
      const end = this.geometry.groupBlocks(group);
      let first = -1;
      for (let bit = 0; bit <= end; bit++) {
        const byte = bit >> 3;
        const known = (had?.[byte] ?? 0) | (left?.[byte] ?? 0);
        if ((bit & 7) === 0 && first < 0 && (known & ~has[byte]!) === 0) {
          bit += 7;
          continue;
        }
        const isFreed = bit < end && (known & ~has[byte]! & (1 << (bit & 7))) !== 0;
        if (isFreed && first < 0) first = bit;
        if (!isFreed && first >= 0) {
          visit(start + first, bit - first);
          first = -1;
        }
      }
    }
  }
}

/** The block bitmap of a group in which no file has a block. */
export function emptyBlockBitmap(geometry: Geometry, group: number): Uint8Array {
  const bits = new Uint8Array(geometry.blockSize);
  setBits(bits, 0, geometry.metadataBlocks(group));
  if (group === 0) setBits(bits, geometry.journalStart, geometry.journalBlocks);
  const end = geometry.groupBlocks(group);
  setBits(bits, end, geometry.blocksPerGroup - end);
  return bits;
}

/** Bits that are 1 in the first `bits` bits. */
export function countBits(bitmap: Uint8Array, bits: number): number {
  let count = 0;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) {
    let byte = bitmap[i]!;
    while (byte !== 0) {
      byte &= byte - 1;
      count += 1;
    }
  }
  for (let bit = whole * 8; bit < bits; bit++) if (testBit(bitmap, bit)) count += 1;
  return count;
}
