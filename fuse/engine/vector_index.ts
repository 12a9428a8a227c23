import type { ElementType, SearchType } from '@vexfs/shared';
import { struct, u32, u64 } from '@vexfs/shared';
import type { Isa } from './cpu.js';
import { bind } from './library.js';

type Handle = number;
const A = 'uintptr_t';
const U32 = 'uint32_t';

const create = bind<(params: Uint8Array, isa: Isa, error: Int32Array) => Handle>('vx_host_index_create', A, [
  'void *',
  U32,
  'void *',
]);
const open = bind<(bytes: number, size: number, isa: Isa, error: Int32Array) => Handle>(
  'vx_host_index_open',
  A,
  [A, 'uint64_t', U32, 'void *'],
);
const destroy = bind<(index: Handle) => void>('vx_index_destroy', 'void', [A]);
const info = bind<(index: Handle, out: Uint8Array) => void>('vx_index_info', 'void', [A, 'void *']);
const setPosition = bind<(index: Handle, position: bigint | number) => void>(
  'vx_index_set_position',
  'void',
  [A, 'uint64_t'],
);
const apply = bind<
  (index: Handle, rows: number, changes: number, n: number, threads: number, interrupt: number) => number
>('vx_host_index_apply', 'int64_t', [A, A, A, 'size_t', U32, A]);
const save = bind<(index: Handle, fd: number) => number>('vx_host_index_save', 'int', [A, 'int']);
const verify = bind<(index: Handle) => number>('vx_index_verify', 'int', [A]);
const search = bind<
  (index: Handle, searcher: Handle, request: number, distances: number, ids: number, slots: number) => number
>('vx_index_search', 'int64_t', [A, A, A, A, A, A]);
const createSearcher = bind<() => Handle>('vx_host_searcher_create', A, []);
const destroySearcher = bind<(searcher: Handle) => void>('vx_searcher_destroy', 'void', [A]);
const searcherInfo = bind<(searcher: Handle, out: Uint8Array) => void>('vx_searcher_info', 'void', [
  A,
  'void *',
]);

/** struct vx_rows without callbacks: slot s lies at base + s * stride, for s < slots. */
export const indexRows = struct('vx_rows', 48, {
  base: u64(0),
  stride: u64(8),
  get: u64(16),
  put: u64(24),
  context: u64(32),
  slots: u32(40),
  reserved: u32(44),
});

/** struct vx_change: `op` is one of ChangeOp; the id of a DELETE is ignored. */
export const indexChange = struct('vx_change', 16, { id: u64(0), slot: u32(8), op: u32(12) });

/** VX_PUT and VX_DEL. */
export const ChangeOp = { PUT: 1, DELETE: 2 } as const;

/** struct vx_filter: all zero passes every row. `slot_bits` and `id_bits` are addresses of u64 words. */
export const indexFilter = struct('vx_filter', 48, {
  id_min: u64(0),
  id_max: u64(8),
  slot_bits: u64(16),
  id_bits: u64(24),
  id_bits_first: u64(32),
  id_bits_count: u64(40),
});

/** struct vx_search: addresses of what vexfs_index.h describes, 0 where a part is left out. */
export const indexSearch = struct('vx_search', 80, {
  query: u64(0),
  rows: u64(8),
  ids: u64(16),
  live: u64(24),
  filter: u64(32),
  tail: u64(40),
  interrupt: u64(48),
  tail_count: u32(56),
  slots: u32(60),
  k: u32(64),
  ef: u32(68),
  rerank: u32(72),
  flags: u32(76),
});

/** VX_SEARCH_*. */
export const SearchFlag = { EXACT: 1 } as const;

/** struct vx_index_params. */
const paramsLayout = struct('vx_index_params', 40, {
  metric: u32(0),
  element: u32(4),
  dims: u32(8),
  m: u32(12),
  ef_construction: u32(16),
  train_rows: u32(20),
  seed: u64(24),
  type: u32(32),
  reserved: u32(36),
});

