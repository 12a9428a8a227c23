/**
 * What travels in the numbers of a job slot (exchange.ts). Addresses are plain numbers; 64-bit addresses of callers
 * stand in the payload, in the ioctl argument that the kernel delivered.
 */
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

/** Every job. */
export const KIND = 0;
export const UNIQUE = 1;
/** Thread id of the caller, whose memory is read and written. */
export const PID = 2;
export const NODE = 3;
/** Positive errno of a job that comes back for more work; 0 when it went well. */
export const RESULT = 4;
/** Out: 1 + the byte of the device that a job could not read, NOT_MAPPED for one of a mapping, 0 when it read all. */
export const FAILED_AT = 5;
export const NOT_MAPPED = -1;

/** READ: the payload holds pairs of float64 {position on the device or -1, bytes}. Replies. */
export const READ_SEGMENTS = 8;
export const READ_LENGTH = 9;

/** COPY_IDS: reads ids whose address stands at byte ROWS_POINTER of the payload; ROWS_COUNT, _IDS, _SCRATCH and _TABLE, 0: not checked. Comes back. */
/** COPY_ROW: reads the vector of a vexfs_put_embedding in the payload; ROWS_DIMENSIONS, _ELEMENT, _STRIDE, _DATA, _SOURCE and _INVALIDATE. Comes back. */
/** COPY_ROWS: reads rows and ids of a vexfs_batch_insert_request in the payload, checks and converts them. Comes back. */
export const ROWS_COUNT = 8;
export const ROWS_DIMENSIONS = 9;
export const ROWS_ELEMENT = 10;
export const ROWS_STRIDE = 11;
/** Out: count * stride bytes of converted rows. */
export const ROWS_DATA = 12;
/** Scratch for the caller's float32, or equal to ROWS_DATA where nothing is to be converted. */
export const ROWS_SOURCE = 13;
/** Out: ids, or 0 when there are none. */
export const ROWS_IDS = 14;
export const ROWS_SCRATCH = 15;
/** The engine's id table: only its hash seed is used. */
export const ROWS_TABLE = 16;
/** Before the rows are stored: first byte of the range to drop from the page cache, -1 for none. */
export const ROWS_INVALIDATE = 17;
export const ROWS_POINTER = 18;

/** ANNOUNCE: tells the kernel what a call changed, then replies to it (UNIQUE 0: no reply). */
export const ANNOUNCE_FROM = 8;
/** The new end of the file to store a byte at, or -1. */
export const ANNOUNCE_END = 9;
/** Whether only attributes changed. */
export const ANNOUNCE_ATTRIBUTES = 10;
/** Position on the device of the byte before ANNOUNCE_END. */
export const ANNOUNCE_POSITION = 11;
/** Bytes of the payload that the reply carries: the argument that travels back. */
export const ANNOUNCE_REPLY = 12;

/**
 * SEARCH: a vexfs_vector_search_request or vexfs_batch_search in the payload. Replies, then comes back to be unpinned.
 * SEARCH_PART: some queries of a vexfs_batch_search. Comes back.
 * RECALL: of SEARCH_INDEX, by SEARCH_QUERIES rows; out in SEARCH_FIRST. The payload is not used. Comes back.
 */
export const SEARCH_BASE = 8;
export const SEARCH_OFFSET = 9;
export const SEARCH_STRIDE = 10;
export const SEARCH_SLOTS = 11;
export const SEARCH_IDS = 12;
/** Address of the live bitmap's copy, 0 when every slot is live. */
export const SEARCH_LIVE = 13;
export const SEARCH_ELEMENT = 14;
export const SEARCH_DIMENSIONS = 15;
/** First and last byte of the mapping that has to be read in before; equal when nothing. */
export const SEARCH_POPULATE = 16;
export const SEARCH_POPULATE_END = 17;
/** Without a mapping: address and count of pairs {position or -1, bytes} from the first row on. */
export const SEARCH_SEGMENTS = 18;
export const SEARCH_SEGMENT_COUNT = 19;
export const SEARCH_ROW_BYTES = 20;
/** The engine's index to navigate by, 0 to compare every row; then the rows' struct vx_extents and the slots it has not taken. */
export const SEARCH_INDEX = 21;
export const SEARCH_EXTENTS = 22;
export const SEARCH_TAIL = 23;
export const SEARCH_TAIL_COUNT = 24;
export const SEARCH_EF = 25;
/** Out: one of SearchPath. */
export const SEARCH_PATH = 26;
/** Whether the payload holds a vexfs_batch_search; then which of its queries the job answers. */
export const SEARCH_BATCH = 27;
export const SEARCH_FIRST = 28;
export const SEARCH_QUERIES = 29;
/** Whether the index is hnswlib's, which the thread of INDEX_QUEUE has; then how many rows live. */
export const SEARCH_HNSWLIB = 30;
export const SEARCH_ROWS = 31;

