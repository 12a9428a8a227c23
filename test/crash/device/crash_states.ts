import type { Step } from '../../unit/volume/memory_device.js';
import type { Seeded } from '../../unit/volume/seeded.js';
import { SECTOR } from './shared_log.js';

/** A part of the log whose crashes are asked for. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** What the disk may hold when the power fails after `at` of its steps. */
export interface CrashState {
  readonly at: number;
  /** Which of the writes that no flush covers have reached the medium, in words. */
  readonly what: string;
}

/** Which of the writes since the last flush have reached the medium. */
const WAYS = ['none', 'all', 'half', 'nearly all', 'some sectors', 'the last', 'nearly none'] as const;
type Way = (typeof WAYS)[number];

/**
 * Goes through a log from its start and makes the states that a crash could leave in some windows of it: behind each flush,
 * and between two flushes with parts of what was written between them, in any order and down to single sectors.
 */
export class CrashStates {
  /** What the medium holds for certain at the flush that was reached. */
  private readonly durable: Uint8Array;
  private readonly step: (index: number) => Step;
  private readonly count: number;

  constructor(start: Uint8Array, count: number, step: (index: number) => Step) {
    this.durable = start.slice();
    this.count = count;
    this.step = step;
  }

  /**
   * Calls `check` with the bytes of `perFlush` states for each flush of a window (fewer where nothing was written). The
   * bytes are used again; `check` has to tell `touched` of what it writes, and may not keep them.
   */
  visit<W extends Window>(
    windows: readonly W[],
    perFlush: number,
    random: Seeded,
    check: (
      image: Uint8Array,
      window: W,
      state: CrashState,
      touched: (at: number, length: number) => void,
    ) => void,
  ): void {
    const image = this.durable.slice();
    const dirty: Array<[number, number]> = [];
    const touched = (at: number, length: number): void => {
      dirty.push([at, length]);
    };
    for (let from = 0; from <= this.count; ) {
      let flush = from;
      while (flush < this.count && this.step(flush).kind !== 'flush') flush += 1;
      for (const window of windows) {
        const first = Math.max(from, window.from);
        const last = Math.min(flush, window.to);
        if (first > last) continue;
        const most = last === from ? 1 : perFlush;
        for (let i = 0; i < most; i++) {
          const way: Way = i < 2 ? WAYS[i]! : random.of(WAYS.slice(2));
          const at = i < 2 ? last : first + random.below(last - first + 1);
          this.apply(image, from, at, way, random, touched);
          check(image, window, { at, what: `${way} of the writes ${from} to ${at}` }, touched);
          for (const [position, length] of dirty.splice(0))
            image.set(this.durable.subarray(position, position + length), position);
        }
      }
      for (let i = from; i < flush; i++) {
        const step = this.step(i);
        if (step.kind !== 'write') continue;
        this.durable.set(step.data, step.position);
        image.set(step.data, step.position);
      }
      from = flush + 1;
    }
  }

  private apply(
    image: Uint8Array,
    from: number,
    to: number,
    way: Way,
    random: Seeded,
    touched: (at: number, length: number) => void,
  ): void {
    for (let i = from; i < to; i++) {
      const step = this.step(i);
      if (step.kind !== 'write') continue;
      touched(step.position, step.data.length);
      if (way === 'some sectors') applySectors(image, step.position, step.data, random);
      else if (isTaken(way, i === to - 1, random)) image.set(step.data, step.position);
    }
  }
}

function isTaken(way: Way, isLast: boolean, random: Seeded): boolean {
  if (way === 'all') return true;
  if (way === 'the last') return isLast;
  const percent = way === 'half' ? 50 : way === 'nearly all' ? 85 : way === 'nearly none' ? 15 : 0;
  return random.chance(percent);
}

/** Of a write the medium may hold any of its sectors, each whole. */
function applySectors(image: Uint8Array, position: number, data: Uint8Array, random: Seeded): void {
  const end = position + data.length;
  for (let at = position; at < end; ) {
    const stop = Math.min(end, (Math.floor(at / SECTOR) + 1) * SECTOR);
    if (random.chance(50)) image.set(data.subarray(at - position, stop - position), at);
    at = stop;
  }
}
