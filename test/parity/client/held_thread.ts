/** The thread of held_caller.ts that makes the call: `workerData` is its task, the outcome is posted. */
import { parentPort, workerData } from 'node:worker_threads';
import { insert, search } from './vector_calls.js';

export interface HeldTask {
  readonly operation: string;
  readonly fd: number;
  readonly dimensions: number;
  /** A page that is not there yet. */
  readonly address: number;
}

const ROWS = 4;
const { operation, fd, dimensions, address } = workerData as HeldTask;
const query = new Float32Array(dimensions);

const calls: Record<string, () => string> = {
  insert: () => insert(fd, [], { dimensions, count: ROWS, vectorsAddress: address }),
  search: () => search(fd, [], { dimensions, k: ROWS, queryAddress: address }).outcome,
  answer: () => search(fd, query, { k: ROWS, resultsAddress: address }).outcome,
};
parentPort!.postMessage(calls[operation]!());
