import { batchGet, isElementType } from '@vexfs/shared';
import { bestCpu, decodeRows, NO_SLOT } from '../../engine/index.js';
import { Connection } from '../../server/connection.js';
import { errno, memoryAt } from '../../system/index.js';
import { aligned } from '../cache_line.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, getJob } from '../jobs.js';
import { ioctlResult } from './announce.js';
import { copyOut } from './caller_memory.js';
import { ImageReader } from './image_reader.js';

/** Job GET_ROWS: reads many rows piece by piece, converts them if asked, and answers with them in the caller's buffers. */
export function getRows(thread: EngineThread, slot: JobSlot): void {
  const unique = slot.fields[anyJob.unique]!;
  const code = deliver(thread, slot);
  if (code !== 0) {
    thread.connection.fail(unique, code);
    return;
  }
  const out = ioctlResult(thread);
  thread.connection.output.bytes.set(slot.bytes.subarray(0, batchGet.$.size), out);
  thread.connection.send(unique, out - Connection.PAYLOAD_AT + batchGet.$.size);
}

function deliver(thread: EngineThread, slot: JobSlot): number {
  const { fields, view } = slot;
  const count = batchGet.count.get(view, 0);
  const data = batchGet.data.getBig(view, 0);
  const size = batchGet.data_size.get(view, 0) / count;
  const slotBytes = memoryAt(fields[getJob.slots]!, count * 4).bytes;
  const slots = new Uint32Array(slotBytes.buffer, slotBytes.byteOffset, count);
  const piece = fields[getJob.piece]!;
  const rows = fields[getJob.scratch]!;
  const rowBytes = fields[getJob.rowBytes]!;
  const floats = rows + aligned(piece * rowBytes);
  const stored = fields[getJob.element]!;
  const dimensions = fields[getJob.dimensions]!;
  const converts = batchGet.element_type.get(view, 0) !== stored && isElementType(stored);
  for (let row = 0; data !== 0n && row < count; row += piece) {
    if (thread.exchange.isInterrupted(slot)) return errno.EINTR;
    const part = slots.subarray(row, row + piece);
    if (!readRows(thread, fields, part)) return errno.EIO;
    if (converts) decodeRows(bestCpu, stored, dimensions, rows, rowBytes, part.length, floats);
    const to = data + BigInt(row * size);
    const failed = copyOut(fields[anyJob.pid]!, converts ? floats : rows, to, part.length * size);
    if (failed !== 0) return failed;
  }
  const found = batchGet.found.getBig(view, 0);
  if (found === 0n) return 0;
  const marks = floats + aligned(piece * dimensions * 4);
  memoryAt(marks, count).bytes.set(Uint8Array.from(slots, (at) => (at === NO_SLOT ? 0 : 1)));
  return copyOut(fields[anyJob.pid]!, marks, found, count);
}

/** The stored rows of `slots`, one after the other without padding; zeros for those that there are not. */
function readRows(thread: EngineThread, fields: Float64Array, slots: Uint32Array): boolean {
  const pairs = fields[getJob.segments]!;
  const list = memoryAt(fields[getJob.segmentsAt]!, Math.max(16, pairs * 16)).bytes;
  const reader = new ImageReader(thread.imageFd, new Float64Array(list.buffer, list.byteOffset, pairs * 2));
  const rowBytes = fields[getJob.rowBytes]!;
  const stride = fields[getJob.stride]!;
  const start = fields[getJob.scratch]!;
  const scratch = memoryAt(start, slots.length * rowBytes).bytes;
  let to = start;
  for (let i = 0; i < slots.length; ) {
    const slot = slots[i]!;
    let run = 1;
    if (slot === NO_SLOT) {
      scratch.fill(0, to - start, to - start + rowBytes);
    } else {
      // Packed rows that lie side by side are read together.
      if (stride === rowBytes) while (slots[i + run] === slot + run) run += 1;
      reader.seek(slot * stride);
      if (!reader.read(to, run * rowBytes)) {
        fields[anyJob.failedAt] = reader.failedAt + 1;
        return false;
      }
    }
    i += run;
    to += run * rowBytes;
  }
  return true;
}
