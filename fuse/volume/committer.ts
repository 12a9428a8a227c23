import type { BlockDevice } from '../system/device.js';
import type { JournalWriter } from './journal/index.js';
import type { FrozenTransaction } from './store.js';
import type { Volume } from './volume.js';

/** Commits a frozen transaction to the journal, then writes its blocks in place. On any thread. Throws DeviceError, JournalError. */
export function writeTransaction(
  device: BlockDevice,
  writer: JournalWriter,
  blockSize: number,
  transaction: FrozenTransaction,
  onDurable?: () => void,
): void {
  const sequence = writer.commit({ blocks: transaction.blocks, revoked: transaction.revoked });
  onDurable?.();
  for (const { number, data } of transaction.blocks) device.write(number * blockSize, data);
  writer.checkpointed(sequence);
}

/** Freezes and commits on the calling thread: for mount, unmount, mkfs and tests. All data is durable afterwards. */
export function commitNow(volume: Volume, writer: JournalWriter): void {
  const frozen = volume.freeze();
  if (frozen === undefined) {
    // Bytes that were written over others change no metadata.
    volume.device.flush();
    return;
  }
  writeTransaction(volume.device, writer, volume.geometry.blockSize, frozen);
  volume.committed(frozen.id, Number.MAX_SAFE_INTEGER);
  volume.store.writtenInPlace(frozen.id);
}
