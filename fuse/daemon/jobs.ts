/**
 * What travels in the numbers of a job slot (exchange.ts), by name: `slot.fields[searchJob.base]`. Addresses are plain numbers; 64-bit
 * addresses of callers stand in the payload, in the ioctl argument that the kernel delivered.
 */
import { FIELDS } from './exchange.js';

export const JOB = {
  READ: 1,
  COPY_ROWS: 2,
  ANNOUNCE: 3,
  SEARCH: 4,
  GET: 5,
  COMMIT: 6,
  CLOSE: 7,
  WRITE: 8,
  WARM: 9,
  INDEX_OPEN: 10,
  INDEX_FOLLOW: 11,
  INDEX_SAVE: 12,
  INDEX_VERIFY: 13,
  COPY_IDS: 14,
  COPY_ROW: 15,
  GET_ROWS: 16,
  SEARCH_PART: 17,
  INDEX_CLOSE: 20,
  SETTLE: 18,
  RECALL: 19,
} as const;

/** Places of the numbers of a kind of job, one behind the other. */
function placesFrom<Name extends string>(
  first: number,
  names: readonly Name[],
): Readonly<Record<Name, number>> {
  if (first + names.length > FIELDS) throw new RangeError(`a job has ${FIELDS} numbers`);
  return Object.fromEntries(names.map((name, i) => [name, first + i])) as Record<Name, number>;
}

/** Every job. */
export const anyJob = placesFrom(0, [
  /** One of JOB. */
  'kind',
  'unique',
  /** Thread id of the caller, whose memory is read and written. */
  'pid',
  'node',
  /** Positive errno of a job that comes back for more work; 0 when it went well. */
  'result',
  /** Out: 1 + the byte of the device that a job could not read, NOT_MAPPED for one of a mapping, 0 when it read all. */
  'failedAt',
]);
export const NOT_MAPPED = -1;

/** Behind them stand those of its kind. */
const places = <Name extends string>(...names: readonly Name[]): Readonly<Record<Name, number>> =>
  placesFrom(Object.keys(anyJob).length, names);

/** READ: the payload holds pairs of float64 {position on the device or -1, bytes}. Replies. */
export const readJob = places('segments', 'length');

/**
 * COPY_IDS: reads ids whose address stands at byte `pointer` of the payload; count, ids, scratch and table, 0: not checked. Comes back.
 * COPY_ROW: reads the vector of a vexfs_put_embedding in the payload; dimensions, element, stride, data, source, invalidate, and
 * argument with argumentBytes. Comes back.
 * COPY_ROWS: reads rows and ids of a vexfs_batch_insert_request in the payload, checks and converts them. Comes back.
 */
export const rowsJob = places(
  'count',
  'dimensions',
  'element',
  'stride',
  /** Out: count * stride bytes of converted rows. */
  'data',
  /** Scratch for the caller's float32, or equal to `data` where nothing is to be converted. */
  'source',
  /** Out: ids, or 0 when there are none. */
  'ids',
  'scratch',
  /** The engine's id table: only its hash seed is used. */
  'table',
  /** Before the rows are stored: first byte of the range to drop from the page cache, -1 for none. */
  'invalidate',
  'pointer',
  /** Where the caller has the argument, which travels back, and its bytes. */
  'argument',
  'argumentBytes',
);

/** ANNOUNCE: tells the kernel what a call changed, then replies to it (unique 0: no reply). */
export const announceJob = places(
  'from',
  /** The new end of the file to store a byte at, or -1. */
  'end',
  /** Whether only attributes changed. */
  'attributes',
  /** Position on the device of the byte before `end`. */
  'position',
  /** Bytes of the payload that the reply carries: the argument that travels back. */
  'reply',
  /** Out: 1 when the pages are dropped. */
  'isDropped',
);

/**
 * SEARCH: a vexfs_vector_search_request or vexfs_batch_search in the payload. Replies, then comes back to be unpinned.
 * SEARCH_PART: some queries of a vexfs_batch_search. Comes back.
 * RECALL: of `index`, by `queries` rows; out in `first`. The payload is not used. Comes back.
 */
export const searchJob = places(
  'base',
  'offset',
  'stride',
  'slots',
  'ids',
  /** Address of the live bitmap's copy, 0 when every slot is live. */
  'live',
  'element',
  'dimensions',
  /** First and last byte of the mapping that has to be read in before; equal when nothing. */
  'populate',
  'populateEnd',
  /** Without a mapping: address and count of pairs {position or -1, bytes} from the first row on. */
  'segments',
  'segmentCount',
  'rowBytes',
  /** The engine's index to navigate by, 0 to compare every row; then the rows' struct vx_extents and the slots it has not taken. */
  'index',
  'extents',
  'tail',
  'tailCount',
  'ef',
  /** Out: one of SearchPath. */
  'path',
  /** Whether the payload holds a vexfs_batch_search; then which of its queries the job answers. */
  'batch',
  'first',
  'queries',
  /** Whether the index is hnswlib's, which the thread of INDEX_QUEUE has; then how many rows live. */
  'hnswlib',
  'rows',
);

/**
 * GET: a vexfs_get_embedding in the payload. Replies.
 * GET_ROWS: a vexfs_batch_get in the payload; the segments are those of all slots. Replies.
 */
export const getJob = places(
  /** How many pairs {position or -1, bytes} there are, and their address. */
  'segments',
  'segmentsAt',
  'element',
  'dimensions',
  'rowBytes',
  /** Room for stored rows and their float32: of one, or of `piece`, then with a byte for each id behind them. */
  'scratch',
  /** GET: bytes of the argument. */
  'argumentBytes',
  /** GET_ROWS: from slot to slot; where the slots of the rows stand (NO_SLOT: none); rows at a time. */
  'stride',
  'slots',
  'piece',
);

/** COMMIT, for the journal thread. Comes back. */
export const commitJob = places('staging', 'blocks', 'numbers', 'revokes', 'error');

/** WRITE: so many triples of float64 {position on the device, bytes, address or 0 for zeros}, and where they lie. Comes back. */
export const writeJob = places('pieces', 'piecesAt');

/** WARM: reads a range of the device into the page cache. Comes back. */
export const warmJob = places('position', 'bytes');

/** SETTLE: the first byte that is to be written back; pairs {position or -1, bytes} to be read, and room for all of them. Comes back. */
export const settleJob = places('from', 'segments', 'segmentsAt', 'room');

/** INDEX_*: `result` is 0 or a positive errno. They come back. */
export const indexJob = places(
  /** The engine's index, out of INDEX_OPEN. */
  'handle',
  /** Struct vx_extents of the rows, or of the snapshot that is opened (0: none, it is made) or written. */
  'extents',
  /** Whether it is hnswlib's, which the thread of INDEX_QUEUE has; INDEX_CLOSE forgets it. */
  'hnswlib',
  /** INDEX_OPEN: bytes of the snapshot, whether its records stay there, and what the index has to be of. */
  'bytes',
  'byRecord',
  'type',
  'metric',
  'element',
  'dimensions',
  'm',
  'efConstruction',
  /** INDEX_OPEN and INDEX_SAVE: the position in the log that the snapshot has. */
  'record',
  'slots',
  /** INDEX_FOLLOW: address and count of changes, whether there are no others, threads. Out: how many were taken. */
  'changes',
  'count',
  'last',
  'threads',
  'taken',
  /** Out of all of them: struct vx_index_info. */
  'rows',
  'generation',
  'memory',
  'snapshot',
  'levels',
);
