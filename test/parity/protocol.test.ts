import { fstatSync, mkdirSync, readFileSync } from 'node:fs';
import {
  commands,
  IOC_READ,
  IOC_WRITE,
  ioc,
  MAX_BYTES_PER_CALL,
  MAX_ROWS_PER_CALL,
  VEXFS_IOC_BATCH_INSERT,
  VEXFS_IOC_GET_STATS,
  VEXFS_IOC_GET_VECTOR_META,
  VEXFS_IOC_SET_VECTOR_META,
  VEXFS_IOC_VECTOR_SEARCH,
} from '@vexfs/shared';
import { paritySuite } from './backend/suite.js';
import { NULL, WILD, withMemory } from './client/caller_memory.js';
import {
  call,
  getEmbedding,
  getMeta,
  getStats,
  insert,
  type Layout,
  nearestIds,
  type Query,
  search,
  setMeta,
} from './client/vector_calls.js';

const { test, fresh, open, close, vectorFile, backend } = paritySuite({ size: '64M' });
const ROWS = [1, 0, 0, 0, 1, 0];

/** Everything that a refused call must leave as it was. */
function state(path: string, fd: number): unknown {
  const { mtimeMs, ctimeMs, size, blocks } = fstatSync(fd);
  const { rows, slots, free_slots, next_id, log_records } = getStats(fd).stats;
  const found = search(fd, [1, 0, 0], { k: 10 });
  return {
    bytes: readFileSync(path).toString('hex'),
    stat: { mtimeMs, ctimeMs, size, blocks },
    meta: getMeta(fd),
    stats: { rows, slots, free_slots, next_id, log_records },
    hits: found.hits.map(({ id, distance }) => `${id} ${distance}`),
  };
}

test('the four frozen commands have the values 0x40285601, 0x80285602, 0xc0305603 and 0x40205604', (t) => {
  t.deepEqual(
    [VEXFS_IOC_SET_VECTOR_META, VEXFS_IOC_GET_VECTOR_META, VEXFS_IOC_VECTOR_SEARCH, VEXFS_IOC_BATCH_INSERT],
    [0x40285601, 0x80285602, 0xc0305603, 0x40205604],
  );
});

for (const [name, ask] of [
  ['GET_VECTOR_META', (fd: number) => getMeta(fd).outcome],
  ['VECTOR_SEARCH', (fd: number) => search(fd, [1, 2, 3], { k: 1 }).outcome],
  ['BATCH_INSERT', (fd: number) => insert(fd, ROWS, { dimensions: 3 })],
  ['GET_EMBEDDING', (fd: number) => getEmbedding(fd, { id: 0, room: 12 }).outcome],
  ['GET_STATS', (fd: number) => getStats(fd).outcome],
] as const) {
  test(`${name} on a file without vectors is ENODATA`, (t) => {
    t.is(ask(open(fresh())), 'ENODATA');
  });
}

test('GET_VECTOR_META returns what SET_VECTOR_META was given, live rows as the count, and no index offset', (t) => {
  const fd = open(fresh());
  const layout = {
    dimensions: 5,
    elementType: 2,
    vectorCount: 99,
    dataOffset: 64,
    indexOffset: 77,
    alignment: 32,
  };
  t.is(setMeta(fd, layout), 'ok');
  t.deepEqual(getMeta(fd), {
    outcome: 'ok',
    dimensions: 5,
    elementType: 2,
    vectorCount: 0,
    storageFormat: 0,
    dataOffset: 64,
    indexOffset: 0,
    compression: 0,
    alignment: 32,
  });
  t.is(insert(fd, [1, 2, 3, 4, 5], { dimensions: 5 }), 'ok');
  t.is(getMeta(fd).vectorCount, 1);
});

