import { errno, errnoName, O_NONBLOCK, O_RDWR, open } from '../system/index.js';
import { MountError } from './mount_error.js';

const PATH = '/dev/fuse';

/**
 * Opens the FUSE device, non-blocking. The descriptor answers EPERM until a mount has taken it. Throws MountError that says what is
 * missing when the device is.
 */
export function openFuseDevice(): number {
  const fd = open(PATH, O_RDWR | O_NONBLOCK);
  if (fd >= 0) return fd;
  switch (-fd) {
    case errno.ENOENT:
      throw new MountError(`${PATH} does not exist: load the kernel's fuse module (modprobe fuse)`);
    case errno.ENODEV:
    case errno.ENXIO:
      throw new MountError(`${PATH} has no driver: this kernel runs without FUSE`);
    case errno.EACCES:
    case errno.EPERM:
      throw new MountError(`no permission to open ${PATH}: it has to be accessible here, in a container too`);
    default:
      throw new MountError(`cannot open ${PATH}: ${errnoName(fd)}`);
  }
}
