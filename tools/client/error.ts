import { errnoCode, errnoMeaning } from '@vexfs/shared';

export interface FailedCall {
  readonly errno: number;
  /** What was tried, as in `search`. */
  readonly operation: string;
  readonly path: string;
  /** A store of the protocol of /dev/vss; a file of a volume when absent. */
  readonly on?: 'vss';
}

/** A call that the filesystem refused. After it nothing on the volume changed, except for what `stored` counts. */
export class VexfsError extends Error {
  override readonly name = 'VexfsError';
  readonly errno: number;
  /** As in `ENOTTY`. */
  readonly code: string;
  readonly operation: string;
  readonly path: string;
  /** What to do next; empty for an errno that VexFS never answers. */
  readonly advice: string;
  /** Rows of earlier batches of the same insertMany that are stored. */
  readonly stored: number;

  constructor(call: FailedCall, stored = 0) {
    const code = errnoCode(call.errno);
    const opening = call.operation === 'open' || call.operation === 'create';
    const meaning = errnoMeaning(call.errno, opening ? 'open' : (call.on ?? 'call'));
    super(`${call.operation} ${call.path}: ${code}: ${meaning?.meaning ?? 'The call failed.'}`);
    this.errno = call.errno;
    this.code = code;
    this.operation = call.operation;
    this.path = call.path;
    this.advice = meaning?.advice ?? '';
    this.stored = stored;
  }
}

/** An error of node:fs as a VexfsError; anything without an errno is returned as it is. */
export function fromFileError(error: unknown, operation: string, path: string): unknown {
  const errno = (error as NodeJS.ErrnoException | undefined)?.errno;
  return typeof errno === 'number' ? new VexfsError({ errno: Math.abs(errno), operation, path }) : error;
}
