/**
 * A process whose buffers lie in a file that it maps from the mount: `search` or `insert`, FILE, BUFFERS, DIMENSIONS,
 * `shared` or `private`. The query, or the rows, lie at byte 0 of BUFFERS, ids at byte 65536, distances at byte
 * 131072; DIMENSIONS numbers are the query, or two rows. Prints what the call gave as JSON.
 */
import { openSync } from 'node:fs';
import { mapFile } from './mapping.js';
import { insert, search } from './vector_calls.js';

const [what, path = '', buffers = '', dimensions = '', sharing] = process.argv.slice(2);
const d = Number(dimensions);
const mapping = mapFile(openSync(buffers, 'r+'), 262_144, { isPrivate: sharing === 'private' });
const fd = openSync(path, 'r+');
const at = mapping.address;
if (what === 'insert') {
  const outcome = insert(fd, [], { dimensions: d, count: 2, vectorsAddress: at, idsAddress: at + 65_536 });
  console.log(JSON.stringify({ outcome }));
} else {
  const { outcome, count } = search(fd, [], {
    k: 10,
    dimensions: d,
    queryAddress: at,
    idsAddress: at + 65_536,
    resultsAddress: at + 131_072,
  });
  const hits = Array.from({ length: count }, (_, i) => [
    Number(mapping.view.getBigUint64(65_536 + i * 8, true)),
    mapping.view.getFloat32(131_072 + i * 4, true),
  ]);
  console.log(JSON.stringify({ outcome, hits }));
}
