import { batchInsertRequest, ElementType, InsertFlag } from '@vexfs/shared';
import { duplicateScratchBytes } from '../../engine/index.js';
import { PAGE_SIZE } from '../../system/index.js';
import { bytesOfRow, strideOf } from '../../volume/index.js';
import { aligned } from '../cache_line.js';
import type { Filesystem } from '../filesystem.js';
import { JOB, rowsJob } from '../jobs.js';
import type { VectorFile } from '../vector_file.js';
import { copyRowsFor } from './copy_in.js';
import type { Call } from './ioctl.js';
import { storeBatch } from './store_batch.js';

/**
 * BATCH_INSERT, first half: an engine thread copies rows and ids from the caller, checks and converts them. The second
 * half runs here again when the job comes back.
 */
export function insertRows(fs: Filesystem, call: Call, file: VectorFile): void {
  const { view, unique, pid, uid, gid } = call.request;
  const { layout } = file.set;
  const rows = batchInsertRequest.vector_count.get(view, call.at);
  const flags = batchInsertRequest.flags.get(view, call.at);
  const hasIds = batchInsertRequest.vector_ids.getBig(view, call.at) !== 0n;
  const stride = strideOf(layout);
  const sourceBytes = aligned(rows * layout.dimensions * 4);
  const asIs = layout.elementType === ElementType.FLOAT32 && stride === bytesOfRow(layout);
  const dataAt = asIs ? 0 : sourceBytes;
  const idsAt = sourceBytes + (asIs ? 0 : aligned(rows * stride));
  const scratchAt = idsAt + (hasIds ? aligned(rows * 8) : 0);
  const sync = fs.isSynchronous(call.flags);
  copyRowsFor(fs, call, file, flags === InsertFlag.VALIDATE ? 0 : rows, {
    kind: JOB.COPY_ROWS,
    bytes: scratchAt + (hasIds ? aligned(duplicateScratchBytes(rows)) : 0),
    fill: (fields, address) => {
      fields[rowsJob.count] = rows;
      fields[rowsJob.dimensions] = layout.dimensions;
      fields[rowsJob.element] = layout.elementType;
      fields[rowsJob.stride] = stride;
      fields[rowsJob.source] = address;
      fields[rowsJob.data] = address + dataAt;
      fields[rowsJob.ids] = hasIds ? address + idsAt : 0;
      fields[rowsJob.scratch] = address + scratchAt;
      fields[rowsJob.table] = file.ids.handle;
      fields[rowsJob.invalidate] = firstTouched(file, stride);
    },
    done: (memory) => {
      const { address } = memory;
      const data = address + dataAt;
      const ids = hasIds ? address + idsAt : 0;
      storeBatch(fs, file, { rows, flags, data, ids, memory, layout, unique, pid, uid, gid, sync });
    },
  });
}

/** The first byte that new rows may change in pages that the kernel has: mapped stores there are written back first. */
export function firstTouched(file: VectorFile, stride: number): number {
  const free = file.freeSlots[0];
  if (free !== undefined) return file.set.layout.dataOffset + free * stride;
  const { size } = file.inode;
  return size % PAGE_SIZE === 0 ? -1 : size - (size % PAGE_SIZE);
}
