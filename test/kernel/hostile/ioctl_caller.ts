/**
 * A thread of guest_ioctls.js: calls ioctl(2) on whatever the slots hold, or, as the one that disturbs the others, truncates,
 * closes and opens what they are using. Posts how often each answer came.
 */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { withMemory } from '../../parity/client/caller_memory.js';
import { Seeded } from '../../unit/volume/seeded.js';
import { WildIoctl } from './wild_ioctl.js';

export interface CallerTask {
  readonly role: 'call' | 'disturb';
  readonly seed: number;
  /** Calls of a caller. */
  readonly count: number;
  /** Files that the slots are opened from, the dimensions of each. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly dimensions: number }>;
  /** Descriptors, by two words each: number (-1: closed), index of the file. One more word: callers at work. */
  readonly slots: SharedArrayBuffer;
}

const { role, seed, count, files, slots } = workerData as CallerTask;
const words = new Int32Array(slots);
const SLOTS = (words.length - 1) / 2;
const atWork = words.length - 1;
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
      const answer = wild.call(fd, files[Atomics.load(words, slot * 2 + 1)]!.dimensions);
      answers[answer] = (answers[answer] ?? 0) + 1;
      done += 1;
    }
  });
  Atomics.sub(words, atWork, 1);
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

function disturb(): void {
  for (let slot = 0; slot < SLOTS; slot++) reopen(slot);
  const bytes = Buffer.alloc(9_000, 7);
  while (Atomics.load(words, atWork) > 0) {
    const slot = random.below(SLOTS);
    const fd = Atomics.load(words, slot * 2);
    const kind = random.below(10);
    if (kind < 3 || fd < 0) reopen(slot);
    else if (kind < 6) attempt(() => ftruncateSync(fd, random.of([0, 4096, random.below(1 << 18)])));
    else if (kind < 8) attempt(() => writeSync(fd, bytes, 0, bytes.length, random.below(1 << 16)));
    else attempt(() => readSync(fd, bytes, 0, bytes.length, random.below(1 << 16)));
    // The others are to be in the middle of something.
    Atomics.wait(words, atWork, Atomics.load(words, atWork), random.below(4));
  }
  for (let slot = 0; slot < SLOTS; slot++) {
    const fd = Atomics.exchange(words, slot * 2, -1);
    if (fd >= 0) closeSync(fd);
  }
}

if (role === 'call') call();
else disturb();
parentPort?.postMessage(answers);
