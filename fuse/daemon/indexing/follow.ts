import { indexChange } from '../../engine/index.js';
import { errno } from '../../system/index.js';
import { EUCLEAN } from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { anyJob, indexJob, JOB } from '../jobs.js';
import { rowExtentsOf } from './extents.js';
import type { FileIndex } from './file_index.js';
import type { Indexing } from './indexing.js';

/** Changes that a job is given; rounds do not depend on it. */
const PIECE = 1024;
/** The same with hnswlib, which is slower, and searched by the same thread. */
const HNSWLIB_PIECE = 64;

/** Has the indexing thread take the next changes. Throws Park, NeedRead, FsError, DeviceError: nothing has begun. */
export function followLog(fs: Filesystem, indexing: Indexing, index: FileIndex): void {
  const { file, queue } = index;
  const { options } = indexing;
  const memory = fs.transfer.take(PIECE * indexChange.$.size);
  // To fill may end the scan: that what stood there has been taken is known only behind it.
  const wasScanning = queue.isScanning;
  const count = queue.fill(memory.view, options.hnswlib ? HNSWLIB_PIECE : PIECE, file.ids, file.set.slots);
  if (count === 0) {
    // The scan has found no row more, and nothing came after it.
    fs.transfer.give(memory);
    if (wasScanning && index.unsaved > 0) index.isBuilt = true;
    indexing.lookAgain(index);
    return;
  }
  try {
    const extents = rowExtentsOf(fs, index);
    indexing.run(
      index,
      ({ fields }) => {
        fields[anyJob.kind] = JOB.INDEX_FOLLOW;
        fields[indexJob.extents] = extents.address;
        fields[indexJob.changes] = memory.address;
        fields[indexJob.count] = count;
        fields[indexJob.last] = queue.isAll(count) ? 1 : 0;
        fields[indexJob.threads] = options.threads;
      },
      ({ fields }) => followed(indexing, index, fields, wasScanning),
      () => fs.transfer.give(memory),
    );
  } catch (error) {
    fs.transfer.give(memory);
    throw error;
  }
}

function followed(indexing: Indexing, index: FileIndex, fields: Float64Array, wasScanning: boolean): void {
  const taken = fields[indexJob.taken]!;
  index.queue.take(taken);
  if (!indexing.options.hnswlib) index.unsaved += taken;
  if (wasScanning && !index.queue.isScanning) index.isBuilt = true;
  const code = fields[anyJob.result]!;
  if (code === 0 || code === errno.EINTR) return;
  if (code === EUCLEAN) indexing.rebuild(index);
  else indexing.rest(index, code);
}
