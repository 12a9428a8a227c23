import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type FuseMount, MountError, type MountOptions, mountFuse } from '../mount/index.js';
import { encodeInitOut, encodeMajorOut, negotiate, OPCODE } from '../protocol/index.js';
import { leaveStarter, passStarter } from '../server/background.js';
import { Connection, decodeRequest } from '../server/connection.js';
import {
  check,
  close,
  createEventFd,
  errno,
  MNT_DETACH,
  MNT_FORCE,
  PollSet,
  signalEventFd,
  umount,
} from '../system/index.js';
import { createFile } from './filesystem.js';
import { createInterrupts } from './interrupts.js';
import { createStore } from './store.js';
import { INPUT_BYTES, type WorkerData } from './worker_data.js';

export const PROGRAM = 'vexfs-vss';

export interface ServerRequest {
  readonly mountpoint: string;
  readonly options: MountOptions;
  /** Vectors at most. */
  readonly capacity: number;
  /** Threads that answer calls. */
  readonly threads: number;
}

/** Nothing is written, so one page will do; arguments of ioctls need four. */
const WISHES = {
  flags: 0,
  flags2: 0,
  maxWrite: 16 << 10,
  maxReadahead: 0,
  maxBackground: 16,
  timeGranularity: 1,
};
const SMALL = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

/** Mounts and serves until the mount has ended. Throws MountError, SystemCallError. */
export async function runServer(request: ServerRequest): Promise<void> {
  const { mountpoint, options, capacity, threads } = request;
  const shared = {
    stopFd: check(createEventFd(), 'making an eventfd'),
    store: createStore(capacity),
    interrupts: createInterrupts(threads),
    file: createFile(),
  };
  passStarter();
  const mount = await mountFuse({ source: PROGRAM, mountpoint, options, subtype: PROGRAM });
  try {
    agree(mount.fd);
    stopOnSignals(mount, shared.stopFd);
    const workers = Array.from({ length: threads }, (_, thread) => {
      const workerData: WorkerData = { ...shared, fd: mount.fd, thread };
      return new Worker(new URL('./worker.js', import.meta.url), { workerData, resourceLimits: SMALL });
    });
    for (const worker of workers) worker.once('error', (error) => fall(mount, error));
    leaveStarter(PROGRAM);
    await Promise.all(workers.map((worker) => once(worker, 'exit')));
  } finally {
    close(mount.fd);
    close(shared.stopFd);
  }
}

/** Answers INIT, the first request of the kernel, which no other comes before. Throws MountError. */
function agree(fd: number): void {
  const connection = new Connection(fd, INPUT_BYTES, 4096);
  const polled = new PollSet([fd]);
  for (;;) {
    const length = connection.receive();
    if (length === -errno.EAGAIN) {
      polled.wait(-1);
      continue;
    }
    if (length < 0) throw new MountError('the mount has ended before it began');
    const { opcode, unique, view, body, end } = decodeRequest(
      connection.input.bytes,
      connection.input.view,
      length,
    );
    if (opcode !== OPCODE.INIT) {
      connection.fail(unique, errno.EIO);
      continue;
    }
    const negotiation = negotiate(view, body, end - body, WISHES);
    const { view: out } = connection.output;
    if (negotiation.outcome === 'refused') {
      connection.fail(unique, errno.EPROTO);
      throw new MountError(negotiation.reason);
    }
    const agreed = negotiation.outcome === 'agreed';
    const at = Connection.PAYLOAD_AT;
    connection.send(unique, agreed ? encodeInitOut(out, at, negotiation.session) : encodeMajorOut(out, at));
    if (agreed) return;
  }
}

/** The first signal takes the mount away; who has the file open keeps the threads until the second. */
function stopOnSignals(mount: FuseMount, stopFd: number): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) {
      signalEventFd(stopFd);
      return;
    }
    stopping = true;
    void mount.unmount({ lazy: true }).catch((error: unknown) => {
      console.error(`${PROGRAM}: ${error instanceof Error ? error.message : error}`);
      signalEventFd(stopFd);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
}

/** A thread has thrown: callers get ENOTCONN instead of a hang. exit() would wait for threads that sleep in system calls. */
function fall(mount: FuseMount, error: unknown): void {
  console.error(`${PROGRAM}: a thread failed, the mount ends:`, error);
  umount(mount.mountpoint, MNT_FORCE | MNT_DETACH);
  process.kill(process.pid, 'SIGKILL');
}
