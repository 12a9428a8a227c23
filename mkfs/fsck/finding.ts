/** One thing that is not as docs/format.md says. */
export interface Finding {
  /** What kind it is, for programs: a word of docs/fsck.vexfs.md. */
  readonly code: string;
  /** A sentence without its full stop. */
  readonly message: string;
  /** What a repair does, as a clause; absent when there is none. */
  readonly repair?: string;
  /** Whether -p repairs it: nothing that a user put on the volume can be lost by it. */
  readonly safe: boolean;
  readonly inode?: number;
  readonly block?: number;
  readonly group?: number;
  /** A name of the inode, when one is known at the end. Bytes that are no text are escaped. */
  path?: string;
}

/** Findings kept with their text; a hostile volume can have more than memory holds, and those are only counted. */
const MOST_KEPT = 20_000;

/** Collects what the checks find. */
export class Findings {
  readonly list: Finding[] = [];
  count = 0;
  unsafe = 0;
  /** Those that no repair is known for. */
  unrepaired = 0;
  private readonly listener: ((finding: Finding) => void) | undefined;

  constructor(listener?: (finding: Finding) => void) {
    this.listener = listener;
  }

  add(finding: Finding): void {
    this.count += 1;
    if (!finding.safe) this.unsafe += 1;
    if (finding.repair === undefined) this.unrepaired += 1;
    if (this.list.length < MOST_KEPT) this.list.push(finding);
    this.listener?.(finding);
  }
}
