/**
 * The smallest useful server over the transport layers, run as a worker: a read-only root directory with one file.
 * Attributes and entries are never cached, so each stat of a test reaches it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import {
  type Attributes,
  appendDirent,
  appendDirentOnly,
  appendDirentPlus,
  type DirectoryEntry,
  encodeAttrOut,
  encodeEntryOut,
  encodeInitOut,
  encodeReplyHeader,
  encodeStatfsOut,
  encodeStatxOut,
  expectsReply,
  FULL,
  INIT,
  INIT2,
  inHeader,
  minimumRequest,
  nameEnd,
  negotiate,
  OPCODE,
  openOut,
  REPLY_HEADER,
  REQUEST_HEADER,
  readIn,
  timeout,
} from '@vexfs/fuse/protocol';
import {
  allocateMemory,
  drainEventFd,
  errno,
  errnoName,
  memoryAt,
  PollSet,
  read,
  viewMemory,
  write,
  writePair,
} from '@vexfs/fuse/system';

export interface TinyStart {
  readonly fd: number;
  readonly wake: number;
  /** The file's name and content; the content lies at an address, as mapped rows do. */
  readonly name: Uint8Array;
  readonly contentAddress: number;
  readonly contentLength: number;
}

export interface TinyReport {
  readonly ended: string;
  readonly requests: number;
  readonly minor: number;
}

const start = workerData as TinyStart;
const port = parentPort;
if (port === null) throw new Error('the tiny filesystem runs as a worker');

const REPLY_BYTES = 65536;
const request = allocateMemory(1024 * 1024 + 4096);
const reply = allocateMemory(REPLY_BYTES);
const uncached = timeout(0);
const DIRECTORY = 1;
const FILE = 2;
const EMPTY = new Uint8Array(0);

const times = {
  atime: 1,
  mtime: -5,
  ctime: 3,
  btime: 1234567890,
  atimensec: 11,
  mtimensec: 22,
  ctimensec: 33,
};
const owner = { uid: 0, gid: 0, rdev: 0, blksize: 4096 };
const directory = { ino: DIRECTORY, size: 4096, blocks: 8, mode: 0o40755, nlink: 2, ...times, ...owner };
const file = {
  ino: FILE,
  size: start.contentLength,
  blocks: 8,
  mode: 0o100644,
  nlink: 1,
  ...times,
  ...owner,
};

const DT_DIRECTORY = 4;
const DT_REGULAR = 8;
const entries: readonly DirectoryEntry[] = [
  { ino: DIRECTORY, cookieHigh: 0, cookieLow: 1, type: DT_DIRECTORY, name: Buffer.from('.') },
  { ino: DIRECTORY, cookieHigh: 0, cookieLow: 2, type: DT_DIRECTORY, name: Buffer.from('..') },
  { ino: FILE, cookieHigh: 0x7fffffff, cookieLow: 0xfffffff0, type: DT_REGULAR, name: start.name },
];

function attributesOf(nodeid: number): (Attributes & { btime: number; btimensec: number }) | undefined {
  if (nodeid === DIRECTORY) return { ...directory, btimensec: 0 };
  return nodeid === FILE ? { ...file, btimensec: 0 } : undefined;
}

let minor = 0;

/** Fills the payload of the reply; returns its length or a negative errno. */
function answer(opcode: number, nodeid: number, length: number): number {
  const { view } = reply;
  const argument = REQUEST_HEADER;
  const attributes = attributesOf(nodeid);
  switch (opcode) {
    case OPCODE.INIT: {
      const wishes = {
        flags: INIT.ASYNC_READ | INIT.DO_READDIRPLUS | INIT.READDIRPLUS_AUTO | INIT.MAX_PAGES | INIT.INIT_EXT,
        flags2: INIT2.HAS_EXPIRE_ONLY,
        maxWrite: 1024 * 1024,
        maxReadahead: 1024 * 1024,
        maxBackground: 16,
        timeGranularity: 1,
      };
      const negotiation = negotiate(request.view, argument, length - argument, wishes);
      if (negotiation.outcome !== 'agreed') return -errno.EPROTO;
      minor = negotiation.session.minor;
      return encodeInitOut(view, REPLY_HEADER, negotiation.session);
    }
    case OPCODE.LOOKUP: {
      const end = nameEnd(request.bytes, argument, length);
      const name = end < 0 ? EMPTY : request.bytes.subarray(argument, end);
      if (Buffer.compare(name, start.name) !== 0) return -errno.ENOENT;
      return encodeEntryOut(view, REPLY_HEADER, FILE, 1, file, uncached, uncached);
    }
    case OPCODE.GETATTR:
      if (attributes === undefined) return -errno.ESTALE;
      return encodeAttrOut(view, REPLY_HEADER, attributes, uncached);
    case OPCODE.STATX:
      if (attributes === undefined) return -errno.ESTALE;
      return encodeStatxOut(view, REPLY_HEADER, attributes, uncached);
    case OPCODE.STATFS:
      return encodeStatfsOut(view, REPLY_HEADER, {
        blocks: 1000,
        bfree: 10,
        bavail: 9,
        files: 2,
        ffree: 0,
        bsize: 4096,
        namelen: 255,
      });
    case OPCODE.OPEN:
    case OPCODE.OPENDIR:
      openOut.fh.set(view, REPLY_HEADER, 7);
      openOut.open_flags.set(view, REPLY_HEADER, 0);
      openOut.padding.set(view, REPLY_HEADER, 0);
      return openOut.$.size;
    case OPCODE.READDIR:
    case OPCODE.READDIRPLUS:
      return list(opcode === OPCODE.READDIRPLUS);
    case OPCODE.RELEASE:
    case OPCODE.RELEASEDIR:
    case OPCODE.FLUSH:
      return 0;
    default:
      return -errno.ENOSYS;
  }
}

