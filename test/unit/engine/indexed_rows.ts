import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ChangeOp,
  type Isa,
  indexChange,
  indexFilter,
  indexRows,
  indexSearch,
  prepareQuery,
  queryBytes,
  Searcher,
  VectorIndex,
} from '@vexfs/fuse/engine';
import { allocateMemory, freeMemory, type Memory } from '@vexfs/fuse/system';
import { ElementType, type SearchType } from '@vexfs/shared';

export interface Hit {
  readonly id: bigint;
  readonly slot: number;
  readonly distance: number;
}

export interface Question {
  readonly k: number;
  readonly ef?: number;
  /** Slots that may be returned. */
  readonly slots?: ReadonlySet<number>;
  readonly idMin?: bigint;
  readonly idMax?: bigint;
  /** Ids that may be returned, as a bitmap from the smallest of them on. */
  readonly ids?: ReadonlySet<bigint>;
  /** Slots whose row the index has not taken. */
  readonly tail?: readonly number[];
  /** Without it live slots are those that `put` filled and `remove` did not empty. */
  readonly withoutLive?: boolean;
  readonly flags?: number;
}

const words = (bits: number): number => Math.ceil(bits / 64) * 8;

/** Rows in native memory, their ids, and an index that is told of their changes: what a caller of the engine keeps. */
export class IndexedRows {
  readonly slots: number;
  readonly dimensions: number;
  readonly metric: SearchType;
  readonly cpu: number;
  index: VectorIndex;
  readonly searcher = new Searcher();
  /** Rows, then ids, then the live bitmap. */
  private readonly rows: Memory;
  private readonly ids: Memory;
  private readonly live: Memory;
  private readonly bits: Memory;
  private readonly arguments: Memory;
  private readonly changes: { slot: number; id: bigint; op: number }[] = [];

  constructor(index: VectorIndex, cpu: number, metric: SearchType, slots: number, dimensions: number) {
    this.index = index;
    this.cpu = cpu;
    this.metric = metric;
    this.slots = slots;
    this.dimensions = dimensions;
    this.rows = allocateMemory(slots * dimensions * 4);
    this.ids = allocateMemory(slots * 8);
    this.live = allocateMemory(words(slots));
    this.bits = allocateMemory(1 << 20);
    this.arguments = allocateMemory(1 << 20);
    const { view } = this.arguments;
    indexRows.base.set(view, 0, this.rows.address);
    indexRows.stride.set(view, 0, dimensions * 4);
    indexRows.slots.set(view, 0, slots);
  }

  destroy(): void {
    this.index.destroy();
    this.searcher.destroy();
    for (const memory of [this.rows, this.ids, this.live, this.bits, this.arguments]) freeMemory(memory);
  }

  row(slot: number): Float32Array {
    return new Float32Array(this.rows.bytes.buffer, slot * this.dimensions * 4, this.dimensions);
  }

  id(slot: number): bigint {
    return this.ids.view.getBigUint64(slot * 8, true);
  }

  isLive(slot: number): boolean {
    return (this.live.bytes[slot >> 3]! & (1 << (slot & 7))) !== 0;
  }

  /** Fills a slot; the index hears of it at the next take(). */
  put(slot: number, id: bigint, values: ArrayLike<number>): void {
    this.row(slot).set(values);
    this.ids.view.setBigUint64(slot * 8, id, true);
    this.live.bytes[slot >> 3]! |= 1 << (slot & 7);
    this.changes.push({ slot, id, op: ChangeOp.PUT });
  }

  remove(slot: number): void {
    this.live.bytes[slot >> 3]! &= ~(1 << (slot & 7));
    this.changes.push({ slot, id: 0n, op: ChangeOp.DELETE });
  }

  /** Lets the index take every change so far; returns what its apply() does. */
  take(threads = 1): number {
    const { changes } = this;
    if (changes.length === 0) return 0;
    const memory = allocateMemory(changes.length * indexChange.$.size);
    changes.forEach(({ slot, id, op }, i) => {
      const base = i * indexChange.$.size;
      indexChange.id.setBig(memory.view, base, id);
      indexChange.slot.set(memory.view, base, slot);
      indexChange.op.set(memory.view, base, op);
    });
    const taken = this.index.apply(this.arguments.address, memory.address, changes.length, threads, 0);
    freeMemory(memory);
    if (taken > 0) changes.splice(0, taken);
    return taken;
  }

