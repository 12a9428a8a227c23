import {
  appendFileSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { paritySuite } from './backend/suite.js';
import { checkVolume } from './check.js';
import { floatBytes } from './client/npy_file.js';
import { numberedRows } from './client/stored_rows.js';
import { getMeta, getStats, insert, nearestIds, search, setMeta } from './client/vector_calls.js';

const { test, fresh, open, close, closeAll, vectorFile, backend, crashAndMount } = paritySuite({
  size: '96M',
});

test('rows, ids, layout and the mark are the same after a remount', async (t) => {
  const layout = { dimensions: 6, elementType: 2, alignment: 32, dataOffset: 96 };
  const { path, fd } = vectorFile(layout, numberedRows(100, 6));
  t.is(
    insert(fd, numberedRows(20, 6, 500), {
      dimensions: 6,
      ids: Array.from({ length: 20 }, (_, i) => 3 * i),
      flags: 1,
    }),
    'ok',
  );
  t.is(insert(fd, numberedRows(1, 6, 9), { dimensions: 6, ids: [2n ** 60n] }), 'ok');
  const before = { meta: getMeta(fd), hits: search(fd, new Float32Array(6), { k: 200 }).hits };
  close(fd);
  await backend.remount();
  const again = open(path);
  t.deepEqual({ meta: getMeta(again), hits: search(again, new Float32Array(6), { k: 200 }).hits }, before);
  t.is(insert(again, new Float32Array(6), { dimensions: 6 }), 'ok');
  t.true(nearestIds(again, new Float32Array(6)).includes(2n ** 60n + 1n));
});

for (const [name, sync] of [
  ['fsync', fsyncSync],
  ['fdatasync', fdatasyncSync],
] as const) {
  test(`rows that were inserted before ${name} returned are there after a crash`, async (t) => {
    const { path, fd } = vectorFile({ dimensions: 8 }, numberedRows(1000, 8));
    t.is(insert(fd, numberedRows(1, 8, 7000), { dimensions: 8, ids: [5], flags: 1 }), 'ok');
    sync(fd);
    await crashAndMount(fd);
    const again = open(path);
    t.is(getMeta(again).vectorCount, 1000);
    const { hits } = search(again, new Float32Array(8).fill(7000), { k: 1000 });
    t.deepEqual(hits[0], { id: 5n, distance: 0 });
    t.is(new Set(hits.map((hit) => hit.id)).size, 1000);
    t.is(getStats(again).stats.next_id, 1000);
  });
}

for (const [name, flag] of [
  ['O_SYNC', constants.O_SYNC],
  ['O_DSYNC', constants.O_DSYNC],
] as const) {
  test(`an insert through a descriptor with ${name} is durable when it returns`, async (t) => {
    const { path, fd } = vectorFile({ dimensions: 3 });
    fsyncSync(fd);
    const direct = open(path, constants.O_RDWR | flag);
    for (let i = 0; i < 5; i++) t.is(insert(direct, [i, i, i], { dimensions: 3 }), 'ok');
    await crashAndMount(fd, direct);
    t.deepEqual(nearestIds(open(path), [0, 0, 0]), [0n, 1n, 2n, 3n, 4n]);
  });

  test(`write(2) through a descriptor with ${name} is durable when it returns`, async (t) => {
    const path = fresh();
    writeFileSync(path, '');
    const fd = open(path, constants.O_RDWR | flag);
    writeSync(fd, 'kept');
    await crashAndMount(fd);
    t.is(readFileSync(path, 'utf8'), 'kept');
  });
}

test('after a crash without fsync each batch is there whole or not at all, the early ones first', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 4 });
  fsyncSync(fd);
  const rows = 30;
  // All of them are found by one search, should a slow machine have made all durable.
  for (let batch = 0; batch < 300; batch++) {
    t.is(insert(fd, new Float32Array(4 * rows).fill(1 + batch), { dimensions: 4 }), 'ok');
    if (batch === 100) fsyncSync(fd);
  }
  await crashAndMount(fd);
  const again = open(path);
  const { hits } = search(again, new Float32Array(4), { k: 10_000 });
  t.is(hits.length % rows, 0, `${hits.length} rows`);
  t.true(hits.length >= 101 * rows, `${hits.length} rows, ${101 * rows} were durable`);
  hits.forEach(({ id, distance }, i) => {
    if (id !== BigInt(i) || distance !== 2 * (1 + Math.floor(i / rows)))
      t.fail(`hit ${i}: ${id} at ${distance}`);
  });
  t.is(statSync(path).size, hits.length * 16, 'the size is that of the rows');
  t.is(insert(again, new Float32Array(4), { dimensions: 4 }), 'ok');
  t.is(getStats(again).stats.next_id, hits.length + 1);
});

