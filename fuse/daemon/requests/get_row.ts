import { ElementType, getEmbedding } from '@vexfs/shared';
import { NO_SLOT } from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import { bytesOfRow, FsError, strideOf } from '../../volume/index.js';
import { ENGINE_QUEUE, SPARE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import {
  GET_DIMENSIONS,
  GET_ELEMENT,
  GET_IN_SIZE,
  GET_ROW_BYTES,
  GET_SCRATCH,
  GET_SEGMENTS,
  GET_SEGMENTS_AT,
  GET_SLOT,
  JOB,
  KIND,
  NODE,
  PID,
  UNIQUE,
} from '../jobs.js';
import { Park } from '../park.js';
import { segmentPairs } from '../segments.js';
import type { VectorFile } from '../vector_files.js';
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
  const pairs = segmentPairs(
    fs.volume,
    file.inode,
    layout.dataOffset + slotNumber * strideOf(layout),
    rowBytes,
  );
  const slot = fs.exchange.take(SPARE.caller);
  if (slot === undefined) throw new Park();
  const scratchAt = Math.ceil(pairs.byteLength / 64) * 64;
  let memory: ReturnType<typeof fs.transfer.take>;
  try {
    memory = fs.transfer.take(scratchAt + Math.ceil(rowBytes / 64) * 64 + layout.dimensions * 4);
  } catch (error) {
    fs.exchange.give(slot);
    throw error;
  }
  new Float64Array(memory.bytes.buffer, memory.bytes.byteOffset, pairs.length).set(pairs);
  const { fields } = slot;
  slot.bytes.set(bytes.subarray(at, at + getEmbedding.$.size));
  describe(slot.view, 0, needed, wanted, layout.dimensions, slotNumber);
  fields[KIND] = JOB.GET;
  fields[UNIQUE] = call.request.unique;
  fields[PID] = call.request.pid;
  fields[NODE] = file.inode.number;
  fields[GET_SEGMENTS] = pairs.length / 2;
  fields[GET_SEGMENTS_AT] = memory.address;
  fields[GET_SCRATCH] = memory.address + scratchAt;
  fields[GET_ELEMENT] = layout.elementType;
  fields[GET_DIMENSIONS] = layout.dimensions;
  fields[GET_ROW_BYTES] = rowBytes;
  fields[GET_SLOT] = slotNumber;
  fields[GET_IN_SIZE] = call.size;
  fs.pin(slot, () => fs.transfer.give(memory));
  fs.submit(ENGINE_QUEUE, slot, call.request.unique);
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
