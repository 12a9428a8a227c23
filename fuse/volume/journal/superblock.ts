import { crc32c, Errno } from '@vexfs/shared';
import type { BlockDevice } from '../../system/device.js';
import { JournalError } from './error.js';
import {
  CHECKSUM_CRC32C,
  COMPAT_CHECKSUM,
  INCOMPAT,
  MAGIC,
  MIN_BLOCKS,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_V2,
  seedOf,
  sumWithout,
  superblock,
  UUID_BYTES,
  viewOf,
} from './format.js';

/** Where a journal lies on its device: `blocks` blocks of `blockSize` bytes from block `start` on. */
export interface JournalArea {
  readonly start: number;
  readonly blocks: number;
  readonly blockSize: number;
}

/** What the superblock of a journal says, checked. */
export interface JournalState {
  readonly uuid: Uint8Array;
  /** The seed of every checksum in the log. */
  readonly seed: number;
  /** The log is the blocks first..last-1 of the area. */
  readonly first: number;
  readonly last: number;
  /** Where the oldest transaction to be replayed begins; 0: the journal is clean. */
  readonly start: number;
  /** The sequence number expected at `start`. */
  readonly sequence: number;
  /** 0, or the positive errno with which jbd2 aborted this journal. */
  readonly errno: number;
  /** The superblock's whole block. */
  readonly block: Uint8Array;
}

/**
 * The superblock of a new, clean journal: one block, to be written as the first of the area. The rest of the area need
 * not be zeroed when `uuid` is new; where it may hold an older journal of the same uuid it must be.
 */
export function journalSuperblock(options: {
  blocks: number;
  blockSize: number;
  uuid: Uint8Array;
}): Uint8Array {
  const { blocks, blockSize, uuid } = options;
  if (!Number.isInteger(blocks) || blocks < MIN_BLOCKS || blocks > 0xffffffff) {
    throw new JournalError(`A journal has ${MIN_BLOCKS} blocks or more, not ${blocks}.`, Errno.EINVAL);
  }
  checkBlockSize(blockSize);
  if (uuid.length !== UUID_BYTES) {
    throw new JournalError(`A UUID has ${UUID_BYTES} bytes, not ${uuid.length}.`, Errno.EINVAL);
  }
  const block = new Uint8Array(blockSize);
  const view = viewOf(block);
  superblock.magic.set(view, 0, MAGIC);
  superblock.blocktype.set(view, 0, SUPERBLOCK_V2);
  superblock.blocksize.set(view, 0, blockSize);
  superblock.maxlen.set(view, 0, blocks);
  superblock.first.set(view, 0, 1);
  superblock.sequence.set(view, 0, 1);
  superblock.feature_incompat.set(view, 0, INCOMPAT);
  superblock.uuid.of(block, 0).set(uuid);
  superblock.nr_users.set(view, 0, 1);
  superblock.checksum_type.set(view, 0, CHECKSUM_CRC32C);
  seal(block);
  return block;
}

/**
 * Reads and checks the superblock of the journal in `area`. Throws JournalError: EINVAL when the area cannot be a
 * journal, EOPNOTSUPP for features VexFS does not use, EUCLEAN for everything else that is not as it must be.
 */
