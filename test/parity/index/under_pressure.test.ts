/** Indexes where something is missing, in the way, or somebody else's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, ftruncateSync, statfsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IndexOperation, IndexState } from '@vexfs/shared';
import { runNode } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { createIndex, indexInfo, manage, waitForIndex } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { insert, type Outcome, search } from '../client/vector_calls.js';
import { fillVolume } from '../operations/fill_volume.js';

const { test, backend, vectorFile, open, closeAll, fresh } = paritySuite({ size: '24M' });
const { REBUILD, DROP, INFO } = IndexOperation;
const OTHER = fileURLToPath(new URL('../client/other_user.js', import.meta.url));
const SEARCHER = fileURLToPath(new URL('../client/searcher.js', import.meta.url));
const D = 16;
const COUNT = 5000;
const rows = randomRows(COUNT, D, 1);
const row = (at: number): Float32Array => rows.subarray(at * D, at * D + D);

test('without space for a snapshot the one before stays, searches go on, and later there is another', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const { snapshot_bytes, snapshot_position } = indexInfo(fd);
  t.true(snapshot_bytes! > 0);
  const filler = fillVolume(fresh('.fill'));
  t.true(statfsSync(backend.mountpoint).bavail < snapshot_bytes! / 4096);
  t.is(manage(fd, REBUILD).outcome, 'ok');
  t.is(waitForIndex(fd), 'ok');
  const after = indexInfo(fd);
  t.is(after.state, IndexState.READY);
  t.deepEqual([after.snapshot_bytes, after.snapshot_position], [snapshot_bytes, snapshot_position]);
  for (let at = 0; at < COUNT; at += 500)
    t.deepEqual(search(fd, row(at), { k: 1 }).hits, [{ id: BigInt(at), distance: 0 }]);
  let outcome = 'ok';
  let added = 0;
  while (outcome === 'ok' && added < COUNT) {
    outcome = insert(fd, rows.subarray(0, 1000 * D), { dimensions: D });
    if (outcome === 'ok') added += 1000;
  }
  t.is(outcome, 'ENOSPC');
  t.is(indexInfo(fd).rows, COUNT + added);
  unlinkSync(filler);
  closeAll();
  await backend.remount();
  const again = open(path);
  t.is(waitForIndex(again), 'ok');
  t.is(insert(again, row(7), { dimensions: D }), 'ok');
  t.is(waitForIndex(again), 'ok');
  closeAll();
  await backend.remount();
  const last = open(path);
  t.is(waitForIndex(last), 'ok');
  t.is(indexInfo(last).snapshot_position, indexInfo(last).log_position);
  t.is(indexInfo(last).indexed_rows, COUNT + added + 1);
  unlinkSync(path);
});

test('who may write a file but does not own it can ask for its index, and neither make nor drop one', (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, rows.subarray(0, 10 * D));
  for (const folder of [backend.mountpoint, join(backend.mountpoint, '..')]) chmodSync(folder, 0o755);
  chmodSync(path, 0o666);
  const asOther = (operation: string): string =>
    runNode(OTHER, ['65534', '65534', operation, path]).stdout.trim();
  t.is(asOther('createIndex'), 'EPERM');
  t.is(indexInfo(fd).state, IndexState.NONE);
  t.is(createIndex(fd), 'ok');
  t.is(asOther('dropIndex'), 'EPERM');
  t.is(asOther('indexInfo'), 'ok');
  t.is(waitForIndex(fd), 'ok');
  unlinkSync(path);
});

test('two indexes that are built at once are both whole', (t) => {
  const files = [vectorFile({ dimensions: D }, rows), vectorFile({ dimensions: D }, rows)];
  for (const { fd } of files) t.is(createIndex(fd), 'ok');
  for (const { fd } of files) t.is(waitForIndex(fd), 'ok');
  for (const { fd } of files) {
    t.is(indexInfo(fd).indexed_rows, COUNT);
    for (let at = 0; at < COUNT; at += 700) t.is(search(fd, row(at), { k: 1 }).hits[0]?.id, BigInt(at));
    t.is(indexInfo(fd).searches, Math.ceil(COUNT / 700));
  }
  for (const { path } of files) unlinkSync(path);
});

test('an index that is dropped, made and built anew, and rows that are cut off, stop no search', async (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, rows);
  t.is(createIndex(fd, { ef_construction: 20 }), 'ok');
  t.is(waitForIndex(fd), 'ok');
  const child = spawn(process.execPath, [SEARCHER, path, String(D), '3'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  /** A call that ends with EINTR has changed nothing: the end of the child is a signal too. */
  const does = (work: () => Outcome): void => {
    let outcome = work();
    while (outcome === 'EINTR') outcome = work();
    t.is(outcome, 'ok');
  };
  while (child.exitCode === null) {
    does(() => manage(fd, DROP).outcome);
    ftruncateSync(fd, (COUNT - 500) * D * 4);
    does(() => createIndex(fd, { ef_construction: 20 }));
    does(() => insert(fd, rows.subarray(0, 500 * D), { dimensions: D }));
    t.is(waitForIndex(fd), 'ok');
    does(() => manage(fd, REBUILD).outcome);
    ftruncateSync(fd, (COUNT - 100) * D * 4);
    does(() => insert(fd, rows.subarray(0, 100 * D), { dimensions: D }));
    does(() => manage(fd, INFO).outcome);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await ended;
  const { counts } = JSON.parse(text.slice(text.indexOf('{'))) as { counts: Record<string, number> };
  t.deepEqual(Object.keys(counts), ['ok']);
  t.is(waitForIndex(fd), 'ok');
  t.is(indexInfo(fd).indexed_rows, COUNT);
});
