/**
 * The ioctl protocol of a mounted volume: command numbers, constants and the layout of every argument, little-endian
 * LP64. `kernel/include/uapi/vexfs.h` is generated from this file.
 *
 * Command values follow include/uapi/asm-generic/ioctl.h, which x86-64, arm64 and riscv64 share.
 */
import { type AnyStruct, Bytes, pointer, struct, u32, u64 } from './layout.js';
import { MAX_INLINE_BYTES } from './limits.js';

export const IOC_NONE = 0;
/** The caller writes: the argument travels to the filesystem. */
export const IOC_WRITE = 1;
/** The caller reads: the argument travels back. */
export const IOC_READ = 2;

/** The largest argument that a command can describe: the size field has 14 bits. */
export const IOC_MAX_SIZE = (1 << 14) - 1;

/**
 * The value of a command, an unsigned 32-bit number.
 * @param direction IOC_READ and IOC_WRITE as bits
 * @param size bytes of the argument
 * @throws RangeError when a part does not fit its field: its bits would spill into the next one
 */
export function ioc(direction: number, magic: string, number: number, size: number): number {
  const type = magic.charCodeAt(0);
  const fits = (value: number, max: number): boolean => Number.isInteger(value) && value >= 0 && value <= max;
  if (!fits(direction, 3)) throw new RangeError(`ioctl direction ${direction} is not 0..3`);
  if (magic.length !== 1 || !fits(type, 255)) throw new RangeError(`ioctl magic '${magic}' is not one byte`);
  if (!fits(number, 255)) throw new RangeError(`ioctl number ${number} is not 0..255`);
  if (!fits(size, IOC_MAX_SIZE))
    throw new RangeError(`ioctl argument of ${size} bytes is not 0..${IOC_MAX_SIZE}`);
  return ((direction << 30) | (size << 16) | (type << 8) | number) >>> 0;
}

export const iocDirection = (command: number): number => command >>> 30;
export const iocSize = (command: number): number => (command >>> 16) & IOC_MAX_SIZE;
export const iocMagic = (command: number): string => String.fromCharCode((command >>> 8) & 0xff);
export const iocNumber = (command: number): number => command & 0xff;

export const VEXFS_MAGIC = 'V';

export const ElementType = { FLOAT32: 1, FLOAT16: 2, INT8: 3, BINARY: 4 } as const;
export type ElementType = (typeof ElementType)[keyof typeof ElementType];

export const StorageFormat = { DENSE: 0, SPARSE: 1, COMPRESSED: 2 } as const;
export type StorageFormat = (typeof StorageFormat)[keyof typeof StorageFormat];

export const CompressionType = { NONE: 0, LZ4: 1, ZSTD: 2 } as const;
export type CompressionType = (typeof CompressionType)[keyof typeof CompressionType];

export const SearchType = { EUCLIDEAN: 0, COSINE: 1, DOT_PRODUCT: 2 } as const;
export type SearchType = (typeof SearchType)[keyof typeof SearchType];

/** Bits of `vexfs_batch_insert_request.flags`. */
export const InsertFlag = { OVERWRITE: 1, APPEND: 2, VALIDATE: 4 } as const;

/** Kinds of index: navigation of a graph; comparing one bit a coordinate (COSINE only). 0 is none. */
export const IndexType = { GRAPH: 1, FLAT: 2 } as const;
export type IndexType = (typeof IndexType)[keyof typeof IndexType];

/** `vexfs_manage_index.operation`. */
export const IndexOperation = {
  CREATE: 1,
  TUNE: 2,
  WAIT: 3,
  VERIFY: 4,
  REBUILD: 5,
  DROP: 6,
  INFO: 7,
} as const;
export type IndexOperation = (typeof IndexOperation)[keyof typeof IndexOperation];

/** `vexfs_manage_index.state`. */
export const IndexState = {
  /** The file has no index. */
  NONE: 0,
  /** Rows wait to be taken; searches compare those exactly. */
  BEHIND: 1,
  /** Every row has been taken. */
  READY: 2,
  /** It cannot be used or go on, `error` says why: searches are exact. */
  RESTING: 3,
  /**
   * More than the mount has memory for: searches read the records of the snapshot through the page cache, and compare what changed
   * since then exactly.
   */
  ON_VOLUME: 4,
} as const;

