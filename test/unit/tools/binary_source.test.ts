import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSource, type ReadOptions, SourceError } from '@vexfs/tools/read';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';

const scratch = mkdtempSync(join(tmpdir(), 'vexfs-binary-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

let files = 0;
function write(ending: string, bytes: Uint8Array): string {
  const path = join(scratch, `${files++}${ending}`);
  writeFileSync(path, bytes);
  return path;
}

/** A .npy file with this header text, padded as numpy does. */
function npyBytes(header: string, data: Uint8Array, major = 1): Uint8Array {
  const lead = major === 1 ? 10 : 12;
  const padded = `${header.padEnd(64 * Math.ceil((lead + header.length + 1) / 64) - lead - 1)}\n`;
  const head = Buffer.alloc(lead);
  head.write('\x93NUMPY', 'latin1');
  head[6] = major;
  if (major === 1) head.writeUInt16LE(padded.length, 8);
  else head.writeUInt32LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, 'latin1'), data]);
}

function npy(descr: string, shape: string, data: NodeJS.TypedArray, major = 1): string {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  return write(
    '.npy',
    npyBytes(header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength), major),
  );
}

function vecs(rows: readonly (readonly number[])[], bytes: boolean): Uint8Array {
  return Buffer.concat(
    rows.map((row) => {
      const lead = Buffer.alloc(4);
      lead.writeInt32LE(row.length);
      return Buffer.concat([
        lead,
        bytes ? Uint8Array.from(row) : new Uint8Array(Float32Array.from(row).buffer),
      ]);
    }),
  );
}

async function readAll(path: string, batchRows = 2, skip = 0, options: ReadOptions = {}) {
  const source = await openSource(path, options);
  try {
    const rows: number[][] = [];
    let expected = skip;
    for await (const batch of source.batches(skip, batchRows)) {
      if (batch.first !== expected || batch.count > batchRows)
        throw new Error(`batch at ${batch.first}, not ${expected}`);
      expected += batch.count;
      for (let i = 0; i < batch.count; i++) {
        rows.push([...batch.rows.subarray(i * source.dimensions, (i + 1) * source.dimensions)]);
      }
    }
    return { dimensions: source.dimensions, rowCount: source.rowCount, rows };
  } finally {
    await source.close();
  }
}

async function refused(
  t: ExecutionContext,
  path: string,
  reason: RegExp,
  options: ReadOptions = {},
): Promise<SourceError> {
  const error = await t.throwsAsync(readAll(path, 2, 0, options), {
    instanceOf: SourceError,
    message: reason,
  });
  t.true(error.message.startsWith(path), error.message);
  return error;
}

test('every element type of .npy comes out as the float32 of the same value', async (t) => {
  const expected = [
    [0, 1, 2],
    [100, 127, 3],
    [7, 8, 9],
  ];
  const flat = expected.flat();
  const shape = '(3, 3)';
  // 0, 1, 2, 100, 127, 3, 7, 8, 9 as binary16
  const half = Uint16Array.of(0, 0x3c00, 0x4000, 0x5640, 0x57f0, 0x4200, 0x4700, 0x4800, 0x4880);
  for (const path of [
    npy('<f2', shape, half),
    npy('<f4', shape, Float32Array.from(flat)),
    npy('<f8', shape, Float64Array.from(flat)),
    npy('|i1', shape, Int8Array.from(flat)),
    npy('|u1', shape, Uint8Array.from(flat)),
    npy('<f4', shape, Float32Array.from(flat), 2),
    npy('<f4', shape, Float32Array.from(flat), 3),
  ]) {
    t.deepEqual(await readAll(path), { dimensions: 3, rowCount: 3, rows: expected });
  }
});

test('half precision keeps signs, subnormals and the largest value, and signed bytes their sign', async (t) => {
  const half = npy('<f2', '(1, 4)', Uint16Array.of(0x8001, 0x0400, 0x7bff, 0xc000));
  t.deepEqual((await readAll(half)).rows, [[-(2 ** -24), 2 ** -14, 65504, -2]]);
  t.deepEqual((await readAll(npy('|i1', '(1, 2)', Int8Array.of(-128, -1)))).rows, [[-128, -1]]);
  t.deepEqual((await readAll(npy('|u1', '(1, 2)', Uint8Array.of(128, 255)))).rows, [[128, 255]]);
});

test('a one-dimensional array is one row and an array without rows has none', async (t) => {
  t.deepEqual(await readAll(npy('<f4', '(3,)', Float32Array.of(1, 2, 3))), {
    dimensions: 3,
    rowCount: 1,
    rows: [[1, 2, 3]],
  });
  t.deepEqual((await readAll(npy('<f4', '(0, 3)', new Float32Array(0)))).rows, []);
});

test('skipped rows are left out and the others keep their numbers', async (t) => {
  const path = npy('<f4', '(5, 1)', Float32Array.of(10, 11, 12, 13, 14));
  t.deepEqual((await readAll(path, 2, 3)).rows, [[13], [14]]);
  t.deepEqual((await readAll(path, 2, 9)).rows, []);
});

test('a .npy array that cannot be rows of float32 is refused with the reason', async (t) => {
  const data = Float32Array.of(1, 2, 3, 4);
  await refused(t, npy('>f4', '(2, 2)', data), /'>f4'.*astype/);
  await refused(t, npy('<c8', '(2, 1)', data), /'<c8'/);
  await refused(t, npy('constructor', '(2, 2)', data), /'constructor'/);
  await refused(t, npy('<f4', '(2, 2, 1)', data), /shape \(2, 2, 1\)/);
  await refused(t, npy('<f4', '()', Float32Array.of(1)), /shape \(\)/);
  await refused(t, npy('<f4', '(4, 0)', new Float32Array(0)), /0 dimensions/);
  await refused(t, npy('<f4', '(1, 65537)', new Float32Array(65_537)), /65537 dimensions/);
  const fortran = `{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }`;
  await refused(t, write('.npy', npyBytes(fortran, new Uint8Array(data.buffer))), /ascontiguousarray/);
});

