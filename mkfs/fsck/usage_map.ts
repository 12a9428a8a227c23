import { bitsAre, clearBits, type Geometry, setBits, testBit } from '@vexfs/fuse/volume';

/**
 * Which blocks something claims, one bit each, in pieces of a group that exist once a block of the group is claimed.
 * Fixed metadata, the journal and what lies past the end count as claimed from the start.
 */
export class BlockUsage {
  private readonly geometry: Geometry;
  private readonly groups: Array<Uint8Array | undefined>;

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
