/** What every reader of vectors gives: its dimensions at once, its rows in batches, and errors that name the row. */

export interface RowBatch {
  /** Row-major, `count * dimensions` float32. Not reused by the reader afterwards. */
  readonly rows: Float32Array;
  readonly count: number;
  /** Number of the first row of the batch, counted from 0 over the whole source. */
  readonly first: number;
  /** Present when the source itself carries ids. */
  readonly ids?: BigUint64Array;
}

export interface RowSource {
  readonly path: string;
  readonly dimensions: number;
  /** Undefined where only reading to the end would tell. */
  readonly rowCount: number | undefined;
  /** @param skip rows at the start that are not wanted @param batchRows rows of each batch but the last */
  batches(skip: number, batchRows: number): AsyncGenerator<RowBatch>;
  close(): Promise<void>;
}

/** The source is malformed. Rows are counted from 0, as numpy does; lines of text from 1, as editors do. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly path: string;
  readonly reason: string;
  /** As in `row 17` or `line 3`; undefined when the file as a whole is at fault. */
  readonly place: string | undefined;

  constructor(path: string, reason: string, place?: string) {
    super(`${path}${place === undefined ? '' : `, ${place}`}: ${reason}`);
    this.path = path;
    this.reason = reason;
    this.place = place;
  }
}

export interface ReadOptions {
  /** Column or key that holds the ids, in a source of text. */
  readonly ids?: string;
  /** Key that holds the vector, in .jsonl; `vector` when absent. */
  readonly vectorKey?: string;
}