export function openJournal(device: BlockDevice, area: JournalArea): JournalState {
  checkArea(device, area);
  const block = new Uint8Array(area.blockSize);
  device.read(area.start * area.blockSize, block);
  const view = viewOf(block);
  const damaged = (what: string): JournalError =>
    new JournalError(`The journal superblock is damaged: ${what}.`, Errno.EUCLEAN);

  if (superblock.magic.get(view, 0) !== MAGIC) throw damaged('its magic is wrong');
  const type = superblock.blocktype.get(view, 0);
  if (type !== SUPERBLOCK_V2) throw damaged(`its type is ${type}, not ${SUPERBLOCK_V2}`);
  // The sum comes before the fields that it protects, but after the features that say there is one.
  checkFeatures(view);
  const sum = superblock.checksum.get(view, 0);
  const expected = sumWithout(0xffffffff, block.subarray(0, SUPERBLOCK_BYTES), superblock.checksum.offset);
  if (sum !== expected) throw damaged(`its checksum is ${hex(sum)}, not ${hex(expected)}`);

  const blockSize = superblock.blocksize.get(view, 0);
  if (blockSize !== area.blockSize) {
    throw damaged(`its block size is ${blockSize}, that of the volume ${area.blockSize}`);
  }
  const last = superblock.maxlen.get(view, 0);
  if (last > area.blocks) throw damaged(`it claims ${last} blocks where there are ${area.blocks}`);
  const first = superblock.first.get(view, 0);
  if (first === 0 || first + MIN_BLOCKS > last + 1) {
    throw damaged(`a log of the blocks ${first} to ${last} is too short`);
  }
  const start = superblock.start.get(view, 0);
  if (start !== 0 && (start < first || start >= last)) {
    throw damaged(`its log starts at block ${start}, outside ${first} to ${last - 1}`);
  }
  const uuid = superblock.uuid.of(block, 0).slice();
  return {
    uuid,
    seed: seedOf(uuid),
    first,
    last,
    start,
    sequence: superblock.sequence.get(view, 0),
    errno: Math.abs(superblock.errno.get(view, 0) | 0),
    block,
  };
}

/**
 * Writes the superblock with a new tail: transaction `sequence` is expected at block `start` of the area, or the
 * journal is clean when `start` is 0. The caller flushes. Only the first 512 bytes change, so no sector can tear it.
 */
export function writeTail(
  device: BlockDevice,
  area: JournalArea,
  block: Uint8Array,
  start: number,
  sequence: number,
): void {
  const view = viewOf(block);
  superblock.start.set(view, 0, start);
  superblock.sequence.set(view, 0, sequence);
  superblock.head.set(view, 0, 0);
  seal(block);
  device.write(area.start * area.blockSize, block);
}

function seal(block: Uint8Array): void {
  const view = viewOf(block);
  superblock.checksum.set(view, 0, 0);
  superblock.checksum.set(view, 0, crc32c(0xffffffff, block.subarray(0, SUPERBLOCK_BYTES)));
}

function checkFeatures(view: DataView): void {
  const incompat = superblock.feature_incompat.get(view, 0);
  const roCompat = superblock.feature_ro_compat.get(view, 0);
  const compat = superblock.feature_compat.get(view, 0);
  const type = superblock.checksum_type.get(view, 0);
  if (incompat !== INCOMPAT || roCompat !== 0 || (compat & COMPAT_CHECKSUM) !== 0) {
    throw new JournalError(
      `The journal has features compat ${hex(compat)}, incompat ${hex(incompat)}, ro_compat ${hex(roCompat)}; ` +
        `VexFS uses incompat ${hex(INCOMPAT)} alone.`,
      Errno.EOPNOTSUPP,
    );
  }
  if (type !== CHECKSUM_CRC32C) {
    throw new JournalError(
      `The journal's checksum type is ${type}, not ${CHECKSUM_CRC32C}.`,
      Errno.EOPNOTSUPP,
    );
  }
}

function checkArea(device: BlockDevice, area: JournalArea): void {
  const { start, blocks, blockSize } = area;
  checkBlockSize(blockSize);
  if (!Number.isSafeInteger(start) || start < 0 || !Number.isSafeInteger(blocks) || blocks < MIN_BLOCKS) {
    throw new JournalError(`Blocks ${start} to ${start + blocks - 1} hold no journal.`, Errno.EINVAL);
  }
  if ((start + blocks) * blockSize > device.size) {
    throw new JournalError(
      `The journal ends at byte ${(start + blocks) * blockSize}, the device at ${device.size}.`,
      Errno.EINVAL,
    );
  }
}

function checkBlockSize(blockSize: number): void {
  const power = blockSize >= 1024 && blockSize <= 65536 && (blockSize & (blockSize - 1)) === 0;
  if (!power)
    throw new JournalError(`${blockSize} is no block size: 1024 to 65536, a power of two.`, Errno.EINVAL);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