/** Bits of `vexfs_stats.flags`: searches read the index through the page cache. */
export const StatsFlag = { INDEX_ON_VOLUME: 1 } as const;

/** Bits of `vexfs_batch_search.flags`: compare every row. */
export const SearchFlag = { EXACT: 1 } as const;

/** The number of each command; 1-4 are frozen, those from 0x10 on get a new number instead of a new layout. */
export const CommandNumber = {
  SET_VECTOR_META: 1,
  GET_VECTOR_META: 2,
  VECTOR_SEARCH: 3,
  BATCH_INSERT: 4,
  ADD_EMBEDDING: 0x10,
  GET_EMBEDDING: 0x11,
  UPDATE_EMBEDDING: 0x12,
  DELETE_EMBEDDING: 0x13,
  HYBRID_SEARCH: 0x14,
  MANAGE_INDEX: 0x15,
  BATCH_SEARCH: 0x16,
  BATCH_GET: 0x17,
  BATCH_DELETE: 0x18,
  GET_STATS: 0x19,
} as const;

/** Argument of SET_VECTOR_META and GET_VECTOR_META, 40 bytes. Frozen. */
export const vectorFileInfo = struct('vexfs_vector_file_info', 40, {
  dimensions: u32(0),
  element_type: u32(4),
  vector_count: u32(8),
  storage_format: u32(12),
  data_offset: u64(16),
  index_offset: u64(24),
  compression_type: u32(32),
  alignment_bytes: u32(36),
});

/** Argument of VECTOR_SEARCH, 48 bytes. Frozen. `results` takes k float32 distances, `result_ids` k 64-bit ids. */
export const vectorSearchRequest = struct('vexfs_vector_search_request', 48, {
  query_vector: pointer(0, 'float'),
  dimensions: u32(8),
  k: u32(12),
  search_type: u32(16),
  results: pointer(24, 'float'),
  result_ids: pointer(32, '__u64'),
  result_count: u32(40),
});

/** Argument of BATCH_INSERT, 32 bytes. Frozen. `vectors` holds vector_count * dimensions float32, row-major. */
export const batchInsertRequest = struct('vexfs_batch_insert_request', 32, {
  vectors: pointer(0, 'float'),
  vector_count: u32(8),
  dimensions: u32(12),
  vector_ids: pointer(16, '__u64'),
  flags: u32(24),
});

/** Argument of GET_EMBEDDING, 64 bytes, followed by the vector when `data` is 0. */
export const getEmbedding = struct('vexfs_get_embedding', 64, {
  id: u64(0),
  data: u64(8),
  data_size: u32(16),
  element_type: u32(20),
  dimensions: u32(24),
  flags: u32(28),
  slot: u64(32),
  reserved: new Bytes(40, 8, '__u64', 3),
});

/** Argument of ADD_EMBEDDING and UPDATE_EMBEDDING, 64 bytes, followed by the vector when `data` is 0. */
export const putEmbedding = struct('vexfs_put_embedding', 64, {
  id: u64(0),
  data: u64(8),
  data_size: u32(16),
  element_type: u32(20),
  dimensions: u32(24),
  flags: u32(28),
  slot: u64(32),
  reserved: new Bytes(40, 8, '__u64', 3),
});

/** Bits of `vexfs_batch_get.flags`: an id that no row has gets zeros instead of ending the call. */
export const GetFlag = { MISSING_OK: 1 } as const;

/**
 * Argument of BATCH_GET, 64 bytes: `ids` is the address of `count` 64-bit ids, `data` of `data_size` bytes for as many
 * vectors, `found` (0: not wanted) of a byte for each.
 */
export const batchGet = struct('vexfs_batch_get', 64, {
  ids: u64(0),
  data: u64(8),
  data_size: u64(16),
  found: u64(24),
  count: u32(32),
  element_type: u32(36),
  dimensions: u32(40),
  flags: u32(44),
  reserved: new Bytes(48, 8, '__u64', 2),
});

