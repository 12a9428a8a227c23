import { existsSync, realpathSync, statSync } from 'node:fs';
import { close, errnoName, receiveDescriptor, setNonBlocking, socketPair } from '../system/index.js';
import { openFuseDevice } from './fuse_device.js';
import { MountError } from './mount_error.js';
import { escapeOption, type MountOptions } from './options.js';
import { runProgram } from './run_program.js';
import { unmount } from './unmount.js';

/** The file system type that a mount shows in the mount table. */
export const MOUNT_TYPE = 'fuse.vexfs';

export interface MountRequest {
  /** Stands as the source in the mount table: the volume's absolute path. */
  readonly source: string;
  readonly mountpoint: string;
  readonly options: MountOptions;
  /** An open /dev/fuse to use instead of a new one (as root only); mountFuse does not close it. */
  readonly fd?: number;
  /** Part of the type after `fuse.`; `vexfs` unless told. */
  readonly subtype?: string;
}

/** A mount that waits to be served: the kernel's INIT is the first request on `fd`. */
export interface FuseMount {
  /** /dev/fuse, non-blocking, close-on-exec. Closing its last descriptor ends the connection: callers get ENOTCONN. */
  readonly fd: number;
  /** Without symbolic links. */
  readonly mountpoint: string;
  readonly source: string;
  /** Takes the mount away; reads on `fd` then end with ENODEV. Throws MountError, as when it is busy. */
  unmount(options?: { lazy?: boolean }): Promise<void>;
}

/**
 * Mounts a FUSE filesystem. Root opens /dev/fuse and hands it to mount(8); a user asks fusermount3, which sends the
 * descriptor back. Permissions are always checked by the kernel (default_permissions); a mount by root is open to everybody,
 * as one of ext4 is, a user's only with `allow_other`. Throws MountError.
 */
export async function mountFuse(request: MountRequest): Promise<FuseMount> {
  const mountpoint = checkMountpoint(request.mountpoint);
  const asRoot = process.geteuid?.() === 0;
  const fd = asRoot ? await mountAsRoot(request, mountpoint) : await mountAsUser(request, mountpoint);
  return {
    fd,
    mountpoint,
    source: request.source,
    unmount: (options = {}) => unmount(mountpoint, options),
  };
}

/** The directory to mount on, without symbolic links. Throws MountError when there is no such directory. */
export function checkMountpoint(path: string): string {
  try {
    const real = realpathSync(path);
    if (!statSync(real).isDirectory()) throw new MountError(`mount point ${path} is not a directory`);
    return real;
  } catch (error) {
    if (error instanceof MountError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new MountError(`mount point ${path} does not exist`);
    if (code === 'ENOTCONN') {
      throw new MountError(`${path} is a mount whose daemon is gone: umount it first`);
    }
    throw new MountError(`mount point ${path} cannot be used: ${code ?? String(error)}`);
  }
}

async function mountAsRoot(request: MountRequest, mountpoint: string): Promise<number> {
  const { options, subtype = 'vexfs' } = request;
  const fd = request.fd ?? openFuseDevice();
  const parameters = [
    ...options.mountFlags,
    'fd=3',
    'rootmode=40000',
    `user_id=${process.getuid?.() ?? 0}`,
    `group_id=${process.getgid?.() ?? 0}`,
    'default_permissions',
    'allow_other',
  ];
  if (options.maxRead !== undefined) parameters.push(`max_read=${options.maxRead}`);
  const source = options.fsname ?? request.source;
  try {
    // -i: without a helper program, which would be the daemon itself again.
    const type = `fuse.${subtype}`;
    const argv = ['-i', '-t', type, '-o', parameters.join(','), '--', source, mountpoint];
    const outcome = await runProgram('mount', argv, fd);
    if (outcome.status !== 0) throw failed(mountpoint, outcome.complaint, outcome.status);
    return fd;
  } catch (error) {
    if (request.fd === undefined) close(fd);
    throw error;
  }
}

async function mountAsUser(request: MountRequest, mountpoint: string): Promise<number> {
  const { options, subtype = 'vexfs' } = request;
  if (!existsSync('/dev/fuse')) close(openFuseDevice());
  const parameters = [
    ...options.mountFlags,
    'default_permissions',
    `fsname=${escapeOption(options.fsname ?? request.source)}`,
    `subtype=${subtype}`,
  ];
  if (options.allowOther) parameters.push('allow_other');
  if (options.maxRead !== undefined) parameters.push(`max_read=${options.maxRead}`);

  const pair = socketPair();
  if (typeof pair === 'number') throw new MountError(`cannot make a socket pair: ${errnoName(pair)}`);
  const [ours, theirs] = pair;
  try {
    const argv = ['-o', parameters.join(','), '--', mountpoint];
    let outcome: Awaited<ReturnType<typeof runProgram>>;
    try {
      outcome = await runProgram('fusermount3', argv, theirs, { ...process.env, _FUSE_COMMFD: '3' });
    } finally {
      // With our copy of its end closed, a message that never came is an end of file and not a wait.
      close(theirs);
    }
    if (outcome.status !== 0) throw failed(mountpoint, outcome.complaint, outcome.status);
    const fd = receiveDescriptor(ours);
    if (fd < 0) throw new MountError(`fusermount3 did not hand over the mount: ${errnoName(fd)}`);
    const result = setNonBlocking(fd);
    if (result < 0) {
      close(fd);
      throw new MountError(`cannot make the FUSE device non-blocking: ${errnoName(result)}`);
    }
    return fd;
  } finally {
    close(ours);
  }
}

/** One sentence out of what mount(8) or fusermount3 wrote, which may be several lines of hints. */
function failed(mountpoint: string, complaint: string, status: number): MountError {
  const line = complaint.split('\n')[0]?.replace(/^(mount|fusermount3): */, '') ?? '';
  return new MountError(`cannot mount on ${mountpoint}: ${line === '' ? `exit status ${status}` : line}`);
}
