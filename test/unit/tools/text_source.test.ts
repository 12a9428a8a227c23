import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openIds, openSource, type ReadOptions, SourceError } from '@vexfs/tools/read';
import test, { type ExecutionContext } from 'ava';

const scratch = mkdtempSync(join(tmpdir(), 'vexfs-text-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

let files = 0;
function write(ending: string, text: string | Uint8Array): string {
  const path = join(scratch, `${files++}${ending}`);
  writeFileSync(path, text);
  return path;
}

async function readAll(path: string, options: ReadOptions = {}, batchRows = 2, skip = 0) {
  const source = await openSource(path, options);
  const rows: number[][] = [];
  const ids: bigint[] = [];
  for await (const batch of source.batches(skip, batchRows)) {
    for (let i = 0; i < batch.count; i++) {
      rows.push([...batch.rows.subarray(i * source.dimensions, (i + 1) * source.dimensions)]);
    }
    ids.push(...(batch.ids ?? []));
  }
  await source.close();
  return { rows, ids };
}

async function refused(
  t: ExecutionContext,
  path: string,
  reason: RegExp,
  place?: string,
  options: ReadOptions = {},
) {
  const error = await t.throwsAsync(readAll(path, options), { instanceOf: SourceError, message: reason });
  if (place !== undefined) t.is(error.place, place, error.message);
}

test('.csv is read with and without a header, with CRLF, quotes, spaces and a byte order mark', async (t) => {
  const rows = [
    [1, -2.5],
    [3e2, 0.25],
    [5, 6],
  ];
  for (const text of [
    '1,-2.5\n3e2,.25\n5,6\n',
    'x,y\n1,-2.5\n3e2,.25\n5,6',
    '\ufeffx,y\r\n1,-2.5\r\n"3e2",0.25\r\n\r\n 5 , +6. \r\n',
    '"x, ""axis""",y\n"1" , "-2.5"\n3e2,"0.25"\n" 5 ","6"\n',
  ]) {
    t.deepEqual((await readAll(write('.csv', text))).rows, rows, JSON.stringify(text));
  }
});

test('.csv ids come from a named column, or from a numbered one where there is no header', async (t) => {
  const rows = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];
  const ids = [7n, 18446744073709551614n, 9n];
  const named = write('.csv', 'x,id,y\n1,7,2\n3,18446744073709551614,4\n5,9,6\n');
  t.deepEqual(await readAll(named, { ids: 'id' }), { rows, ids });
  const bare = write('.csv', '1,2,7\n3,4,18446744073709551614\n5,6,9\n');
  t.deepEqual(await readAll(bare, { ids: '2' }), { rows, ids });
  t.deepEqual(await readAll(bare, { ids: '2' }, 2, 1), { rows: rows.slice(1), ids: ids.slice(1) });
});

test('.csv that is no table of numbers is refused with its line', async (t) => {
  await refused(t, write('.csv', ''), /has no rows/);
  await refused(t, write('.csv', 'x,y\n'), /has no rows/);
  await refused(t, write('.csv', '1,2\n3,x\n'), /column 1 is 'x', no number/, 'line 2');
  await refused(t, write('.csv', '1,2\n3,\n'), /column 1 is '', no number/, 'line 2');
  await refused(t, write('.csv', '1,2\n3,0x10\n'), /0x10/, 'line 2');
  await refused(t, write('.csv', '1,2\n3\n'), /has 1 fields, the first record has 2/, 'line 2');
  await refused(t, write('.csv', '1,2\n3,4,\n'), /has 3 fields/, 'line 2');
  await refused(t, write('.csv', '1,2\n3,"4\n'), /quote/, 'line 2');
  await refused(t, write('.csv', '1,2\n3,"4"5\n'), /quote/, 'line 2');
  await refused(t, write('.csv', '1,2\n3,4"5"\n'), /quote/, 'line 2');
  await refused(t, write('.csv', 'a,"b\n1,2\n'), /quote/, 'line 1');
  await refused(t, write('.csv', '1,2\n3,nan\n'), /component 1 is NaN/, 'line 2');
  await refused(t, write('.csv', '1,2\n1e39,3\n'), /component 0 is Infinity as float32/, 'line 2');
  await refused(t, write('.csv', 'a,b\n1,2\n'), /no column 'id': it has a, b/, undefined, { ids: 'id' });
  await refused(t, write('.csv', 'id,b\n-1,2\n'), /'-1' is no id/, 'line 2', { ids: 'id' });
  await refused(t, write('.csv', 'id,b\n18446744073709551615,2\n'), /no id/, 'line 2', { ids: 'id' });
  await refused(t, write('.csv', 'id\n1\n'), /0 dimensions/, undefined, { ids: 'id' });
});

test('.jsonl takes bare arrays and objects, with ids as numbers or as strings', async (t) => {
  t.deepEqual((await readAll(write('.jsonl', '[1,2]\n\n[3,4]'))).rows, [
    [1, 2],
    [3, 4],
  ]);
  const objects = '{"id":7,"vector":[1,2],"text":"a"}\n{"id":"18446744073709551614","vector":[3,4]}\n';
  t.deepEqual(await readAll(write('.jsonl', objects), { ids: 'id' }), {
    rows: [
      [1, 2],
      [3, 4],
    ],
    ids: [7n, 18446744073709551614n],
  });
  const other = write('.jsonl', '{"emb":[0.5]}\r\n{"emb":[1]}\r\n');
  t.deepEqual((await readAll(other, { vectorKey: 'emb' })).rows, [[0.5], [1]]);
});

test('.jsonl that is malformed is refused with its line', async (t) => {
  await refused(t, write('.jsonl', ''), /has no rows/);
  await refused(t, write('.jsonl', '[1]\n[2'), /no JSON/, 'line 2');
  await refused(t, write('.jsonl', '[1]\n7'), /neither an array/, 'line 2');
  await refused(t, write('.jsonl', '[1]\nnull'), /neither an array/, 'line 2');
  await refused(t, write('.jsonl', '[1]\n[1,2]'), /has 2 components, the first row has 1/, 'line 2');
  await refused(t, write('.jsonl', '[1,2]\n[1,"2"]'), /component 1 is "2"/, 'line 2');
  await refused(t, write('.jsonl', '[1,2]\n[1,null]'), /component 1 is null/, 'line 2');
  await refused(t, write('.jsonl', '[[1],[2]]'), /component 0 is \[1\]/, 'line 1');
  await refused(t, write('.jsonl', '[]'), /0 dimensions/);
  await refused(
    t,
    write('.jsonl', '{"embedding":[1]}'),
    /no key 'vector'.*embedding.*--vector-key/,
    'line 1',
  );
  await refused(t, write('.jsonl', '{"toString":[1]}'), /no key 'vector'/, 'line 1');
  await refused(t, write('.jsonl', '[1e39]'), /Infinity as float32/, 'line 1');
  const ids = { ids: 'id' };
  await refused(t, write('.jsonl', '{"vector":[1]}'), /no usable id/, 'line 1', ids);
  await refused(t, write('.jsonl', '{"id":1.5,"vector":[1]}'), /no usable id/, 'line 1', ids);
  await refused(t, write('.jsonl', '{"id":36893488147419103232,"vector":[1]}'), /as strings/, 'line 1', ids);
  await refused(t, write('.jsonl', '[1]'), /no usable id/, 'line 1', ids);
  await refused(t, write('.jsonl', Buffer.from([0x5b, 0x31, 0x5d, 0x0a, 0xff, 0xfe])), /not UTF-8/, 'line 2');
});

test('a long field of blanks or quotes is refused without trying every way to read it', async (t) => {
  const blanks = ' '.repeat(2 << 20);
  await refused(t, write('.csv', `1,2\n"3",${blanks}x${blanks}"`), /quote/, 'line 2');
  await refused(t, write('.csv', `1,2\n3,"${'""'.repeat(1 << 20)}`), /quote/, 'line 2');
});

test('a pipe is read once, from its first row on', async (t) => {
  t.timeout(60_000, 'a pipe has nothing more for a reader that opens it again');
  for (const [ending, text] of [
    ['.csv', 'x,y\n1,2\n3,4\n5,6\n'],
    ['.jsonl', '[1,2]\n[3,4]\n[5,6]\n'],
  ] as const) {
    const pipe = join(scratch, `pipe${ending}`);
    execFileSync('mkfifo', [pipe]);
    const writer = spawn('sh', ['-c', 'printf %s "$0" > "$1"', text, pipe], { stdio: 'ignore' });
    t.teardown(() => writer.kill());
    t.deepEqual((await readAll(pipe, {}, 2, 1)).rows, [
      [3, 4],
      [5, 6],
    ]);
  }
});

test('a directory with the name of a source is called one', async (t) => {
  for (const ending of ['.csv', '.jsonl', '.txt']) {
    const path = join(scratch, `folder${ending}`);
    mkdirSync(path);
    if (ending !== '.txt') await refused(t, path, /folder\.\w+: is a directory/);
    else await t.throwsAsync((await openIds(path)).take(1), { message: /folder\.txt: is a directory/ });
  }
});

test('a line without end is refused instead of filling memory', async (t) => {
  await refused(t, write('.jsonl', `[${'1,'.repeat(9 << 20)}`), /longer than 16777216 bytes/, 'line 1');
});

test('ids are read from text and from .npy, and refused when they are none or too few', async (t) => {
  const npy = (descr: string, data: NodeJS.TypedArray, ending = '.npy'): string => {
    const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${data.length},), }`.padEnd(117);
    const lead = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1');
    return write(ending, Buffer.concat([lead, Buffer.from(`${header}\n`), new Uint8Array(data.buffer)]));
  };
  for (const path of [
    write('.txt', '5\n6\n7\n'),
    npy('<u8', BigUint64Array.of(5n, 6n, 7n)),
    npy('<i8', BigInt64Array.of(5n, 6n, 7n)),
    npy('<u4', Uint32Array.of(5, 6, 7)),
    npy('<u4', Uint32Array.of(5, 6, 7), '.NPY'),
    npy('<i4', Int32Array.of(5, 6, 7)),
  ]) {
    const ids = await openIds(path);
    t.deepEqual([...(await ids.take(2))], [5n, 6n]);
    t.deepEqual([...(await ids.take(1))], [7n]);
    await t.throwsAsync(ids.take(1), { instanceOf: SourceError, message: /has 3 ids/ });
    await ids.close();
  }
  for (const [path, reason] of [
    [write('.txt', '5\nsix\n'), /line 2: 'six' is no id/],
    [npy('<i8', BigInt64Array.of(5n, -6n)), /row 1: -6 is no id/],
    [npy('<u8', BigUint64Array.of(5n, 2n ** 64n - 1n)), /row 1: 18446744073709551615 is no id/],
  ] as const) {
    const ids = await openIds(path);
    await t.throwsAsync(ids.take(2), { instanceOf: SourceError, message: reason });
    await ids.close();
  }
  await t.throwsAsync(openIds(npy('<f4', Float32Array.of(1))), { instanceOf: SourceError, message: /'<f4'/ });
});
