import { errno } from '../system/index.js';
import { DeviceError, FsError, forSegments, strideOf, truncateContent } from '../volume/index.js';
import { announce } from './announcements.js';
import { DeviceWrites, WORTH_A_THREAD } from './device_writes.js';
import type { Filesystem } from './filesystem.js';
import { Park } from './park.js';
import { consecutive } from './slot_runs.js';
import type { VectorFile } from './vector_file.js';

/**
 * Slots that no row and no search needs any more: those at the end of the file are cut off, which waits for the index, the others
 * become zeros and then take rows again.
 */
export function recycle(fs: Filesystem, file: VectorFile, freed: number[]): void {
  freed.sort((a, b) => a - b);
  fs.packing.wake(file);
  let end = file.set.slots;
  if (file.index?.isQuiet ?? true) {
    cutEnd(fs, file);
    end = file.set.slots;
  } else {
    end = file.ids.liveEnd();
    const behind = freed.filter((slot) => slot >= end);
    if (behind.length > 0) file.freed.unshift({ transaction: 0, slots: behind });
  }
  const slots = freed.filter((slot) => slot < end);
  if (slots.length === 0) return;
  try {
    zero(fs, file, slots);
  } catch (error) {
    if (error instanceof Park || (error instanceof FsError && error.errno === errno.ENOMEM)) {
      // No thread or no memory for it now: the next commit comes by here again.
      file.freed.unshift({ transaction: 0, slots });
      return;
    }
    // Slots that cannot be cleaned are not used again.
    if (fs.errnoOf(error) === undefined) throw error;
  }
}

/** Cuts the file off behind its last row, where all behind is free. */
export function cutEnd(fs: Filesystem, file: VectorFile): void {
  const { layout, slots } = file.set;
  if (file.writers > 0) return;
  const stride = strideOf(layout);
  let end = file.ids.liveEnd();
  for (const other of file.freed) for (const slot of other.slots) end = Math.max(end, slot + 1);
  if (end >= slots || file.inode.size !== layout.dataOffset + slots * stride) return;
  try {
    const size = layout.dataOffset + end * stride;
    fs.vectors.beforeResize(file.inode, size);
    try {
      truncateContent(fs.volume, file.inode, size);
    } finally {
      file.behindTheScenes(() => fs.vectors.afterResize(file.inode));
    }
  } catch (error) {
    // What is not cut off stays as free slots.
    if (!(error instanceof FsError || error instanceof DeviceError)) throw error;
  }
  announce(fs, file.inode, { unique: 0, from: file.inode.size, end: -1, sync: false });
}

function zero(fs: Filesystem, file: VectorFile, slots: readonly number[]): void {
  const { layout } = file.set;
  const stride = strideOf(layout);
  const writes = new DeviceWrites();
  for (const { slot, count } of consecutive(slots)) {
    const offset = layout.dataOffset + slot * stride;
    forSegments(fs.volume, file.inode, offset, count * stride, (position, _offset, bytes) => {
      if (position >= 0) writes.add(position, bytes, 0);
    });
  }
  const reuse = (): void => {
    file.freeSlots = [...file.freeSlots, ...slots].sort((a, b) => a - b);
    const from = layout.dataOffset + slots[0]! * stride;
    announce(fs, file.inode, { unique: 0, from, end: -1, sync: false });
  };
  if (writes.bytes < WORTH_A_THREAD) {
    writes.zeroNow(fs.volume);
    reuse();
    return;
  }
  writes.submit(fs, 0, (code) => {
    file.writers -= 1;
    file.pins -= 1;
    if (code === 0 && !file.isGone) reuse();
  });
  file.writers += 1;
  file.pins += 1;
}
