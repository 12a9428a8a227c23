import {
  COMMIT,
  DESCRIPTOR,
  dataSum,
  HEADER_BYTES,
  header,
  isAuthentic,
  MAGIC,
  nextSequence,
  REVOKE,
  REVOKE_HEADER_BYTES,
  REVOKE_RECORD_BYTES,
  revokeHeader,
  revokeRecord,
  sequenceDistance,
  TAG_BYTES,
  TAG_ESCAPED,
  TAG_LAST,
  TAG_SAME_UUID,
  TAIL_BYTES,
  tag,
  UUID_BYTES,
  viewOf,
} from './format.js';
import type { LogReader } from './log.js';
import type { JournalArea, JournalState } from './superblock.js';

/** A copy of a metadata block in the log. */
export interface LoggedBlock {
  /** Where the copy lies in the log. */
  readonly position: number;
  /** The block of the volume that it is a copy of. */
  readonly target: number;
  readonly escaped: boolean;
  /** The transaction, counted from 0 at the tail. */
  readonly transaction: number;
}

export interface RevokeBlock {
  readonly position: number;
  readonly transaction: number;
}

/** What the log holds, in log order. */
export interface Scan {
  /** Whole transactions. */
  readonly transactions: number;
  /** The sequence number after the last of them. */
  readonly end: number;
  readonly blocks: readonly LoggedBlock[];
  readonly revokes: readonly RevokeBlock[];
  /** Why the log ends before its end, when it does: a sentence. */
  readonly damage: string | undefined;
}

interface Tag {
  readonly target: number;
  readonly flags: number;
  readonly sum: number;
}

/**
 * The first pass: finds the transactions that are whole. One is whole when its commit block is there and every checksum
 * in it is right. The log ends at the first block that is not the expected one, which is where a crash interrupts it.
 *
 * A commit block is written after everything before it is durable. So when a commit block of the transaction that ends
 * the log, or any block of a later one, is found with its checksum right, the end is no interrupted commit but damage.
 */
export function scanLog(log: LogReader, area: JournalArea, state: JournalState, volumeBlocks: number): Scan {
  const { seed } = state;
  const blocks: LoggedBlock[] = [];
  const revokes: RevokeBlock[] = [];
  let transaction = 0;
  let sequence = state.sequence;
  let position = state.start;
  let walked = 0;
  let wholeBlocks = 0;
  let wholeRevokes = 0;
  let fault: string | undefined;

  // A ring that has been walked round once has nothing more to say, whatever its blocks claim.
  walk: while (walked < log.length) {
    const here = position;
    const block = log.block(here);
    const view = viewOf(block);
    if (header.magic.get(view, 0) !== MAGIC || header.sequence.get(view, 0) !== sequence) break;
    const type = header.blocktype.get(view, 0);
    if (type !== DESCRIPTOR && type !== REVOKE && type !== COMMIT) break;
    if (!isAuthentic(seed, block, view, type)) {
      fault ??= `the checksum of log block ${here} is wrong`;
      break;
    }
    position = log.after(position);
    walked++;

    if (type === REVOKE) {
      revokes.push({ position: here, transaction });
      const used = revokeHeader.count.get(view, 0);
      if (used < REVOKE_HEADER_BYTES || used > area.blockSize - TAIL_BYTES) {
        fault ??= `revoke block ${here} claims ${used} bytes`;
      }
    } else if (type === DESCRIPTOR) {
      for (const { target, flags, sum } of readTags(block, view)) {
        if (walked === log.length) break walk;
        if (fault === undefined) {
          fault = misplaced(target, area, volumeBlocks);
          if (dataSum(seed, sequence, log.block(position)) !== sum) {
            fault ??= `the checksum of log block ${position} (block ${target} of the volume) is wrong`;
          }
        }
        blocks.push({ position, target, escaped: (flags & TAG_ESCAPED) !== 0, transaction });
        position = log.after(position);
        walked++;
      }
    } else {
      if (fault !== undefined) break;
      transaction++;
      sequence = nextSequence(sequence);
      wholeBlocks = blocks.length;
      wholeRevokes = revokes.length;
    }
  }

  blocks.length = wholeBlocks;
  revokes.length = wholeRevokes;
  const witness = findWitness(log, seed, sequence);
  const damage =
    witness === undefined
      ? undefined
      : `transaction ${sequence} is damaged (${fault ?? 'a block is missing'}) although ${witness}`;
  return { transactions: transaction, end: sequence, blocks, revokes, damage };
}

/**
 * Looks through the whole ring for a block which proves that transaction `end`, at which the log ended, was committed.
 * Blocks of older rounds do not: their sequence numbers are below `end`. No more transactions than half the blocks of
 * the ring can lie ahead.
 */
function findWitness(log: LogReader, seed: number, end: number): string | undefined {
  for (let position = log.first; position < log.last; position++) {
    const { view, offset } = log.header(position);
    if (header.magic.get(view, offset) !== MAGIC) continue;
    const type = header.blocktype.get(view, offset);
    if (type !== DESCRIPTOR && type !== REVOKE && type !== COMMIT) continue;
    const sequence = header.sequence.get(view, offset);
    const ahead = sequenceDistance(sequence, end);
    if (ahead < 0 || ahead > log.length || (ahead === 0 && type !== COMMIT)) continue;
    const block = log.block(position);
    if (!isAuthentic(seed, block, viewOf(block), type)) continue;
    return ahead === 0
      ? `log block ${position} commits it`
      : `log block ${position} belongs to transaction ${sequence}`;
  }
  return undefined;
}

function readTags(block: Uint8Array, view: DataView): Tag[] {
  const tags: Tag[] = [];
  const end = block.length - TAIL_BYTES;
  let at = HEADER_BYTES;
  while (at + TAG_BYTES <= end) {
    const flags = tag.flags.get(view, at);
    const target = tag.block_high.get(view, at) * 4294967296 + tag.block_low.get(view, at);
    tags.push({ target, flags, sum: tag.checksum.get(view, at) });
    if ((flags & TAG_LAST) !== 0) break;
    at += TAG_BYTES + ((flags & TAG_SAME_UUID) === 0 ? UUID_BYTES : 0);
  }
  return tags;
}

function misplaced(target: number, area: JournalArea, volumeBlocks: number): string | undefined {
  if (target >= volumeBlocks) return `it changes block ${target} of a volume that has ${volumeBlocks}`;
  if (target >= area.start && target < area.start + area.blocks) {
    return `it changes block ${target}, which belongs to the journal`;
  }
  return undefined;
}

/** Calls `revoked` for every block number that the revoke block names. */
export function readRevokes(block: Uint8Array, revoked: (target: number) => void): void {
  const view = viewOf(block);
  const end = Math.min(revokeHeader.count.get(view, 0), block.length - TAIL_BYTES);
  for (let at = REVOKE_HEADER_BYTES; at + REVOKE_RECORD_BYTES <= end; at += REVOKE_RECORD_BYTES) {
    revoked(revokeRecord.block.get(view, at));
  }
}
