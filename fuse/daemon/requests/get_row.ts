import { ElementType, getEmbedding } from '@vexfs/shared';
import { NO_SLOT } from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import { bytesOfRow, FsError, strideOf } from '../../volume/index.js';
import { aligned } from '../cache_line.js';
import type { Filesystem } from '../filesystem.js';
import { getJob, JOB } from '../jobs.js';
import type { VectorFile } from '../vector_file.js';
import { deliverRows } from './deliver_rows.js';
import { type Call, hasReserved, ioctlReply } from './ioctl.js';

const AT = Connection.PAYLOAD_AT;

/** GET_EMBEDDING: finds the row here; an engine thread reads it, converts it and answers. */
export function getRow(fs: Filesystem, call: Call, file: VectorFile): void {
  const { at } = call;
  const { view, bytes } = call.request;
  const { layout } = file.set;
  const rowBytes = bytesOfRow(layout);
  const wanted = getEmbedding.element_type.get(view, at) || layout.elementType;
  const room = getEmbedding.data_size.get(view, at);
  const inline = getEmbedding.data.get(view, at) === 0;
  const needed = wanted === layout.elementType ? rowBytes : layout.dimensions * 4;
  const convertible = wanted === layout.elementType || wanted === ElementType.FLOAT32;
  const inlineRoom = call.size - getEmbedding.$.size;
  if (
    !convertible ||
    getEmbedding.flags.get(view, at) !== 0 ||
    hasReserved(call, getEmbedding.reserved) ||
    (inline && room > inlineRoom) ||
    (room !== 0 && room < needed)
  ) {
    throw new FsError(errno.EINVAL);
  }
  const found = fs.scratch.take(24);
  try {
    const idAt = at + getEmbedding.id.offset;
    found.bytes.set(bytes.subarray(idAt, idAt + 8));
    file.ids.findBatch(found.address, 1, found.address + 8);
  } finally {
    fs.scratch.give(found);
  }
  const slotNumber = found.view.getUint32(8, true);
  if (slotNumber === NO_SLOT) throw new FsError(errno.ENOENT);
  if (room === 0) {
    const out = fs.connection.output;
    const reply = ioctlReply(out.view);
    out.bytes.set(bytes.subarray(at, at + call.size), reply);
    describe(out.view, reply, needed, wanted, layout.dimensions, slotNumber);
    fs.connection.send(call.request.unique, reply - AT + call.size);
    return;
  }
  const { unique, pid, uid } = call.request;
  deliverRows(fs, {
    kind: JOB.GET,
    unique,
    pid,
    uid,
    file,
    offset: layout.dataOffset + slotNumber * strideOf(layout),
    length: rowBytes,
    room: aligned(rowBytes) + layout.dimensions * 4,
    fill(slot) {
      slot.bytes.set(bytes.subarray(at, at + getEmbedding.$.size));
      describe(slot.view, 0, needed, wanted, layout.dimensions, slotNumber);
      slot.fields[getJob.argumentBytes] = call.size;
    },
    done() {},
  });
}

function describe(
  view: DataView,
  at: number,
  bytes: number,
  element: number,
  dimensions: number,
  slot: number,
): void {
  getEmbedding.data_size.set(view, at, bytes);
  getEmbedding.element_type.set(view, at, element);
  getEmbedding.dimensions.set(view, at, dimensions);
  getEmbedding.slot.set(view, at, slot);
}
