import type { Memory } from '../../system/index.js';
import type { RowLayout } from '../../volume/index.js';

/** A checked batch in our own memory. */
export interface Batch {
  readonly rows: number;
  readonly flags: number;
  /** Whether each id must have a row already. */
  readonly mustExist?: boolean;
  /** A vexfs_put_embedding, which travels back with id and slot of its row. */
  readonly argument?: Uint8Array;
  /** Address of rows * stride bytes, as the matrix takes them. */
  readonly data: number;
  /** Address of the ids, 0 when they go on from the mark. */
  readonly ids: number;
  readonly memory: Memory;
  /** What the rows were converted for. */
  readonly layout: RowLayout;
  readonly unique: number;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly sync: boolean;
}

/** Slots that follow each other, and which row of a batch goes to the first. */
export interface SlotRun {
  readonly slot: number;
  readonly row: number;
  count: number;
}
