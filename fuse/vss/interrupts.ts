import { allocateMemory, viewMemory } from '../system/index.js';

/** What a thread is told of the calls of all threads. */
export interface InterruptsHandle {
  /** For each thread: the request that it answers, 0 for none, and the request that a signal has come for. */
  readonly requests: SharedArrayBuffer;
  /** For each thread a u32 that the engine looks at. */
  readonly words: number;
}

export function createInterrupts(threads: number): InterruptsHandle {
  return { requests: new SharedArrayBuffer(threads * 16), words: allocateMemory(threads * 4).address };
}

/** Carries a signal for a caller to the thread that works for him. */
export class Interrupts {
  readonly #requests: BigUint64Array;
  readonly #words: Uint32Array;
  readonly #thread: number;
  /** Address of the word that ends a search of this thread. */
  readonly word: number;

  constructor(handle: InterruptsHandle, thread: number) {
    const threads = handle.requests.byteLength / 16;
    this.#requests = new BigUint64Array(handle.requests);
    this.#words = new Uint32Array(viewMemory(handle.words, threads * 4).buffer);
    this.#thread = thread;
    this.word = handle.words + thread * 4;
  }

  /** This thread answers a request from here on. */
  begin(unique: number): void {
    this.#words[this.#thread] = 0;
    Atomics.store(this.#requests, this.#thread * 2, BigInt(unique));
  }

  /** Whether the word was set for this request: one that came late for the request before is taken back. */
  isMeant(unique: number): boolean {
    this.#words[this.#thread] = 0;
    return Atomics.load(this.#requests, this.#thread * 2 + 1) === BigInt(unique);
  }

  end(): void {
    Atomics.store(this.#requests, this.#thread * 2, 0n);
  }

  /** A signal came for the caller of `unique`. False: no thread answers that request (yet, or any more). */
  signal(unique: number): boolean {
    for (let thread = 0; thread < this.#words.length; thread++) {
      if (Atomics.load(this.#requests, thread * 2) !== BigInt(unique)) continue;
      Atomics.store(this.#requests, thread * 2 + 1, BigInt(unique));
      this.#words[thread] = 1;
      return true;
    }
    return false;
  }
}
