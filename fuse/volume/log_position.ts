/** A place in the row log: behind so many slots of record `record`, counted from 0. */
export interface LogPosition {
  readonly record: number;
  readonly slots: number;
}

/** Who is told of every change of a set, in the order of the log. */
export interface RecordFollower {
  /** A put, delete or truncate has been appended, or has lengthened the newest record; then the log ended at `end`. */
  record(type: number, slot: number, idLow: number, idHigh: number, count: number, end: LogPosition): void;
  /** The log was written anew: positions are others now. */
  compacted(): void;
}
