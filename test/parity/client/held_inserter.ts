/**
 * A process that inserts once: PATH DIMENSIONS ROWS. Prints `inserting`, then what came of the call and how many milliseconds it
 * took. SIGINT is caught.
 */
import { openSync } from 'node:fs';
import { insert } from './vector_calls.js';

const [path = '', ...numbers] = process.argv.slice(2);
const [dimensions = 0, rows = 0] = numbers.map(Number);
process.on('SIGINT', () => {});
const fd = openSync(path, 'r+');
const values = new Float32Array(rows * dimensions).fill(1);
console.log('inserting');
setTimeout(() => {
  const start = performance.now();
  const outcome = insert(fd, values, { dimensions });
  console.log(JSON.stringify({ outcome, took: performance.now() - start }));
  process.exit(0);
}, 1);
