import type { Workplace } from './workplace.js';

/** What has to hold for a figure to be good enough. */
export type Goal =
  /** Our speed divided by the peer's; without a bound it is only reported. */
  | { readonly kind: 'speed'; readonly atLeast?: number }
  /** Our time divided by the peer's. */
  | { readonly kind: 'time'; readonly atMost: number }
  /** Our seconds; there is no peer. */
  | { readonly kind: 'seconds'; readonly below: number }
  /** Our figure as it is; there is no peer. */
  | { readonly kind: 'figure'; readonly atLeast?: number; readonly atMost?: number }
  /** Our figure less the peer's. */
  | { readonly kind: 'difference'; readonly atLeast: number };

/** One side of a comparison. */
export interface Side {
  readonly name: string;
  /** What a run does, in the unit of the measure. */
  readonly amount: number;
  /** Runs once and returns its seconds; for the goals 'figure' and 'difference' the figure, in the unit of the measure. */
  run(): number | Promise<number>;
}

export interface Measure {
  /** Short, for --only. */
  readonly name: string;
  readonly title: string;
  readonly goal: Goal;
  /** Of an amount a second; 's' shows the seconds themselves. */
  readonly unit: string;
  readonly ours: Side;
  readonly peer?: Side;
  /** For what takes minutes or always comes out the same: so many rounds at most, and none to warm up. */
  readonly mostRounds?: number;
}

/** A picture with its numbers. */
export interface Figure {
  readonly name: string;
  draw(runs: number): Promise<Drawing>;
}

export interface Drawing {
  readonly title: string;
  readonly svg: string;
  /** Where it belongs, from the root of the project. */
  readonly path: string;
  /** First the headings. */
  readonly table: readonly (readonly string[])[];
}

/** Measures that share mounts and files. */
export interface OpenGroup {
  readonly measures: readonly Measure[];
  /** What is shown beside the table. */
  readonly figures?: readonly Figure[];
  close(): Promise<void>;
}

export interface Group {
  readonly name: string;
  /** Names of its measures and figures, known before it is opened. */
  readonly measures: readonly string[];
  /** What fills its own table in docs/tuning.md; without it its results stand in the first table. */
  readonly command?: string;
  /** Makes the files and mounts. What it opened is closed again when it fails. */
  open(place: Workplace): Promise<OpenGroup>;
}

export interface Result {
  readonly measure: Measure;
  /** Medians, in the unit of the measure. */
  readonly ours: number;
  readonly peer: number | undefined;
  /** Median of what the goal speaks of (ratio, difference, or our own figure) over the rounds, the lowest and the highest. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  /** Nothing where there is no goal. */
  readonly met: boolean | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What a round gave, in the terms of the goal; `theirs` is not a number where there is no peer. */
function judged({ goal, ours, peer }: Measure, mine: number, theirs: number): number {
  switch (goal.kind) {
    case 'seconds':
    case 'figure':
      return mine;
    case 'difference':
      return mine - theirs;
    case 'time':
      return mine / theirs;
    case 'speed':
      return ours.amount / mine / (peer!.amount / theirs);
  }
}

function isMet(goal: Goal, value: number): boolean | undefined {
  switch (goal.kind) {
    case 'speed':
      return goal.atLeast === undefined ? undefined : value >= goal.atLeast;
    case 'time':
      return value <= goal.atMost;
    case 'seconds':
      return value < goal.below;
    case 'figure':
      return value >= (goal.atLeast ?? value) && value <= (goal.atMost ?? value);
    case 'difference':
      return value >= goal.atLeast;
  }
}

/** A side's result in the unit of the measure. */
function shown({ goal, unit }: Measure, side: Side, value: number): number {
  const plain = unit === 's' || goal.kind === 'figure' || goal.kind === 'difference';
  return plain ? value : side.amount / value;
}

/**
 * Runs both sides in turn, `rounds` times after one round that warms up and does not count. Every second round begins with the
 * peer, so that neither always finds what the other has left.
 */
export async function take(measure: Measure, rounds: number): Promise<Result> {
  const { goal, ours, peer, mostRounds } = measure;
  const mine: number[] = [];
  const theirs: number[] = [];
  const values: number[] = [];
  const first = mostRounds === undefined ? 0 : 1;
  for (let round = first; round <= Math.min(rounds, mostRounds ?? rounds); round++) {
    let b = Number.NaN;
    if (round % 2 === 1 && peer !== undefined) b = await peer.run();
    const a = await ours.run();
    if (round % 2 === 0 && peer !== undefined) b = await peer.run();
    if (round === 0) continue;
    mine.push(shown(measure, ours, a));
    if (peer !== undefined) theirs.push(shown(measure, peer, b));
    values.push(judged(measure, a, b));
  }
  const ratio = median(values);
  return {
    measure,
    ours: median(mine),
    peer: peer === undefined ? undefined : median(theirs),
    ratio,
    lowest: Math.min(...values),
    highest: Math.max(...values),
    met: isMet(goal, ratio),
  };
}