const unknown: ReadonlyArray<readonly [string, number]> = [
  ['number 0', ioc(IOC_WRITE, 'V', 0, 40)],
  ['number 5', ioc(IOC_WRITE, 'V', 5, 40)],
  ['number 0xff', ioc(IOC_READ | IOC_WRITE, 'V', 0xff, 64)],
  ['the magic W', ioc(IOC_WRITE, 'W', 1, 40)],
  ['SET_VECTOR_META with 36 bytes', ioc(IOC_WRITE, 'V', 1, 36)],
  ['SET_VECTOR_META with 48 bytes', ioc(IOC_WRITE, 'V', 1, 48)],
  ['SET_VECTOR_META as a reading command', ioc(IOC_READ, 'V', 1, 40)],
  ['GET_VECTOR_META as a writing command', ioc(IOC_WRITE, 'V', 2, 40)],
  ['VECTOR_SEARCH with 40 bytes', ioc(IOC_READ | IOC_WRITE, 'V', 3, 40)],
  ['VECTOR_SEARCH as a writing command', ioc(IOC_WRITE, 'V', 3, 48)],
  ['BATCH_INSERT with 28 bytes', ioc(IOC_WRITE, 'V', 4, 28)],
  ['GET_STATS with 64 bytes', ioc(IOC_READ | IOC_WRITE, 'V', 0x19, 64)],
  ['GET_EMBEDDING with 63 bytes', ioc(IOC_READ | IOC_WRITE, 'V', 0x11, 63)],
  ['HYBRID_SEARCH, which is reserved', ioc(IOC_READ | IOC_WRITE, 'V', 0x14, 64)],
  ['MANAGE_INDEX with 64 bytes', ioc(IOC_READ | IOC_WRITE, 'V', 0x15, 64)],
  ['a terminal command', 0x5401],
];
for (const [what, command] of unknown) {
  test(`an ioctl with ${what} is ENOTTY`, (t) => {
    const { fd } = vectorFile({ dimensions: 3 }, ROWS);
    withMemory((memory) => t.is(call(fd, command, memory.room(16384).address), 'ENOTTY'));
  });
}

test('an unknown command with a NULL argument is EFAULT, because the argument is copied first', (t) => {
  const { fd } = vectorFile({ dimensions: 3 });
  t.is(call(fd, ioc(IOC_READ | IOC_WRITE, 'V', 0xee, 64), NULL), 'EFAULT');
});

for (const [name, { value }] of Object.entries(commands)) {
  for (const [kind, address] of [
    ['a NULL', NULL],
    ['a wild', WILD],
  ] as const) {
    test(`${name} with ${kind} argument is EFAULT, whatever else is wrong`, (t) => {
      const path = fresh();
      open(path);
      // A FUSE kernel touches an argument that only travels back when the answer is there.
      const late = backend.name === 'fuse' && name === 'GET_VECTOR_META';
      for (const flags of ['r', 'r+'] as const) {
        t.is(call(open(path, flags), value, address), late ? 'ENODATA' : 'EFAULT', flags);
      }
      t.is(call(vectorFile({ dimensions: 3 }).fd, value, address), 'EFAULT', 'a vector file');
    });
  }
}

test('GET_STATS with an argument in pages that cannot be touched is EFAULT, and EINVAL when it is not zero', (t) => {
  const { fd } = vectorFile({ dimensions: 3 });
  withMemory((memory) => {
    t.is(call(fd, VEXFS_IOC_GET_STATS, memory.forbidden()), 'EFAULT');
    for (const at of [0, 8, 96, 127]) {
      const { bytes, address } = memory.room(128);
      bytes[at] = 1;
      t.is(call(fd, VEXFS_IOC_GET_STATS, address), 'EINVAL', `byte ${at} of the argument is 1`);
    }
  });
});

test('results that go back into a read-only argument are EFAULT', (t) => {
  const { fd } = vectorFile({ dimensions: 3 }, ROWS);
  withMemory((memory) => t.is(call(fd, VEXFS_IOC_GET_STATS, memory.readOnly()), 'EFAULT'));
});

test('a descriptor open for reading is refused what changes a file: EBADF', (t) => {
  const { path } = vectorFile({ dimensions: 3 }, ROWS);
  const fd = open(path, 'r');
  t.is(setMeta(fd, { dimensions: 3 }), 'EBADF');
  t.is(insert(fd, ROWS, { dimensions: 3 }), 'EBADF');
  t.is(insert(fd, ROWS, { dimensions: 3, flags: 4 }), 'EBADF', 'VALIDATE asks for a write all the same');
  t.is(getMeta(fd).outcome, 'ok');
  t.is(search(fd, [1, 0, 0], { k: 1 }).count, 1);
});

