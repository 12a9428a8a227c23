/**
 * ioctl(2) off the event loop: koffi runs it on one of its threads and carries errno back to the callback, where it
 * must be read at once. glibc declares ioctl variadic; on the LP64 Linux ABIs a third argument is passed alike.
 */
import koffi from 'koffi';

const call = koffi.load(null).func('int ioctl(int fd, unsigned long command, void *argument)');

/** koffi throws above 256 calls in its queue; the rest wait here, in order. */
const MAX_UNDER_WAY = 128;
let underWay = 0;
const waiting: Array<() => void> = [];

/** The buffers of the calls under way, which nobody else need hold while the kernel uses them. */
const pinned = new Set<readonly unknown[]>();

/**
 * @param buffers those that the argument points to
 * @returns 0 or a positive result, or -errno
 */
export async function ioctl(
  fd: number,
  command: number,
  argument: Uint8Array,
  buffers: readonly unknown[],
): Promise<number> {
  const held = [argument, buffers];
  if (underWay >= MAX_UNDER_WAY) await new Promise<void>((resolve) => waiting.push(resolve));
  else underWay++;
  pinned.add(held);
  try {
    return await new Promise((resolve, reject) => {
      call.async(fd, command, argument, (error: Error | null, result: number) => {
        if (error !== null) reject(error);
        else resolve(result < 0 ? -koffi.errno() : result);
      });
    });
  } finally {
    pinned.delete(held);
    // The place goes straight to the next in line, so the count stays.
    const next = waiting.shift();
    if (next === undefined) underWay--;
    else next();
  }
}

/** Where the bytes of an array lie. Valid while the array is referenced; array buffers do not move. */
export function addressOf(array: NodeJS.TypedArray): bigint {
  return array.byteLength === 0 ? 0n : koffi.address(array);
}
