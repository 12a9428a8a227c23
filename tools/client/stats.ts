import { StatsFlag, vexfsStats } from '@vexfs/shared';
import { type ElementName, elementName } from './layout.js';

/** What GET_STATS tells of a vector file; the counters run since the volume was mounted. */
export interface FileStats {
  /** Live rows. */
  readonly rows: number;
  /** Places in the matrix, free ones included. */
  readonly slots: number;
  readonly freeSlots: number;
  /** The id that a row inserted without one gets next. */
  readonly nextId: bigint;
  readonly matrixBytes: number;
  readonly logBytes: number;
  readonly logRecords: number;
  readonly logCompactions: number;
  readonly searches: number;
  readonly rowsScanned: number;
  readonly insertCalls: number;
  readonly rowsInserted: number;
  readonly dimensions: number;
  readonly elementType: ElementName;
  /** Bytes of one row, without padding. */
  readonly rowBytes: number;
  /** Bytes from one slot to the next. */
  readonly stride: number;
  /** 0 while there is no index. */
  readonly indexedRows: number;
  /** Whether there is no memory for the index, and searches read its records from the page cache. */
  readonly isIndexOnVolume: boolean;
}

export function decodeStats(argument: Uint8Array): FileStats {
  const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
  return {
    rows: vexfsStats.rows.get(view, 0),
    slots: vexfsStats.slots.get(view, 0),
    freeSlots: vexfsStats.free_slots.get(view, 0),
    nextId: vexfsStats.next_id.getBig(view, 0),
    matrixBytes: vexfsStats.matrix_bytes.get(view, 0),
    logBytes: vexfsStats.log_bytes.get(view, 0),
    logRecords: vexfsStats.log_records.get(view, 0),
    logCompactions: vexfsStats.log_compactions.get(view, 0),
    searches: vexfsStats.searches.get(view, 0),
    rowsScanned: vexfsStats.rows_scanned.get(view, 0),
    insertCalls: vexfsStats.insert_calls.get(view, 0),
    rowsInserted: vexfsStats.rows_inserted.get(view, 0),
    dimensions: vexfsStats.dimensions.get(view, 0),
    elementType: elementName(vexfsStats.element_type.get(view, 0)),
    rowBytes: vexfsStats.row_bytes.get(view, 0),
    stride: vexfsStats.stride.get(view, 0),
    indexedRows: vexfsStats.indexed_rows.get(view, 0),
    isIndexOnVolume: (vexfsStats.flags.get(view, 0) & StatsFlag.INDEX_ON_VOLUME) !== 0,
  };
}