/** GET: a vexfs_get_embedding in the payload; behind PAYLOAD_SEGMENTS pairs {position or -1, bytes}. Replies. */
export const GET_SEGMENTS = 8;
export const GET_ELEMENT = 9;
export const GET_DIMENSIONS = 10;
export const GET_ROW_BYTES = 11;
export const GET_SLOT = 12;
export const GET_IN_SIZE = 13;
/** Address of the segments. */
export const GET_SEGMENTS_AT = 14;
/** Scratch for a stored row and its float32. */
export const GET_SCRATCH = 15;

/**
 * GET_ROWS: a vexfs_batch_get in the payload; GET_SEGMENTS pairs at GET_SEGMENTS_AT of all slots, their stride, and where
 * the slots of the rows stand (NO_SLOT: none). GET_SCRATCH has GET_PIECE stored rows, their float32, and a byte for each id. Replies.
 */
export const GET_STRIDE = 16;
export const GET_SLOTS = 17;
export const GET_PIECE = 18;

/** COMMIT, for the journal thread. Comes back. */
export const COMMIT_STAGING = 8;
export const COMMIT_BLOCKS = 9;
export const COMMIT_NUMBERS = 10;
export const COMMIT_REVOKES = 11;
export const COMMIT_ERROR = 12;

/** WRITE: so many triples of float64 {position on the device, bytes, address or 0 for zeros}, and where they lie. Comes back. */
export const WRITE_PIECES = 8;
export const WRITE_PIECES_AT = 9;

/** WARM: reads a range of the device into the page cache. Comes back. */
export const WARM_POSITION = 8;
export const WARM_BYTES = 9;

/** SETTLE: the first byte that is to be written back; pairs {position or -1, bytes} to be read, and room for all of them. Comes back. */
export const SETTLE_FROM = 8;
export const SETTLE_SEGMENTS = 9;
export const SETTLE_SEGMENTS_AT = 10;
export const SETTLE_ROOM = 11;

/** INDEX_*: the engine's index, out of INDEX_OPEN; RESULT is 0 or a positive errno. They come back. */
export const INDEX_HANDLE = 8;
/** Struct vx_extents of the rows, or of the snapshot that is opened (0: none, it is made) or written. */
export const INDEX_EXTENTS = 9;
/** INDEX_OPEN: bytes of the snapshot, and what the index has to be of. */
export const INDEX_BYTES = 10;
export const INDEX_TYPE = 11;
export const INDEX_METRIC = 12;
export const INDEX_ELEMENT = 13;
export const INDEX_DIMENSIONS = 14;
export const INDEX_M = 15;
export const INDEX_EF_CONSTRUCTION = 16;
/** INDEX_FOLLOW: address and count of changes, whether there are no others, threads. Out: how many were taken. */
export const INDEX_CHANGES = 10;
export const INDEX_COUNT = 11;
export const INDEX_LAST = 12;
export const INDEX_THREADS = 13;
export const INDEX_TAKEN = 14;
/** INDEX_OPEN and INDEX_SAVE: the position in the log that the snapshot has. */
export const INDEX_RECORD = 17;
export const INDEX_SLOTS = 18;
/** Out of all of them: struct vx_index_info. */
export const INDEX_ROWS = 20;
export const INDEX_GENERATION = 21;
export const INDEX_MEMORY = 22;
export const INDEX_SNAPSHOT = 23;
export const INDEX_LEVELS = 24;
/** Whether it is hnswlib's, which the thread of INDEX_QUEUE has; INDEX_CLOSE forgets it. */
export const INDEX_HNSWLIB = 25;
