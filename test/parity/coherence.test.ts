import { spawn } from 'node:child_process';
import { fstatSync, fsyncSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { paritySuite } from './backend/suite.js';
import { mapFile } from './client/mapping.js';
import { floatBytes } from './client/npy_file.js';
import { numberedRows, randomRows } from './client/stored_rows.js';
import { getMeta, getStats, insert, nearestIds, rowOf, search, setMeta } from './client/vector_calls.js';
import { waitForTick } from './operations/tick.js';

const { test, fresh, open, close, vectorFile, backend } = paritySuite({ size: '128M' });
/** Before 6.13 the clock that files get their times from moves this often at least. */
const INSERTER = fileURLToPath(new URL('./client/inserter.js', import.meta.url));

/** Runs the inserter beside this process; resolves to its exit code and what it complained about. */
function inserter(path: string, ...numbers: number[]): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [INSERTER, path, ...numbers.map(String)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60_000,
    });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.once('close', (code, signal) => resolve(code === 0 ? 'ok' : `${signal ?? code}: ${text}`));
  });
}

test('size, blocks, mtime and ctime are those of an insert as soon as it returns', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 128 });
  const watcher = open(path, 'r');
  let before = fstatSync(watcher, { bigint: true });
  for (let i = 1; i <= 20; i++) {
    waitForTick();
    t.is(insert(fd, new Float32Array(128 * 40), { dimensions: 128 }), 'ok');
    const after = fstatSync(watcher, { bigint: true });
    t.is(after.size, BigInt(i * 40 * 512));
    t.true(after.mtimeNs > before.mtimeNs, `mtime ${before.mtimeNs} -> ${after.mtimeNs}`);
    t.true(after.ctimeNs > before.ctimeNs);
    t.true(after.blocks * 512n >= after.size, `${after.blocks} blocks for ${after.size} bytes`);
    t.is(statSync(path).size, Number(after.size));
    before = after;
  }
});

test('a search changes neither size nor mtime nor ctime', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 2]);
  const before = fstatSync(fd, { bigint: true });
  nearestIds(fd, [1, 2]);
  getMeta(fd);
  getStats(fd);
  const after = fstatSync(fd, { bigint: true });
  t.deepEqual([after.size, after.mtimeNs, after.ctimeNs], [before.size, before.mtimeNs, before.ctimeNs]);
});

test('an O_APPEND write right after an insert lands behind the inserted rows', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 });
  const appender = open(path, 'a');
  for (let i = 0; i < 50; i++) {
    t.is(insert(fd, [i, 0], { dimensions: 2 }), 'ok');
    t.is(writeSync(appender, floatBytes([i, 1])), 8);
  }
  const expected = Array.from({ length: 50 }, (_, i) => [i, 0, i, 1]).flat();
  t.deepEqual([...new Float32Array(new Uint8Array(readFileSync(path)).buffer)], expected);
  t.is(getMeta(fd).vectorCount, 100);
  t.deepEqual(search(fd, [49, 1], { k: 1 }).hits, [{ id: 99n, distance: 0 }]);
});

test('an insert right after an O_APPEND write lands behind the written bytes', (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 });
  const appender = open(path, 'a');
  for (let i = 0; i < 30; i++) {
    writeSync(appender, floatBytes([i]));
    t.is(insert(fd, [100 + i], { dimensions: 1 }), 'ok');
  }
  const floats = [...new Float32Array(new Uint8Array(readFileSync(path)).buffer)];
  t.deepEqual(floats, Array.from({ length: 30 }, (_, i) => [i, 100 + i]).flat());
});

test('read(2) of cached pages sees rows that were inserted since', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 });
  const reader = open(path, 'r');
  const into = Buffer.alloc(8);
  for (let i = 0; i < 1500; i++) {
    t.is(insert(fd, [i, -i], { dimensions: 2 }), 'ok');
    t.is(readSync(reader, into, 0, 8, i * 8), 8, `row ${i}`);
    if (into.readFloatLE(0) !== i || into.readFloatLE(4) !== -i)
      t.fail(`row ${i} reads ${into.toString('hex')}`);
  }
  t.is(readSync(reader, into, 0, 8, 1500 * 8), 0);
});

