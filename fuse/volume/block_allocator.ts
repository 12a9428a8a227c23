import { constants } from 'node:os';
import { DamageError, FsError, NeedCommit } from './errors.js';
import type { Geometry } from './geometry.js';
import { bitsAre, clearBits, type Groups, setBits, testBit } from './groups.js';
import type { MetaBlock, MetadataStore } from './store.js';
import type { Superblock } from './superblock.js';

const { ENOSPC } = constants.errno;

/** A run of so many blocks is taken though more are wanted: the search goes no further for a longer one. */
const GOOD_RUN = 2048;
/** On a fragmented volume the best run of so many groups, and within a group of so many runs, is good enough. */
const MOST_GROUPS = 8;
const MOST_RUNS = 256;

export interface BlockRange {
  readonly start: number;
  readonly length: number;
}

interface Freed extends BlockRange {
  /** Transaction that freed it. */
  readonly transaction: number;
}

/**
 * Finds, takes and gives back blocks. Beside the bitmaps it keeps in memory which blocks are held: freed by a
 * transaction that is not committed yet, still read by a pinned search, or set aside. They must not be reused.
 */
export class BlockAllocator {
  /** Whether the caller may take the reserved blocks too; set for each operation. */
  privileged = true;

  private readonly store: MetadataStore;
  private readonly geometry: Geometry;
  private readonly groups: Groups;
  private readonly superblock: Superblock;
  private readonly held = new Map<number, Uint8Array>();
  private readonly heldCount: Uint32Array;
  private readonly firstFree: Uint32Array;
  private freed: Freed[] = [];
  private freedBlocks = 0;
  /** Blocks that `reserve` has set aside. */
  private reservedBlocks = 0;

  constructor(store: MetadataStore, geometry: Geometry, groups: Groups, superblock: Superblock) {
    this.store = store;
    this.geometry = geometry;
    this.groups = groups;
    this.superblock = superblock;
    this.heldCount = new Uint32Array(geometry.groupCount);
    this.firstFree = new Uint32Array(geometry.groupCount);
  }

  /** Blocks that can be taken now by this caller. */
  get available(): number {
    const keep = this.privileged ? 0 : this.superblock.reservedBlocks;
    return this.superblock.freeBlocks - this.freedBlocks - this.reservedBlocks - keep;
  }

  /** Throws NeedCommit when a commit would help, FsError(ENOSPC) otherwise; changes nothing. */
  require(blocks: number): void {
    if (blocks <= this.available) return;
    if (this.freedBlocks > 0) throw new NeedCommit();
    throw new FsError(ENOSPC);
  }

  /** Takes up to `want` contiguous blocks near `goal`. The caller has called `require`. */
  take(goal: number, want: number): BlockRange {
    const found = this.find(goal, want);
    this.mark(found);
    return found;
  }

  private mark({ start, length }: BlockRange): void {
    const group = this.geometry.groupOfBlock(start);
    const bitmap = this.groups.blockBitmap(group);
    setBits(bitmap.bytes, start - this.geometry.groupStart(group), length);
    this.groups.changeBitmap(group, bitmap);
    this.groups.freeBlocks[group]! -= length;
    this.superblock.freeBlocks -= length;
  }

  /**
   * Sets aside up to `want` contiguous blocks near `goal`: nobody else gets them, and the volume knows nothing of it, so a crash
   * leaves nothing to clean up. The caller has called `require`; `takeReserved` or `unreserve` follows.
   */
  reserve(goal: number, want: number): BlockRange {
    const found = this.find(goal, want);
    this.hold(found);
    this.reservedBlocks += found.length;
    return found;
  }

  /** Takes what `reserve` set aside. */
  takeReserved(range: BlockRange): void {
    this.unreserve(range);
    this.mark(range);
  }

  /** Sets aside free blocks that the caller knows, until `unreserve`. */
  withhold(range: BlockRange): void {
    this.hold(range);
    this.reservedBlocks += range.length;
  }

  /** Lets go of what `reserve` or `withhold` set aside. */
  unreserve(range: BlockRange): void {
    this.unhold(range);
    this.reservedBlocks -= range.length;
  }

  /** Throws what `give` would throw; when it does not, `give` does not either until the operation ends. */
  checkGive(range: BlockRange): void {
    this.bitmapOf(range);
  }

  /** The bitmap in which a range of used blocks stands. */
  private bitmapOf({ start, length }: BlockRange): MetaBlock {
    if (!this.geometry.isDataRange(start, length)) {
      throw new DamageError(`blocks ${start}+${length} are no data blocks and cannot be freed`);
    }
    const group = this.geometry.groupOfBlock(start);
    const first = start - this.geometry.groupStart(group);
    const bitmap = this.groups.blockBitmap(group);
    if (!bitsAre(bitmap.bytes, first, length, true)) {
      throw new DamageError(`some of the blocks ${start}+${length} are free already`);
    }
    return bitmap;
  }