/** Argument of GET_STATS, 128 bytes, zero on entry. */
export const vexfsStats = struct('vexfs_stats', 128, {
  rows: u64(0),
  slots: u64(8),
  free_slots: u64(16),
  next_id: u64(24),
  matrix_bytes: u64(32),
  log_bytes: u64(40),
  log_records: u64(48),
  log_compactions: u64(56),
  searches: u64(64),
  rows_scanned: u64(72),
  insert_calls: u64(80),
  rows_inserted: u64(88),
  dimensions: u32(96),
  element_type: u32(100),
  row_bytes: u32(104),
  stride: u32(108),
  flags: u32(112),
  reserved: u32(116),
  indexed_rows: u64(120),
});

/**
 * Argument of MANAGE_INDEX, 128 bytes. CREATE reads type, metric, m, ef_construction and ef_search (0: the default of the
 * last three), TUNE ef_search and automatic_rows (0: unchanged), INFO sample; what the operation does not read must be 0. The fields behind
 * are answered by every operation.
 */
export const manageIndex = struct('vexfs_manage_index', 128, {
  operation: u32(0),
  flags: u32(4),
  type: u32(8),
  metric: u32(12),
  m: u32(16),
  ef_construction: u32(20),
  ef_search: u32(24),
  automatic_rows: u32(28),
  sample: u32(32),
  state: u32(36),
  error: u32(40),
  levels: u32(44),
  recall: u32(48),
  reserved: u32(52),
  rows: u64(56),
  indexed_rows: u64(64),
  lag: u64(72),
  memory_bytes: u64(80),
  snapshot_bytes: u64(88),
  generation: u64(96),
  searches: u64(104),
  log_position: u64(112),
  snapshot_position: u64(120),
});

/**
 * Argument of BATCH_SEARCH, 64 bytes: `queries` holds count * dimensions float32; `results` takes count * k float32
 * distances, `result_ids` as many ids, `result_counts` a u32 for each query: how many of its k places are filled.
 */
export const batchSearch = struct('vexfs_batch_search', 64, {
  queries: u64(0),
  results: u64(8),
  result_ids: u64(16),
  result_counts: u64(24),
  count: u32(32),
  dimensions: u32(36),
  k: u32(40),
  search_type: u32(44),
  ef: u32(48),
  flags: u32(52),
  reserved: u64(56),
});

/** Bits of the flags of DELETE_EMBEDDING and BATCH_DELETE: ids that no row has are passed over. */
export const DeleteFlag = { MISSING_OK: 1 } as const;

/** Argument of DELETE_EMBEDDING, 16 bytes. */
export const deleteEmbedding = struct('vexfs_delete_embedding', 16, {
  id: u64(0),
  flags: u32(8),
  reserved: u32(12),
});

/** Argument of BATCH_DELETE, 32 bytes: `ids` is the address of `count` 64-bit ids. */
export const batchDelete = struct('vexfs_batch_delete', 32, {
  ids: u64(0),
  count: u32(8),
  flags: u32(12),
  reserved: new Bytes(16, 8, '__u64', 2),
});

/** What the header generator and its test need to know of a command. */
export interface Command {
  readonly number: number;
  readonly direction: number;
  readonly argument: AnyStruct;
  readonly value: number;
}

function command(direction: number, name: keyof typeof CommandNumber, argument: AnyStruct): Command {
  const number = CommandNumber[name];
  return { number, direction, argument, value: ioc(direction, VEXFS_MAGIC, number, argument.$.size) };
}

/** The commands whose arguments are laid out, by the name that follows VEXFS_IOC_. */
export const commands = {
  SET_VECTOR_META: command(IOC_WRITE, 'SET_VECTOR_META', vectorFileInfo),
  GET_VECTOR_META: command(IOC_READ, 'GET_VECTOR_META', vectorFileInfo),
  VECTOR_SEARCH: command(IOC_READ | IOC_WRITE, 'VECTOR_SEARCH', vectorSearchRequest),
  BATCH_INSERT: command(IOC_WRITE, 'BATCH_INSERT', batchInsertRequest),
  ADD_EMBEDDING: command(IOC_READ | IOC_WRITE, 'ADD_EMBEDDING', putEmbedding),
  GET_EMBEDDING: command(IOC_READ | IOC_WRITE, 'GET_EMBEDDING', getEmbedding),
  UPDATE_EMBEDDING: command(IOC_READ | IOC_WRITE, 'UPDATE_EMBEDDING', putEmbedding),
  DELETE_EMBEDDING: command(IOC_READ | IOC_WRITE, 'DELETE_EMBEDDING', deleteEmbedding),
  MANAGE_INDEX: command(IOC_READ | IOC_WRITE, 'MANAGE_INDEX', manageIndex),
  BATCH_SEARCH: command(IOC_READ | IOC_WRITE, 'BATCH_SEARCH', batchSearch),
  BATCH_GET: command(IOC_READ | IOC_WRITE, 'BATCH_GET', batchGet),
  BATCH_DELETE: command(IOC_READ | IOC_WRITE, 'BATCH_DELETE', batchDelete),
  GET_STATS: command(IOC_READ | IOC_WRITE, 'GET_STATS', vexfsStats),
} as const;

