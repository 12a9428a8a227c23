import {
  appendFileSync,
  copyFileSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { must } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import { floatBytes, npyFile } from './client/npy_file.js';
import { numberedRows, randomRows } from './client/stored_rows.js';
import {
  getEmbedding,
  getMeta,
  getStats,
  insert,
  nearestIds,
  rowOf,
  search,
  setMeta,
} from './client/vector_calls.js';

const { test, fresh, open, close, vectorFile, scratch, backend } = paritySuite({ size: '256M' });
const OVERWRITE = 1;

for (const how of ['cp', 'copyFile'] as const) {
  test(`a .npy file that ${how} brought becomes rows 0 to n-1 by SET_VECTOR_META with data_offset 128`, (t) => {
    const rows = randomRows(1000, 24, 1);
    const source = join(scratch, `${how}.npy`);
    writeFileSync(source, npyFile(rows, 24));
    const path = fresh('.npy');
    if (how === 'cp') must('cp', [source, path]);
    else copyFileSync(source, path);
    const fd = open(path);
    t.is(setMeta(fd, { dimensions: 24, dataOffset: 128 }), 'ok');
    t.is(getMeta(fd).vectorCount, 1000);
    t.is(getStats(fd).stats.next_id, 1000);
    for (const id of [0, 1, 500, 999]) {
      t.deepEqual(search(fd, rows.subarray(id * 24, id * 24 + 24), { k: 1 }).hits, [
        { id: BigInt(id), distance: 0 },
      ]);
    }
    t.is(Buffer.compare(readFileSync(path), readFileSync(source)), 0, 'the file itself is untouched');
  });
}

test('a row that is inserted behind adopted ones goes on with their ids', (t) => {
  const path = fresh();
  writeFileSync(path, floatBytes(numberedRows(5, 2)));
  const fd = open(path);
  t.is(setMeta(fd, { dimensions: 2 }), 'ok');
  t.is(insert(fd, [9, 9], { dimensions: 2 }), 'ok');
  t.deepEqual(nearestIds(fd, [9, 9]), [5n, 4n, 3n, 2n, 1n, 0n]);
});

test('a tail that is shorter than a slot is no row until it is filled', (t) => {
  const path = fresh();
  writeFileSync(path, floatBytes([1, 2, 3]));
  const fd = open(path);
  t.is(setMeta(fd, { dimensions: 2 }), 'ok');
  t.is(getMeta(fd).vectorCount, 1);
  appendFileSync(path, floatBytes([4]).subarray(0, 3));
  t.is(getMeta(fd).vectorCount, 1);
  appendFileSync(path, floatBytes([4]).subarray(3));
  t.deepEqual(search(fd, [3, 4], { k: 2 }).hits[0], { id: 1n, distance: 0 });
});

test('an insert behind a short tail fills the slot that the tail began', (t) => {
  const path = fresh();
  writeFileSync(path, floatBytes([1, 2, 3]));
  const fd = open(path);
  t.is(setMeta(fd, { dimensions: 2 }), 'ok');
  t.is(insert(fd, [7, 8], { dimensions: 2 }), 'ok');
  t.is(statSync(path).size, 16);
  t.deepEqual([...new Float32Array(new Uint8Array(readFileSync(path)).buffer)], [1, 2, 7, 8]);
});

test('what write(2) appends becomes rows before the next call is answered', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 1]);
  appendFileSync(path, floatBytes([5, 5, 6, 6]));
  t.is(getMeta(fd).vectorCount, 3);
  t.deepEqual(nearestIds(fd, [6, 6]), [2n, 1n, 0n]);
  t.is(getStats(fd).stats.next_id, 3);
});

test('write(2) past the end makes rows of the gap too: zeros', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [7]);
  writeSync(fd, floatBytes([3]), 0, 4, 12);
  t.deepEqual(search(fd, [0], { k: 9 }).hits, [
    { id: 1n, distance: 0 },
    { id: 2n, distance: 0 },
    { id: 3n, distance: 3 },
    { id: 0n, distance: 7 },
  ]);
});

test('bytes written into a live slot change the row, which keeps its id', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 1, 2, 2, 3, 3]);
  writeSync(open(path, 'r+'), floatBytes([50]), 0, 4, 8);
  t.deepEqual(rowOf(fd, 1, 2), Float32Array.of(50, 2));
  t.deepEqual(search(fd, [50, 2], { k: 1 }).hits, [{ id: 1n, distance: 0 }]);
  t.is(getMeta(fd).vectorCount, 3);
});

test('bytes written into a free slot revive nothing', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [1, 2, 3]);
  t.is(insert(fd, [20], { dimensions: 1, ids: [0], flags: OVERWRITE }), 'ok');
  writeSync(fd, floatBytes([99]), 0, 4, 0);
  t.deepEqual(nearestIds(fd, [99]), [0n, 2n, 1n]);
  t.is(search(fd, [99], { k: 1 }).hits[0]?.distance, 79);
});

test('truncation removes rows, also the one that it cuts through', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, numberedRows(6, 2));
  truncateSync(path, 4 * 8);
  t.deepEqual(nearestIds(fd, [0, 0]), [0n, 1n, 2n, 3n]);
  ftruncateSync(fd, 4 * 8 - 1);
  t.is(getMeta(fd).vectorCount, 3);
  t.is(getEmbedding(fd, { id: 3, room: 8 }).outcome, 'ENOENT');
});

