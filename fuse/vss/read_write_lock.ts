/** Words of shared memory that a lock takes. */
export const LOCK_WORDS = 3;

/** Readers that hold the lock; -1: a writer. */
const STATE = 0;
const WRITERS_WAITING = 1;
/** Counts what may let others in: a sleeper has taken it before he looked. */
const TURN = 2;

/** A lock for threads: many read or one writes. Readers wait for a writer that waits, so that none waits for ever. */
export class ReadWriteLock {
  readonly #words: Int32Array;

  /** `words`: LOCK_WORDS of a SharedArrayBuffer, zero in the beginning; each thread has a ReadWriteLock on them. */
  constructor(words: Int32Array) {
    this.#words = words;
  }

  reading<T>(body: () => T): T {
    const words = this.#words;
    for (;;) {
      const turn = Atomics.load(words, TURN);
      const state = Atomics.load(words, STATE);
      if (state < 0 || Atomics.load(words, WRITERS_WAITING) > 0) Atomics.wait(words, TURN, turn);
      else if (Atomics.compareExchange(words, STATE, state, state + 1) === state) break;
    }
    try {
      return body();
    } finally {
      if (Atomics.sub(words, STATE, 1) === 1) this.#nextTurn();
    }
  }

  writing<T>(body: () => T): T {
    const words = this.#words;
    Atomics.add(words, WRITERS_WAITING, 1);
    for (;;) {
      const turn = Atomics.load(words, TURN);
      if (Atomics.compareExchange(words, STATE, 0, -1) === 0) break;
      Atomics.wait(words, TURN, turn);
    }
    Atomics.sub(words, WRITERS_WAITING, 1);
    try {
      return body();
    } finally {
      Atomics.store(words, STATE, 0);
      this.#nextTurn();
    }
  }

  #nextTurn(): void {
    Atomics.add(this.#words, TURN, 1);
    Atomics.notify(this.#words, TURN);
  }
}
