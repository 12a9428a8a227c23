import type { RowLayout } from '../../volume/index.js';
import type { NewRows } from '../record_batch.js';

/** A checked batch in our own memory. */
export interface Batch extends NewRows {
  readonly flags: number;
  /** Whether each id must have a row already. */
  readonly mustExist?: boolean;
  /** A vexfs_put_embedding, which travels back with id and slot of its row. */
  readonly argument?: Uint8Array;
  /** Address of rows * stride bytes, as the matrix takes them. */
  readonly data: number;
  /** What the rows were converted for. */
  readonly layout: RowLayout;
  readonly unique: number;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly sync: boolean;
}
