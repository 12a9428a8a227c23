import { ElementType, INODE_APPEND, InsertFlag, NO_ID, putEmbedding } from '@vexfs/shared';
import { ioctlIn } from '../../protocol/index.js';
import { errno } from '../../system/index.js';
import { bytesOfRow, FsError, strideOf } from '../../volume/index.js';
import { aligned } from '../cache_line.js';
import type { Filesystem } from '../filesystem.js';
import { JOB, rowsJob } from '../jobs.js';
import { copyRowsFor } from './copy_in.js';
import { firstTouched } from './insert.js';
import { type Call, hasReserved, requireChanging, requireSet } from './ioctl.js';
import { storeBatch } from './store_batch.js';

/** ADD_EMBEDDING: an insertion of one row, whose id must be free. */
export function addRow(fs: Filesystem, call: Call): void {
  requireChanging(fs, call);
  put(fs, call, false);
}

/** UPDATE_EMBEDDING: the replacement of one row. */
export function updateRow(fs: Filesystem, call: Call): void {
  requireChanging(fs, call);
  if ((call.inode.flags & INODE_APPEND) !== 0) throw new FsError(errno.EPERM);
  put(fs, call, true);
}

/** An engine thread copies the vector, checks and converts it; the rest is what becomes of every batch. */
function put(fs: Filesystem, call: Call, mustExist: boolean): void {
  const file = requireSet(fs, call);
  const { layout } = file.set;
  const { view, bytes, body, unique, pid, uid, gid } = call.request;
  const { at } = call;
  const id = putEmbedding.id.getBig(view, at);
  const element = putEmbedding.element_type.get(view, at) || layout.elementType;
  const isFloat = element === ElementType.FLOAT32;
  const size = isFloat ? layout.dimensions * 4 : bytesOfRow(layout);
  const isInline = putEmbedding.data.getBig(view, at) === 0n;
  if (
    (id === NO_ID && mustExist) ||
    (!isFloat && element !== layout.elementType) ||
    putEmbedding.dimensions.get(view, at) !== layout.dimensions ||
    putEmbedding.data_size.get(view, at) !== size ||
    (isInline && size > call.size - putEmbedding.$.size) ||
    putEmbedding.flags.get(view, at) !== 0 ||
    hasReserved(call, putEmbedding.reserved)
  ) {
    throw new FsError(errno.EINVAL);
  }
  const stride = strideOf(layout);
  const dataAt = aligned(size);
  const idsAt = dataAt + aligned(stride);
  // The request is gone when the row has been copied.
  const argument = bytes.slice(at, at + call.size);
  const argumentAt = ioctlIn.arg.get(view, body);
  const sync = fs.isSynchronous(call.flags);
  copyRowsFor(fs, call, file, 1, {
    kind: JOB.COPY_ROW,
    bytes: idsAt + 8,
    fill: (fields, address) => {
      fields[rowsJob.dimensions] = layout.dimensions;
      fields[rowsJob.element] = layout.elementType;
      fields[rowsJob.stride] = stride;
      fields[rowsJob.source] = address;
      fields[rowsJob.argument] = argumentAt;
      fields[rowsJob.argumentBytes] = argument.length;
      fields[rowsJob.data] = address + dataAt;
      fields[rowsJob.invalidate] = firstTouched(file, stride);
    },
    done: (memory) => {
      memory.view.setBigUint64(idsAt, id, true);
      storeBatch(fs, file, {
        rows: 1,
        flags: mustExist ? InsertFlag.OVERWRITE : 0,
        mustExist,
        argument,
        data: memory.address + dataAt,
        ids: id === NO_ID ? 0 : memory.address + idsAt,
        memory,
        layout,
        unique,
        pid,
        uid,
        gid,
        sync,
      });
    },
  });
}
