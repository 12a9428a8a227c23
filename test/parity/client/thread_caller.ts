/**
 * A thread that calls: `workerData` is {path, dimensions, value, rounds}. In each round it inserts a row that consists of `value`
 * and searches for it. Posts the number of rounds in which the row was found at distance 0.
 */
import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { insert, search } from './vector_calls.js';

export interface ThreadTask {
  readonly path: string;
  readonly dimensions: number;
  readonly value: number;
  readonly rounds: number;
}

const { path, dimensions, value, rounds } = workerData as ThreadTask;
const fd = openSync(path, 'r+');
const row = new Float32Array(dimensions).fill(value);
let found = 0;
for (let round = 0; round < rounds; round++) {
  if (insert(fd, row, { dimensions }) !== 'ok') break;
  let answer = search(fd, row, { k: 1 });
  while (answer.outcome === 'EINTR') answer = search(fd, row, { k: 1 });
  if (answer.hits[0]?.distance === 0) found += 1;
}
closeSync(fd);
parentPort?.postMessage(found);
