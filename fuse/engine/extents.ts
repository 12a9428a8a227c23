import { bytes, struct, u32, u64 } from '@vexfs/shared';
import type { Isa } from './cpu.js';
import { bind } from './library.js';
import { VectorIndex } from './vector_index.js';

const A = 'uintptr_t';

/** struct vx_extents, before its runs. */
const head = struct('vx_extents', 32, {
  fd: u32(0),
  count: u32(4),
  first: u64(8),
  stride: u64(16),
  row_bytes: u32(24),
  slots: u32(28),
});

/** struct vx_run; a position of 2^64 - 1 is a hole. */
const run = struct('vx_run', 24, { offset: u64(0), position: bytes(8, 8), length: u64(16) });

/** Where the rows of a file, or a snapshot, lie on the device; the engine reads and writes there itself. */
export interface Extents {
  readonly fd: number;
  /** Byte of slot 0, and from slot to slot; of a snapshot 0. */
  readonly first: number;
  readonly stride: number;
  /** Bytes of a row without padding. */
  readonly rowBytes: number;
  readonly slots: number;
  /** From the first byte on, without gaps: {position on the device or -1, bytes}, one after the other. */
  readonly pairs: ArrayLike<number>;
}

/** Bytes that `writeExtents` fills. */
export function extentsBytes(extents: Extents): number {
  return head.$.size + (extents.pairs.length / 2) * run.$.size;
}

/** Writes the structure that the functions below take the address of. It stays unchanged as long as one of them reads by it. */
export function writeExtents(extents: Extents, view: DataView): void {
  const { pairs } = extents;
  const count = pairs.length / 2;
  head.fd.set(view, 0, extents.fd);
  head.count.set(view, 0, count);
  head.first.set(view, 0, extents.first);
  head.stride.set(view, 0, extents.stride);
  head.row_bytes.set(view, 0, extents.rowBytes);
  head.slots.set(view, 0, extents.slots);
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const at = head.$.size + i * run.$.size;
    const length = pairs[i * 2 + 1]!;
    run.offset.set(view, at, offset);
    view.setBigInt64(at + run.position.offset, BigInt(pairs[i * 2]!), true);
    run.length.set(view, at, length);
    offset += length;
  }
}

/** Fills the indexRows at `rows` with functions that read rows by the extents at `extents`. */
export const rowsOfExtents = bind<(extents: number, rows: number) => void>('vx_host_rows', 'void', [A, A]);

/** Reads the row of one slot to `row`. 0 or -errno. */
export const readRow = bind<(extents: number, slot: number, row: number) => number>('vx_host_row', 'int', [
  A,
  'uint32_t',
  A,
]);

const follow = bind<
  (
    index: number,
    extents: number,
    changes: number,
    n: number,
    last: number,
    threads: number,
    interrupt: number,
  ) => number
>('vx_host_index_follow', 'int64_t', [A, A, A, 'size_t', 'uint32_t', 'uint32_t', A]);

/**
 * Lets an index take `n` changes (indexChange) of a log that comes piece by piece. Unless this is the `last` piece it may
 * leave some: the next piece begins with them. Returns how many it took, or -errno.
 */
export function followLog(
  index: VectorIndex,
  extents: number,
  changes: number,
  n: number,
  options: { readonly last: boolean; readonly threads: number; readonly interrupt: number },
): number {
  return follow(index.handle, extents, changes, n, options.last ? 1 : 0, options.threads, options.interrupt);
}

const saveTo = bind<(index: number, extents: number) => number>('vx_host_index_save_to', 'int', [A, A]);

/** Writes a snapshot into the extents, without syncing them. 0 or -errno. */
export function saveIndex(index: VectorIndex, extents: number): number {
  return saveTo(index.handle, extents);
}

const openAt = bind<(extents: number, size: number, byRecord: number, isa: Isa, error: Int32Array) => number>(
  'vx_host_index_open_at',
  A,
  [A, 'uint64_t', 'uint32_t', 'uint32_t', 'void *'],
);

/**
 * An index from the snapshot of `size` bytes in the extents, which stay until it is destroyed. `byRecord`: searches read the records
 * that they come by through the page cache, nothing of the graph is kept, and it takes no changes. Returns -errno.
 */
export function openIndex(extents: number, size: number, byRecord: boolean, isa: Isa): VectorIndex | number {
  const error = new Int32Array(1);
  const handle = openAt(extents, size, byRecord ? 1 : 0, isa, error);
  return handle === 0 ? error[0]! : VectorIndex.at(handle);
}
