import { encodeReplyHeader, inHeader, REPLY_HEADER, REQUEST_HEADER } from '../protocol/index.js';
import { allocateMemory, errno, type Memory, read, write } from '../system/index.js';

/** A request in the buffer it was read into; valid until the next one is read. */
export interface Request {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the header begins; 0 unless the request was parked. */
  readonly opcode: number;
  readonly unique: number;
  readonly nodeid: number;
  readonly uid: number;
  readonly gid: number;
  /** Thread id of the caller, 0 for the kernel itself. */
  readonly pid: number;
  /** Where the argument structure begins. */
  readonly body: number;
  /** One past the last byte. */
  readonly end: number;
}

export function decodeRequest(bytes: Uint8Array, view: DataView, length: number): Request {
  return {
    bytes,
    view,
    opcode: inHeader.opcode.get(view, 0),
    unique: inHeader.unique.get(view, 0),
    nodeid: inHeader.nodeid.get(view, 0),
    uid: inHeader.uid.get(view, 0),
    gid: inHeader.gid.get(view, 0),
    pid: inHeader.pid.get(view, 0),
    body: REQUEST_HEADER,
    end: length,
  };
}

/**
 * The buffers of one thread that answers requests. A handler writes its payload at `PAYLOAD_AT` and calls `send`; every
 * reply is one write.
 */
export class Connection {
  readonly fd: number;
  readonly input: Memory;
  readonly output: Memory;
  static readonly PAYLOAD_AT = REPLY_HEADER;

  /** `inputBytes` is the request buffer that INIT asks for, `outputBytes` the largest payload. */
  constructor(fd: number, inputBytes: number, outputBytes: number) {
    this.fd = fd;
    this.input = allocateMemory(inputBytes);
    this.output = allocateMemory(REPLY_HEADER + outputBytes);
  }

  /** Length of the request read, or -errno: -EAGAIN when there is none, -ENODEV when the mount has ended. */
  receive(): number {
    for (;;) {
      const length = read(this.fd, this.input.address, this.input.bytes.length);
      if (length === -errno.EINTR || length === -errno.ENOENT) continue;
      return length;
    }
  }

  /** Answers with the payload that stands at PAYLOAD_AT. ENOENT, the caller is gone, is no failure. */
  send(unique: number, payload: number): void {
    const length = encodeReplyHeader(this.output.view, 0, unique, 0, payload);
    write(this.fd, this.output.address, length);
  }

  /** `code` is positive. */
  fail(unique: number, code: number): void {
    const length = encodeReplyHeader(this.output.view, 0, unique, -code, 0);
    write(this.fd, this.output.address, length);
  }
}
