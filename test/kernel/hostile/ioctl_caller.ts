/**
 * A thread of guest_ioctls.js: calls ioctl(2) on whatever the slots hold, or, as the one that disturbs the others, truncates,
 * closes and opens what they are using. Posts how often each answer came.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { withMemory } from '../../parity/client/caller_memory.js';
import { insert } from '../../parity/client/vector_calls.js';
import { Seeded } from '../../unit/volume/seeded.js';
import { type HostileFile, largeBytes, manyRows } from './hostile_file.js';
import { WildIoctl } from './wild_ioctl.js';

export interface CallerTask {
  readonly role: 'call' | 'disturb';
  readonly seed: number;
  /** Calls of a caller. */
  readonly count: number;
  /** Files that the slots are opened from, the dimensions of each. */
  readonly files: readonly HostileFile[];
  /** Descriptors, by two words each: number (-1: closed), index of the file. Two more words: callers at work, calls made. */
  readonly slots: SharedArrayBuffer;
}

const { role, seed, count, files, slots } = workerData as CallerTask;
const words = new Int32Array(slots);
const SLOTS = (words.length - 2) / 2;
const atWork = words.length - 2;
const made = words.length - 1;
/** Who waits for an index has to get there: so long nothing is changed while all callers wait. */
const PATIENCE_MS = 2_000;
const random = new Seeded(seed);
const answers: Record<string, number> = {};

/** What a failing call is named by. */
function attempt(work: () => void): void {
  let answer = 'ok';
  try {
    work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    answer = code;
  }
  answers[answer] = (answers[answer] ?? 0) + 1;
}

function countCall(): void {
  Atomics.add(words, made, 1);
  Atomics.notify(words, made);
}

function call(): void {
  withMemory((memory) => {
    const wild = new WildIoctl(random, memory);
    for (let done = 0; done < count; ) {
      const slot = random.below(SLOTS);
      const fd = Atomics.load(words, slot * 2);
      if (fd < 0) {
        Atomics.wait(words, slot * 2, -1, 1);
        continue;
      }
      const answer = wild.call(fd, files[Atomics.load(words, slot * 2 + 1)]!);
      answers[answer] = (answers[answer] ?? 0) + 1;
      done += 1;
      countCall();
    }
  });
  Atomics.sub(words, atWork, 1);
  countCall();
}

function reopen(slot: number): void {
  const fd = Atomics.exchange(words, slot * 2, -1);
  if (fd >= 0) closeSync(fd);
  const index = random.below(files.length);
  const mode = random.of(['r', 'r+', 'r+', 'r+', 'a'] as const);
  attempt(() => {
    const opened = openSync(files[index]!.path, mode);
    Atomics.store(words, slot * 2 + 1, index);
    Atomics.store(words, slot * 2, opened);
  });
}

/** Files stay of the size that they are for, mostly. */
function resize(fd: number, { dimensions, isLarge }: HostileFile): void {
  if (!isLarge) ftruncateSync(fd, random.of([0, 4096, random.below(1 << 18)]));
  else if (fstatSync(fd).size < largeBytes(dimensions))
    insert(fd, manyRows(dimensions, random.below(1000)), { dimensions });
  else ftruncateSync(fd, random.chance(10) ? 0 : fstatSync(fd).size - random.below(16_384));
}

function disturb(): void {
  for (let slot = 0; slot < SLOTS; slot++) reopen(slot);
  const bytes = Buffer.alloc(9_000, 7);
  while (Atomics.load(words, atWork) > 0) {
    const before = Atomics.load(words, made);
    const slot = random.below(SLOTS);
    const fd = Atomics.load(words, slot * 2);
    const kind = random.below(10);
    if (kind < 3 || fd < 0) reopen(slot);
    else if (kind < 6) attempt(() => resize(fd, files[Atomics.load(words, slot * 2 + 1)]!));
    else if (kind < 8) attempt(() => writeSync(fd, bytes, 0, bytes.length, random.below(1 << 16)));
    else attempt(() => readSync(fd, bytes, 0, bytes.length, random.below(1 << 16)));
    // The others are to be in the middle of something.
    Atomics.wait(words, atWork, Atomics.load(words, atWork), random.below(4));
    Atomics.wait(words, made, before, PATIENCE_MS);
  }
  for (let slot = 0; slot < SLOTS; slot++) {
    const fd = Atomics.exchange(words, slot * 2, -1);
    if (fd >= 0) closeSync(fd);
  }
}

if (role === 'call') call();
else disturb();
parentPort?.postMessage(answers);
