import { constants } from 'node:os';
import { Errno } from '@vexfs/shared';

/** errno values by name, positive, as this machine's kernel numbers them (node:os). */
export const errno = constants.errno;

const names = new Map<number, string>();
// The first name of a number wins: EAGAIN stands before EWOULDBLOCK, EOPNOTSUPP before ENOTSUP is settled below.
for (const [name, value] of Object.entries(errno)) if (!names.has(value)) names.set(value, name);
names.set(Errno.EUCLEAN, 'EUCLEAN');
names.set(errno.EAGAIN, 'EAGAIN');
names.set(errno.EOPNOTSUPP, 'EOPNOTSUPP');

/** `ENOENT` for 2 and for -2; `errno 9999` for a number without a name. */
export function errnoName(value: number): string {
  const positive = Math.abs(value);
  return names.get(positive) ?? `errno ${positive}`;
}

/** A system call failed. `errno` is positive; the message says which call, on what, and why. */
export class SystemCallError extends Error {
  readonly errno: number;
  readonly code: string;
  constructor(what: string, value: number) {
    const positive = Math.abs(value);
    super(`${what}: ${errnoName(positive)}`);
    this.name = 'SystemCallError';
    this.errno = positive;
    this.code = errnoName(positive);
  }
}

/** Passes a result >= 0 through; throws SystemCallError, its message starting with `what`, for a negative one. */
export function check(result: number, what: string): number {
  if (result < 0) throw new SystemCallError(what, result);
  return result;
}

/** The positive errno that a Node fs call put on its error; EIO for an error that carries none. */
export function errnoOf(error: unknown): number {
  const carried = (error as NodeJS.ErrnoException | null)?.errno;
  return typeof carried === 'number' && carried !== 0 ? Math.abs(carried) : errno.EIO;
}