export const VEXFS_IOC_SET_VECTOR_META = commands.SET_VECTOR_META.value;
export const VEXFS_IOC_GET_VECTOR_META = commands.GET_VECTOR_META.value;
export const VEXFS_IOC_VECTOR_SEARCH = commands.VECTOR_SEARCH.value;
export const VEXFS_IOC_BATCH_INSERT = commands.BATCH_INSERT.value;
export const VEXFS_IOC_ADD_EMBEDDING = commands.ADD_EMBEDDING.value;
export const VEXFS_IOC_GET_EMBEDDING = commands.GET_EMBEDDING.value;
export const VEXFS_IOC_UPDATE_EMBEDDING = commands.UPDATE_EMBEDDING.value;
export const VEXFS_IOC_DELETE_EMBEDDING = commands.DELETE_EMBEDDING.value;
export const VEXFS_IOC_BATCH_GET = commands.BATCH_GET.value;
export const VEXFS_IOC_BATCH_DELETE = commands.BATCH_DELETE.value;
export const VEXFS_IOC_MANAGE_INDEX = commands.MANAGE_INDEX.value;
export const VEXFS_IOC_BATCH_SEARCH = commands.BATCH_SEARCH.value;
export const VEXFS_IOC_GET_STATS = commands.GET_STATS.value;

/** From 0x10 on every command has a second name. */
export const VEXFS_IOCTL_ADD_EMBEDDING = VEXFS_IOC_ADD_EMBEDDING;
export const VEXFS_IOCTL_GET_EMBEDDING = VEXFS_IOC_GET_EMBEDDING;
export const VEXFS_IOCTL_UPDATE_EMBEDDING = VEXFS_IOC_UPDATE_EMBEDDING;
export const VEXFS_IOCTL_DELETE_EMBEDDING = VEXFS_IOC_DELETE_EMBEDDING;
export const VEXFS_IOCTL_BATCH_GET = VEXFS_IOC_BATCH_GET;
export const VEXFS_IOCTL_BATCH_DELETE = VEXFS_IOC_BATCH_DELETE;
export const VEXFS_IOCTL_MANAGE_INDEX = VEXFS_IOC_MANAGE_INDEX;
export const VEXFS_IOCTL_BATCH_SEARCH = VEXFS_IOC_BATCH_SEARCH;
export const VEXFS_IOCTL_GET_STATS = VEXFS_IOC_GET_STATS;

/** The commands whose argument may end in a vector. */
export const inlineCommands = ['ADD_EMBEDDING', 'GET_EMBEDDING', 'UPDATE_EMBEDDING'] as const;

/**
 * A command with `bytes` bytes of vector behind the structure.
 * @throws RangeError above MAX_INLINE_BYTES
 */
function inline(name: (typeof inlineCommands)[number], bytes: number): number {
  if (!(bytes >= 0 && bytes <= MAX_INLINE_BYTES)) {
    throw new RangeError(`${bytes} bytes of inline data are not 0..${MAX_INLINE_BYTES}`);
  }
  const { direction, number, argument } = commands[name];
  return ioc(direction, VEXFS_MAGIC, number, argument.$.size + bytes);
}

export const VEXFS_IOC_ADD_EMBEDDING_INLINE = (bytes: number): number => inline('ADD_EMBEDDING', bytes);
export const VEXFS_IOC_GET_EMBEDDING_INLINE = (bytes: number): number => inline('GET_EMBEDDING', bytes);
export const VEXFS_IOC_UPDATE_EMBEDDING_INLINE = (bytes: number): number => inline('UPDATE_EMBEDDING', bytes);