test('a descriptor open for writing is refused what reads a file: EBADF', (t) => {
  const { path } = vectorFile({ dimensions: 3 }, ROWS);
  const fd = open(path, 1);
  t.is(getMeta(fd).outcome, 'EBADF');
  t.is(search(fd, [1, 0, 0], { k: 1 }).outcome, 'EBADF');
  t.is(getEmbedding(fd, { id: 0, room: 12 }).outcome, 'EBADF');
  t.is(getStats(fd).outcome, 'EBADF');
  t.is(setMeta(fd, { dimensions: 3 }), 'ok');
  t.is(insert(fd, ROWS, { dimensions: 3 }), 'ok');
});

test('a descriptor of access mode 3 may neither read nor change a file: EBADF', (t) => {
  const { path } = vectorFile({ dimensions: 3 }, ROWS);
  const fd = open(path, 3);
  t.is(getMeta(fd).outcome, 'EBADF');
  t.is(search(fd, [1, 0, 0], { k: 1 }).outcome, 'EBADF');
  t.is(getStats(fd).outcome, 'EBADF');
  t.is(setMeta(fd, { dimensions: 3 }), 'EBADF');
  t.is(insert(fd, ROWS, { dimensions: 3 }), 'EBADF');
});

test('the open mode is checked before the vector set: EBADF, not ENODATA', (t) => {
  const path = fresh();
  open(path);
  t.is(insert(open(path, 'r'), ROWS, { dimensions: 3 }), 'EBADF');
  t.is(search(open(path, 1), [1], { k: 1 }).outcome, 'EBADF');
});

test('the vector set is checked before fields, limits and buffers: ENODATA', (t) => {
  const fd = open(fresh());
  t.is(search(fd, [1], { k: 0 }).outcome, 'ENODATA');
  t.is(search(fd, [1], { k: 10_001, type: 3 }).outcome, 'ENODATA');
  t.is(search(fd, [1], { k: 1, queryAddress: NULL }).outcome, 'ENODATA');
  t.is(insert(fd, [1], { dimensions: 0, count: 0, flags: 0xff }), 'ENODATA');
  t.is(insert(fd, [1], { dimensions: 1, count: MAX_ROWS_PER_CALL + 1, vectorsAddress: WILD }), 'ENODATA');
  t.is(getEmbedding(fd, { id: 0, room: 4, flags: 9, elementType: 9 }).outcome, 'ENODATA');
});

test('the open mode is checked before fields, limits and buffers: EBADF', (t) => {
  const { path } = vectorFile({ dimensions: 3 }, ROWS);
  const [reader, writer] = [open(path, 'r'), open(path, 1)];
  t.is(setMeta(reader, { dimensions: 0 }), 'EBADF');
  t.is(setMeta(reader, { dimensions: 4, storageFormat: 1 }), 'EBADF');
  t.is(insert(reader, ROWS, { dimensions: 0, flags: 0xff }), 'EBADF');
  t.is(insert(reader, ROWS, { dimensions: 3, count: 1, vectorsAddress: WILD }), 'EBADF');
  t.is(search(writer, [1], { k: 0, type: 9 }).outcome, 'EBADF');
  t.is(search(writer, [1], { k: 10_001 }).outcome, 'EBADF');
  t.is(getEmbedding(writer, { id: 99, room: 4, flags: 1 }).outcome, 'EBADF');
});

test('buffers are checked before contents, contents before ids: EFAULT, EINVAL, EEXIST', (t) => {
  const { path, fd } = vectorFile({ dimensions: 3 }, ROWS);
  const before = state(path, fd);
  const bad = [1, Number.NaN, 1];
  t.is(insert(fd, bad, { dimensions: 3, idsAddress: WILD }), 'EFAULT');
  t.is(insert(fd, bad, { dimensions: 3, ids: [0] }), 'EINVAL');
  t.is(insert(fd, [1, 1, 1], { dimensions: 3, ids: [0] }), 'EEXIST');
  t.is(search(fd, bad, { k: 1, resultsAddress: NULL }).outcome, 'EFAULT');
  t.deepEqual(state(path, fd), before);
});

