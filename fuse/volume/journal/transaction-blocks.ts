import type { BlockDevice } from '../../system/device.js';
import {
  COMMIT,
  checksumOffset,
  commitHeader,
  DESCRIPTOR,
  dataSum,
  HEADER_BYTES,
  header,
  MAGIC,
  REVOKE,
  REVOKE_HEADER_BYTES,
  REVOKE_RECORD_BYTES,
  revokeHeader,
  revokeRecord,
  revokesPerBlock,
  sumWithout,
  TAG_BYTES,
  TAG_ESCAPED,
  TAG_LAST,
  TAG_SAME_UUID,
  tag,
  tagsPerBlock,
  UUID_BYTES,
  viewOf,
} from './format.js';
import type { JournalArea, JournalState } from './superblock.js';

const STAGING_BYTES = 1048576;
const MIN_STAGING_BLOCKS = 32;

/** Blocks that the staging buffer holds. */
function stagingBlocks(blockSize: number): number {
  return Math.max(STAGING_BYTES / blockSize, MIN_STAGING_BLOCKS);
}

/** Tags that a descriptor gets at most: it and its blocks leave in one write. */
export function tagsPerRun(blockSize: number): number {
  return Math.min(tagsPerBlock(blockSize), stagingBlocks(blockSize) - 1);
}

/** Builds the blocks of one transaction in a staging buffer and writes them to the ring in long runs. */
export class TransactionBlocks {
  readonly #device: BlockDevice;
  readonly #base: number;
  readonly #blockSize: number;
  readonly #first: number;
  readonly #last: number;
  readonly #seed: number;
  readonly #uuid: Uint8Array;
  readonly #staging: Uint8Array;
  readonly #view: DataView;
  #staged = 0;
  #position = 0;
  #sequence = 0;

  constructor(device: BlockDevice, area: JournalArea, state: JournalState) {
    this.#device = device;
    this.#base = area.start * area.blockSize;
    this.#blockSize = area.blockSize;
    this.#first = state.first;
    this.#last = state.last;
    this.#seed = state.seed;
    this.#uuid = state.uuid;
    this.#staging = new Uint8Array(stagingBlocks(area.blockSize) * area.blockSize);
    this.#view = viewOf(this.#staging);
  }

  /** Where the next block goes that leaves the staging buffer. */
  get position(): number {
    return this.#position;
  }

  begin(position: number, sequence: number): void {
    this.#position = position;
    this.#sequence = sequence;
    this.#staged = 0;
  }

  revoke(numbers: readonly number[]): void {
    const perBlock = revokesPerBlock(this.#blockSize);
    for (let from = 0; from < numbers.length; from += perBlock) {
      const base = this.#control(REVOKE);
      const count = Math.min(perBlock, numbers.length - from);
      for (let i = 0; i < count; i++) {
        const record = base + REVOKE_HEADER_BYTES + i * REVOKE_RECORD_BYTES;
        revokeRecord.block.set(this.#view, record, numbers[from + i]!);
      }
      revokeHeader.count.set(this.#view, base, REVOKE_HEADER_BYTES + count * REVOKE_RECORD_BYTES);
      this.#seal(base, REVOKE);
    }
  }

  add(blocks: readonly { readonly number: number; readonly data: Uint8Array }[]): void {
    const perRun = tagsPerRun(this.#blockSize);
    for (let from = 0; from < blocks.length; from += perRun) {
      const count = Math.min(perRun, blocks.length - from);
      if ((this.#staged + count + 1) * this.#blockSize > this.#staging.length) this.#drain();
      const base = this.#control(DESCRIPTOR);
      let at = base + HEADER_BYTES;
      for (let i = 0; i < count; i++) {
        const { number, data } = blocks[from + i]!;
        const flags = (i === 0 ? 0 : TAG_SAME_UUID) | (i === count - 1 ? TAG_LAST : 0);
        this.#tag(at, number, flags, data);
        at += TAG_BYTES;
        if (i === 0) {
          this.#staging.set(this.#uuid, at);
          at += UUID_BYTES;
        }
      }
      this.#seal(base, DESCRIPTOR);
    }
  }

  /** Writes what is staged. Everything but the commit block is then on its way. */
  end(): void {
    this.#drain();
  }

  /** Writes the commit block. `time`: milliseconds since the epoch. */
  commit(time: number): void {
    const base = this.#control(COMMIT);
    commitHeader.commit_sec.set(this.#view, base, Math.floor(time / 1000));
    commitHeader.commit_nsec.set(this.#view, base, (time % 1000) * 1e6);
    this.#seal(base, COMMIT);
    this.#drain();
  }

  /** Copies one block behind the staged ones and fills its tag at byte `at` of the staging buffer. */
  #tag(at: number, number: number, flags: number, data: Uint8Array): void {
    const base = this.#staged++ * this.#blockSize;
    const copy = this.#staging.subarray(base, base + this.#blockSize);
    copy.set(data);
    const escaped = this.#view.getUint32(base) === MAGIC;
    if (escaped) this.#view.setUint32(base, 0);
    tag.block_low.set(this.#view, at, number >>> 0);
    tag.block_high.set(this.#view, at, Math.floor(number / 4294967296));
    tag.flags.set(this.#view, at, escaped ? flags | TAG_ESCAPED : flags);
    tag.checksum.set(this.#view, at, dataSum(this.#seed, this.#sequence, copy));
  }

  /** Stages an empty control block and returns its offset. */
  #control(type: number): number {
    if ((this.#staged + 1) * this.#blockSize > this.#staging.length) this.#drain();
    const base = this.#staged++ * this.#blockSize;
    this.#staging.fill(0, base, base + this.#blockSize);
    header.magic.set(this.#view, base, MAGIC);
    header.blocktype.set(this.#view, base, type);
    header.sequence.set(this.#view, base, this.#sequence);
    return base;
  }

  #seal(base: number, type: number): void {
    const block = this.#staging.subarray(base, base + this.#blockSize);
    const field = checksumOffset(type, this.#blockSize);
    this.#view.setUint32(base + field, sumWithout(this.#seed, block, field));
  }

  /** Writes the staged blocks at the position, in two parts when the ring ends between them. */
  #drain(): void {
    let done = 0;
    while (done < this.#staged) {
      const count = Math.min(this.#staged - done, this.#last - this.#position);
      this.#device.write(
        this.#base + this.#position * this.#blockSize,
        this.#staging.subarray(done * this.#blockSize, (done + count) * this.#blockSize),
      );
      done += count;
      this.#position += count;
      if (this.#position === this.#last) this.#position = this.#first;
    }
    this.#staged = 0;
  }
}
