import { extentsOf } from './content.js';
import type { Run } from './extent_lookup.js';
import type { Inode } from './inode.js';
import type { Volume } from './volume.js';

/** Bytes of zeros that are written at once. */
const PIECE = 1 << 20;
const zeros = new Uint8Array(PIECE);

/** Writes zeros over a range of the device. Throws DeviceError. */
export function writeZeros(volume: Volume, position: number, length: number): void {
  for (let done = 0; done < length; done += PIECE)
    volume.device.write(position + done, zeros.subarray(0, Math.min(PIECE, length - done)));
}

/**
 * Blocks of an unwritten extent have got their content: they count as written from now on. `end` is where the file ends
 * then. Such a write has been promised its space, so it must not fail: where no blocks are left to split the extent,
 * the rest of it becomes zeros too, and what lies past the end of the file is given back.
 */
export function becomeWritten(volume: Volume, inode: Inode, run: Run, end: number): void {
  const tree = extentsOf(volume, inode);
  const { blockSize } = volume.geometry;
  const whole = tree.extentAt(run.logical);
  if (whole.length !== run.length && volume.blocks.available < 2 * tree.worstInsert) {
    const from = whole.physical - whole.logical;
    const keep = Math.max(run.logical + run.length, Math.ceil(end / blockSize));
    const stop = Math.min(whole.logical + whole.length, keep);
    const zero = (first: number, last: number): void =>
      writeZeros(volume, (from + first) * blockSize, (last - first) * blockSize);
    zero(whole.logical, run.logical);
    zero(run.logical + run.length, stop);
    if (stop < whole.logical + whole.length) {
      const { blocks } = tree.remove(stop, whole.logical + whole.length, 1, (start, length) =>
        volume.blocks.give({ start, length }),
      );
      inode.blocks -= blocks;
    }
    tree.mark(whole.logical, stop - whole.logical, false);
  } else {
    tree.mark(run.logical, run.length, false);
  }
  inode.markDirty();
}