test('a field that is wrong is EINVAL before a layout that differs is EEXIST', (t) => {
  const { fd } = vectorFile({ dimensions: 3 }, ROWS);
  t.is(setMeta(fd, { dimensions: 4, elementType: 9 }), 'EINVAL');
  t.is(setMeta(fd, { dimensions: 4 }), 'EEXIST');
});

test('the command is checked before the open mode: ENOTTY, not EBADF', (t) => {
  const { path } = vectorFile({ dimensions: 3 });
  withMemory((memory) => {
    const command = ioc(IOC_WRITE, 'V', 4, 40);
    t.is(call(open(path, 'r'), command, memory.room(64).address), 'ENOTTY');
  });
});

test('a directory takes no vector metadata', (t) => {
  const path = fresh();
  mkdirSync(path);
  const fd = open(path, 'r');
  // A directory cannot be opened for writing, so the open mode is what a changing call runs into.
  t.is(setMeta(fd, { dimensions: 3 }), 'EBADF');
  t.true(['ENODATA', 'EOPNOTSUPP', 'ENOTTY'].includes(getMeta(fd).outcome), getMeta(fd).outcome);
});

const refusedLayouts: ReadonlyArray<readonly [string, Layout, string]> = [
  ['0 dimensions', { dimensions: 0 }, 'EINVAL'],
  ['65537 dimensions', { dimensions: 65537 }, 'EINVAL'],
  ['4294967295 dimensions', { dimensions: 0xffffffff }, 'EINVAL'],
  ['element type 0', { dimensions: 3, elementType: 0 }, 'EINVAL'],
  ['element type 5', { dimensions: 3, elementType: 5 }, 'EINVAL'],
  ['element type 4294967295', { dimensions: 3, elementType: 0xffffffff }, 'EINVAL'],
  ['storage format 3', { dimensions: 3, storageFormat: 3 }, 'EINVAL'],
  ['compression 3', { dimensions: 3, compression: 3 }, 'EINVAL'],
  ['an alignment of 3', { dimensions: 3, alignment: 3 }, 'EINVAL'],
  ['an alignment of 8192', { dimensions: 3, alignment: 8192 }, 'EINVAL'],
  ['an alignment of 2^31', { dimensions: 3, alignment: 0x80000000 }, 'EINVAL'],
  ['data at byte 2 of float32', { dimensions: 3, dataOffset: 2 }, 'EINVAL'],
  ['data at byte 1 of float16', { dimensions: 3, elementType: 2, dataOffset: 1 }, 'EINVAL'],
  ['data past 1 MiB of an empty file', { dimensions: 3, dataOffset: 2 ** 20 + 4 }, 'EINVAL'],
  ['data at 2^63', { dimensions: 3, dataOffset: 1n << 63n }, 'EINVAL'],
  ['data at 2^64 - 4', { dimensions: 3, dataOffset: (1n << 64n) - 4n }, 'EINVAL'],
  ['sparse storage', { dimensions: 3, storageFormat: 1 }, 'EOPNOTSUPP'],
  ['compressed storage', { dimensions: 3, storageFormat: 2 }, 'EOPNOTSUPP'],
  ['LZ4', { dimensions: 3, compression: 1 }, 'EOPNOTSUPP'],
  ['ZSTD', { dimensions: 3, compression: 2 }, 'EOPNOTSUPP'],
  ['0 dimensions and sparse storage', { dimensions: 0, storageFormat: 1 }, 'EINVAL'],
  ['LZ4 and an alignment of 3', { dimensions: 3, compression: 1, alignment: 3 }, 'EINVAL'],
];
for (const [what, layout, expected] of refusedLayouts) {
  test(`SET_VECTOR_META with ${what} is ${expected}, and the file stays a plain one`, (t) => {
    const fd = open(fresh());
    t.is(setMeta(fd, layout), expected);
    t.is(getMeta(fd).outcome, 'ENODATA');
  });
}

