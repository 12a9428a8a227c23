/** Every bound that a caller of the protocol can run into, by name. The generated headers carry the same numbers. */

/** Components of a vector. */
export const MAX_DIMENSIONS = 65536;
/** Rows that one call may carry: 2^20. */
export const MAX_ROWS_PER_CALL = 1 << 20;
/** Bytes of vector data that one call may carry: 1 GiB. */
export const MAX_BYTES_PER_CALL = 1 << 30;
/** Results that one search may ask for. */
export const MAX_K = 10_000;
/** Rows of one vector set: 2^32 - 2. */
export const MAX_ROWS_PER_FILE = 4_294_967_294;
/** The largest `data_offset`, in bytes, that an empty file accepts: 1 MiB. A longer file accepts up to its own size. */
export const MAX_EMPTY_DATA_OFFSET = 1 << 20;
/** The largest `alignment_bytes`; it is 0 or a power of two. */
export const MAX_ALIGNMENT_BYTES = 4096;
/** Bytes of data that a call may carry inside its argument, behind the structure. */
export const MAX_INLINE_BYTES = 16_000;
/** Rows below which a search compares all of them though there is an index: that is faster, and codes are not trained yet. */
export const INDEX_LEAST_ROWS = 4096;
/** Rows that an index may be behind: a search compares those one by one; with more it compares every row. */
export const INDEX_MOST_BEHIND = 16_384;
/** Milliseconds for which an insert waits at most for an index that is further behind. */
export const INDEX_MOST_DELAY_MS = 10_000;
/** Results of a search above which comparing all rows is no slower than the index. */
export const INDEX_MOST_RESULTS = 1000;
/** Changes below which a snapshot of an index is not worth it while more are coming. */
export const INDEX_LEAST_UNSAVED = 8192;
/** Slots are packed when more than one in so many is free (docs/format.md, section 10), and more than so many bytes. */
export const PACK_LEAST_SHARE = 4;
export const PACK_LEAST_BYTES = 65_536;
/** Rows, and bytes, that one step of packing moves at most; one row in any case. */
export const PACK_MOST_ROWS = 1024;
export const PACK_MOST_BYTES = 1 << 20;
/** With no space for the records of so few rows packing ends. */
export const PACK_LEAST_ROWS = 16;
/** As `automatic_rows`, and so in the set header: a search makes no index of this file; 0: as the mount says. */
export const INDEX_NEVER = 0xffff_ffff;
/** Rows that the recall of an index may be measured with in one call; a search of every row for each. */
export const MAX_RECALL_SAMPLE = 10_000;
/** `recall` of MANAGE_INDEX: what stands for all of them, and for not having been measured. */
export const RECALL_UNIT = 1_000_000;
export const RECALL_UNKNOWN = 0xffff_ffff;
/** Bytes of a file name. */
export const MAX_NAME_BYTES = 255;
/** The one 64-bit number that is no id. */
export const NO_ID = 0xffff_ffff_ffff_ffffn;
/** The largest id of a row. */
export const MAX_ID = 0xffff_ffff_ffff_fffen;