/** struct vx_index_info behind its params. */
const infoLayout = struct('vx_index_info', 128, {
  rows: u64(40),
  waiting: u64(48),
  unmatched: u64(56),
  slots: u64(64),
  position: u64(72),
  generation: u64(80),
  memory_bytes: u64(88),
  graph_bytes: u64(96),
  record_bytes: u64(104),
  snapshot_bytes: u64(112),
  top_level: u32(120),
  damaged: u32(124),
});

/** struct vx_search_info. */
const searchInfoLayout = struct('vx_search_info', 40, {
  hops: u64(0),
  codes: u64(8),
  rows: u64(16),
  path: u64(24),
  memory_bytes: u64(32),
});

/** What the engine writes into a structure of so many bytes. */
function filled(size: number, write: (out: Uint8Array) => void): DataView {
  const bytes = new Uint8Array(size);
  write(bytes);
  return new DataView(bytes.buffer);
}

/** How a search went: VX_PATH_*. */
export const SearchPath = { GRAPH: 0, EXACT: 1, FALLBACK: 2 } as const;

/** VX_GRAPH and VX_FLAT. */
export const IndexType = { GRAPH: 0, FLAT: 1 } as const;
export type IndexType = (typeof IndexType)[keyof typeof IndexType];

/** struct vx_index_params; what is left out or 0 takes the engine's default. */
export interface IndexParams {
  readonly metric: SearchType;
  readonly element: ElementType;
  readonly dimensions: number;
  /** M of the paper. */
  readonly m?: number;
  readonly efConstruction?: number;
  /** Rows behind the first generation of codes. */
  readonly trainRows?: number;
  /** Of levels and rotation. */
  readonly seed?: bigint;
  /** IndexType.GRAPH when left out; FLAT takes COSINE only. */
  readonly type?: IndexType;
}

/** struct vx_index_info. */
export interface IndexInfo {
  readonly metric: number;
  readonly element: number;
  readonly dimensions: number;
  readonly type: number;
  readonly m: number;
  readonly efConstruction: number;
  readonly rows: number;
  readonly waiting: number;
  readonly unmatched: number;
  readonly slots: number;
  readonly position: bigint;
  readonly generation: number;
  readonly memoryBytes: number;
  readonly graphBytes: number;
  readonly recordBytes: number;
  readonly snapshotBytes: number;
  readonly topLevel: number;
  readonly damaged: boolean;
}

/**
 * A graph over the rows of one vector set, struct vx_index. One thread changes it at a time; others may search meanwhile,
 * each with a Searcher of its own. Arrays and structures are native memory, given by address. Calls that can fail return
 * -errno.
 */
export class VectorIndex {
  readonly handle: number;

  private constructor(handle: number) {
    this.handle = handle;
  }

  /** The index that another thread made. */
  static at(handle: number): VectorIndex {
    return new VectorIndex(handle);
  }

  /** An empty index that runs code for `isa`. Returns -EINVAL for parameters out of range, -ENOMEM. */
  static create(params: IndexParams, isa: Isa): VectorIndex | number {
    const bytes = new Uint8Array(paramsLayout.$.size);
    const view = new DataView(bytes.buffer);
    paramsLayout.metric.set(view, 0, params.metric);
    paramsLayout.element.set(view, 0, params.element);
    paramsLayout.dims.set(view, 0, params.dimensions);
    paramsLayout.m.set(view, 0, params.m ?? 0);
    paramsLayout.ef_construction.set(view, 0, params.efConstruction ?? 0);
    paramsLayout.train_rows.set(view, 0, params.trainRows ?? 0);
    paramsLayout.seed.setBig(view, 0, params.seed ?? 0n);
    paramsLayout.type.set(view, 0, params.type ?? IndexType.GRAPH);
    const error = new Int32Array(1);
    const handle = create(bytes, isa, error);
    return handle === 0 ? error[0]! : new VectorIndex(handle);
  }

