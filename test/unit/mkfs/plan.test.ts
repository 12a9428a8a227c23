import { readFileSync } from 'node:fs';
import { planFormat } from '@vexfs/fuse/volume';
import test from 'ava';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** [block size, bytes of the smallest volume] as docs/mkfs.vexfs.md gives them. */
const manual = readFileSync(new URL('../../../../docs/mkfs.vexfs.md', import.meta.url), 'utf8');
const SMALLEST = [...manual.matchAll(/^\| (\d+)K \| ([\d,]+) bytes \|/gm)].map(
  (row) => [Number(row[1]) * 1024, Number(row[2]!.replaceAll(',', ''))] as const,
);

test('the smallest volume of each block size can be made, one block less can not', (t) => {
  t.is(SMALLEST.length, 7);
  for (const [blockSize, sizeBytes] of SMALLEST) {
    t.is(planFormat({ sizeBytes, blockSize }).geometry.totalBlocks, sizeBytes / blockSize);
    t.throws(() => planFormat({ sizeBytes: sizeBytes - 1, blockSize }), {
      instanceOf: RangeError,
      message: new RegExp(`^too small: with blocks of ${blockSize} bytes a volume takes ${sizeBytes} bytes`),
    });
  }
});

test('every size from the smallest up to three groups gives a plan that adds up', (t) => {
  const group = 1024 * 8192;
  for (let sizeBytes = 1_078_272; sizeBytes < 3 * group; sizeBytes += 37 * 1024 + 5) {
    const { geometry, freeBlocks } = planFormat({ sizeBytes, blockSize: 1024 });
    const last = geometry.groupCount - 1;
    t.true(geometry.groupBlocks(last) >= geometry.metadataBlocks(last) + 8, `${sizeBytes} bytes`);
    t.true(geometry.totalBlocks <= sizeBytes / 1024);
    t.true(freeBlocks >= 8);
  }
});

test('a rest too small for a group of its own is left out', (t) => {
  const { geometry } = planFormat({ sizeBytes: 129 * MIB });
  t.is(geometry.groupCount, 1);
  t.is(geometry.totalBlocks, 32768);
  t.is(planFormat({ sizeBytes: 132 * MIB }).geometry.groupCount, 2);
});

test('the journal grows with the volume and leaves half of group 0', (t) => {
  t.is(planFormat({ sizeBytes: 100 * MIB }).geometry.journalBlocks, 1024);
  t.is(planFormat({ sizeBytes: 200 * MIB }).geometry.journalBlocks, 4096);
  const large = planFormat({ sizeBytes: 8 * GIB }).geometry;
  t.true(large.journalBlocks > 15_000);
  t.true(large.journalStart + large.journalBlocks <= 16384);
});

test('a journal size is taken to the block, and refused outside of what fits', (t) => {
  const plan = (journalBytes: number) => planFormat({ sizeBytes: 64 * MIB, journalBytes }).geometry;
  t.is(plan(8 * MIB + 100).journalBlocks, 2048);
  for (const bytes of [0, 4 * MIB - 1, 64 * MIB]) {
    t.throws(() => plan(bytes), { instanceOf: RangeError, message: /^a journal of \d+ bytes is outside of/ });
  }
});

test('inodes follow from the bytes for one or from their number, in whole table blocks', (t) => {
  const count = (choices: object) => planFormat({ sizeBytes: GIB, ...choices }).geometry.inodeCount;
  t.is(count({}), 65536);
  t.is(count({ bytesPerInode: 4096 }), 262144);
  t.is(count({ inodes: 1000 }), 1024);
  t.is(count({ inodes: 16 }), 8 * 16);
  t.throws(() => count({ inodes: 15 }), { instanceOf: RangeError });
  t.throws(() => count({ inodes: 8 * 32768 + 1 }), {
    instanceOf: RangeError,
    message: /more than the 262144/,
  });
  t.throws(() => count({ bytesPerInode: 1023 }), { instanceOf: RangeError });
});

test('index blocks start in the middle group, or late in the only one', (t) => {
  const many = planFormat({ sizeBytes: 8 * GIB });
  t.is(many.indexMetadataStart, many.geometry.groupStart(32) + many.geometry.metadataBlocks(32));
  const one = planFormat({ sizeBytes: 64 * MIB });
  t.true(one.indexMetadataStart > one.vectorDataStart);
  t.true(one.geometry.isDataRange(one.indexMetadataStart, 1));
});

test('labels, UUIDs, keys, percentages, times and sizes out of range are named', (t) => {
  const plan = (choices: object) => () => planFormat({ sizeBytes: 64 * MIB, ...choices });
  const refused: ReadonlyArray<readonly [object, RegExp]> = [
    [{ label: 'x'.repeat(65) }, /^the label takes 65 bytes, more than 64$/],
    [{ label: '\u00e9'.repeat(33) }, /^the label takes 66 bytes/],
    [{ label: 'a\nb' }, /control character/],
    [{ label: 'a\u0085b' }, /control character/],
    [{ uuid: new Uint8Array(15) }, /^a UUID has 16 bytes, not 15$/],
    [{ hashKey: new Uint8Array(17) }, /^a hash key has 16 bytes, not 17$/],
    [{ reservedPercent: 50.1 }, /^50.1 percent/],
    [{ reservedPercent: Number.NaN }, /^NaN percent/],
    [{ time: 0.5 }, /^0.5 is not a time/],
    [{ sizeBytes: -1 }, /^-1 is not a size/],
    [{ blockSize: 3000 }, /^a block size of 3000/],
    [{ blockSize: 512 }, /^a block size of 512/],
    [{ blockSize: 131072 }, /^a block size of 131072/],
  ];
  for (const [choices, message] of refused) t.throws(plan(choices), { instanceOf: RangeError, message });
  t.is(planFormat({ sizeBytes: 64 * MIB, label: 'x'.repeat(64) }).label.length, 64);
});

test('UUIDs made by chance are of version 4 and differ', (t) => {
  const first = planFormat({ sizeBytes: 64 * MIB });
  const second = planFormat({ sizeBytes: 64 * MIB });
  t.is(first.uuid[6]! >> 4, 4);
  t.is(first.uuid[8]! >> 6, 2);
  t.notDeepEqual(first.uuid, second.uuid);
  t.notDeepEqual(first.hashKey, second.hashKey);
});

test('a volume too large for its block size is refused with the way out', (t) => {
  t.throws(() => planFormat({ sizeBytes: 2 ** 40, blockSize: 1024 }), {
    instanceOf: RangeError,
    message: /choose larger blocks or fewer inodes$/,
  });
  t.is(planFormat({ sizeBytes: 2 ** 46, blockSize: 65536 }).geometry.groupCount, 2048);
});
