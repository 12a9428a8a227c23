/**
 * A FUSE filesystem of one file, run as a worker: a disk in memory that logs every write and flush in the order in which it
 * answers them, and fails where it is told to. One thread answers, one request after the other, so a flush covers what was
 * answered before it and nothing else.
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  encodeAttrOut,
  encodeEntryOut,
  encodeInitOut,
  encodeReplyHeader,
  encodeStatfsOut,
  expectsReply,
  fallocateIn,
  INIT,
  inHeader,
  nameEnd,
  negotiate,
  OPCODE,
  openOut,
  REPLY_HEADER,
  REQUEST_HEADER,
  readIn,
  timeout,
  writeIn,
  writeOut,
} from '@vexfs/fuse/protocol';
import { allocateMemory, errno, PollSet, read, write } from '@vexfs/fuse/system';
import { SECTOR, SharedLog, type SharedLogHandle } from './shared_log.js';

export interface DiskServerData {
  readonly fd: number;
  readonly name: string;
  readonly log: SharedLogHandle;
}

const data = workerData as DiskServerData;
const log = new SharedLog(data.log);
const NAME = Buffer.from(data.name);
const MAX_WRITE = 1 << 20;
const request = allocateMemory(MAX_WRITE + 8192);
const reply = allocateMemory(REPLY_HEADER + MAX_WRITE + 4096);
const ROOT = 1;
const FILE = 2;
const PUNCH_HOLE = 2;
const lasting = timeout(86_400);

const times = { atime: 1, mtime: 1, ctime: 1, atimensec: 0, mtimensec: 0, ctimensec: 0 };
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, rdev: 0, blksize: 4096 };
const root = { ino: ROOT, size: 0, blocks: 0, mode: 0o40755, nlink: 2, ...times, ...owner };
const file = {
  ino: FILE,
  size: log.image.length,
  blocks: log.image.length / SECTOR,
  mode: 0o100600,
  nlink: 1,
  ...times,
  ...owner,
};

/** Fills the payload of the reply; returns its length or a negative errno. */
function answer(opcode: number, node: number, length: number): number {
  const { view } = reply;
  const at = REQUEST_HEADER;
  switch (opcode) {
    case OPCODE.INIT: {
      // Without readahead a read that fails is not tried a second time behind the reader's back.
      const wishes = {
        flags: INIT.BIG_WRITES | INIT.MAX_PAGES,
        flags2: 0,
        maxWrite: MAX_WRITE,
        maxReadahead: 0,
        maxBackground: 16,
        timeGranularity: 1,
      };
      const negotiation = negotiate(request.view, at, length - at, wishes);
      if (negotiation.outcome !== 'agreed') return -errno.EPROTO;
      return encodeInitOut(view, REPLY_HEADER, negotiation.session);
    }
    case OPCODE.LOOKUP: {
      const name = request.bytes.subarray(at, nameEnd(request.bytes, at, length));
      if (node !== ROOT || Buffer.compare(name, NAME) !== 0) return -errno.ENOENT;
      return encodeEntryOut(view, REPLY_HEADER, FILE, 1, file, lasting, lasting);
    }
    case OPCODE.GETATTR:
    case OPCODE.SETATTR:
      return encodeAttrOut(view, REPLY_HEADER, node === FILE ? file : root, lasting);
    case OPCODE.STATFS: {
      const blocks = log.image.length / 4096;
      const counts = { blocks, bfree: 0, bavail: 0, files: 1, ffree: 0, bsize: 4096, namelen: 255 };
      return encodeStatfsOut(view, REPLY_HEADER, counts);
    }
    case OPCODE.OPEN:
      openOut.fh.set(view, REPLY_HEADER, 1);
      // Without FOPEN_KEEP_CACHE: a new opener reads the disk and not what an earlier one has left in the cache.
      openOut.open_flags.set(view, REPLY_HEADER, 0);
      openOut.padding.set(view, REPLY_HEADER, 0);
      return openOut.$.size;
    case OPCODE.READ:
      return readDisk(readIn.offset.get(request.view, at), readIn.size.get(request.view, at));
    case OPCODE.WRITE:
      return writeDisk(writeIn.offset.get(request.view, at), writeIn.size.get(request.view, at));
    case OPCODE.FSYNC: {
      const code = log.fails('flush', 0, 0);
      if (code !== 0) return -code;
      log.addFlush();
      return 0;
    }
    case OPCODE.FALLOCATE: {
      if ((fallocateIn.mode.get(request.view, at) & PUNCH_HOLE) === 0) return -errno.EOPNOTSUPP;
      const offset = fallocateIn.offset.get(request.view, at);
      log.addWrite(offset, new Uint8Array(fallocateIn.length.get(request.view, at)));
      return 0;
    }
    case OPCODE.FLUSH:
    case OPCODE.RELEASE:
      return 0;
    default:
      return -errno.ENOSYS;
  }
}

function readDisk(position: number, size: number): number {
  const from = Math.min(position, log.image.length);
  const bytes = log.image.subarray(from, Math.min(from + size, log.image.length));
  const code = log.fails('read', from, bytes.length);
  if (code !== 0) return -code;
  reply.bytes.set(bytes, REPLY_HEADER);
  return bytes.length;
}

function writeDisk(position: number, size: number): number {
  const start = REQUEST_HEADER + writeIn.$.size;
  const bytes = request.bytes.subarray(start, start + size);
  const code = log.fails('write', position, size);
  if (code !== 0) {
    // A disk that fails a write may have done a part of it.
    const part = Math.floor(size / 2 / SECTOR) * SECTOR;
    if (part > 0) log.addWrite(position, bytes.subarray(0, part));
    return -code;
  }
  log.addWrite(position, bytes);
  writeOut.size.set(reply.view, REPLY_HEADER, size);
  writeOut.padding.set(reply.view, REPLY_HEADER, 0);
  return writeOut.$.size;
}

/** Reads that wait to be released. */
let held: Uint8Array[] = [];

function serve(): void {
  const poll = new PollSet([data.fd]);
  for (;;) {
    if (held.length > 0 && !log.holdsReads) {
      for (const bytes of held) {
        request.bytes.set(bytes);
        respond(bytes.length);
      }
      held = [];
      log.heldReads = 0;
    }
    const length = read(data.fd, request.address, request.bytes.length);
    if (length === -errno.EAGAIN) {
      poll.wait(held.length > 0 ? 5 : -1);
      continue;
    }
    if (length === -errno.EINTR || length === -errno.ENOENT) continue;
    if (length < 0) return;
    const opcode = inHeader.opcode.get(request.view, 0);
    if (!expectsReply(opcode)) continue;
    if (opcode === OPCODE.READ && log.holdsReads) {
      held.push(request.bytes.slice(0, length));
      log.heldReads = held.length;
      continue;
    }
    respond(length);
  }
}

/** Answers the request of so many bytes that lies in `request`. */
function respond(length: number): void {
  const opcode = inHeader.opcode.get(request.view, 0);
  const payload = answer(opcode, inHeader.nodeid.get(request.view, 0), length);
  const unique = inHeader.unique.get(request.view, 0);
  const total = encodeReplyHeader(reply.view, 0, unique, Math.min(0, payload), Math.max(0, payload));
  write(data.fd, reply.address, total);
}

serve();
parentPort?.postMessage('ended');