  /**
   * An index from the snapshot of `size` bytes at `address` (page-aligned), which must stay mapped and unchanged until
   * destroy(). Returns -EUCLEAN when it is damaged, -ENOMEM.
   */
  static open(address: number, size: number, isa: Isa): VectorIndex | number {
    const error = new Int32Array(1);
    const handle = open(address, size, isa, error);
    return handle === 0 ? error[0]! : new VectorIndex(handle);
  }

  /** Frees everything; no thread may use the index any more. */
  destroy(): void {
    destroy(this.handle);
  }

  /**
   * Takes `n` changes (indexChange) over `rows` (indexRows) with `threads` threads. Returns how many were taken: fewer when
   * a later one failed or the u32 at `interrupt` (0: none) was set; -errno when the first one failed.
   */
  apply(rows: number, changes: number, n: number, threads: number, interrupt: number): number {
    return apply(this.handle, rows, changes, n, threads, interrupt);
  }

  /** A number of the caller's that snapshots keep. */
  setPosition(position: bigint | number): void {
    setPosition(this.handle, position);
  }

  /** Writes a snapshot to an open file from its beginning. */
  save(fd: number): number {
    return save(this.handle, fd);
  }

  /** Checks every part of an opened snapshot now: 0, -EUCLEAN, -ENOMEM. */
  verify(): number {
    return verify(this.handle);
  }

  info(): IndexInfo {
    const view = filled(infoLayout.$.size, (out) => info(this.handle, out));
    return {
      metric: paramsLayout.metric.get(view, 0),
      element: paramsLayout.element.get(view, 0),
      dimensions: paramsLayout.dims.get(view, 0),
      type: paramsLayout.type.get(view, 0),
      m: paramsLayout.m.get(view, 0),
      efConstruction: paramsLayout.ef_construction.get(view, 0),
      rows: infoLayout.rows.get(view, 0),
      waiting: infoLayout.waiting.get(view, 0),
      unmatched: infoLayout.unmatched.get(view, 0),
      slots: infoLayout.slots.get(view, 0),
      position: infoLayout.position.getBig(view, 0),
      generation: infoLayout.generation.get(view, 0),
      memoryBytes: infoLayout.memory_bytes.get(view, 0),
      graphBytes: infoLayout.graph_bytes.get(view, 0),
      recordBytes: infoLayout.record_bytes.get(view, 0),
      snapshotBytes: infoLayout.snapshot_bytes.get(view, 0),
      topLevel: infoLayout.top_level.get(view, 0),
      damaged: infoLayout.damaged.get(view, 0) !== 0,
    };
  }
}

/** How the last search of a Searcher went. */
export interface SearchInfo {
  /** Nodes whose links were followed. */
  readonly hops: number;
  /** Codes compared. */
  readonly codes: number;
  /** Rows compared exactly. */
  readonly rows: number;
  /** One of SearchPath. */
  readonly path: number;
  readonly memoryBytes: number;
}

/** What one searching thread needs, for any index. Throws without memory. */
export class Searcher {
  readonly handle: number;

  constructor() {
    this.handle = createSearcher();
    if (this.handle === 0) throw new Error('no memory to search with');
  }

  destroy(): void {
    destroySearcher(this.handle);
  }

  /**
   * Writes the nearest matching rows of the indexSearch at `request`, nearest first, ties by id: float32 distances, u64
   * ids, u32 slots (0: not wanted), each with room for k. Returns how many, min(k, matching rows), or -errno.
   */
  search(index: VectorIndex, request: number, distances: number, ids: number, slots: number): number {
    return search(index.handle, this.handle, request, distances, ids, slots);
  }

  info(): SearchInfo {
    const view = filled(searchInfoLayout.$.size, (out) => searcherInfo(this.handle, out));
    return {
      hops: searchInfoLayout.hops.get(view, 0),
      codes: searchInfoLayout.codes.get(view, 0),
      rows: searchInfoLayout.rows.get(view, 0),
      path: searchInfoLayout.path.get(view, 0),
      memoryBytes: searchInfoLayout.memory_bytes.get(view, 0),
    };
  }
}
