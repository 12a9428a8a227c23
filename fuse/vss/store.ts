/**
 * The vectors of a mount: in memory, as many as the capacity says, all of the dimension of the first. Every thread has a
 * Store on the same memory.
 */
import { VSS_MAX_DIMENSION } from '@vexfs/shared';
import {
  allocateMemory,
  check,
  errno,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  mmap,
  PROT_READ,
  PROT_WRITE,
  reserveAddresses,
  viewMemory,
} from '../system/index.js';
import { LOCK_WORDS, ReadWriteLock } from './read_write_lock.js';

export const MAX_CAPACITY: number = 1 << 24;
/** Rows get memory so many at a time: whole pages on every machine, whatever the dimension. */
const STEP_ROWS = 16_384;
const FLOAT_BYTES = 4;
const ID_BYTES = 8;

/** Where the parts lie in the shared block: the words of the lock, the numbers of the store, the count of queries. */
const NUMBERS_AT = LOCK_WORDS;
const DIMENSION = NUMBERS_AT;
const VECTORS = NUMBERS_AT + 1;
const WORDS = NUMBERS_AT + 2;
const QUERIES_AT = Math.ceil((WORDS * 4) / 8) * 8;

/** What a thread is told of the store. */
export interface StoreHandle {
  readonly capacity: number;
  readonly shared: SharedArrayBuffer;
  /** Address of the rows, reserved for the largest dimension. */
  readonly rows: number;
  /** Address of their ids, u64 each. */
  readonly ids: number;
  /** Address of the hash: one past the slot of an id, u32 each. */
  readonly hash: number;
  readonly hashWords: number;
  /** Odd, so that nobody can choose ids that collide. */
  readonly factor: number;
}

/** Throws SystemCallError when the machine does not give the addresses. Memory is taken as vectors come. */
export function createStore(capacity: number): StoreHandle {
  const hashWords = 2 ** Math.ceil(Math.log2(capacity * 2));
  const steps = Math.ceil(capacity / STEP_ROWS);
  const rows = reserveAddresses(steps * STEP_ROWS * VSS_MAX_DIMENSION * FLOAT_BYTES);
  check(rows, 'reserving addresses');
  return {
    capacity,
    shared: new SharedArrayBuffer(QUERIES_AT + 8),
    rows,
    ids: allocateMemory(capacity * ID_BYTES).address,
    hash: allocateMemory(hashWords * 4).address,
    hashWords,
    factor: crypto.getRandomValues(new Uint32Array(1))[0]! | 1,
  };
}

/** The rows as a search needs them. */
export interface Rows {
  readonly dimension: number;
  readonly vectors: number;
  readonly rows: number;
  readonly ids: number;
}

export interface Stats {
  readonly vectors: number;
  readonly capacity: number;
  readonly dimension: number;
  readonly queries: bigint;
}

export class Store {
  readonly #handle: StoreHandle;
  readonly #lock: ReadWriteLock;
  readonly #numbers: Int32Array;
  readonly #queries: BigUint64Array;
  /** Low halves at even places: ids are 32 bits, and wider for the engine only. */
  readonly #ids: Uint32Array;
  readonly #hash: Uint32Array;

  constructor(handle: StoreHandle) {
    const words = (address: number, count: number): Uint32Array =>
      new Uint32Array(viewMemory(address, count * 4).buffer);
    this.#handle = handle;
    this.#numbers = new Int32Array(handle.shared, 0, WORDS);
    this.#lock = new ReadWriteLock(this.#numbers);
    this.#queries = new BigUint64Array(handle.shared, QUERIES_AT, 1);
    this.#ids = words(handle.ids, handle.capacity * 2);
    this.#hash = words(handle.hash, handle.hashWords);
  }

  /**
   * Adds a vector (its float32 as bytes), or replaces the one with this id. 0, -EINVAL: of another dimension than the others; -ENOSPC:
   * the capacity is reached; -ENOMEM: below it, but the machine has no memory.
   */
  add(id: number, dimension: number, data: Uint8Array): number {
    return this.#lock.writing(() => {
      const numbers = this.#numbers;
      if (!this.#fits(dimension)) return -errno.EINVAL;
      const place = this.#placeOf(id);
      let slot = this.#hash[place]! - 1;
      if (slot < 0) {
        slot = numbers[VECTORS]!;
        if (slot === this.#handle.capacity) return -errno.ENOSPC;
        const error = slot % STEP_ROWS === 0 ? this.#grow(slot, dimension) : 0;
        if (error < 0) return error;
        this.#ids[slot * 2] = id;
        this.#hash[place] = slot + 1;
        numbers[DIMENSION] = dimension;
        numbers[VECTORS] = slot + 1;
      }
      viewMemory(this.#rowAt(slot, dimension), data.length).set(data);
      return 0;
    });
  }

  /** Calls `body` with rows that stay as they are meanwhile. -EINVAL when they are of another dimension. */
  reading(dimension: number, body: (rows: Rows) => number): number {
    return this.#lock.reading(() => {
      if (!this.#fits(dimension)) return -errno.EINVAL;
      const { rows, ids } = this.#handle;
      return body({ dimension, vectors: this.#numbers[VECTORS]!, rows, ids });
    });
  }

  countQuery(): void {
    Atomics.add(this.#queries, 0, 1n);
  }

  stats(): Stats {
    return this.#lock.reading(() => ({
      vectors: this.#numbers[VECTORS]!,
      capacity: this.#handle.capacity,
      dimension: this.#numbers[DIMENSION]!,
      queries: Atomics.load(this.#queries, 0),
    }));
  }

  #fits(dimension: number): boolean {
    const known = this.#numbers[DIMENSION]!;
    return known === 0 || known === dimension;
  }

  #rowAt(slot: number, dimension: number): number {
    return this.#handle.rows + slot * dimension * FLOAT_BYTES;
  }

  /** Memory for the rows from `slot` on. */
  #grow(slot: number, dimension: number): number {
    const bytes = STEP_ROWS * dimension * FLOAT_BYTES;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    const mapped = mmap(this.#rowAt(slot, dimension), bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    return mapped < 0 ? -errno.ENOMEM : 0;
  }

  /** Where the hash has the id, or would have it; half of it is empty at least. */
  #placeOf(id: number): number {
    const { factor, hashWords } = this.#handle;
    const mixed = Math.imul(id, factor);
    let place = Math.imul(mixed ^ (mixed >>> 15), 0x9e37_79b1) >>> Math.clz32(hashWords - 1);
    for (;;) {
      const slot = this.#hash[place]! - 1;
      if (slot < 0 || this.#ids[slot * 2] === id) return place;
      place = (place + 1) & (hashWords - 1);
    }
  }
}
