/**
 * A process that inserts: PATH DIMENSIONS BATCHES ROWS VALUE. Each of the BATCHES calls adds ROWS rows that consist of
 * VALUE + the number of the call, without ids. Ends with 1 when a call fails.
 */
import { closeSync, openSync } from 'node:fs';
import { insert } from './vector_calls.js';

const [path = '', ...numbers] = process.argv.slice(2);
const [dimensions = 0, batches = 0, rows = 0, value = 0] = numbers.map(Number);
const fd = openSync(path, 'r+');
for (let batch = 0; batch < batches; batch++) {
  const outcome = insert(fd, new Float32Array(rows * dimensions).fill(value + batch), { dimensions });
  if (outcome !== 'ok') {
    console.error(`batch ${batch}: ${outcome}`);
    process.exitCode = 1;
    break;
  }
}
closeSync(fd);