  /** Frees blocks; they can be taken again after `release`. Throws DamageError when they are not in use. */
  give(range: BlockRange): void {
    const { start, length } = range;
    const bitmap = this.bitmapOf(range);
    const group = this.geometry.groupOfBlock(start);
    const first = start - this.geometry.groupStart(group);
    clearBits(bitmap.bytes, first, length);
    this.groups.changeBitmap(group, bitmap);
    this.groups.freeBlocks[group]! += length;
    this.superblock.freeBlocks += length;
    this.hold(range);
    this.freed.push({ start, length, transaction: this.store.transaction });
    this.freedBlocks += length;
  }

  /** What transactions up to `committed` freed, before the oldest pinned search began, may be taken again. */
  release(committed: number, oldestPin: number): void {
    const limit = Math.min(committed, oldestPin - 1);
    if (this.freed.length === 0 || this.freed[0]!.transaction > limit) return;
    let done = 0;
    while (done < this.freed.length && this.freed[done]!.transaction <= limit) {
      const range = this.freed[done]!;
      this.unhold(range);
      this.freedBlocks -= range.length;
      done += 1;
    }
    this.freed = this.freed.slice(done);
  }

  private hold(range: BlockRange): void {
    const group = this.geometry.groupOfBlock(range.start);
    let bits = this.held.get(group);
    if (bits === undefined) {
      bits = new Uint8Array(this.geometry.blockSize);
      this.held.set(group, bits);
    }
    setBits(bits, range.start - this.geometry.groupStart(group), range.length);
    this.heldCount[group]! += range.length;
  }

  private unhold(range: BlockRange): void {
    const group = this.geometry.groupOfBlock(range.start);
    const first = range.start - this.geometry.groupStart(group);
    clearBits(this.held.get(group)!, first, range.length);
    this.heldCount[group]! -= range.length;
    if (this.heldCount[group] === 0) this.held.delete(group);
    if (first < this.firstFree[group]!) this.firstFree[group] = first;
  }

  private find(goal: number, want: number): BlockRange {
    const { groupCount } = this.geometry;
    const isInside = goal > 0 && goal < this.geometry.totalBlocks;
    const home = isInside ? this.geometry.groupOfBlock(goal) : 0;
    const enough = Math.min(want, GOOD_RUN);
    let searched = 0;
    let best: BlockRange | undefined;
    for (let step = 0; step < groupCount; step++) {
      const group = (home + step) % groupCount;
      const room =
        this.groups.freeBlocks[group]! - Math.min(this.groups.freeBlocks[group]!, this.heldCount[group]!);
      if (room === 0 || (best !== undefined && room <= best.length)) continue;
      const from = step === 0 && isInside ? goal - this.geometry.groupStart(group) : 0;
      const found = this.findInGroup(group, from, want);
      if (found === undefined) continue;
      if (found.length >= enough || (step === 0 && found.start === goal)) return found;
      if (best === undefined || found.length > best.length) best = found;
      searched += 1;
      if (searched === MOST_GROUPS) break;
    }
    if (best === undefined) throw new DamageError('the free block counts promise blocks that no bitmap has');
    return best;
  }

  /** A run at `from` of any length; else the first of `want` blocks; else the longest of the first few. */
  private findInGroup(group: number, from: number, want: number): BlockRange | undefined {
    const { bytes } = this.groups.blockBitmap(group);
    const held = this.held.get(group);
    const end = this.geometry.groupBlocks(group);
    const base = this.geometry.groupStart(group);
    const lowest = nextFree(bytes, held, this.firstFree[group]!, end);
    this.firstFree[group] = lowest;
    const start = Math.max(from, lowest);
    let bestAt = -1;
    let bestLength = 0;
    let runs = 0;
    for (const [low, high] of [
      [start, end],
      [lowest, start],
    ] as const) {
      let bit = low;
      while (bit < high) {
        bit = nextFree(bytes, held, bit, high);
        if (bit >= high) break;
        const length = runLength(bytes, held, bit, Math.min(high, bit + want));
        if (length >= want || bit === from) return { start: base + bit, length };
        if (length > bestLength) {
          bestAt = bit;
          bestLength = length;
        }
        bit += length;
        runs += 1;
        if (runs === MOST_RUNS) return { start: base + bestAt, length: bestLength };
      }
    }
    return bestAt < 0 ? undefined : { start: base + bestAt, length: bestLength };
  }
}

function nextFree(bytes: Uint8Array, held: Uint8Array | undefined, from: number, end: number): number {
  let bit = from;
  while (bit < end) {
    const taken = bytes[bit >> 3]! | (held === undefined ? 0 : held[bit >> 3]!);
    if (taken === 0xff) {
      bit = (bit | 7) + 1;
      continue;
    }
    if ((taken & (1 << (bit & 7))) === 0) return bit;
    bit += 1;
  }
  return end;
}

function runLength(bytes: Uint8Array, held: Uint8Array | undefined, from: number, end: number): number {
  let bit = from;
  while (bit < end) {
    if (
      (bit & 7) === 0 &&
      bit + 8 <= end &&
      bytes[bit >> 3] === 0 &&
      (held === undefined || held[bit >> 3] === 0)
    ) {
      bit += 8;
      continue;
    }
    if (testBit(bytes, bit) || (held !== undefined && testBit(held, bit))) break;
    bit += 1;
  }
  return bit - from;
}
