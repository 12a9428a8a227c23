import { errno } from './errno.js';
import { close } from './files.js';
import { bind, orErrno } from './libc.js';
import { putVector, putWord, scratch, scratchAddress, takeWord } from './scratch.js';

const socketpairRaw = bind<(domain: number, type: number, protocol: number, pair: number) => number>(
  'socketpair',
  'int',
  ['int', 'int', 'int', 'int64_t'],
);
const recvmsgRaw = bind<(fd: number, message: number, flags: number) => number>('recvmsg', 'int64_t', [
  'int',
  'int64_t',
  'int',
]);

/** Source: include/linux/socket.h, asm-generic/socket.h. */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;

/**
 * The scratch block during recvmsg: struct msghdr (56 bytes, LP64) at 0, its iovec at 64, the byte it fills at 80, the
 * control buffer (one cmsghdr of 16 bytes and descriptors) at 96.
 */
const MESSAGE = { iov: 16, iovlen: 24, control: 32, controllen: 40, size: 56 };
const VECTOR_AT = 64;
const DATA_AT = 80;
const CONTROL_AT = 96;
const CONTROL_BYTES = 64;
const CMSG_HEADER = 16;

/** A connected pair of local stream sockets, close-on-exec, or -errno. */
export function socketPair(): readonly [number, number] | number {
  const result = orErrno(socketpairRaw(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, scratchAddress));
  return result < 0 ? result : [scratch.getInt32(0, true), scratch.getInt32(4, true)];
}

/**
 * Waits for a message on a local socket and takes the one descriptor that comes with it (SCM_RIGHTS), close-on-exec.
 * -ECONNRESET when the peer closed without sending, -EPROTO when the message carries no descriptor; -errno.
 */
export function receiveDescriptor(socket: number): number {
  for (let at = 0; at < CONTROL_AT + CONTROL_BYTES; at += 8) putWord(at, 0);
  putVector(VECTOR_AT, scratchAddress + DATA_AT, 1);
  putWord(MESSAGE.iov, scratchAddress + VECTOR_AT);
  putWord(MESSAGE.iovlen, 1);
  putWord(MESSAGE.control, scratchAddress + CONTROL_AT);
  putWord(MESSAGE.controllen, CONTROL_BYTES);
  const received = orErrno(recvmsgRaw(socket, scratchAddress, MSG_CMSG_CLOEXEC));
  if (received < 0) return received;
  if (received === 0) return -errno.ECONNRESET;

  const controlBytes = takeWord(MESSAGE.controllen);
  const length = takeWord(CONTROL_AT);
  const isRights =
    controlBytes >= CMSG_HEADER + 4 &&
    length >= CMSG_HEADER + 4 &&
    length <= CONTROL_BYTES &&
    scratch.getInt32(CONTROL_AT + 8, true) === SOL_SOCKET &&
    scratch.getInt32(CONTROL_AT + 12, true) === SCM_RIGHTS;
  if (!isRights) return -errno.EPROTO;
  const descriptors: number[] = [];
  for (let at = CMSG_HEADER; at + 4 <= length; at += 4)
    descriptors.push(scratch.getInt32(CONTROL_AT + at, true));
  // More than one is nothing we asked for; keeping the rest open would leak them.
  for (const extra of descriptors.slice(1)) close(extra);
  return descriptors[0]!;
}
