import { constants } from 'node:os';
import { Errno, errnoCode } from '@vexfs/shared';

const { errno } = constants;

/** Missing from os.constants.errno. */
export const { EUCLEAN } = Errno;

/**
 * An operation ends with this errno (positive); nothing on the volume has changed. Many are plain answers (a name that is
 * not there), so it carries no stack: collecting one takes longer than most operations.
 */
export class FsError extends Error {
  readonly errno: number;
  constructor(code: number, message?: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message ?? errnoCode(code));
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'FsError';
    this.errno = code;
  }
}

/** A block on the volume is not what the format says. Answered as EUCLEAN. */
export class DamageError extends FsError {
  constructor(message: string) {
    super(EUCLEAN, message);
    this.name = 'DamageError';
  }
}

/** The volume cannot be opened: the message is a sentence for the user. */
export class VolumeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VolumeError';
  }
}

/**
 * Blocks were freed but wait for a commit before they may be used again, or are set aside for others: commit, or let those end, then
 * try the operation once more.
 */
export class NeedCommit extends FsError {
  constructor() {
    super(errno.ENOSPC, 'no free blocks until the running transaction is committed');
    this.name = 'NeedCommit';
  }
}

/** The operation, which has changed nothing yet, would have to wait for these bytes of the device: read them, then try it once more. */
export class NeedRead extends Error {
  readonly position: number;
  readonly bytes: number;
  constructor(position: number, bytes: number) {
    super(`bytes ${position}+${bytes} of the device are not in memory`);
    this.name = 'NeedRead';
    this.position = position;
    this.bytes = bytes;
  }
}