function list(plus: boolean): number {
  const { view } = request;
  const cookieLow = view.getUint32(REQUEST_HEADER + readIn.offset.offset, true);
  const limit = REPLY_HEADER + Math.min(readIn.size.get(view, REQUEST_HEADER), REPLY_BYTES - REPLY_HEADER);
  const resumed = entries.findIndex((entry) => entry.cookieLow === cookieLow);
  let at = REPLY_HEADER;
  for (const entry of entries.slice(cookieLow === 0 ? 0 : resumed + 1)) {
    let end: number;
    if (!plus) end = appendDirent(reply, at, limit, entry);
    else if (entry.type === DT_DIRECTORY) end = appendDirentOnly(reply, at, limit, entry);
    else end = appendDirentPlus(reply, at, limit, entry, FILE, 1, file, uncached, uncached);
    if (end === FULL) break;
    at = end;
  }
  return at - REPLY_HEADER;
}

/** Answers READ with the content where it lies: header and data leave in one writev, without a copy. */
function sendContent(unique: number): number {
  const offset = Math.min(readIn.offset.get(request.view, REQUEST_HEADER), start.contentLength);
  const size = Math.min(readIn.size.get(request.view, REQUEST_HEADER), start.contentLength - offset);
  encodeReplyHeader(reply.view, 0, unique, 0, size);
  if (size === 0) return write(start.fd, reply.address, REPLY_HEADER);
  return writePair(start.fd, reply.address, REPLY_HEADER, start.contentAddress + offset, size);
}

function serveOne(length: number): void {
  const opcode = inHeader.opcode.get(request.view, 0);
  if (length < minimumRequest(opcode)) throw new Error(`a request of ${length} bytes for opcode ${opcode}`);
  if (!expectsReply(opcode)) return;
  const unique = inHeader.unique.get(request.view, 0);
  let result: number;
  if (opcode === OPCODE.READ) {
    result = sendContent(unique);
  } else {
    const payload = answer(opcode, inHeader.nodeid.get(request.view, 0), length);
    const total = encodeReplyHeader(reply.view, 0, unique, Math.min(0, payload), Math.max(0, payload));
    result = write(start.fd, reply.address, total);
  }
  if (result < 0 && result !== -errno.ENOENT) throw new Error(`reply: ${errnoName(result)}`);
}

function serve(): TinyReport {
  const poll = new PollSet([start.fd, start.wake]);
  let requests = 0;
  for (;;) {
    const ready = poll.wait(-1);
    if (ready < 0 && ready !== -errno.EINTR) return { ended: errnoName(ready), requests, minor };
    if (poll.ready(1) !== 0 && drainEventFd(start.wake) > 0) return { ended: 'woken', requests, minor };
    const length = read(start.fd, request.address, request.bytes.byteLength);
    if (length >= 0) {
      requests += 1;
      serveOne(length);
    } else if (length !== -errno.EAGAIN && length !== -errno.EINTR && length !== -errno.ENOENT) {
      return { ended: errnoName(length), requests, minor };
    }
  }
}

// The same memory through both helpers: a worker that saw other bytes than the main thread would serve wrong content.
const same = memoryAt(start.contentAddress, start.contentLength).bytes;
if (Buffer.compare(same, viewMemory(start.contentAddress, start.contentLength)) !== 0) {
  throw new Error('two views of one address differ');
}
port.postMessage(serve());
