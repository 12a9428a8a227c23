import { closeSync, fstatSync, fsyncSync, openSync } from 'node:fs';
import { IndexOperation, SearchFlag } from '@vexfs/shared';
import {
  createIndex,
  type IndexFields,
  indexInfo,
  manage,
  searchBatch,
  waitForIndex,
} from '../../parity/client/index_calls.js';
import { type Hit, setMeta } from '../../parity/client/vector_calls.js';
import { load } from '../workplace.js';
import type { RowSet } from './row_sets.js';

const K = 10;
/** Queries of one BATCH_SEARCH that is not measured. */
const ASKED = 200;
const MOST_EF = 2000;

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

/** A vector file on a mount, with the calls that a measure makes around what it times. */
export class IndexedFile {
  readonly path: string;
  readonly set: RowSet;
  readonly fd: number;

  constructor(path: string, set: RowSet, flags = 'r+') {
    this.path = path;
    this.set = set;
    this.fd = openSync(path, flags);
  }

  /** A new file without rows. */
  static make(path: string, set: RowSet): IndexedFile {
    const file = new IndexedFile(path, set, 'w+');
    must(setMeta(file.fd, { dimensions: set.dimensions }), 'SET_VECTOR_META');
    return file;
  }

  /** Stores the rows, `call` of them at a time. Returns the seconds. */
  fill(call: number, rows = this.set.base): Promise<number> {
    return load('queries', 'insert', this.path, rows, this.set.dimensions, call);
  }

  /** A graph with the parameters that hnswlib has too. */
  createIndex(): void {
    must(createIndex(this.fd, { m: 16, ef_construction: 200 }), 'CREATE');
  }

  wait(): void {
    must(waitForIndex(this.fd), 'WAIT');
  }

  info(): IndexFields {
    return indexInfo(this.fd);
  }

  /** What is durable, with the blocks that it takes: in units of 512 bytes. */
  blocks(): number {
    fsyncSync(this.fd);
    return fstatSync(this.fd).blocks;
  }

  tune(ef: number): void {
    must(manage(this.fd, IndexOperation.TUNE, { ef_search: ef }).outcome, 'TUNE');
  }

  private ask(options: { readonly ef?: number; readonly flags?: number }): Hit[][] {
    const { dimensions, queryValues } = this.set;
    const hits: Hit[][] = [];
    for (let from = 0; from < queryValues.length; from += ASKED * dimensions) {
      const queries = queryValues.subarray(from, from + ASKED * dimensions);
      const found = searchBatch(this.fd, queries, { dimensions, k: K, ...options });
      must(found.outcome, 'BATCH_SEARCH');
      hits.push(...found.hits.map((near) => [...near]));
    }
    return hits;
  }

  /** The nearest rows of every query, ten each, by comparing all. */
  truth(): Hit[][] {
    return this.ask({ flags: SearchFlag.EXACT });
  }

  recall(ef: number, truth: readonly (readonly Hit[])[]): number {
    let found = 0;
    this.ask({ ef }).forEach((near, i) => {
      const nearest = new Set(truth[i]!.map(({ id }) => id));
      for (const { id } of near) if (nearest.has(id)) found += 1;
    });
    return found / (truth.length * K);
  }

  /** The smallest ef that reaches a recall. */
  efFor(recall: number, truth = this.truth()): number {
    return smallest((ef) => this.recall(ef, truth) >= recall);
  }

  /** Seconds of VECTOR_SEARCH of each query, `passes` times. */
  searchSeconds(passes: number): Promise<number> {
    return load('queries', 'one', this.path, this.set.queries, this.set.dimensions, K, passes);
  }

  /** Seconds of BATCH_SEARCH of all queries, `call` of them at a time. */
  batchSeconds(ef: number, call: number, passes: number): Promise<number> {
    const { queries, dimensions } = this.set;
    return load('queries', 'batch', this.path, queries, dimensions, K, ef, call, passes);
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** The smallest ef from K on that is enough. Throws when none is. */
export function smallest(isEnough: (ef: number) => boolean): number {
  let low = K - 1;
  let high = K;
  while (!isEnough(high)) {
    low = high;
    high *= 2;
    if (high > MOST_EF) throw new Error(`no ef below ${MOST_EF} reaches the recall`);
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}
