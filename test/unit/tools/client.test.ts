import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Errno } from '@vexfs/shared';
import { openVectors, VexfsError } from '@vexfs/tools';
import test from 'ava';

const scratch = mkdtempSync(join(tmpdir(), 'vexfs-client-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

function ordinaryFile(name: string): string {
  const path = join(scratch, name);
  writeFileSync(path, 'no vectors');
  return path;
}

test('a call on another filesystem answers ENOTTY with its operation, its path and advice', async (t) => {
  const path = ordinaryFile('plain');
  const file = await openVectors(path);
  t.teardown(() => file.close());
  const error = await t.throwsAsync(file.info(), { instanceOf: VexfsError });
  t.is(error.errno, Errno.ENOTTY);
  t.is(error.code, 'ENOTTY');
  t.is(error.operation, 'info');
  t.is(error.path, path);
  t.regex(error.advice, /findmnt/);
  t.true(error.message.includes(path), error.message);
});

test('a missing file is ENOENT of the open, not an ordinary node error', async (t) => {
  const error = await t.throwsAsync(openVectors(join(scratch, 'missing')), { instanceOf: VexfsError });
  t.is(error.code, 'ENOENT');
  t.is(error.operation, 'open');
});

test('create leaves no file behind where the layout cannot be set', async (t) => {
  const path = join(scratch, 'fresh');
  const error = await t.throwsAsync(openVectors(path, { create: { dimensions: 4 } }), {
    instanceOf: VexfsError,
  });
  t.is(error.code, 'ENOTTY');
  t.false(existsSync(path));
});

test('create keeps a file that was there before', async (t) => {
  const path = ordinaryFile('precious');
  await t.throwsAsync(openVectors(path, { create: { dimensions: 4 } }), { instanceOf: VexfsError });
  t.true(existsSync(path));
});

test('hundreds of calls at once each come back with their own errno', async (t) => {
  const file = await openVectors(ordinaryFile('busy'));
  t.teardown(() => file.close());
  const calls = Array.from({ length: 600 }, (_, index) =>
    index % 2 === 0 ? file.stats() : file.search([1, 2, 3], { k: 2 }),
  );
  const outcomes = await Promise.allSettled(calls);
  for (const outcome of outcomes) {
    t.is(outcome.status, 'rejected');
    if (outcome.status === 'rejected')
      t.is((outcome.reason as VexfsError).code, 'ENOTTY', String(outcome.reason));
  }
});

test('close waits for calls under way, and later calls are EBADF instead of reaching another file', async (t) => {
  const file = await openVectors(ordinaryFile('closing'));
  const early = file.info();
  await Promise.all([file.close(), file.close(), t.throwsAsync(early, { message: /ENOTTY/ })]);
  const error = await t.throwsAsync(file.info(), { instanceOf: VexfsError });
  t.is(error.code, 'EBADF');
});

test('arguments that no call could carry are refused before the filesystem is asked', async (t) => {
  const file = await openVectors(ordinaryFile('arguments'), { write: true });
  t.teardown(() => file.close());
  await t.throwsAsync(file.search([1], { k: 0 }), { instanceOf: RangeError });
  await t.throwsAsync(file.search([1], { k: 10_001 }), { instanceOf: RangeError });
  await t.throwsAsync(file.search([1], { metric: 'manhattan' as 'dot' }), { message: /manhattan/ });
  await t.throwsAsync(file.get(-1), { instanceOf: RangeError });
  await t.throwsAsync(file.get(2 ** 60), { message: /bigint/ });
  await t.throwsAsync(file.get(2n ** 64n - 1n), { instanceOf: RangeError });
  await t.throwsAsync(file.setMeta({ dimensions: -1 }), { instanceOf: RangeError });
  await t.throwsAsync(file.setMeta({ dimensions: 3, elementType: 'double' as 'int8' }), {
    message: /double/,
  });
  for (const [call, reason] of [
    [
      () => file.createIndex({ metric: 'cosin' as 'cosine' }),
      /metric 'cosin' is none of euclidean, cosine, dot/,
    ],
    [() => file.createIndex({ type: 'hnsw' as 'graph' }), /index type 'hnsw' is none of graph, flat/],
    [() => file.createIndex({ m: 2 ** 32 + 16 }), /m 4294967312 is out of range/],
    [() => file.createIndex({ efConstruction: 0.5 }), /efConstruction 0.5/],
    [() => file.tuneIndex({ automaticRows: 2 ** 32 }), /automaticRows 4294967296/],
    [() => file.tuneIndex({ efSearch: Number.NaN }), /efSearch NaN/],
    [() => file.indexInfo({ sample: -1 }), /sample -1/],
    [() => file.search([1], { ef: 2 ** 32 + 1 }), /ef 4294967297/],
  ] as const) {
    await t.throwsAsync<Error>(call, { instanceOf: RangeError, message: reason });
  }
  await t.throwsAsync(file.insert([[1]], { overwrite: true, validate: true }), { message: /validate/ });
});
