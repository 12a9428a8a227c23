import { fileURLToPath } from 'node:url';
import type { Workplace } from '../workplace.js';
import { program } from '../workplace.js';
import { Harness } from './harness.js';

const DATA = fileURLToPath(new URL('../../../bench/data/', import.meta.url));

/** The graph, the index without one, and the peer. */
export type Who = 'ours' | 'flat' | 'hnswlib';
export type SetName = 'sift' | 'small' | 'cosine' | 'million';
/** What ours runs: the best of this machine, or one of those below it. */
export type Isa = 'best' | 'avx2' | 'scalar';

interface RowSet {
  readonly rows: number;
  readonly dimensions: number;
  readonly metric: 'Euclidean' | 'cosine';
  readonly kind: string;
  /** The command that loads so many of its rows. */
  load(rows: number): readonly (string | number)[];
}

function siftRows(rows: number): RowSet {
  return {
    rows,
    dimensions: 128,
    metric: 'Euclidean',
    kind: 'SIFT',
    load: (wanted) => ['sift', `${DATA}sift100k-base.npy`, `${DATA}sift100k-query.npy`, wanted],
  };
}

function clusteredRows(rows: number, dimensions: number, queries: number): RowSet {
  return {
    rows,
    dimensions,
    metric: 'cosine',
    kind: 'clustered',
    load: (wanted) => ['clustered', dimensions, wanted, queries],
  };
}

export const SETS: Readonly<Record<SetName, RowSet>> = {
  sift: siftRows(100_000),
  small: siftRows(10_000),
  cosine: clusteredRows(50_000, 768, 1000),
  million: clusteredRows(1_000_000, 128, 10),
};

/** Sets and indexes as measures ask for them: what is there already is not made again. */
export class Prepared {
  readonly harness: Harness;
  readonly place: Workplace;
  private set: SetName | undefined;
  private readonly built = new Set<Who>();
  private isa: Isa | undefined;
  private readonly efs = new Map<string, number>();

  constructor(place: Workplace) {
    this.place = place;
    this.harness = new Harness(program('index_bench'));
  }

  rows(set: SetName): number {
    return this.place.scaled(SETS[set].rows);
  }

  /** 100000 x 128 SIFT. */
  title(set: SetName): string {
    return `${this.rows(set)} x ${SETS[set].dimensions} ${SETS[set].kind}`;
  }

  async use(set: SetName): Promise<void> {
    if (this.set === set) return;
    this.set = undefined;
    this.built.clear();
    await this.harness.ask(...SETS[set].load(this.rows(set)));
    this.set = set;
  }

  /** Builds anew; returns CPU and wall seconds. */
  async build(set: SetName, who: Who, threads: number): Promise<readonly [number, number]> {
    await this.use(set);
    const [cpu, wall] = await this.harness.ask('build', who, threads);
    this.built.add(who);
    if (who === 'ours') this.isa = undefined;
    return [cpu!, wall!];
  }

  async need(set: SetName, who: Who, isa?: Isa): Promise<void> {
    await this.use(set);
    if (!this.built.has(who)) await this.build(set, who, 1);
    if (who !== 'ours' || isa === this.isa || (isa === 'best' && this.isa === undefined)) return;
    if (isa !== undefined) {
      await this.harness.ask('isa', isa);
      this.isa = isa;
    }
  }

  /** The smallest ef that reaches the recall; the same whatever the instructions. */
  async ef(set: SetName, who: Who, recall: number): Promise<number> {
    const key = `${set} ${who} ${recall}`;
    let ef = this.efs.get(key);
    if (ef === undefined) {
      await this.need(set, who);
      [ef] = await this.harness.ask('find', who, recall);
      this.efs.set(key, ef!);
    }
    return ef!;
  }

  /** CPU seconds of one query at the recall. */
  async searchSeconds(set: SetName, who: Who, recall: number, isa: Isa, passes: number): Promise<number> {
    const ef = await this.ef(set, who, recall);
    await this.need(set, who, isa);
    const [seconds] = await this.harness.ask('search', who, ef, passes);
    return seconds!;
  }
}
