import { type Extents, extentsBytes, writeExtents } from '../../engine/index.js';
import { allocateMemory, freeMemory, type Memory } from '../../system/index.js';
import { bytesOfRow, type Inode, strideOf } from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { segmentPairs } from '../segments.js';
import type { FileIndex } from './file_index.js';

/** The engine's structure in memory of its own. */
export function extentsInMemory(extents: Extents): Memory {
  const memory = allocateMemory(extentsBytes(extents));
  writeExtents(extents, memory.view);
  return memory;
}

/** Where the content of an inode lies, as a snapshot is read. */
export function contentExtents(fs: Filesystem, inode: Inode, bytes: number): Memory {
  const pairs = segmentPairs(fs.volume, inode, 0, bytes);
  return extentsInMemory({ fd: fs.device.fd, first: 0, stride: 0, rowBytes: 0, slots: 0, pairs });
}

/** Where the rows of a file lie now. Valid for jobs that are pinned before the next operation. */
export function rowExtentsOf(fs: Filesystem, index: FileIndex): Memory {
  const { file, rowExtents } = index;
  const { inode, set } = file;
  const version = inode.extentVersion;
  if (rowExtents !== undefined && rowExtents.version === version && rowExtents.size === inode.size)
    return rowExtents.memory;
  const { layout } = set;
  const stride = strideOf(layout);
  const end = Math.min(inode.size, layout.dataOffset + set.slots * stride);
  const memory = extentsInMemory({
    fd: fs.device.fd,
    first: layout.dataOffset,
    stride,
    rowBytes: bytesOfRow(layout),
    slots: set.slots,
    pairs: segmentPairs(fs.volume, inode, 0, end),
  });
  if (rowExtents !== undefined) fs.vectors.retire(file, () => freeMemory(rowExtents.memory));
  index.rowExtents = { memory, version, size: inode.size };
  return memory;
}
