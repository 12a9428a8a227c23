import { struct, u64 } from '@vexfs/shared';
import { bind } from './library.js';
import { LiveCopies, type LiveCopy } from './live_copies.js';

type Handle = number;
const A = 'uintptr_t';

const create = bind<(seed: bigint) => Handle>('vx_host_ids_create', A, ['uint64_t']);
const destroy = bind<(table: Handle) => void>('vx_ids_destroy', 'void', [A]);
const reserve = bind<(table: Handle, slots: number, rows: number) => number>('vx_ids_reserve', 'int', [
  A,
  'uint32_t',
  'uint32_t',
]);
const put = bind<(table: Handle, slot: number, id: bigint | number) => number>('vx_ids_put', 'int', [
  A,
  'uint32_t',
  'uint64_t',
]);
const putRange = bind<(table: Handle, slot: number, id: bigint | number, n: number) => number>(
  'vx_ids_put_range',
  'int',
  [A, 'uint32_t', 'uint64_t', 'uint32_t'],
);
const putBatch = bind<(table: Handle, slots: number, ids: number, n: number) => number>(
  'vx_ids_put_batch',
  'int',
  [A, A, A, 'size_t'],
);
const deleteSlots = bind<(table: Handle, slots: number, n: number) => number>('vx_ids_delete_slots', 'int', [
  A,
  A,
  'size_t',
]);
const truncate = bind<(table: Handle, slots: number) => number>('vx_ids_truncate', 'int', [A, 'uint32_t']);
const findBatch = bind<(table: Handle, ids: number, n: number, out: number) => number>(
  'vx_ids_find_batch',
  'size_t',
  [A, A, 'size_t', A],
);
const firstExisting = bind<(table: Handle, ids: number, n: number) => number>(
  'vx_ids_first_existing',
  'size_t',
  [A, A, 'size_t'],
);
const firstExistingRange = bind<(table: Handle, id: bigint | number, n: number) => number>(
  'vx_ids_first_existing_range',
  'size_t',
  [A, 'uint64_t', 'size_t'],
);
const findDuplicate = bind<(table: Handle, ids: number, n: number, scratch: number) => number>(
  'vx_ids_find_duplicate',
  'size_t',
  [A, A, 'size_t', A],
);
const nextFree = bind<(table: Handle, from: number) => number>('vx_ids_next_free', 'uint32_t', [
  A,
  'uint32_t',
]);
const freeSlots = bind<(table: Handle, from: number, out: number, n: number) => number>(
  'vx_ids_free_slots',
  'size_t',
  [A, 'uint32_t', A, 'size_t'],
);
const liveEnd = bind<(table: Handle) => number>('vx_ids_live_end', 'uint32_t', [A]);
const snapshotLive = bind<(table: Handle, out: number, words: number) => number>(
  'vx_ids_snapshot_live',
  'int64_t',
  [A, A, 'size_t'],
);
const info = bind<(table: Handle, out: Uint8Array) => void>('vx_ids_info', 'void', [A, 'void *']);
const setEpoch = bind<(table: Handle, epoch: number) => void>('vx_ids_set_epoch', 'void', [A, 'uint64_t']);
const reclaim = bind<(table: Handle, oldest: number) => void>('vx_ids_reclaim', 'void', [A, 'uint64_t']);

/** A slot that does not exist, as IdTable.findBatch() writes it. */
export const NO_SLOT = 0xffff_ffff;

/** Scratch bytes that IdTable.findDuplicate() needs for `n` ids. */
export const duplicateScratchBytes = bind<(n: number) => number>('vx_ids_duplicate_bytes', 'size_t', [
  'size_t',
]);

/**
 * As IdTable.findDuplicate(), from any thread: `table` is the handle of a table, of which only the seed is read, and
 * that never changes.
 */
export function findDuplicateIds(table: number, ids: number, n: number, scratch: number): number {
  return findDuplicate(table, ids, n, scratch);
}

/** struct vx_ids_info. */
const infoLayout = struct('vx_ids_info', 64, {
  ids: u64(0),
  live: u64(8),
  slots: u64(16),
  rows: u64(24),
  slot_capacity: u64(32),
  memory_bytes: u64(40),
  retired_bytes: u64(48),
  id_bound: u64(56),
});

/** What IdTable.info() reports; addresses and counts are valid until the next change of the table. */
export interface IdTableInfo {
  /** Address of the u64 ids by slot, 0 while there are none. */
  readonly ids: number;
  /** Address of the live bitmap, u64 words. */
  readonly live: number;
  /** Slot count. */
  readonly slots: number;
  /** Live slots. */
  readonly rows: number;
  readonly slotCapacity: number;
  /** All memory of the table, arrays kept for readers included. */
  readonly memoryBytes: number;
  readonly retiredBytes: number;
  /** No live id is this large or larger. */
  readonly idBound: bigint;
}

