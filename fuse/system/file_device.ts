import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { blockDeviceSize, discardBlocks } from './block_device.js';
import { type BlockDevice, DeviceError } from './device.js';
import { errno, errnoName, errnoOf } from './errno.js';
import {
  fdatasync,
  O_CLOEXEC,
  O_EXCL,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  preadCached,
  punchHole,
  tellsCached,
} from './files.js';
import { addressOf } from './memory.js';

/** How a volume is opened. */
export interface OpenOptions {
  readonly readOnly?: boolean;
  /** Block devices only: fail with EBUSY when the kernel or another holder has it. */
  readonly exclusive?: boolean;
}

/** An open volume, as plain data. */
export interface FileDeviceHandle {
  readonly path: string;
  readonly fd: number;
  readonly size: number;
  readonly readOnly: boolean;
  readonly isBlockDevice: boolean;
}

/** A volume in an image file or on a block device, reached through a file descriptor of its own. */
export class FileDevice implements BlockDevice {
  readonly path: string;
  readonly fd: number;
  readonly size: number;
  readonly readOnly: boolean;
  readonly isBlockDevice: boolean;
  /** Whether `readCached` is ever true. */
  readonly tellsCached: boolean;
  #open = true;

  private constructor(path: string, fd: number, size: number, readOnly: boolean, isBlockDevice: boolean) {
    this.path = path;
    this.fd = fd;
    this.size = size;
    this.readOnly = readOnly;
    this.isBlockDevice = isBlockDevice;
    this.tellsCached = tellsCached(fd);
  }

  /** Throws DeviceError: the errno of open(2), or EINVAL for what is neither a regular file nor a block device. */
  static open(path: string, options: OpenOptions = {}): FileDevice {
    const readOnly = options.readOnly === true;
    const exclusive = options.exclusive === true ? O_EXCL : 0;
    // O_NONBLOCK: opening a FIFO by mistake must be refused below instead of waiting for a writer.
    const flags = (readOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | exclusive;
    let fd: number;
    try {
      fd = openSync(path, flags);
    } catch (error) {
      throw deviceError(`cannot open ${path}`, errnoOf(error));
    }
    try {
      const status = fstatSync(fd);
      if (!status.isFile() && !status.isBlockDevice()) {
        throw new DeviceError(`${path} is neither a regular file nor a block device`, errno.EINVAL);
      }
      const isBlockDevice = status.isBlockDevice();
      const size = isBlockDevice ? blockDeviceSize(fd) : status.size;
      if (size < 0) throw deviceError(`cannot learn the size of ${path}`, -size);
      return new FileDevice(path, fd, size, readOnly, isBlockDevice);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The same open volume in another thread of this process, which must not close it. */
  static shared(handle: FileDeviceHandle): FileDevice {
    return new FileDevice(handle.path, handle.fd, handle.size, handle.readOnly, handle.isBlockDevice);
  }

  /** What `shared` needs, fit for a message to another thread. */
  get handle(): FileDeviceHandle {
    const { path, fd, size, readOnly, isBlockDevice } = this;
    return { path, fd, size, readOnly, isBlockDevice };
  }

  read(position: number, into: Uint8Array): void {
    let done = 0;
    while (done < into.byteLength) {
      let count: number;
      try {
        count = readSync(this.fd, into, done, into.byteLength - done, position + done);
      } catch (error) {
        throw deviceError(`cannot read ${this.path} at byte ${position + done}`, errnoOf(error));
      }
      if (count === 0) throw deviceError(`${this.path} ends at byte ${position + done}`, errno.EIO);
      done += count;
    }
  }

  readCached(position: number, into: Uint8Array): boolean {
    return preadCached(this.fd, addressOf(into), into.byteLength, position) === into.byteLength;
  }

  write(position: number, from: Uint8Array): void {
    // A write past the end would let an image file grow behind the superblock's back.
    if (position + from.byteLength > this.size) {
      throw deviceError(`cannot write past byte ${this.size} of ${this.path}`, errno.ENOSPC);
    }
    let done = 0;
    while (done < from.byteLength) {
      let count: number;
      try {
        count = writeSync(this.fd, from, done, from.byteLength - done, position + done);
      } catch (error) {
        throw deviceError(`cannot write ${this.path} at byte ${position + done}`, errnoOf(error));
      }
      if (count === 0) throw deviceError(`cannot write ${this.path} at byte ${position + done}`, errno.EIO);
      done += count;
    }
  }

  flush(): void {
    const result = fdatasync(this.fd);
    if (result < 0) throw deviceError(`cannot flush ${this.path}`, -result);
  }

  /**
   * Gives a range back to the medium: BLKDISCARD, or a hole in an image file. What it reads as afterwards is undefined on
   * a block device. False when the medium does not support it; throws DeviceError for other failures.
   */
  discard(position: number, length: number): boolean {
    const result = this.isBlockDevice
      ? discardBlocks(this.fd, position, length)
      : punchHole(this.fd, position, length);
    if (result === -errno.EOPNOTSUPP || result === -errno.ENOSYS || result === -errno.ENOTTY) return false;
    if (result < 0) throw deviceError(`cannot discard ${length} bytes of ${this.path}`, -result);
    return true;
  }

  /** Closes the descriptor and with it every lock on it. A second call does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }
}

function deviceError(message: string, value: number): DeviceError {
  return new DeviceError(`${message}: ${errnoName(value)}`, value);
}