  /** The hits, or -errno. */
  search(query: ArrayLike<number>, question: Question): Hit[] | number {
    const { view, address, bytes } = this.arguments;
    const { k } = question;
    const at = { request: 64, filter: 192, values: 4096, query: 1 << 18, tail: 1 << 19, out: 3 << 18 };
    const out = { distances: at.out, ids: at.out + 4 * k + 64, slots: at.out + 12 * k + 128 };
    if (queryBytes(this.dimensions) > at.tail - at.query) throw new RangeError('a query too long');
    bytes.fill(0, at.request, at.values);
    new Float32Array(view.buffer, at.values, this.dimensions).set(query);
    const prepared = prepareQuery(
      this.cpu,
      address + at.query,
      this.metric,
      ElementType.FLOAT32,
      this.dimensions,
      address + at.values,
    );
    if (prepared !== 0) return prepared;
    const tail = question.tail ?? [];
    tail.forEach((slot, i) => {
      view.setUint32(at.tail + 4 * i, slot, true);
    });
    const request = at.request;
    indexSearch.query.set(view, request, address + at.query);
    indexSearch.rows.set(view, request, address);
    indexSearch.ids.set(view, request, this.ids.address);
    indexSearch.live.set(view, request, question.withoutLive === true ? 0 : this.live.address);
    indexSearch.filter.set(view, request, this.filter(question, at.filter) ? address + at.filter : 0);
    indexSearch.tail.set(view, request, tail.length > 0 ? address + at.tail : 0);
    indexSearch.tail_count.set(view, request, tail.length);
    indexSearch.slots.set(view, request, this.slots);
    indexSearch.k.set(view, request, k);
    indexSearch.ef.set(view, request, question.ef ?? 0);
    indexSearch.flags.set(view, request, question.flags ?? 0);
    const found = this.searcher.search(
      this.index,
      address + request,
      address + out.distances,
      address + out.ids,
      address + out.slots,
    );
    if (found < 0) return found;
    return Array.from({ length: found }, (_, i) => ({
      id: view.getBigUint64(out.ids + 8 * i, true),
      slot: view.getUint32(out.slots + 4 * i, true),
      distance: view.getFloat32(out.distances + 4 * i, true),
    }));
  }

  /** Lays out struct vx_filter; false when there is nothing to filter by. */
  private filter({ slots, idMin, idMax, ids }: Question, at: number): boolean {
    const { view } = this.arguments;
    const { bytes, address } = this.bits;
    bytes.fill(0);
    if (slots !== undefined) {
      for (const slot of slots) bytes[slot >> 3]! |= 1 << (slot & 7);
      indexFilter.slot_bits.set(view, at, address);
    }
    if (idMin !== undefined || idMax !== undefined) {
      indexFilter.id_min.setBig(view, at, idMin ?? 0n);
      indexFilter.id_max.setBig(view, at, idMax ?? 2n ** 64n - 2n);
    }
    if (ids !== undefined) {
      const sorted = [...ids].sort((a, b) => (a < b ? -1 : 1));
      const first = sorted[0] ?? 0n;
      const half = bytes.length / 2;
      const count = Number((sorted.at(-1) ?? 0n) - first) + 1;
      if (words(count) > half) throw new RangeError('ids too far apart');
      for (const id of sorted) bytes[half + (Number(id - first) >> 3)]! |= 1 << (Number(id - first) & 7);
      indexFilter.id_bits.set(view, at, address + half);
      indexFilter.id_bits_first.setBig(view, at, first);
      indexFilter.id_bits_count.set(view, at, count);
    }
    return slots !== undefined || idMin !== undefined || idMax !== undefined || ids !== undefined;
  }

  /** What the index saves. */
  snapshot(): Buffer {
    const path = join(tmpdir(), `vexfs-index-${process.pid}`);
    const fd = openSync(path, 'w+', 0o600);
    try {
      const status = this.index.save(fd);
      if (status !== 0) throw new Error(`saving failed with ${status}`);
    } finally {
      closeSync(fd);
    }
    const bytes = readFileSync(path);
    rmSync(path);
    return bytes;
  }

  /** Goes on with an index opened from a snapshot at a page of `memory`. */
  reopen(memory: Memory, isa: Isa): void {
    const index = VectorIndex.open(memory.address, memory.bytes.length, isa);
    if (typeof index === 'number') throw new Error(`opening failed with ${index}`);
    this.index.destroy();
    this.index = index;
  }
}