test('a .npy header that lies about its length or shape is refused before anything is allocated for it', async (t) => {
  const data = Float32Array.of(1, 2, 3, 4);
  const cut = await refused(t, npy('<f4', '(3, 2)', data), /cut short.*takes 24 bytes of data, it holds 16/);
  t.is(cut.place, 'row 2');
  await refused(t, npy('<f4', '(1, 2)', data), /bytes behind its array/);
  await refused(t, npy('<f4', '(4294967296, 4294967296)', data), /cut short/);
  await refused(t, npy('<f4', '(99999999999999999999, 2)', data), /shape/);
  await refused(t, npy('<f4', '(-1, 2)', data), /dictionary/);
  const huge = Buffer.from(
    npyBytes(`{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }`, new Uint8Array(16), 2),
  );
  huge.writeUInt32LE(0xffff_ffff, 8);
  await refused(t, write('.npy', huge), /header of 4294967295 bytes/);
  huge.writeUInt32LE(5000, 8);
  await refused(t, write('.npy', huge), /ends within its \.npy header/);
});

test('what is no .npy file at all is refused', async (t) => {
  await refused(t, write('.npy', new Uint8Array(0)), /0 bytes cannot hold a header/);
  await refused(t, write('.npy', Buffer.from('PK\x03\x04 and much more')), /does not start with/);
  await refused(t, write('.npy', npyBytes('{}', new Uint8Array(0), 9)), /version 9/);
  await refused(t, write('.npy', npyBytes('__import__("os")', new Uint8Array(0))), /no dictionary/);
  await refused(
    t,
    write('.npy', npyBytes(`{'descr': '<f4', 'shape': (2, 2), }`, new Uint8Array(16))),
    /fortran_order/,
  );
  await refused(t, scratch.concat('/.'), /the name tells no format; it must end in one of/);
});

test('NaN, infinite and overflowing components are refused with their row and column', async (t) => {
  for (const [value, shown] of [
    [Number.NaN, /component 1 is NaN/],
    [Number.NEGATIVE_INFINITY, /component 1 is -Infinity/],
    [1e300, /component 1 is Infinity as float32/],
  ] as const) {
    const path = npy('<f8', '(3, 2)', Float64Array.of(1, 2, 3, 4, 5, value));
    t.is((await refused(t, path, shown)).place, 'row 2');
  }
  const large = npy('<f4', '(2, 2)', Float32Array.of(3e38, 3e38, 3e38, 3e38));
  t.is((await readAll(large)).rows.length, 2, 'a sum that overflows is no reason to refuse finite rows');
});

test('.fvecs and .bvecs rows come out as they were written', async (t) => {
  const rows = [
    [1, 2, 3],
    [4, 5, 255],
  ];
  for (const path of [write('.fvecs', vecs(rows, false)), write('.bvecs', vecs(rows, true))]) {
    t.deepEqual(await readAll(path, 1), { dimensions: 3, rowCount: 2, rows });
  }
});

test('.fvecs with an impossible dimension, a torn row or rows of different length is refused', async (t) => {
  const dimension = (value: number): Uint8Array => {
    const bytes = Buffer.alloc(64);
    bytes.writeInt32LE(value);
    return bytes;
  };
  await refused(t, write('.fvecs', dimension(0)), /0 dimensions/);
  await refused(t, write('.fvecs', dimension(-1)), /-1 dimensions/);
  await refused(t, write('.fvecs', dimension(0x7fff_ffff)), /2147483647 dimensions/);
  await refused(t, write('.fvecs', new Uint8Array(3)), /3 bytes hold no row/);
  const torn = write(
    '.fvecs',
    vecs(
      [
        [1, 2],
        [3, 4],
      ],
      false,
    ),
  );
  truncateSync(torn, 20);
  t.is((await refused(t, torn, /cut short.*8 bytes are left over/)).place, 'row 1');
  const ragged = await refused(
    t,
    write(
      '.fvecs',
      vecs(
        [
          [1, 2, 3],
          [4, 5, 6, 7],
          [1, 2],
        ],
        false,
      ),
    ),
    /has 4 dimensions, row 0 has 3/,
  );
  t.is(ragged.place, 'row 1');
  t.is((await refused(t, write('.fvecs', vecs([[1], [Number.NaN]], false)), /NaN/)).place, 'row 1');
});

test('a directory and a missing file are errors of their own', async (t) => {
  await t.throwsAsync(openSource(join(scratch, 'missing.npy')), { code: 'ENOENT' });
  const folder = join(scratch, 'folder.npy');
  mkdirSync(folder);
  await refused(t, folder, /is not a regular file/);
});

test('no bytes make a binary reader fail in any other way than by refusing them', async (t) => {
  const good = npyBytes(`{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }`, new Uint8Array(16));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('.npy', '.fvecs', '.bvecs'),
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }),
      fc.nat(good.length),
      async (ending, edits, length) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of edits) bytes[at] = value;
        const path = write(ending, bytes.subarray(0, length));
        try {
          const { dimensions, rows } = await readAll(path);
          return rows.every((row) => row.length === dimensions);
        } catch (error) {
          if (error instanceof SourceError) return true;
          throw error;
        } finally {
          rmSync(path);
        }
      },
    ),
    { numRuns: 400 },
  );
  t.pass();
});