/**
 * Which slot holds which id, and which slots are live: struct vx_ids of the engine. One thread changes the table; searches
 * on others read the arrays that info() names. Batches are native arrays, given by address: ids u64, slots u32.
 *
 * Changes return 0 or -errno and happen whole or not at all: EEXIST, a slot is live or an id lives in another slot; EUCLEAN,
 * a slot to delete is not live; EINVAL, no such id or slot; ENOMEM.
 */
export class IdTable {
  readonly handle: number;
  readonly #info = new DataView(new ArrayBuffer(infoLayout.$.size));
  readonly #infoBytes = new Uint8Array(this.#info.buffer);
  readonly #copies = new LiveCopies();
  #changes = 0;

  /** `seed` (random, 64 bits) keeps a user from choosing ids that collide; it changes no result. Throws without memory. */
  constructor(seed: bigint) {
    this.handle = create(seed);
    if (this.handle === 0) throw new Error('no memory for an id table');
  }

  /** Frees everything. Neither the table nor its arrays may be used afterwards, in any thread. */
  destroy(): void {
    this.#copies.destroy();
    destroy(this.handle);
  }

  /** Makes room, so that puts within `slots` and `rows` cannot fail with ENOMEM before the next truncate(). */
  reserve(slots: number, rows: number): number {
    return reserve(this.handle, slots, rows);
  }

  put(slot: number, id: bigint | number): number {
    this.#changes += 1;
    return put(this.handle, slot, id);
  }

  /** Slots slot, slot + 1, ... take ids id, id + 1, ... */
  putRange(slot: number, id: bigint | number, n: number): number {
    this.#changes += 1;
    return putRange(this.handle, slot, id, n);
  }

  putBatch(slots: number, ids: number, n: number): number {
    this.#changes += 1;
    return putBatch(this.handle, slots, ids, n);
  }

  deleteSlots(slots: number, n: number): number {
    this.#changes += 1;
    return deleteSlots(this.handle, slots, n);
  }

  /** Sets the slot count: rows past it are deleted, new slots are free. */
  truncate(slots: number): number {
    this.#changes += 1;
    return truncate(this.handle, slots);
  }

  /** Writes the slot of each id, or NO_SLOT, to `out`; returns how many exist. */
  findBatch(ids: number, n: number, out: number): number {
    return findBatch(this.handle, ids, n, out);
  }

  /** Index of the first id that exists, or `n`. */
  firstExisting(ids: number, n: number): number {
    return firstExisting(this.handle, ids, n);
  }

  /** The same for id, id + 1, ... */
  firstExistingRange(id: bigint | number, n: number): number {
    return firstExistingRange(this.handle, id, n);
  }

  /** Index of the first id that repeats an earlier one of the batch, or `n`. */
  findDuplicate(ids: number, n: number, scratch: number): number {
    return findDuplicate(this.handle, ids, n, scratch);
  }

  /** The lowest free slot >= from; the slot count when none is free below it. */
  nextFree(from: number): number {
    return nextFree(this.handle, from);
  }

  /** Writes up to `n` free slots >= from and below the slot count, ascending; returns how many. */
  freeSlots(from: number, out: number, n: number): number {
    return freeSlots(this.handle, from, out, n);
  }

  /** One past the highest live slot. */
  liveEnd(): number {
    return liveEnd(this.handle);
  }

  /** The live bitmap as it is now, (slots + 63) / 64 words of u64, for readers on other threads. Throws without memory. */
  takeLive(): LiveCopy {
    const words = Math.ceil(this.info().slots / 64);
    return this.#copies.take(this.#changes, words, (address) => {
      const copied = snapshotLive(this.handle, address, words);
      if (copied !== words) throw new Error(`the live bitmap has not ${words} words`);
    });
  }

  /** Nobody reads a copy any more that takeLive() gave; once for each call. */
  giveLive(copy: LiveCopy): void {
    this.#copies.give(copy);
  }

  /** Marks arrays that growth replaces from now on. */
  setEpoch(epoch: number): void {
    setEpoch(this.handle, epoch);
  }

  /** Frees replaced arrays marked below `oldestActive`, the epoch at which the oldest running reader started. */
  reclaim(oldestActive: number): void {
    reclaim(this.handle, oldestActive);
  }

  info(): IdTableInfo {
    info(this.handle, this.#infoBytes);
    const view = this.#info;
    return {
      ids: infoLayout.ids.get(view, 0),
      live: infoLayout.live.get(view, 0),
      slots: infoLayout.slots.get(view, 0),
      rows: infoLayout.rows.get(view, 0),
      slotCapacity: infoLayout.slot_capacity.get(view, 0),
      memoryBytes: infoLayout.memory_bytes.get(view, 0),
      retiredBytes: infoLayout.retired_bytes.get(view, 0),
      idBound: infoLayout.id_bound.getBig(view, 0),
    };
  }
}
