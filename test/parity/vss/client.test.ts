import { VexfsError, VssClient } from '@vexfs/tools';
import { vssSuite } from './suite.js';

const { test, backend, start } = vssSuite();

test('the client adds, replaces, queries and counts', async (t) => {
  await start();
  const client = await VssClient.open(backend.path, { write: true });
  await client.add(7, [3, 4]);
  await client.add(4_294_967_294, Float32Array.of(0, 1));
  await client.add(7, [6, 8]);
  t.deepEqual(await client.query([0, 0]), [
    { id: 4_294_967_294, distance: 1 },
    { id: 7, distance: 10 },
  ]);
  t.deepEqual(await client.query(new Float32Array(2), { k: 1 }), [{ id: 4_294_967_294, distance: 1 }]);
  t.deepEqual(await client.stats(), { vectors: 2, capacity: 65_536, dimension: 2, queries: 2 });
  await client.close();
});

test('calls of the client run at the same time, and closing waits for them', async (t) => {
  await start();
  const client = await VssClient.open(backend.path, { write: true });
  await Promise.all(Array.from({ length: 500 }, (_, id) => client.add(id, [id])));
  const queries = Array.from({ length: 300 }, (_, id) => client.query([id], { k: 1 }));
  await client.close();
  t.deepEqual(
    await Promise.all(queries),
    Array.from({ length: 300 }, (_, id) => [{ id, distance: 0 }]),
  );
  await t.throwsAsync(client.stats(), { instanceOf: VexfsError, code: 'EBADF' });
});

test('what no call carries is a RangeError, what the store refuses a VexfsError that says why', async (t) => {
  await start(1);
  const client = await VssClient.open(backend.path, { write: true });
  await client.add(0, [1]);
  for (const id of [-1, 0.5, 4_294_967_295, Number.NaN])
    await t.throwsAsync(client.add(id, [1]), { instanceOf: RangeError });
  for (const vector of [[], new Float32Array(129)]) {
    await t.throwsAsync(client.add(1, vector), { instanceOf: RangeError });
    await t.throwsAsync(client.query(vector), { instanceOf: RangeError });
  }
  for (const k of [0, 33, 1.5]) await t.throwsAsync(client.query([1], { k }), { instanceOf: RangeError });
  await t.throwsAsync(client.query([1, 2]), { instanceOf: VexfsError, code: 'EINVAL', message: /dimension/ });
  await t.throwsAsync(client.add(0, [1e39]), { instanceOf: VexfsError, code: 'EINVAL' });
  await t.throwsAsync(client.add(1, [1]), {
    instanceOf: VexfsError,
    code: 'ENOSPC',
    message: `add ${backend.path}: ENOSPC: As many vectors as the store may hold are there.`,
  });
  await client.close();
  const reader = await VssClient.open(backend.path);
  await t.throwsAsync(reader.add(1, [1]), { instanceOf: VexfsError, code: 'EBADF' });
  t.is((await reader.stats()).vectors, 1);
  await reader.close();
  await reader.close();
});

test('a store that is not there, and a file that is none, are told apart', async (t) => {
  await t.throwsAsync(VssClient.open('/nowhere/vss'), { instanceOf: VexfsError, code: 'ENOENT' });
  const file = await VssClient.open('/dev/null');
  await t.throwsAsync(file.stats(), { instanceOf: VexfsError, code: 'ENOTTY', message: /no store/ });
  await file.close();
});