test('after a crash in the middle of overwriting every id is there once, with one of its values', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, new Float32Array(200));
  fsyncSync(fd);
  const ids = Array.from({ length: 100 }, (_, i) => i);
  for (let round = 1; round <= 200; round++) {
    t.is(insert(fd, new Float32Array(200).fill(round), { dimensions: 2, ids, flags: 1 }), 'ok');
    if (round === 50) fsyncSync(fd);
  }
  await crashAndMount(fd);
  const { hits } = search(open(path), [0, 0], { k: 1000 });
  t.deepEqual(
    hits.map((hit) => Number(hit.id)),
    ids,
  );
  t.is(new Set(hits.map((hit) => hit.distance)).size, 1, 'all rows are of one round');
  t.true(hits[0]!.distance >= 50);
});

test('the volume is sound after a crash and a mount', async (t) => {
  const { fd } = vectorFile({ dimensions: 16 });
  for (let i = 0; i < 50; i++) {
    t.is(insert(fd, numberedRows(100, 16, i), { dimensions: 16 }), 'ok');
    const path = fresh();
    writeFileSync(path, Buffer.alloc(5000 * i));
    if (i % 3 === 0) unlinkSync(path);
  }
  await crashAndMount(fd);
  await backend.unmount();
  t.notThrows(() => checkVolume(backend.device));
  await backend.mount();
});

test('files that were created and synced are there after a crash, and removed ones are gone', async (t) => {
  const folder = fresh();
  mkdirSync(folder);
  writeFileSync(`${folder}/gone`, 'x');
  fsyncSync(open(folder, 'r'));
  writeFileSync(`${folder}/stays`, 'content');
  renameSync(`${folder}/stays`, `${folder}/renamed`);
  unlinkSync(`${folder}/gone`);
  const fd = open(`${folder}/renamed`);
  fsyncSync(fd);
  fsyncSync(open(folder, 'r'));
  await crashAndMount(fd);
  t.deepEqual(readdirSync(folder), ['renamed']);
  t.is(readFileSync(`${folder}/renamed`, 'utf8'), 'content');
});

test('an unlinked file that was open in a crash gives its space back', async (t) => {
  fsyncSync(open(dirname(fresh()), 'r'));
  const free = statfsSync(backend.mountpoint).bfree;
  const { path, fd } = vectorFile({ dimensions: 64 }, new Float32Array(64 * 5000));
  unlinkSync(path);
  fsyncSync(fd);
  await crashAndMount(fd);
  t.is(statfsSync(backend.mountpoint).bfree, free);
});

test('unlinking a vector file gives back every block, those of its set and its row log too', async (t) => {
  await backend.remount();
  const before = statfsSync(backend.mountpoint);
  const paths = Array.from({ length: 3 }, () => {
    const { path, fd } = vectorFile({ dimensions: 32 });
    // Ids without order fill the row log with a record for each row.
    const ids = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 30_011);
    t.is(insert(fd, numberedRows(3000, 32), { dimensions: 32, ids }), 'ok');
    appendFileSync(path, floatBytes(numberedRows(10, 32)));
    close(fd);
    return path;
  });
  const used = statfsSync(backend.mountpoint);
  t.true(before.bfree - used.bfree >= (3 * 3010 * 128) / used.bsize);
  for (const path of paths) unlinkSync(path);
  await backend.remount();
  const after = statfsSync(backend.mountpoint);
  t.deepEqual([after.bfree, after.ffree], [before.bfree, before.ffree]);
});

test('a file that is renamed, or has several names, keeps its vectors', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 2]);
  const [moved, second] = [fresh(), fresh()];
  linkSync(path, second);
  t.is(statSync(path).nlink, 2);
  renameSync(path, moved);
  t.is(insert(open(second), [3, 4], { dimensions: 2 }), 'ok');
  t.deepEqual(nearestIds(open(moved), [3, 4]), [1n, 0n]);
  unlinkSync(moved);
  t.deepEqual(nearestIds(fd, [3, 4]), [1n, 0n]);
  t.is(statSync(second).nlink, 1);
  closeAll();
  await backend.remount();
  t.is(getMeta(open(second)).vectorCount, 2);
});

test('an open vector file that was unlinked still takes and finds rows', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, [1, 2]);
  unlinkSync(path);
  t.is(insert(fd, [3, 4], { dimensions: 2 }), 'ok');
  t.deepEqual(nearestIds(fd, [3, 4]), [1n, 0n]);
  fsyncSync(fd);
  t.is(getMeta(fd).vectorCount, 2);
});

test('a vector file that replaces another by rename takes its place with its own rows', (t) => {
  const a = vectorFile({ dimensions: 2 }, [1, 1]);
  const b = vectorFile({ dimensions: 2 }, [7, 7, 8, 8]);
  renameSync(b.path, a.path);
  t.deepEqual(nearestIds(open(a.path), [8, 8]), [1n, 0n]);
  t.is(getMeta(a.fd).vectorCount, 1, 'the replaced file lives on for who has it open');
});

test('a crash right after the mount, again and again, loses nothing', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 }, [4, 5]);
  fsyncSync(fd);
  await crashAndMount(fd);
  for (let i = 0; i < 3; i++) await crashAndMount();
  const again = open(path);
  t.deepEqual(nearestIds(again, [4]), [0n, 1n]);
  t.is(setMeta(again, { dimensions: 1 }), 'ok');
});