const takenLayouts: ReadonlyArray<readonly [string, Layout]> = [
  ['65536 dimensions', { dimensions: 65536 }],
  ['1 dimension of BINARY', { dimensions: 1, elementType: 4 }],
  ['an alignment of 1', { dimensions: 3, alignment: 1 }],
  ['an alignment of 4096', { dimensions: 3, alignment: 4096 }],
  ['data at 1 MiB of an empty file', { dimensions: 3, dataOffset: 2 ** 20 }],
  ['data at byte 3 of int8', { dimensions: 3, elementType: 3, dataOffset: 3 }],
];
for (const [what, layout] of takenLayouts) {
  test(`SET_VECTOR_META with ${what} is taken, and taken again`, (t) => {
    const fd = open(fresh());
    t.is(setMeta(fd, layout), 'ok');
    t.is(
      setMeta(fd, { ...layout, vectorCount: 12, indexOffset: 4096 }),
      'ok',
      'count and index offset are ignored',
    );
    t.is(getMeta(fd).dimensions, layout.dimensions);
  });
}

test('another layout is taken as long as a file has no rows, and EEXIST afterwards', (t) => {
  const { path, fd } = vectorFile({ dimensions: 3 });
  t.is(setMeta(fd, { dimensions: 4, elementType: 3, alignment: 16 }), 'ok');
  t.is(getMeta(fd).dimensions, 4);
  t.is(setMeta(fd, { dimensions: 3 }), 'ok');
  t.is(insert(fd, ROWS, { dimensions: 3 }), 'ok');
  const before = state(path, fd);
  for (const other of [
    { dimensions: 4 },
    { dimensions: 3, elementType: 2 },
    { dimensions: 3, alignment: 16 },
    { dimensions: 3, dataOffset: 4 },
  ]) {
    t.is(setMeta(fd, other), 'EEXIST', JSON.stringify(other));
  }
  t.is(setMeta(fd, { dimensions: 3 }), 'ok', 'the same again');
  t.deepEqual(state(path, fd), before);
});

test('a wrong field is EINVAL also where the file has rows already', (t) => {
  const { fd } = vectorFile({ dimensions: 3 }, ROWS);
  t.is(setMeta(fd, { dimensions: 0 }), 'EINVAL');
  t.is(setMeta(fd, { dimensions: 3, dataOffset: 28 }), 'EINVAL', 'data past the end of 24 bytes');
});

const refusedBatches: ReadonlyArray<readonly [string, Parameters<typeof insert>[2], string]> = [
  ['dimensions other than the file has', { dimensions: 4, count: 1 }, 'EINVAL'],
  ['0 dimensions', { dimensions: 0, count: 1 }, 'EINVAL'],
  ['no rows', { dimensions: 3, count: 0 }, 'EINVAL'],
  ['an unknown flag', { dimensions: 3, flags: 8 }, 'EINVAL'],
  ['an unknown flag beside a known one', { dimensions: 3, flags: 0x80000002 }, 'EINVAL'],
  ['OVERWRITE and APPEND', { dimensions: 3, flags: 3 }, 'EINVAL'],
  ['OVERWRITE, APPEND and VALIDATE', { dimensions: 3, flags: 7 }, 'EINVAL'],
  ['2^20 + 1 rows', { dimensions: 3, count: MAX_ROWS_PER_CALL + 1 }, 'E2BIG'],
  ['2^32 - 1 rows', { dimensions: 3, count: 0xffffffff }, 'E2BIG'],
  ['2^20 + 1 rows and an unknown flag', { dimensions: 3, count: MAX_ROWS_PER_CALL + 1, flags: 8 }, 'EINVAL'],
  ['2^20 + 1 rows at NULL', { dimensions: 3, count: MAX_ROWS_PER_CALL + 1, vectorsAddress: NULL }, 'E2BIG'],
  ['wrong dimensions and rows at NULL', { dimensions: 4, count: 1, vectorsAddress: NULL }, 'EINVAL'],
  ['rows at NULL', { dimensions: 3, count: 2, vectorsAddress: NULL }, 'EFAULT'],
  ['rows at a wild address', { dimensions: 3, count: 2, vectorsAddress: WILD }, 'EFAULT'],
  ['ids at a wild address', { dimensions: 3, idsAddress: WILD }, 'EFAULT'],
  [
    'an existing id and rows at NULL',
    { dimensions: 3, count: 2, ids: [0, 1], vectorsAddress: NULL },
    'EFAULT',
  ],
  ['an existing id and ids at a wild address', { dimensions: 3, count: 2, idsAddress: WILD }, 'EFAULT'],
];
for (const [what, batch, expected] of refusedBatches) {
  test(`BATCH_INSERT with ${what} is ${expected}, and nothing changes`, (t) => {
    const { path, fd } = vectorFile({ dimensions: 3 }, ROWS);
    const before = state(path, fd);
    t.is(insert(fd, ROWS, batch), expected);
    t.deepEqual(state(path, fd), before);
  });
}