test('a mapping that was there before sees inserted rows', (t) => {
  const { fd } = vectorFile({ dimensions: 2 }, [1, 2]);
  const mapping = mapFile(fd, 4096);
  try {
    t.is(mapping.view.getFloat32(0, true), 1);
    t.is(insert(fd, [3, 4, 5, 6], { dimensions: 2 }), 'ok');
    t.deepEqual([...new Float32Array(mapping.bytes.slice(0, 24).buffer)], [1, 2, 3, 4, 5, 6]);
  } finally {
    mapping.unmap();
  }
});

test('a mapping over many pages sees rows that were inserted into each of them', (t) => {
  const { fd } = vectorFile({ dimensions: 256 }, numberedRows(20, 256));
  const mapping = mapFile(fd, 60 * 1024, { readOnly: true });
  try {
    for (let page = 0; page < 5; page++) t.is(mapping.view.getFloat32(page * 4096, true), page * 4);
    t.is(insert(fd, numberedRows(40, 256, 20), { dimensions: 256 }), 'ok');
    for (let row = 0; row < 60; row++) t.is(mapping.view.getFloat32(row * 1024, true), row);
  } finally {
    mapping.unmap();
  }
});

test('a row that OVERWRITE moved reads as it should in a mapping and through read(2)', (t) => {
  const { path, fd } = vectorFile({ dimensions: 4 }, numberedRows(10, 4));
  const mapping = mapFile(fd, 4096);
  try {
    t.is(mapping.view.getFloat32(16, true), 1);
    for (let round = 0; round < 30; round++) {
      t.is(insert(fd, new Float32Array(4).fill(1000 + round), { dimensions: 4, ids: [1], flags: 1 }), 'ok');
      if (round % 7 === 0) fsyncSync(fd);
    }
    t.deepEqual(rowOf(fd, 1, 4), new Float32Array(4).fill(1029));
    const { size } = fstatSync(fd);
    t.is(Buffer.compare(readFileSync(path), Buffer.from(mapping.bytes.subarray(0, size))), 0);
  } finally {
    mapping.unmap();
  }
});

for (const [how, finish] of [
  ['msync', (mapping: ReturnType<typeof mapFile>) => mapping.sync()],
  ['fsync', (_: unknown, fd: number) => fsyncSync(fd)],
] as const) {
  test(`a store through a mapping changes the row for searches after ${how}`, (t) => {
    const { fd } = vectorFile({ dimensions: 2 }, [1, 1, 2, 2, 3, 3]);
    const mapping = mapFile(fd, 4096);
    try {
      mapping.view.setFloat32(8, 70, true);
      finish(mapping, fd);
      t.deepEqual(search(fd, [70, 2], { k: 1 }).hits, [{ id: 1n, distance: 0 }]);
      t.deepEqual(rowOf(fd, 1, 2), Float32Array.of(70, 2));
    } finally {
      mapping.unmap();
    }
  });
}

test('a store through a mapping survives an insert into the same page', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 1, 2, 2]);
  const mapping = mapFile(fd, 4096);
  try {
    mapping.view.setFloat32(0, 55, true);
    t.is(insert(fd, [9, 9], { dimensions: 2 }), 'ok');
    t.is(mapping.view.getFloat32(0, true), 55);
    t.is(mapping.view.getFloat32(16, true), 9);
    mapping.sync();
    t.deepEqual([...new Float32Array(new Uint8Array(readFileSync(path)).buffer)], [55, 1, 2, 2, 9, 9]);
    t.deepEqual(rowOf(fd, 0, 2), Float32Array.of(55, 1));
  } finally {
    mapping.unmap();
  }
});

test('two descriptors see the same rows, whoever inserts', (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 });
  const other = open(path);
  for (let i = 0; i < 20; i++) {
    t.is(insert(i % 2 === 0 ? fd : other, [i], { dimensions: 1 }), 'ok');
    t.is(nearestIds(fd, [0]).length, i + 1);
    t.is(nearestIds(other, [0]).length, i + 1);
  }
});

test('rows that another process inserted are found here', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 4 });
  t.is(await inserter(path, 4, 3, 2, 10), 'ok');
  t.deepEqual(nearestIds(fd, [12, 12, 12, 12]), [4n, 5n, 2n, 3n, 0n, 1n]);
  t.is(fstatSync(fd).size, 96);
});