test('rows that are cut off and then made again by extending the file get new ids', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [5, 6, 7]);
  ftruncateSync(fd, 4);
  ftruncateSync(fd, 12);
  t.deepEqual(search(fd, [0], { k: 5 }).hits, [
    { id: 3n, distance: 0 },
    { id: 4n, distance: 0 },
    { id: 0n, distance: 5 },
  ]);
});

test('an id that truncation removed can be used again explicitly', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [5, 6, 7]);
  ftruncateSync(fd, 4);
  t.is(insert(fd, [60], { dimensions: 1, ids: [1] }), 'ok');
  t.deepEqual(nearestIds(fd, [60]), [1n, 0n]);
});

test('O_TRUNC keeps the metadata and the mark of the ids', (t) => {
  const { path, fd } = vectorFile({ dimensions: 3, elementType: 2, alignment: 8 }, [1, 2, 3]);
  close(open(path, 'w'));
  const meta = getMeta(fd);
  t.like(meta, { outcome: 'ok', dimensions: 3, elementType: 2, alignment: 8, vectorCount: 0 });
  t.is(insert(fd, [4, 5, 6], { dimensions: 3 }), 'ok');
  t.deepEqual(nearestIds(fd, [4, 5, 6]), [1n]);
});

test('rows that write(2) brought with NaN or infinity do not match, and match once they are mended', (t) => {
  const path = fresh();
  writeFileSync(path, floatBytes([1, 1, Number.NaN, 1, 1, Number.POSITIVE_INFINITY, 2, 2]));
  const fd = open(path);
  t.is(setMeta(fd, { dimensions: 2 }), 'ok');
  t.is(getMeta(fd).vectorCount, 4);
  for (const type of [0, 1, 2]) {
    const ids = search(fd, [1, 2], { k: 9, type }).hits.map((hit) => hit.id);
    t.deepEqual(ids.toSorted(), [0n, 3n], `type ${type}`);
  }
  writeSync(fd, floatBytes([1]), 0, 4, 8);
  t.is(search(fd, [1, 1], { k: 9 }).count, 3);
});

test('a search does not lose matching rows to those that cannot match', (t) => {
  const rows = new Float32Array(4000).fill(Number.NaN);
  for (const at of [3, 1500, 3999]) rows[at] = at;
  const path = fresh();
  writeFileSync(path, floatBytes(rows));
  const fd = open(path);
  t.is(setMeta(fd, { dimensions: 1 }), 'ok');
  t.deepEqual(nearestIds(fd, [0], 3), [3n, 1500n, 3999n]);
  t.is(search(fd, [0], { k: 10 }).count, 3);
});

test('a file may be given another layout after its rows were cut off', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 2]);
  t.is(setMeta(fd, { dimensions: 1 }), 'EEXIST');
  truncateSync(path, 0);
  t.is(setMeta(fd, { dimensions: 1 }), 'ok');
  t.is(insert(fd, [4], { dimensions: 1 }), 'ok');
  t.is(getMeta(fd).vectorCount, 1);
});

test('SET_VECTOR_META with data at the very end of a file adopts nothing', (t) => {
  const path = fresh();
  writeFileSync(path, Buffer.alloc(100));
  const fd = open(path);
  t.is(setMeta(fd, { dimensions: 1, dataOffset: 104 }), 'EINVAL');
  t.is(setMeta(fd, { dimensions: 1, dataOffset: 100 }), 'ok');
  t.is(getMeta(fd).vectorCount, 0);
  t.is(insert(fd, [3], { dimensions: 1 }), 'ok');
  t.is(statSync(path).size, 104);
});

test('adopting a million rows copies none of them: a sparse file stays sparse', (t) => {
  const path = fresh();
  const fd = open(path);
  ftruncateSync(fd, 2 ** 20 * 256);
  t.is(setMeta(fd, { dimensions: 64 }), 'ok');
  t.is(getMeta(fd).vectorCount, 2 ** 20);
  t.true(fstatSync(fd).blocks < 4096);
});

test('adopted int8, float16 and binary bytes are rows as they stand', (t) => {
  for (const [elementType, bytes, query] of [
    [3, [1, 0xff, 2, 3], [2, 3]],
    [2, [0, 0x3c, 0, 0x40, 0, 0x44, 0, 0], [4, 0]],
    [4, [0xc0, 0x80], [1, 0]],
  ] as const) {
    const path = fresh();
    writeFileSync(path, Buffer.from(bytes));
    const fd = open(path);
    t.is(setMeta(fd, { dimensions: 2, elementType }), 'ok');
    t.deepEqual(search(fd, query, { k: 1 }).hits, [{ id: 1n, distance: 0 }], `element type ${elementType}`);
  }
});

test('adopted rows and their changes survive a remount', async (t) => {
  const path = fresh();
  writeFileSync(path, floatBytes([1, 2, 3, 4]));
  let fd = open(path);
  t.is(setMeta(fd, { dimensions: 1 }), 'ok');
  ftruncateSync(fd, 12);
  appendFileSync(path, floatBytes([40, 50]));
  fsyncSync(fd);
  close(fd);
  await backend.remount();
  fd = open(path);
  t.deepEqual(nearestIds(fd, [0]), [0n, 1n, 2n, 4n, 5n]);
});

test('cp of a vector file copies its bytes and not its metadata', (t) => {
  const { path } = vectorFile({ dimensions: 2 }, [1, 2, 3, 4]);
  const copy = fresh();
  must('cp', [path, copy]);
  const fd = open(copy);
  t.is(getMeta(fd).outcome, 'ENODATA');
  t.is(setMeta(fd, { dimensions: 2 }), 'ok');
  t.deepEqual(nearestIds(fd, [3, 4]), [1n, 0n]);
});
