import { JournalWriter, recover } from '@vexfs/fuse/journal';
import { type BlockDevice, readSuperblock, superblockChecksum, VolumeError } from '@vexfs/fuse/volume';
import { superblock as layout, STATE_ERRORS, SUPERBLOCK_SIZE } from '@vexfs/shared';
import type { Examination } from './examine.js';
import { journalArea, renewSuperblock } from './journal_check.js';

/**
 * Writes what a repair has changed to the device; afterwards the journal is empty. When it fits, it goes through the
 * journal as one transaction, so that an interruption leaves all or nothing of it. Otherwise the volume is marked as
 * damaged first, then blocks of files and trees are written before the tables that lead to them, the superblock last:
 * interrupted, it is checked and repaired again. Throws DeviceError, JournalError.
 */
export function applyRepairs(device: BlockDevice, examination: Examination): void {
  const { overlay, superblock } = examination;
  if (overlay.changed.size === 0) return;
  const { geometry } = superblock;
  const area = journalArea(geometry);
  const inJournal = (number: number): boolean => number >= area.start && number < area.start + area.blocks;
  const numbers = [...overlay.changed.keys()].sort((a, b) => a - b);
  const blocks = numbers.filter((number) => !inJournal(number));

  if (!hasUsableSuperblock(device)) {
    // Without block 0 the journal cannot be found: it comes first, marked, so that an interruption is noticed.
    device.write(0, markedDamaged(overlay));
    device.flush();
  }
  if (!examination.journalReset) {
    const { nextSequence } = recover(device, area, geometry.totalBlocks);
    const writer = new JournalWriter(device, area, geometry.totalBlocks, nextSequence);
    if (writer.fits(blocks.length, 0)) {
      const content = blocks.map((number) => ({ number, data: overlay.changed.get(number)! }));
      const sequence = writer.commit({ blocks: content, revoked: [] });
      for (const { number, data } of content) device.write(number * geometry.blockSize, data);
      writer.checkpointed(sequence);
      writer.close();
      mendJournal(device, examination);
      return;
    }
    writer.close();
    device.write(0, markedDamaged(device));
    device.flush();
  }
  const write = (list: readonly number[]): void => {
    for (const number of list) device.write(number * geometry.blockSize, overlay.changed.get(number)!);
    device.flush();
  };
  write(blocks.filter((number) => number !== 0 && isData(examination, number)));
  write(blocks.filter((number) => number !== 0 && !isData(examination, number)));
  if (examination.journalReset) write(numbers.filter(inJournal));
  else mendJournal(device, examination);
  write(blocks.filter((number) => number === 0));
}

function isData({ superblock }: Examination, number: number): boolean {
  return superblock.geometry.isDataRange(number, 1);
}

function hasUsableSuperblock(device: BlockDevice): boolean {
  try {
    readSuperblock(device);
    return true;
  } catch (error) {
    if (error instanceof VolumeError) return false;
    throw error;
  }
}

/** Mends the fields of the journal's own superblock, on the device: its sequence number has gone on meanwhile. */
function mendJournal(device: BlockDevice, { findings, superblock }: Examination): void {
  if (!findings.list.some(({ code }) => code === 'journal-field')) return;
  renewSuperblock(device, journalArea(superblock.geometry), superblock.uuid);
  device.flush();
}

/** The superblock that a device has, with the mark of a damaged volume. */
function markedDamaged(device: BlockDevice): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(0, bytes);
  const view = new DataView(bytes.buffer);
  const { seed } = readSuperblock(device);
  layout.state.set(view, 0, layout.state.get(view, 0) | STATE_ERRORS);
  layout.checksum.set(view, 0, superblockChecksum(seed, 0, bytes));
  return bytes;
}
