/** How vexctl ends: the codes, and the errors that only it knows. docs/vexctl.md and --help carry the same list. */

export const Exit = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  PARTIAL: 3,
  NOT_VECTORS: 4,
  SOURCE: 5,
  INTERRUPTED: 130,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

export const exitMeanings: ReadonlyArray<readonly [Exit, string]> = [
  [Exit.OK, 'everything that was asked for was done'],
  [Exit.FAILED, 'the operation failed and changed nothing'],
  [Exit.USAGE, 'the command line makes no sense'],
  [Exit.PARTIAL, 'an insert stopped after some batches were stored; the message says how to go on'],
  [Exit.NOT_VECTORS, 'FILE is not on a mounted VexFS volume, or carries no vectors'],
  [Exit.SOURCE, 'the source, query or ids cannot be used: missing, malformed, or of other dimensions'],
  [Exit.INTERRUPTED, 'interrupted; what was stored before is kept, and the message says how much'],
];

/** The command line parses but asks for something impossible. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** An insert stopped, by an error or by a signal, after `stored` rows; those stay. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
  readonly stored: number;
  /** Rows of the source that the next attempt leaves out. */
  readonly resumeAt: number;

  constructor(stored: number, resumeAt: number, cause?: unknown) {
    super(cause === undefined ? 'interrupted' : 'stopped', { cause });
    this.stored = stored;
    this.resumeAt = resumeAt;
  }
}
