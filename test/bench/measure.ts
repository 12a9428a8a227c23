import type { Workplace } from './workplace.js';

/** What has to hold for a figure to be good enough. */
export type Goal =
  /** Our speed divided by the peer's. */
  | { readonly kind: 'speed'; readonly atLeast: number }
  /** Our time divided by the peer's. */
  | { readonly kind: 'time'; readonly atMost: number }
  /** Our seconds; there is no peer. */
  | { readonly kind: 'seconds'; readonly below: number };

/** One side of a comparison. */
export interface Side {
  readonly name: string;
  /** What a run does, in the unit of the measure. */
  readonly amount: number;
  /** Runs once and returns its seconds. */
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
}

/** Measures that share mounts and files. */
export interface OpenGroup {
  readonly measures: readonly Measure[];
  close(): Promise<void>;
}

export interface Group {
  readonly name: string;
  /** Names of its measures, known before it is opened. */
  readonly measures: readonly string[];
  /** Makes the files and mounts. What it opened is closed again when it fails. */
  open(place: Workplace): Promise<OpenGroup>;
}

export interface Result {
  readonly measure: Measure;
  /** Medians, in the unit of the measure. */
  readonly ours: number;
  readonly peer: number | undefined;
  /** Median of the ratios of the rounds, with the lowest and the highest; of the seconds where there is no peer. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  readonly met: boolean;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Runs both sides in turn, `rounds` times after one round that warms up and does not count. Every second round begins with the
 * peer, so that neither always finds what the other has left.
 */
export async function take(measure: Measure, rounds: number): Promise<Result> {
  const { goal, ours, peer, unit } = measure;
  const mine: number[] = [];
  const theirs: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    let a = Number.NaN;
    let b = Number.NaN;
    if (round % 2 === 1 && peer !== undefined) b = await peer.run();
    a = await ours.run();
    if (round % 2 === 0 && peer !== undefined) b = await peer.run();
    if (round === 0) continue;
    mine.push(unit === 's' ? a : ours.amount / a);
    if (peer !== undefined) theirs.push(unit === 's' ? b : peer.amount / b);
    if (peer === undefined) ratios.push(a);
    else if (goal.kind === 'time') ratios.push(a / b);
    else ratios.push(ours.amount / a / (peer.amount / b));
  }
  const ratio = median(ratios);
  return {
    measure,
    ours: median(mine),
    peer: peer === undefined ? undefined : median(theirs),
    ratio,
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    met:
      goal.kind === 'speed'
        ? ratio >= goal.atLeast
        : ratio <= (goal.kind === 'time' ? goal.atMost : goal.below),
  };
}
