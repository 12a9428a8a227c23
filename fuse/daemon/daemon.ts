import { checkMountpoint, type FuseMount, type MountOptions, mountFuse, mountsOf } from '../mount/index.js';
import { leaveStarter, passStarter } from '../server/background.js';
import type { DeviceError } from '../system/device.js';
import {
  close,
  errno,
  errnoName,
  type FileDevice,
  lockVolume,
  MNT_DETACH,
  MNT_FORCE,
  umount,
} from '../system/index.js';
import { VolumeError } from '../volume/errors.js';
import type { Caching } from './filesystem.js';
import { Guard } from './guard.js';
import type { IndexingOptions } from './indexing/indexing.js';
import { DaemonThreads } from './threads.js';

export interface DaemonRequest {
  /** The volume, without symbolic links. */
  readonly target: string;
  readonly mountpoint: string;
  readonly options: MountOptions;
  /** Engine threads at most. */
  readonly threads: number;
  readonly caching: Caching;
  readonly indexing: IndexingOptions;
}

/** Milliseconds that a holder without a mount has to let go of the volume: it may be committing. */
const LOCK_WAIT = 30_000;
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
    // Whoever has the volume has been waited for already.
    if (!readOnly || (error as DeviceError).errno === errno.EBUSY) throw error;
    return lockVolume(target, {
      readOnly: true,
      waitMs: LOCK_WAIT,
      worthWaiting: () => mountsOf(target).length === 0,
    });
  });
  try {
    const threads = await openVolume(request, device);
    try {
      if (threads.replayed > 0)
        console.error(`vexfs-fuse: replayed ${threads.replayed} transactions of ${target}`);
      passStarter();
      const mount = await mountFuse({ source: target, mountpoint, options });
      const guard = Guard.start(mount.mountpoint);
      const status = await serve(threads, mount);
      close(mount.fd);
      await guard?.dismiss();
      return status;
    } finally {
      await threads.end();
    }
  } finally {
    device.close();
  }
}

async function openVolume(request: DaemonRequest, device: FileDevice): Promise<DaemonThreads> {
  const { target, options, caching, threads, indexing } = request;
  try {
    const { readOnly, accessTimes, directoryTimes } = options;
    const timeKeeping = { accessTimes, directoryTimes };
    return await DaemonThreads.open({ device, readOnly, timeKeeping, caching, threads, indexing });
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    throw new VolumeError(`cannot mount ${target}: ${error.message}`);
  }
}

/** From the mount to its end. */
async function serve(threads: DaemonThreads, mount: FuseMount): Promise<number> {
  const stop = (): void => {
    void mount
      .unmount({ lazy: true })
      .catch((error: unknown) =>
        console.error(`vexfs-fuse: ${error instanceof Error ? error.message : error}`),
      )
      .finally(() => threads.leave());
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  const served = threads.serve(mount.fd, (error) => fall(mount, error));
  leaveStarter('vexfs-fuse');
  const failed = await served;
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
