/**
 * A thread or process that calls, as `workerData` (or, as JSON, the first word) says. A writer replaces vector 0 by one of two, in turn,
 * and adds others; a reader asks for vector 0 again and again and counts answers by what they were; a searcher asks until a
 * signal has ended a query. Posts (or prints) what it counted.
 */
import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { add, query } from './calls.js';

export interface CallerTask {
  readonly path: string;
  readonly role: 'writer' | 'reader' | 'searcher';
  readonly dimension: number;
  readonly rounds: number;
  /** A writer's first id, besides 0. */
  readonly first?: number;
}

const task = (workerData ?? JSON.parse(process.argv[2]!)) as CallerTask;
const { path, role, dimension, rounds, first = 0 } = task;
const fd = openSync(path, role === 'writer' ? 'r+' : 'r');
const counts: Record<string, number> = {};
const vector = new Float32Array(dimension);

function count(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

if (role === 'searcher') process.on('SIGINT', () => {});
// A searcher whom no signal reaches comes to an end. The others do all of their rounds, on a slow machine too.
const end = role === 'searcher' ? performance.now() + 20_000 : Infinity;
for (let round = 0; round < rounds && performance.now() < end; round++) {
  if (role === 'writer') {
    count(add(fd, 0, vector.fill(1 + (round % 2))));
    count(add(fd, first + round, vector.fill(1000 + round)));
  } else {
    const { outcome, ids, distances } = query(fd, vector, 1);
    count(outcome === 'ok' ? `${ids[0]} at ${distances[0]}` : outcome);
    if (role === 'searcher' && round === 0) console.log('searching');
    if (role === 'searcher' && outcome === 'EINTR') break;
  }
}
closeSync(fd);
if (parentPort === null) console.log(JSON.stringify(counts));
else parentPort.postMessage(counts);
