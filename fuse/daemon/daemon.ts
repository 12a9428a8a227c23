import { Worker } from 'node:worker_threads';
import {
  checkMountpoint,
  type FuseMount,
  MountError,
  type MountOptions,
  mountFuse,
  mountsOf,
} from '../mount/index.js';
import {
  close,
  createEventFd,
  errnoName,
  lockVolume,
  MNT_DETACH,
  MNT_FORCE,
  umount,
} from '../system/index.js';
import { VolumeError } from '../volume/index.js';
import { leaveStarter } from './background.js';
import type { EngineWorkerData } from './engine_worker.js';
import { ENGINE_QUEUE, Exchange, READ_QUEUE, WRITE_QUEUE } from './exchange.js';
import type { Caching } from './filesystem.js';
import { MAX_WRITE } from './fuse_loop.js';
import type { FuseWorkerData, FuseWorkerMessage, MountedMessage } from './fuse_worker.js';
import { Guard } from './guard.js';
import type { JournalWorkerData } from './journal_worker.js';

export interface DaemonRequest {
  /** The volume, without symbolic links. */
  readonly target: string;
  readonly mountpoint: string;
  readonly options: MountOptions;
  /** Engine threads at most. */
  readonly threads: number;
  readonly caching: Caching;
}

/** Milliseconds that a holder without a mount has to let go of the volume: it may be committing. */
const LOCK_WAIT = 30_000;
/** Threads at most that read what the page cache does not hold. */
const READERS = 2;
/** Threads at most that write what is too much for the FUSE thread. */
const WRITERS = 2;
/** Small heaps: what is large lies outside of them. */
const LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 1024 };
const SMALL = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 128 };

function startWorker(file: string, workerData: unknown, resourceLimits = SMALL): Worker {
  return new Worker(new URL(file, import.meta.url), { workerData, resourceLimits });
}

/** Mounts a volume and serves it until it is unmounted. Resolves to the exit status. Throws MountError, DeviceError, VolumeError. */
export async function runDaemon(request: DaemonRequest): Promise<number> {
  const { target, options } = request;
  const mountpoint = checkMountpoint(request.mountpoint);
  const { readOnly } = options;
  const device = await lockVolume(target, {
    readOnly: false,
    waitMs: LOCK_WAIT,
    worthWaiting: () => mountsOf(target).length === 0,
  }).catch((error: unknown) => {
    if (!readOnly) throw error;
    return lockVolume(target, {
      readOnly: true,
      waitMs: LOCK_WAIT,
      worthWaiting: () => mountsOf(target).length === 0,
    });
  });
  const eventFd = createEventFd();
  if (eventFd < 0) throw new MountError(`cannot make an eventfd: ${errnoName(eventFd)}`);
  const exchange = Exchange.create(eventFd);
  const fuseWorker = startWorker(
    './fuse_worker.js',
    {
      exchange: exchange.handle,
      device: device.handle,
      readOnly,
      caching: request.caching,
      threads: { [ENGINE_QUEUE]: request.threads, [READ_QUEUE]: READERS, [WRITE_QUEUE]: WRITERS },
    } satisfies FuseWorkerData,
    LIMITS,
  );
  try {
    const opened = await nextMessage(fuseWorker);
    if (opened.kind === 'refused') throw new VolumeError(`cannot mount ${target}: ${opened.reason}`);
    if (opened.kind !== 'open') throw new VolumeError(`cannot mount ${target}`);
    if (opened.replayed > 0)
      console.error(`vexfs-fuse: replayed ${opened.replayed} transactions of ${target}`);
    const mount = await mountFuse({ source: target, mountpoint, options });
    const guard = Guard.start(mount.mountpoint);
    const workers = [fuseWorker];
    if (!readOnly) {
      const { area, totalBlocks } = opened;
      const data: JournalWorkerData = { exchange: exchange.handle, device: device.handle, area, totalBlocks };
      workers.push(startWorker('./journal_worker.js', data));
    }
    const status = await serve(workers, mount, exchange, (queue) => {
      const data: EngineWorkerData = {
        exchange: exchange.handle,
        queue,
        fuseFd: mount.fd,
        imageFd: device.fd,
        maxRead: MAX_WRITE,
      };
      return startWorker('./engine_worker.js', data);
    });
    close(mount.fd);
    await guard?.dismiss();
    return status;
  } finally {
    exchange.stop();
    await fuseWorker.terminate();
    device.close();
  }
}

function nextMessage(worker: Worker): Promise<FuseWorkerMessage> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** From the mount to its end. Engine threads and readers start when there is work for them. */
async function serve(
  workers: readonly Worker[],
  mount: FuseMount,
  exchange: Exchange,
  startThread: (queue: number) => Worker,
): Promise<number> {
  const watch = (worker: Worker): void => {
    worker.once('error', (error) => fall(mount, error));
  };
  for (const worker of workers) watch(worker);
  const fuseWorker = workers[0]!;
  const ended = new Promise<number>((resolve) => {
    fuseWorker.on('message', (message: FuseWorkerMessage) => {
      if (message.kind === 'ended') resolve(message.failed);
      else if (message.kind === 'thread') watch(startThread(message.queue));
    });
  });
  const stop = (): void => {
    void mount
      .unmount({ lazy: true })
      .catch((error: unknown) =>
        console.error(`vexfs-fuse: ${error instanceof Error ? error.message : error}`),
      )
      .finally(() => exchange.leave());
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  fuseWorker.postMessage({ fuseFd: mount.fd } satisfies MountedMessage);
  leaveStarter();
  const failed = await ended;
  exchange.stop();
  if (failed === 0) return 0;
  console.error(`vexfs-fuse: the last changes did not reach ${mount.source}: ${errnoName(failed)}`);
  return 1;
}

/**
 * A thread has thrown: what is in memory cannot be trusted any more. Callers get ENOTCONN instead of a hang, and the
 * journal makes the next mount consistent. exit() would wait for threads that sleep in system calls.
 */
function fall(mount: FuseMount, error: unknown): void {
  console.error('vexfs-fuse: a thread failed, the mount ends:', error);
  // A thread may be telling the kernel about pages that a writer holds until his request is answered. Neither would ever end,
  // nor this process: forcing ends the connection, which its descriptor does not as long as that thread has it.
  umount(mount.mountpoint, MNT_FORCE | MNT_DETACH);
  process.kill(process.pid, 'SIGKILL');
}
