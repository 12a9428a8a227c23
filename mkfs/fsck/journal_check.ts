import { type JournalArea, JournalError, journalSuperblock, openJournal, recover } from '@vexfs/fuse/journal';
import type { BlockDevice, Geometry } from '@vexfs/fuse/volume';
import { crc32c } from '@vexfs/shared';
import type { Findings } from './finding.js';

/** Bytes of the journal's superblock, docs/format.md section 11; big-endian. */
const JOURNAL_SUPERBLOCK = 1024;
const MAXLEN = 16;
const FIRST = 20;
const SEQUENCE = 24;
const ERRNO = 32;
const CHECKSUM = 252;
const MAGIC = 0xc03b3998;

export interface JournalResult {
  /** Transactions that were replayed. */
  readonly replayed: number;
  /** Whether the journal was damaged and has been emptied. */
  readonly reset: boolean;
}

export function journalArea({ journalStart, journalBlocks, blockSize }: Geometry): JournalArea {
  return { start: journalStart, blocks: journalBlocks, blockSize };
}

/**
 * Checks the journal and replays it on `device`, which is an overlay. Of a damaged journal the transactions in front of
 * the damage are replayed; afterwards it is empty.
 */
export function checkJournal(
  device: BlockDevice,
  geometry: Geometry,
  uuid: Uint8Array,
  findings: Findings,
): JournalResult {
  const area = journalArea(geometry);
  const damaged = (message: string): void => {
    findings.add({
      code: 'journal',
      message: message.replace(/\.$/, ''),
      repair: 'replay what is whole and empty it',
      safe: false,
      block: geometry.journalStart,
    });
  };
  let replayed = 0;
  try {
    const state = openJournal(device, area);
    if (Buffer.compare(state.uuid, uuid) !== 0) {
      damaged('the journal belongs to another volume');
    } else {
      const result = recover(device, area, geometry.totalBlocks, { damaged: 'discard' });
      replayed = result.transactions;
      if (result.damage === undefined) {
        checkFields(device, area, uuid, findings);
        return { replayed, reset: false };
      }
      damaged(`the journal is damaged: ${result.damage}`);
    }
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    damaged(error.message);
  }
  emptyJournal(device, area, uuid, 1);
  return { replayed, reset: true };
}

/** What openJournal takes in its stride but mkfs never writes. */
function checkFields(device: BlockDevice, area: JournalArea, uuid: Uint8Array, findings: Findings): void {
  const block = new Uint8Array(area.blockSize);
  device.read(area.start * area.blockSize, block);
  const view = new DataView(block.buffer);
  const wrong: string[] = [];
  if (view.getUint32(MAXLEN) !== area.blocks) wrong.push('another length');
  if (view.getUint32(FIRST) !== 1) wrong.push('another first block');
  if (view.getUint32(ERRNO) !== 0) wrong.push(`the error ${Math.abs(view.getInt32(ERRNO))}`);
  if (wrong.length === 0) return;
  findings.add({
    code: 'journal-field',
    message: `the journal says ${wrong.join(' and ')}`,
    repair: 'write its superblock anew',
    safe: true,
    block: area.start,
  });
  renewSuperblock(device, area, uuid);
}

/** Writes the superblock of an empty journal as mkfs does, but for the number that its next transaction gets. */
export function renewSuperblock(device: BlockDevice, area: JournalArea, uuid: Uint8Array): void {
  const block = new Uint8Array(area.blockSize);
  device.read(area.start * area.blockSize, block);
  writeJournalSuperblock(device, area, uuid, new DataView(block.buffer).getUint32(SEQUENCE));
}

/** A clean journal without anything in it that a later replay could take for its own. */
function emptyJournal(device: BlockDevice, area: JournalArea, uuid: Uint8Array, sequence: number): void {
  const { start, blocks, blockSize } = area;
  const block = new Uint8Array(blockSize);
  const view = new DataView(block.buffer);
  const zeros = new Uint8Array(blockSize);
  for (let i = 1; i < blocks; i++) {
    device.read((start + i) * blockSize, block);
    if (view.getUint32(0) === MAGIC) device.write((start + i) * blockSize, zeros);
  }
  writeJournalSuperblock(device, area, uuid, sequence);
}

function writeJournalSuperblock(
  device: BlockDevice,
  area: JournalArea,
  uuid: Uint8Array,
  sequence: number,
): void {
  const { start, blocks, blockSize } = area;
  const block = journalSuperblock({ blocks, blockSize, uuid });
  const view = new DataView(block.buffer);
  view.setUint32(SEQUENCE, sequence);
  view.setUint32(CHECKSUM, 0);
  view.setUint32(CHECKSUM, crc32c(0xffffffff, block.subarray(0, JOURNAL_SUPERBLOCK)));
  device.write(start * blockSize, block);
}
