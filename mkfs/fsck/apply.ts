import { JournalError, JournalWriter, openJournal, recover } from '@vexfs/fuse/journal';
import { type BlockDevice, readSuperblock, superblockChecksum, VolumeError } from '@vexfs/fuse/volume';
import { crc32c, superblock as layout, STATE_ERRORS, SUPERBLOCK_SIZE } from '@vexfs/shared';
import type { Examination } from './examine.js';
import { journalArea, renewSuperblock } from './journal_check.js';
import type { Overlay } from './overlay.js';

/** Bytes that are copied at once. */
const COPY_BYTES = 1024 * 1024;

/**
 * Writes what a repair has changed to the device; afterwards the journal is empty. Blocks that nothing on the device leads
 * to come first, in place. When the rest fits, it goes through the journal as one transaction, so that an interruption leaves
 * all or nothing of the repair. Otherwise the volume is marked as damaged first, then blocks of files and trees are written
 * before the tables that lead to them, the superblock last: interrupted, it is checked and repaired again. Throws
 * DeviceError, JournalError.
 */
export function applyRepairs(device: BlockDevice, examination: Examination): void {
  const { overlay, old, superblock } = examination;
  if (overlay.changed.size === 0 && overlay.copies.isEmpty) return;
  const { geometry } = superblock;
  const { blockSize } = geometry;
  const area = journalArea(geometry);
  const inJournal = (number: number): boolean => number >= area.start && number < area.start + area.blocks;
  // Block 0 is always among them: it takes away the mark that is put on it below.
  const first = new Uint8Array(blockSize);
  overlay.read(0, first);
  overlay.write(0, first);

  if (!hasUsableSuperblock(device) || examination.journalReset) {
    // Without block 0 the journal cannot be found: it comes first, marked, so that an interruption is noticed.
    mark(device, overlay);
  }
  if (examination.journalReset) {
    resetJournal(device, examination);
    mark(device, overlay);
  }
  const { nextSequence } = recover(device, area, geometry.totalBlocks);

  const numbers = [...overlay.changed.keys()].filter((number) => !inJournal(number)).sort((a, b) => a - b);
  const isData = (number: number): boolean => geometry.isDataRange(number, 1);
  const isNew = (number: number): boolean => isData(number) && old.isNew(number);
  const write = (list: readonly number[]): void => {
    for (const number of list) device.write(number * blockSize, overlay.changed.get(number)!);
    device.flush();
  };
  copyBlocks(device, overlay);
  write(numbers.filter(isNew));
  const rest = numbers.filter((number) => !isNew(number));
  const writer = new JournalWriter(device, area, geometry.totalBlocks, nextSequence);
  if (writer.fits(rest.length, 0)) {
    const content = rest.map((number) => ({ number, data: overlay.changed.get(number)! }));
    const sequence = writer.commit({ blocks: content, revoked: [] });
    for (const { number, data } of content) device.write(number * blockSize, data);
    writer.checkpointed(sequence);
    writer.close();
    mendJournal(device, examination);
    return;
  }
  writer.close();
  mark(device, overlay);
  write(rest.filter((number) => number !== 0 && isData(number)));
  write(rest.filter((number) => number !== 0 && !isData(number)));
  mendJournal(device, examination);
  write([0]);
}

/** Their sources are as they were: nothing of the repair is in place yet that was something else before. */
function copyBlocks(device: BlockDevice, { copies, blockSize }: Overlay): void {
  const most = Math.max(1, Math.floor(COPY_BYTES / blockSize));
  copies.each((from, to, source) => {
    for (let at = from; at < to; at += most) {
      const bytes = new Uint8Array(Math.min(most, to - at) * blockSize);
      device.read((Number(source) + at - from) * blockSize, bytes);
      device.write(at * blockSize, bytes);
    }
  });
}

/** Empties a damaged journal: what of it is whole is replayed first, as the check has done in memory. */
function resetJournal(device: BlockDevice, { overlay, superblock }: Examination): void {
  const { geometry, uuid } = superblock;
  const area = journalArea(geometry);
  try {
    if (Buffer.compare(openJournal(device, area).uuid, uuid) === 0)
      recover(device, area, geometry.totalBlocks, { damaged: 'discard' });
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
  }
  for (let number = area.start + area.blocks - 1; number >= area.start; number--) {
    const data = overlay.changed.get(number);
    if (data === undefined) continue;
    // What a later replay could take for its own goes before the journal's superblock allows for one.
    if (number === area.start) device.flush();
    device.write(number * geometry.blockSize, data);
  }
  device.flush();
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

/** Puts the mark of a damaged volume on the superblock that the device has, or that the repair makes when it has none. */
function mark(device: BlockDevice, overlay: Overlay): void {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  (hasUsableSuperblock(device) ? device : overlay).read(0, bytes);
  const view = new DataView(bytes.buffer);
  const seed = crc32c(0xffffffff, layout.uuid.of(bytes, 0));
  layout.state.set(view, 0, layout.state.get(view, 0) | STATE_ERRORS);
  layout.checksum.set(view, 0, superblockChecksum(seed, 0, bytes));
  device.write(0, bytes);
  device.flush();
}