test('BATCH_INSERT of more than 1 GiB is E2BIG, before a row is looked at', (t) => {
  const { fd } = vectorFile({ dimensions: 65536 });
  const rows = MAX_BYTES_PER_CALL / (65536 * 4);
  t.is(insert(fd, [], { dimensions: 65536, count: rows + 1, vectorsAddress: WILD }), 'E2BIG');
  t.is(
    insert(fd, [], { dimensions: 65536, count: rows, vectorsAddress: WILD }),
    'EFAULT',
    '1 GiB itself is allowed',
  );
});

const refusedQueries: ReadonlyArray<readonly [string, Query, string]> = [
  ['k 0', { k: 0 }, 'EINVAL'],
  ['search type 3', { k: 1, type: 3 }, 'EINVAL'],
  ['dimensions other than the file has', { k: 1, dimensions: 4 }, 'EINVAL'],
  ['0 dimensions', { k: 1, dimensions: 0 }, 'EINVAL'],
  ['k 10001', { k: 10_001 }, 'E2BIG'],
  ['k 2^32 - 1', { k: 0xffffffff }, 'E2BIG'],
  ['k 10001 and search type 3', { k: 10_001, type: 3 }, 'EINVAL'],
  ['k 10001 and the query at NULL', { k: 10_001, queryAddress: NULL }, 'E2BIG'],
  ['k 0 and the query at NULL', { k: 0, queryAddress: NULL }, 'EINVAL'],
  ['the query at NULL', { k: 1, queryAddress: NULL }, 'EFAULT'],
  ['the query at a wild address', { k: 1, queryAddress: WILD }, 'EFAULT'],
  ['results at NULL', { k: 1, resultsAddress: NULL }, 'EFAULT'],
  ['results at a wild address', { k: 1, resultsAddress: WILD }, 'EFAULT'],
  ['result ids at NULL', { k: 1, idsAddress: NULL }, 'EFAULT'],
  ['result ids at a wild address', { k: 1, idsAddress: WILD }, 'EFAULT'],
];
for (const [what, query, expected] of refusedQueries) {
  test(`VECTOR_SEARCH with ${what} is ${expected}, and the file is still searched`, (t) => {
    const { fd } = vectorFile({ dimensions: 3 }, ROWS);
    t.is(search(fd, [1, 0, 0], query).outcome, expected);
    t.deepEqual(nearestIds(fd, [1, 0, 0]), [0n, 1n]);
  });
}

for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
  test(`VECTOR_SEARCH with ${value} in the query is EINVAL`, (t) => {
    const { fd } = vectorFile({ dimensions: 3 }, ROWS);
    for (const type of [0, 1, 2])
      t.is(search(fd, [1, value, 0], { k: 1, type }).outcome, 'EINVAL', `type ${type}`);
  });
}

test('a read-only mount answers searches; what would change it is EROFS or cannot even be opened', async (t) => {
  const { path, fd } = vectorFile({ dimensions: 3 }, ROWS);
  close(fd);
  await backend.remount(['ro']);
  try {
    t.throws(() => open(path, 'r+'), { code: 'EROFS' });
    const reader = open(path, 'r');
    t.deepEqual(nearestIds(reader, [0, 1, 0]), [1n, 0n]);
    t.is(getStats(reader).stats.rows, 2);
    // No descriptor can be open for writing here, so EBADF is what a changing call meets first.
    t.is(insert(reader, ROWS, { dimensions: 3 }), 'EBADF');
    t.is(setMeta(reader, { dimensions: 3 }), 'EBADF');
    t.throws(() => mkdirSync(fresh()), { code: 'EROFS' });
    close(reader);
  } finally {
    await backend.remount();
  }
});
