import type { FileDevice } from '@vexfs/fuse/system';
import { clearRange } from '@vexfs/fuse/volume';

const MIB = 1024 * 1024;
/** Bytes given back in one call, so that an interrupt takes effect between two. */
const DISCARD_STEP = 1024 * MIB;

/**
 * Bytes cleared at both ends: every signature that programs look for lies there (the backup GPT takes 33 sectors, md's
 * superblocks up to 128 KiB, ZFS's labels 512 KiB), except the mirrors in FAR.
 */
const ENDS = MIB;
/** Copies of btrfs superblocks, 4096 bytes each: kernel, fs/btrfs/disk-io.h, btrfs_sb_offset(). */
const FAR: ReadonlyArray<readonly [number, number]> = [
  [64 * MIB, 4096],
  [256 * 1024 * MIB, 4096],
];

/**
 * Removes every trace by which another program, or an older volume, would be recognised in the first `size` bytes. Throws
 * DeviceError.
 */
export function eraseSignatures(device: FileDevice, size: number): void {
  clearRange(device, 0, Math.min(ENDS, size));
  device.flush();
  const end = Math.max(0, size - ENDS);
  clearRange(device, end, size - end);
  for (const [position, length] of FAR) {
    if (position + length <= size) clearRange(device, position, length);
  }
  device.flush();
}

/** Gives the content of the first `size` bytes back where the medium can take it. False when it cannot; that is no failure. */
export function discardAll(
  device: FileDevice,
  size: number,
  progress: (done: number, of: number) => void,
): boolean {
  for (let position = 0; position < size; position += DISCARD_STEP) {
    progress(position, size);
    try {
      if (!device.discard(position, Math.min(DISCARD_STEP, size - position))) return false;
    } catch {
      // A hint only: what the device does not take back stays, and is never read as part of the volume.
      return false;
    }
  }
  progress(size, size);
  return true;
}
