import { batchGet, ElementType, GetFlag, MAX_BYTES_PER_CALL, MAX_ROWS_PER_CALL } from '@vexfs/shared';
import { Connection } from '../../server/connection.js';
import { errno, type Memory } from '../../system/index.js';
import { bytesOfRow, FsError, strideOf } from '../../volume/index.js';
import { aligned } from '../cache_line.js';
import type { Filesystem } from '../filesystem.js';
import { getJob, JOB, rowsJob } from '../jobs.js';
import type { VectorFile } from '../vector_file.js';
import { copyInFor } from './copy_in.js';
import { deliverRows } from './deliver_rows.js';
import { type Call, hasReserved, ioctlReply, requireReading, requireSet } from './ioctl.js';

/** Bytes of rows that are read, converted and handed over at a time. */
const PIECE = 1 << 20;

/** A checked BATCH_GET. */
interface Wanted {
  readonly file: VectorFile;
  readonly unique: number;
  readonly pid: number;
  readonly uid: number;
  /** The argument as it travels back. */
  readonly argument: Uint8Array;
  readonly count: number;
  readonly missingOk: boolean;
  /** Whether there is anything for a thread to deliver. */
  readonly isDelivered: boolean;
}

/** BATCH_GET: an engine thread copies the ids, they are found here, and an engine thread reads, converts and answers. */
export function getRows(fs: Filesystem, call: Call): void {
  requireReading(call);
  const file = requireSet(fs, call);
  const { at } = call;
  const { view, bytes, unique, pid, uid } = call.request;
  const { layout } = file.set;
  const count = batchGet.count.get(view, at);
  const flags = batchGet.flags.get(view, at);
  const wanted = batchGet.element_type.get(view, at) || layout.elementType;
  const room = batchGet.data_size.getBig(view, at);
  const rowBytes = bytesOfRow(layout);
  const needed = wanted === layout.elementType ? rowBytes : layout.dimensions * 4;
  if (
    (wanted !== layout.elementType && wanted !== ElementType.FLOAT32) ||
    batchGet.dimensions.get(view, at) !== layout.dimensions ||
    count === 0 ||
    (room !== 0n && room < BigInt(count) * BigInt(needed)) ||
    (flags & ~GetFlag.MISSING_OK) !== 0 ||
    hasReserved(call, batchGet.reserved)
  ) {
    throw new FsError(errno.EINVAL);
  }
  if (count > MAX_ROWS_PER_CALL || count * Math.max(rowBytes, needed) > MAX_BYTES_PER_CALL)
    throw new FsError(errno.E2BIG);
  if (batchGet.ids.getBig(view, at) === 0n || (room !== 0n && batchGet.data.getBig(view, at) === 0n))
    throw new FsError(errno.EFAULT);
  const argument = bytes.slice(at, at + call.size);
  const out = new DataView(argument.buffer);
  if (room === 0n) batchGet.data.set(out, 0, 0);
  batchGet.data_size.set(out, 0, count * needed);
  batchGet.element_type.set(out, 0, wanted);
  const isDelivered = room !== 0n || batchGet.found.getBig(view, at) !== 0n;
  const what = { file, unique, pid, uid, argument, count, missingOk: flags !== 0, isDelivered };
  copyInFor(fs, call, file, {
    kind: JOB.COPY_IDS,
    bytes: aligned(count * 8) + count * 4,
    fill: (fields, address) => {
      fields[rowsJob.count] = count;
      fields[rowsJob.ids] = address;
      fields[rowsJob.table] = 0;
      fields[rowsJob.pointer] = batchGet.ids.offset;
    },
    done: (memory) => {
      let isHandedOn = false;
      fs.attempt(
        unique,
        () => {
          isHandedOn = deliver(fs, what, memory);
        },
        () => {
          if (!isHandedOn) fs.transfer.give(memory);
        },
      );
    },
  });
}

/** Finds the rows; whether a thread goes on with them and needs `ids`. Throws ENOENT, Park. */
function deliver(fs: Filesystem, what: Wanted, ids: Memory): boolean {
  const { file, count, argument, unique } = what;
  if (file.isGone) throw new FsError(errno.ESTALE);
  const slots = ids.address + aligned(count * 8);
  const known = file.ids.findBatch(ids.address, count, slots);
  if (known < count && !what.missingOk) throw new FsError(errno.ENOENT);
  if (!what.isDelivered) {
    const { view, bytes } = fs.connection.output;
    const reply = ioctlReply(view);
    bytes.set(argument, reply);
    fs.connection.send(unique, reply - Connection.PAYLOAD_AT + argument.length);
    return false;
  }
  const { layout } = file.set;
  const stride = strideOf(layout);
  const rowBytes = bytesOfRow(layout);
  const piece = Math.max(1, Math.min(count, Math.floor(PIECE / Math.max(rowBytes, layout.dimensions * 4))));
  deliverRows(fs, {
    kind: JOB.GET_ROWS,
    unique,
    pid: what.pid,
    uid: what.uid,
    file,
    offset: layout.dataOffset,
    length: file.set.slots * stride,
    room: aligned(piece * rowBytes) + aligned(piece * layout.dimensions * 4) + count,
    fill({ bytes, fields }) {
      bytes.set(argument);
      fields[getJob.stride] = stride;
      fields[getJob.slots] = slots;
      fields[getJob.piece] = piece;
    },
    done: () => fs.transfer.give(ids),
  });
  return true;
}
