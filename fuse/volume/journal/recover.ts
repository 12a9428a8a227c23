import { Errno } from '@vexfs/shared';
import type { BlockDevice } from '../../system/device.js';
import { JournalError } from './error.js';
import { MAGIC, nextSequence, viewOf } from './format.js';
import { LogReader } from './log.js';
import { type LoggedBlock, readRevokes, type Scan, scanLog } from './scan.js';
import { type JournalArea, type JournalState, openJournal, writeTail } from './superblock.js';

const WRITE_BYTES = 1048576;

export interface RecoverOptions {
  /** Write nothing, and return what would have been written in `contents`. */
  readonly dryRun?: boolean;
  /**
   * `discard`: when a transaction that was committed is damaged, replay those before it and drop the rest; `damage`
   * says what was lost. Without it such a journal is refused. For fsck, with its user's consent.
   */
  readonly damaged?: 'discard';
}

export interface Recovery {
  /** Transactions found whole. */
  readonly transactions: number;
  /** Blocks of the volume that were (or would be) written, each counted once. */
  readonly blocks: number;
  /** Logged copies that were left out because a transaction revoked their block. */
  readonly revoked: number;
  /** The sequence number that the next transaction takes. */
  readonly nextSequence: number;
  /** 0, or the positive errno with which jbd2 aborted this journal. */
  readonly errno: number;
  /** What was discarded, as a sentence. */
  readonly damage: string | undefined;
  /** With `dryRun`: the blocks by number, as they are after the replay. */
  readonly contents: ReadonlyMap<number, Uint8Array>;
}

/**
 * Replays the journal in `area` over a volume of `volumeBlocks` blocks, in jbd2's three passes: scan, revoke, replay.
 * Nothing is written before all of the log has been checked. Afterwards the blocks are durable and the journal is
 * clean. Recovery that is itself interrupted can be repeated.
 *
 * Throws JournalError (EUCLEAN when a committed transaction is damaged or writes outside the volume) and DeviceError.
 */
export function recover(
  device: BlockDevice,
  area: JournalArea,
  volumeBlocks: number,
  options: RecoverOptions = {},
): Recovery {
  const state = openJournal(device, area);
  if (state.start === 0) {
    return {
      transactions: 0,
      blocks: 0,
      revoked: 0,
      nextSequence: nextSequence(state.sequence),
      errno: state.errno,
      damage: undefined,
      contents: new Map(),
    };
  }
  const log = new LogReader(device, area, state);
  const scan = scanLog(log, area, state, volumeBlocks);
  if (scan.damage !== undefined && options.damaged !== 'discard') {
    throw new JournalError(`The journal cannot be replayed: ${scan.damage}.`, Errno.EUCLEAN);
  }
  const { kept, revoked } = selectBlocks(log, scan);
  const contents = new Map<number, Uint8Array>();
  if (options.dryRun === true) {
    for (const block of kept) {
      const content = new Uint8Array(area.blockSize);
      readOriginal(log, block, content);
      contents.set(block.target, content);
    }
  } else {
    replay(device, area, log, kept);
  }
  const next = sequenceAfter(log, scan);
  if (options.dryRun !== true) finish(device, area, state, next);
  return {
    transactions: scan.transactions,
    blocks: kept.length,
    revoked,
    nextSequence: next,
    errno: state.errno,
    damage: scan.damage,
    contents,
  };
}

/**
 * The second pass and the choice of what to replay: of each block the newest copy that no later or equal transaction
 * revoked, ordered by block number. A revoke that names a block which is not in the log costs nothing.
 */
function selectBlocks(log: LogReader, scan: Scan): { kept: LoggedBlock[]; revoked: number } {
  const revokedIn = new Map<number, number>();
  for (const { target } of scan.blocks) revokedIn.set(target, -1);
  for (const { position, transaction } of scan.revokes) {
    readRevokes(log.block(position), (target) => {
      if (revokedIn.has(target)) revokedIn.set(target, transaction);
    });
  }
  const newest = new Map<number, LoggedBlock>();
  let revoked = 0;
  for (const block of scan.blocks) {
    if (block.transaction <= revokedIn.get(block.target)!) revoked++;
    else newest.set(block.target, block);
  }
  const kept = [...newest.values()].sort((a, b) => a.target - b.target);
  return { kept, revoked };
}

function replay(device: BlockDevice, area: JournalArea, log: LogReader, kept: readonly LoggedBlock[]): void {
  const { blockSize } = area;
  const staging = new Uint8Array(WRITE_BYTES);
  let start = 0;
  let bytes = 0;
  for (const block of kept) {
    const adjacent = block.target * blockSize === start + bytes;
    if (bytes > 0 && (!adjacent || bytes + blockSize > staging.length)) {
      device.write(start, staging.subarray(0, bytes));
      bytes = 0;
    }
    if (bytes === 0) start = block.target * blockSize;
    readOriginal(log, block, staging.subarray(bytes, bytes + blockSize));
    bytes += blockSize;
  }
  if (bytes > 0) device.write(start, staging.subarray(0, bytes));
}

/** The journal may be declared clean only when what it protected is durable. */
function finish(device: BlockDevice, area: JournalArea, state: JournalState, next: number): void {
  device.flush();
  writeTail(device, area, state.block, 0, next);
  device.flush();
}

/**
 * As in jbd2 the number of the transaction that a crash interrupted is not used again, so that its remains are never
 * taken for part of another. Discarded transactions reach further: their blocks stay in the ring, intact.
 */
function sequenceAfter(log: LogReader, scan: Scan): number {
  const skipped = scan.damage === undefined ? 1 : log.length + 1;
  return (scan.end + skipped) >>> 0;
}

/** Fills `into` with the logged copy as the block was before its first word was escaped. */
function readOriginal(log: LogReader, block: LoggedBlock, into: Uint8Array): void {
  log.read(block.position, into);
  if (block.escaped) viewOf(into).setUint32(0, MAGIC);
}
