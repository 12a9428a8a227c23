import { batchDelete, DeleteFlag, deleteEmbedding, INODE_APPEND, MAX_ROWS_PER_CALL } from '@vexfs/shared';
import { duplicateScratchBytes, NO_SLOT } from '../../engine/index.js';
import { errno } from '../../system/index.js';
import { FsError } from '../../volume/index.js';
import { announce } from '../announcements.js';
import { aligned } from '../cache_line.js';
import type { Filesystem } from '../filesystem.js';
import { JOB, rowsJob } from '../jobs.js';
import { Park } from '../park.js';
import { consecutive } from '../slot_runs.js';
import type { VectorFile } from '../vector_file.js';
import { copyInFor } from './copy_in.js';
import { type Call, hasReserved, requireChanging, requireSet } from './ioctl.js';

/** Rows to be deleted, and who asked. */
interface Deletion {
  readonly file: VectorFile;
  /** Address of the ids, in memory of ours. */
  readonly ids: number;
  readonly count: number;
  readonly flags: number;
  readonly unique: number;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly sync: boolean;
}

/** Whose rows may go: an append-only file keeps all of them. */
function fileOf(fs: Filesystem, call: Call): VectorFile {
  requireChanging(fs, call);
  if ((call.inode.flags & INODE_APPEND) !== 0) throw new FsError(errno.EPERM);
  return requireSet(fs, call);
}

/** DELETE_EMBEDDING. */
export function deleteOne(fs: Filesystem, call: Call): void {
  const file = fileOf(fs, call);
  const { view, bytes } = call.request;
  const { at } = call;
  const flags = deleteEmbedding.flags.get(view, at);
  const none = bytes.subarray(at, at + 8).every((byte) => byte === 0xff);
  if ((flags & ~DeleteFlag.MISSING_OK) !== 0 || deleteEmbedding.reserved.get(view, at) !== 0 || none)
    throw new FsError(errno.EINVAL);
  const memory = fs.scratch.take(8);
  try {
    memory.bytes.set(bytes.subarray(at, at + 8));
    remove(fs, deletion(fs, call, file, memory.address, 1, flags));
  } finally {
    fs.scratch.give(memory);
  }
}

function deletion(
  fs: Filesystem,
  { request, flags: open }: Call,
  file: VectorFile,
  ids: number,
  count: number,
  flags: number,
): Deletion {
  const { unique, pid, uid, gid } = request;
  return { file, ids, count, flags, unique, pid, uid, gid, sync: fs.isSynchronous(open) };
}

/** BATCH_DELETE: an engine thread copies the ids, then all rows go or none does. */
export function deleteBatch(fs: Filesystem, call: Call): void {
  const file = fileOf(fs, call);
  const { view, unique } = call.request;
  const { at } = call;
  const count = batchDelete.count.get(view, at);
  const flags = batchDelete.flags.get(view, at);
  if (count === 0 || (flags & ~DeleteFlag.MISSING_OK) !== 0 || hasReserved(call, batchDelete.reserved))
    throw new FsError(errno.EINVAL);
  if (count > MAX_ROWS_PER_CALL) throw new FsError(errno.E2BIG);
  if (batchDelete.ids.get(view, at) === 0) throw new FsError(errno.EFAULT);
  const scratchAt = aligned(count * 8);
  const asked = deletion(fs, call, file, 0, count, flags);
  copyInFor(fs, call, file, {
    kind: JOB.COPY_IDS,
    bytes: scratchAt + duplicateScratchBytes(count),
    fill: (fields, address) => {
      fields[rowsJob.count] = count;
      fields[rowsJob.ids] = address;
      fields[rowsJob.scratch] = address + scratchAt;
      fields[rowsJob.table] = file.ids.handle;
      fields[rowsJob.pointer] = batchDelete.ids.offset;
    },
    done: (memory) => {
      const what = { ...asked, ids: memory.address };
      fs.attempt(
        unique,
        () => remove(fs, what),
        () => fs.transfer.give(memory),
      );
    },
  });
}

/** Slots of the rows, ascending. Throws ENOENT. */
function slotsOf(fs: Filesystem, { file, ids, count, flags }: Deletion): number[] {
  const found = fs.scratch.take(count * 4);
  try {
    const known = file.ids.findBatch(ids, count, found.address);
    if (known < count && (flags & DeleteFlag.MISSING_OK) === 0) throw new FsError(errno.ENOENT);
    const view = new Uint32Array(found.bytes.buffer, found.bytes.byteOffset, count);
    return Array.from(view.filter((slot) => slot !== NO_SLOT).sort());
  } finally {
    fs.scratch.give(found);
  }
}

function remove(fs: Filesystem, what: Deletion): void {
  const { file } = what;
  const { set, inode } = file;
  fs.requireWritable();
  if (file.isGone) throw new FsError(errno.ESTALE);
  if (file.isStoring) throw new Park();
  fs.actFor(what.uid, what.gid);
  const slots = slotsOf(fs, what);
  if (slots.length > 0) {
    const runs = consecutive(slots);
    fs.volume.requireBlocks(set.blocksFor(runs.length));
    set.requireNotes(runs.length);
    fs.vectors.whole(() => {
      for (const run of runs) {
        file.must(file.deleteSlots(run.slot, run.count));
        set.appendDelete(run.slot, run.count);
      }
      set.liveRows = file.ids.info().rows;
      file.freed.push({ transaction: fs.volume.store.transaction, slots });
      fs.packing.wake(file);
      fs.vectors.compactIfDue(file);
    });
    fs.markChanged(inode, what);
  }
  announce(fs, inode, { unique: what.unique, from: -1, end: -1, sync: what.sync });
}
