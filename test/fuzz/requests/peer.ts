/** The kernel's end of a FUSE connection, played by a socket that keeps messages apart, with the real threads of a daemon behind it. */
import { DaemonThreads } from '@vexfs/fuse/daemon';
import { inHeader, initIn, OPCODE, outHeader } from '@vexfs/fuse/protocol';
import {
  allocateMemory,
  close,
  errno,
  FileDevice,
  type Memory,
  PollSet,
  read,
  write,
} from '@vexfs/fuse/system';
import koffi from 'koffi';

const libc = koffi.load(null);
const socketpair = libc.func('socketpair', 'int', ['int', 'int', 'int', 'void *']) as (
  domain: number,
  type: number,
  protocol: number,
  pair: Int32Array,
) => number;
const setsockopt = libc.func('setsockopt', 'int', ['int', 'int', 'int', 'const void *', 'uint32_t']) as (
  fd: number,
  level: number,
  option: number,
  value: Int32Array,
  length: number,
) => number;

/** Source: include/linux/net.h, include/uapi/asm-generic/socket.h. */
const AF_UNIX = 1;
const SEQPACKET_NONBLOCK = 5 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
/** Bytes that may wait on their way to one end. */
const ROOM = 8 << 20;
const MESSAGE = (1 << 20) + 8192;
/** Milliseconds after which a request counts as never answered: far more than any takes, on a busy machine too. */
const PATIENCE = 60_000;

/** A reply, in memory that the next one overwrites. */
export interface Reply {
  readonly unique: number;
  /** 0, or minus an errno. */
  readonly error: number;
  /** What follows the header. */
  readonly payload: Uint8Array;
  readonly view: DataView;
}

export class FusePeer {
  /** What the thread that failed threw. */
  fallen: unknown;
  private readonly fds: readonly [number, number];
  private readonly device: FileDevice;
  private readonly threads: DaemonThreads;
  private readonly served: Promise<number>;
  private readonly output: Memory = allocateMemory(MESSAGE);
  private readonly input: Memory = allocateMemory(MESSAGE);
  private readonly readable: PollSet;

  private constructor(fds: readonly [number, number], device: FileDevice, threads: DaemonThreads) {
    this.fds = fds;
    this.device = device;
    this.threads = threads;
    this.readable = new PollSet([fds[0]]);
    this.served = threads.serve(fds[1], (error) => {
      this.fallen = error;
    });
  }

  /** Opens the volume in the file `path`. Throws VolumeError. */
  static async start(path: string): Promise<FusePeer> {
    const device = FileDevice.open(path);
    const caching = { attributeSeconds: 3600, entrySeconds: 3600, directIo: false };
    const indexing = { memory: 2 ** 30, automaticRows: 0, threads: 1, hnswlib: false };
    const threads = await DaemonThreads.open({ device, readOnly: false, caching, threads: 2, indexing });
    const pair = new Int32Array(32);
    if (socketpair(AF_UNIX, SEQPACKET_NONBLOCK, 0, pair) !== 0)
      throw new Error(`socketpair: ${koffi.errno()}`);
    const fds = [pair[0]!, pair[1]!] as const;
    for (const fd of fds) {
      // The limit of the system may only be passed by root: others get as much as it gives.
      const room = new Int32Array(32).fill(ROOM);
      if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, room, 4) !== 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, room, 4);
    }
    const peer = new FusePeer(fds, device, threads);
    const body = new Uint8Array(initIn.$.size);
    const view = new DataView(body.buffer);
    initIn.major.set(view, 0, 7);
    initIn.minor.set(view, 0, 38);
    initIn.max_readahead.set(view, 0, 1 << 17);
    initIn.flags.set(view, 0, 0xffffffff);
    peer.send({ opcode: OPCODE.INIT, unique: 2, nodeid: 0, body });
    const reply = await peer.receive();
    if (reply?.error !== 0) throw new Error(`INIT was answered with ${reply?.error}`);
    return peer;
  }

  send(request: {
    opcode: number;
    unique: number;
    nodeid: number | bigint;
    body: Uint8Array;
    uid?: number;
    gid?: number;
    pid?: number;
  }): void {
    const { bytes, view, address } = this.output;
    const length = inHeader.$.size + request.body.length;
    bytes.fill(0, 0, inHeader.$.size);
    inHeader.len.set(view, 0, length);
    inHeader.opcode.set(view, 0, request.opcode);
    inHeader.unique.set(view, 0, request.unique);
    inHeader.nodeid.setBig(view, 0, BigInt(request.nodeid));
    inHeader.uid.set(view, 0, request.uid ?? 0);
    inHeader.gid.set(view, 0, request.gid ?? 0);
    inHeader.pid.set(view, 0, request.pid ?? process.pid);
    bytes.set(request.body, inHeader.$.size);
    const result = write(this.fds[0], address, length);
    if (result !== length) throw new Error(`a request of ${length} bytes cannot be sent: ${result}`);
  }

  /** The next reply; undefined when there is none within `patience`. What the daemon tells the kernel on its own is checked and dropped. */
  async receive(patience = PATIENCE): Promise<Reply | undefined> {
    const deadline = performance.now() + patience;
    for (;;) {
      const length = read(this.fds[0], this.input.address, MESSAGE);
      if (length === -errno.EAGAIN) {
        const left = deadline - performance.now();
        if (left <= 0) return undefined;
        // Blocks this thread for a moment only: threads that are to be started need it.
        this.readable.wait(Math.min(left, 1));
        await new Promise((resolve) => setImmediate(resolve));
        if (this.fallen !== undefined)
          throw new Error('a thread of the daemon failed', { cause: this.fallen });
        continue;
      }
      if (length < outHeader.$.size) throw new Error(`a message of ${length} bytes`);
      const { view, bytes } = this.input;
      if (outHeader.len.get(view, 0) !== length)
        throw new Error(`a message of ${length} bytes says that it has ${outHeader.len.get(view, 0)}`);
      const unique = outHeader.unique.get(view, 0);
      const error = outHeader.error.get(view, 0);
      if (unique === 0) {
        if (error < 1 || error > 7) throw new Error(`a notification with the code ${error}`);
        continue;
      }
      if (error > 0 || error < -1000 || (error !== 0 && length !== outHeader.$.size))
        throw new Error(`a reply with the error ${error} and ${length} bytes`);
      const payload = bytes.subarray(outHeader.$.size, length);
      return {
        unique,
        error,
        payload,
        view: new DataView(payload.buffer, payload.byteOffset, payload.length),
      };
    }
  }

  /** Everything is committed and closed, as after an unmount. */
  async end(): Promise<void> {
    this.threads.leave();
    const failed = await Promise.race([
      this.served,
      new Promise<number>((_, reject) =>
        setTimeout(() => reject(this.fallen ?? new Error('the threads do not end')), PATIENCE).unref(),
      ),
    ]);
    await this.threads.end();
    for (const fd of this.fds) close(fd);
    this.device.close();
    if (failed !== 0) throw new Error(`the last changes did not reach the volume: ${failed}`);
  }

  /** Ends the threads in whatever state they are. */
  async abort(): Promise<void> {
    await this.threads.end();
    for (const fd of this.fds) close(fd);
    this.device.close();
  }
}