test('processes that insert at once all get ids of their own, and every row is found', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 8 });
  const many = Array.from({ length: 4 }, (_, i) => inserter(path, 8, 50, 7, 1000 * (i + 1)));
  t.deepEqual(await Promise.all(many), ['ok', 'ok', 'ok', 'ok']);
  const { hits } = search(fd, new Float32Array(8), { k: 10_000 });
  t.is(hits.length, 1400);
  t.is(new Set(hits.map((hit) => hit.id)).size, 1400);
  const perBatch = new Map<number, bigint[]>();
  for (const { id } of hits) {
    const value = (rowOf(fd, id, 8) as Float32Array)[0]!;
    perBatch.set(value, [...(perBatch.get(value) ?? []), id]);
  }
  t.is(perBatch.size, 200);
  for (const [value, ids] of perBatch) {
    const sorted = ids.toSorted((a, b) => (a < b ? -1 : 1));
    t.is(sorted.length, 7, `batch ${value}`);
    t.is(sorted[6]! - sorted[0]!, 6n, `the ids of batch ${value} follow each other`);
  }
  t.is(getStats(fd).stats.next_id, 1400);
});

test('a search beside inserts sees whole batches, in the order in which they were made', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 16 });
  const rows = 25;
  let done = false;
  const writing = inserter(path, 16, 120, rows, 1).then((outcome) => {
    done = true;
    return outcome;
  });
  let last = 0;
  let searches = 0;
  while (!done) {
    const { outcome, hits } = search(fd, new Float32Array(16), { k: 10_000 });
    // SIGCHLD of the other process may end a search; then it is asked again.
    if (outcome === 'EINTR') continue;
    if (outcome !== 'ok') t.fail(outcome);
    if (hits.length % rows !== 0) t.fail(`${hits.length} rows: a batch was seen in part`);
    if (hits.length < last) t.fail(`${hits.length} rows after ${last}`);
    // Row i belongs to batch i / rows, whose rows are all 1 + batch: 4 times that is the distance from zero.
    hits.forEach(({ id, distance }, i) => {
      if (id !== BigInt(i) || distance !== 4 * (1 + Math.floor(i / rows)))
        t.fail(`hit ${i}: ${id} ${distance}`);
    });
    last = hits.length;
    searches += 1;
    await new Promise(setImmediate);
  }
  t.is(await writing, 'ok');
  t.is(search(fd, new Float32Array(16), { k: 10_000 }).count, 120 * rows);
  t.true(searches > 5, `${searches} searches ran beside`);
});

test('a search beside a process that overwrites finds every id exactly once', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, new Float32Array(400));
  const child = inserter(path, 2, 40, 5, 10);
  for (let round = 1; round <= 60; round++) {
    const ids = Array.from({ length: 50 }, (_, i) => i * 4);
    t.is(insert(fd, new Float32Array(100).fill(round), { dimensions: 2, ids, flags: 1 }), 'ok');
    const found = nearestIds(fd, [0, 0]);
    t.is(new Set(found).size, found.length);
    for (const id of ids) if (!found.includes(BigInt(id))) t.fail(`round ${round}: ${id} is missing`);
    await new Promise(setImmediate);
  }
  t.is(await child, 'ok');
  t.is(getMeta(fd).vectorCount, 400);
});

test('metadata that one descriptor sets is seen by another', (t) => {
  const path = fresh();
  const [a, b] = [open(path), open(path)];
  t.is(getMeta(b).outcome, 'ENODATA');
  t.is(setMeta(a, { dimensions: 9 }), 'ok');
  t.is(getMeta(b).dimensions, 9);
});

test('the pages of a large insert are the ones on the volume after a remount', async (t) => {
  const rows = randomRows(3000, 128, 2);
  const { path, fd } = vectorFile({ dimensions: 128 }, rows);
  t.is(Buffer.compare(readFileSync(path), floatBytes(rows)), 0);
  close(fd);
  await backend.remount();
  t.is(Buffer.compare(readFileSync(path), floatBytes(rows)), 0);
  const again = open(path);
  t.is(getMeta(again).vectorCount, 3000);
  t.deepEqual(search(again, rows.subarray(0, 128), { k: 1 }).hits, [{ id: 0n, distance: 0 }]);
});
