import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openVectors } from '@vexfs/tools';
import { paritySuite } from '../backend/suite.js';
import { getMeta, rowOf } from '../client/vector_calls.js';

const { test, vectorFile, fresh, scratch } = paritySuite({ size: '32M' });
const VEXCTL = fileURLToPath(new URL('../../../../tools/bin/vexctl.mjs', import.meta.url));
const ROWS = [0, 0, 1, 10, 2, 20, 3, 30, 4, 40];

interface Printed {
  readonly status: number | null;
  readonly lines: readonly string[];
  readonly error: string;
}

function vexctl(words: readonly string[], input = ''): Printed {
  const options = { encoding: 'utf8', timeout: 60_000, input } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [VEXCTL, ...words], options);
  return { status, lines: stdout.split('\n').slice(0, -1), error: stderr };
}

test('the library adds, updates and gets rows', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, ROWS);
  const file = await openVectors(path, { write: true });
  t.teardown(() => file.close());
  t.deepEqual(await file.add([5, 50]), { id: 5n, slot: 5 });
  t.is((await file.add([9, 90], { id: 900 })).id, 900n);
  t.like(await t.throwsAsync(file.add([1, 1], { id: 900 })), { code: 'EEXIST' });
  t.is((await file.update(900, [9, 91])).id, 900n);
  t.like(await t.throwsAsync(file.update(901, [1, 1])), { code: 'ENOENT' });
  await t.throwsAsync(file.add([1, 2, 3]), { instanceOf: RangeError });
  const got = await file.getMany([900, 7, 5, 900]);
  t.deepEqual(got, [Float32Array.of(9, 91), undefined, Float32Array.of(5, 50), Float32Array.of(9, 91)]);
  t.deepEqual(await file.getMany([]), []);
  t.is(getMeta(fd).vectorCount, 7);
});

test('a vector that does not fit the argument is added from memory', async (t) => {
  const { path } = vectorFile({ dimensions: 5000 });
  const file = await openVectors(path, { write: true });
  t.teardown(() => file.close());
  const vector = new Float32Array(5000).fill(3);
  await file.add(vector, { id: 1 });
  await file.update(1, vector.fill(4));
  t.deepEqual((await file.get(1))?.vector, vector);
});

test('vexctl insert --create leaves no file when nothing was stored, and the rows when some were', (t) => {
  const source = join(scratch, 'source.csv');
  const path = fresh();
  writeFileSync(source, '1,2\n3,nan\n');
  t.is(vexctl(['insert', path, source, '--create']).status, 5);
  t.false(existsSync(path));
  t.is(vexctl(['insert', path, source, '--create', '--batch', '1']).status, 3);
  t.deepEqual(vexctl(['get', path, '0']).lines, ['[1, 2]']);
  t.is(vexctl(['insert', path, source, '--create']).status, 5);
  t.deepEqual(vexctl(['get', path, '0']).lines, ['[1, 2]']);
});

test('vexctl get shows many rows in the order of their ids', (t) => {
  const { path } = vectorFile({ dimensions: 2 }, ROWS);
  t.deepEqual(vexctl(['get', path, '3', '0', '3']).lines, ['[3, 30]', '[0, 0]', '[3, 30]']);
  t.deepEqual(vexctl(['get', path, '--json', '--ids', '-'], '4\n\n1\n').lines, [
    '{"id":4,"vector":[4,40]}',
    '{"id":1,"vector":[1,10]}',
  ]);
  t.deepEqual(vexctl(['get', path, '1', '77', '2', '--missing-ok']).lines, ['[1, 10]', '[2, 20]']);
  const missing = vexctl(['get', path, '1', '77']);
  t.is(missing.status, 1);
  t.regex(missing.error, /get id 77 of .*ENOENT/);
});

test('vexctl delete takes ids from the command line, a file and standard input', (t) => {
  const { path, fd } = vectorFile({ dimensions: 2 }, ROWS);
  const ids = join(scratch, 'gone.txt');
  writeFileSync(ids, '3\n99\n');
  const refused = vexctl(['delete', path, '0', '99']);
  t.is(refused.status, 1);
  t.regex(refused.error, /ENOENT/);
  t.is(getMeta(fd).vectorCount, 5);
  t.deepEqual(vexctl(['delete', path, '0', '1', '--json']).lines, [
    `{"file":${JSON.stringify(path)},"ids":2,"rows":3}`,
  ]);
  t.is(vexctl(['delete', path, '--ids', ids]).status, 1);
  t.deepEqual(vexctl(['delete', path, '--ids', ids, '--missing-ok']).lines, [
    'no row has one of the 2 ids any more; 2 rows are left',
  ]);
  t.is(vexctl(['delete', path, '--ids', '-'], '4\n').status, 0);
  t.is(getMeta(fd).vectorCount, 1);
  t.deepEqual(rowOf(fd, 2, 2), Float32Array.of(2, 20));
  const malformed = vexctl(['delete', path, '--ids', '-'], '2\nx\n');
  t.is(malformed.status, 5);
  t.regex(malformed.error, /line 2: 'x' is no id|'x' is no id/);
  t.is(vexctl(['delete', path, '--ids', '-'], '').status, 5);
  t.is(getMeta(fd).vectorCount, 1);
});
