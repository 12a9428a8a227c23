/**
 * A process that searches PATH, of DIMENSIONS, again and again for at most SECONDS, and prints how often each outcome came and
 * the longest search in milliseconds once a signal has ended one, or when the time is over. SIGINT is caught.
 */
import { openSync } from 'node:fs';
import { search } from './vector_calls.js';

const [path = '', dimensions = '', seconds = ''] = process.argv.slice(2);
const counts: Record<string, number> = {};
process.on('SIGINT', () => {});
const fd = openSync(path, 'r');
const query = new Float32Array(Number(dimensions)).fill(1);
console.log('searching');
setTimeout(() => {
  const end = performance.now() + Number(seconds) * 1000;
  let longest = 0;
  while (performance.now() < end && counts.EINTR === undefined) {
    const start = performance.now();
    const { outcome } = search(fd, query, { k: 10 });
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    longest = Math.max(longest, performance.now() - start);
  }
  console.log(JSON.stringify({ counts, longest }));
  process.exit(0);
}, 1);
