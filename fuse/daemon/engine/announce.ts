import { encodeInvalInode, encodeIoctlOut, encodeStore, NOTIFY_MAX } from '../../protocol/index.js';
import { Connection } from '../../server/connection.js';
import { allocateMemory, type Memory, pread, write } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { announceJob, anyJob } from '../jobs.js';

const AT = Connection.PAYLOAD_AT;

let message: Memory | undefined;

function buffer(): Memory {
  message ??= allocateMemory(4096);
  return message;
}

/** Drops cached attributes, and cached pages from `from` on (-1: none). Dirty mapped pages are written back first. */
export function invalidate(thread: EngineThread, node: number, from: number): void {
  const { view, address } = buffer();
  const length = encodeInvalInode(view, 0, node, from, 0);
  write(thread.connection.fd, address, length);
}

/** Puts the last byte of a grown file into the page cache, which moves the kernel's idea of its size. */
function storeLastByte(thread: EngineThread, node: number, end: number, position: number): void {
  const { view, bytes, address } = buffer();
  const header = encodeStore(view, 0, node, end - 1, 1);
  bytes[NOTIFY_MAX + 8] = 0;
  if (position >= 0) pread(thread.imageFd, address + NOTIFY_MAX + 8, 1, position);
  bytes[header] = bytes[NOTIFY_MAX + 8]!;
  write(thread.connection.fd, address, header + 1);
}

/** Writes an empty fuse_ioctl_out at the payload of the thread's reply; returns where an argument would follow. */
export function ioctlResult(thread: EngineThread): number {
  return encodeIoctlOut(thread.connection.output.view, AT);
}

/** Job ANNOUNCE: the kernel learns what a call changed, then the caller that it is done. */
export function announceChange(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const node = fields[anyJob.node]!;
  const end = fields[announceJob.end]!;
  const unique = fields[anyJob.unique]!;
  if (end >= 0) storeLastByte(thread, node, end, fields[announceJob.position]!);
  invalidate(thread, node, fields[announceJob.from]!);
  // Before the reply: what its caller stores then counts.
  fields[announceJob.isDropped] = 1;
  if (unique === 0) return;
  if (fields[anyJob.result] !== 0) thread.connection.fail(unique, fields[anyJob.result]!);
  else {
    const out = ioctlResult(thread);
    const bytes = fields[announceJob.reply]!;
    thread.connection.output.bytes.set(slot.bytes.subarray(0, bytes), out);
    thread.connection.send(unique, out - AT + bytes);
  }
}
