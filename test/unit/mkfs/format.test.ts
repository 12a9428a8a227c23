import { type FormatPlan, formatVolume, planFormat } from '@vexfs/fuse/volume';
import test from 'ava';
import { SparseDevice } from './sparse_device.js';
import {
  bitOf,
  isCopyGroup,
  isInodeSumRight,
  little64,
  type ReadBytes,
  readGroupByHand,
  readSuperblockByHand,
  slowCrc,
  type WrittenSuperblock,
} from './written_format.js';

const MIB = 1024 * 1024;
const BLOCK_SIZES = [1024, 2048, 4096, 8192, 16384, 32768, 65536];
const TIME = 1_700_000_000_123;

/** Every byte that is not written reads as 0xa5: nothing may rely on a device full of zeros. */
function make(sizeBytes: number, blockSize: number): { device: SparseDevice; plan: FormatPlan } {
  const device = new SparseDevice(sizeBytes, 0xa5);
  const plan = planFormat({ sizeBytes, blockSize, label: 'test', time: TIME });
  formatVolume(device, plan);
  return { device, plan };
}

function reader(device: SparseDevice): ReadBytes {
  return (position, length) => device.bytes(position, length);
}

for (const blockSize of BLOCK_SIZES) {
  const sizeBytes = Math.max(90 * MIB, blockSize * 8 * blockSize * 2.5 * (blockSize <= 4096 ? 1 : 0));

  test(`a volume with blocks of ${blockSize} bytes reads as the format says`, (t) => {
    const { device } = make(sizeBytes, blockSize);
    const read = reader(device);
    const sb = readSuperblockByHand(read, 0, 0);
    t.is(sb.sum, sb.expectedSum, 'superblock sum');
    t.is(sb.blockSize, blockSize);
    t.is(sb.label, 'test');
    t.is(sb.formatTime, 1_700_000_000);
    t.is(sb.blocksPerGroup, blockSize * 8);
    t.is(sb.groupCount, Math.ceil(sb.totalBlocks / sb.blocksPerGroup));
    t.is(sb.inodeCount, sb.groupCount * sb.inodesPerGroup);
    t.is(sb.reservedBlocks, Math.floor(sb.totalBlocks / 20));
    t.true(sb.totalBlocks * blockSize <= sizeBytes);
    t.deepEqual(
      device.bytes(1024, blockSize - 1024),
      new Uint8Array(blockSize - 1024),
      'zeros behind the superblock',
    );

    let freeBlocks = 0;
    let freeInodes = 0;
    for (let g = 0; g < sb.groupCount; g++) {
      const group = readGroupByHand(read, sb, g);
      t.true(group.sumIsRight, `descriptor ${g}`);
      const journal = g === 0 ? sb.journalBlocks : 0;
      t.is(group.freeBlocks, group.blocks - group.fixed - journal, `free blocks of group ${g}`);
      t.is(group.freeInodes, sb.inodesPerGroup - (g === 0 ? 10 : 0));
      t.is(group.directories, g === 0 ? 1 : 0);
      t.is(group.flags, g === 0 ? 0 : 3);
      freeBlocks += group.freeBlocks;
      freeInodes += group.freeInodes;
    }
    t.is(sb.freeBlocks, freeBlocks);
    t.is(sb.freeInodes, freeInodes);
  });

  test(`group 0 with blocks of ${blockSize} bytes holds bitmaps and the root directory`, (t) => {
    const { device } = make(sizeBytes, blockSize);
    const read = reader(device);
    const sb = readSuperblockByHand(read, 0, 0);
    checkFirstGroup(t, read, sb);
  });
}

function checkFirstGroup(
  t: { is: (a: unknown, b: unknown, message?: string) => void; true: (a: boolean, m?: string) => void },
  read: ReadBytes,
  sb: WrittenSuperblock,
): void {
  const group = readGroupByHand(read, sb, 0);
  const blocks = read(group.blockBitmap * sb.blockSize, sb.blockSize);
  const inodes = read(group.inodeBitmap * sb.blockSize, sb.blockSize);
  t.is(group.blockSum, slowCrc(slowCrc(sb.seed, little64(group.blockBitmap)), blocks), 'block bitmap sum');
  t.is(group.inodeSum, slowCrc(slowCrc(sb.seed, little64(group.inodeBitmap)), inodes), 'inode bitmap sum');
  t.is(sb.journalStart, group.fixed);
  t.is(sb.vectorDataStart, sb.journalStart + sb.journalBlocks);
  let wrong = 0;
  for (let bit = 0; bit < sb.blockSize * 8; bit++) {
    const used = bit < sb.vectorDataStart || bit >= group.blocks;
    if (bitOf(blocks, bit) !== (used ? 1 : 0)) wrong += 1;
    const taken = bit < 10 || bit >= sb.inodesPerGroup;
    if (bitOf(inodes, bit) !== (taken ? 1 : 0)) wrong += 1;
  }
  t.is(wrong, 0, 'bits of both bitmaps');

  t.is(group.initialised, (Math.ceil((10 * 256) / sb.blockSize) * sb.blockSize) / 256);
  const root = read(group.inodeTable * sb.blockSize, 256);
  const view = new DataView(root.buffer);
  t.is(view.getUint16(0, true), 0o040755, 'mode');
  t.is(view.getUint32(4, true), 2, 'links');
  for (const [offset, nanoseconds] of [
    [32, 64],
    [40, 68],
    [48, 72],
    [56, 76],
  ] as const) {
    t.is(Number(view.getBigInt64(offset, true)), 1_700_000_000, `time at ${offset}`);
    t.is(view.getUint32(nanoseconds, true), 123_000_000, `nanoseconds at ${nanoseconds}`);
  }
  t.is(view.getUint32(84, true), 1, 'generation');
  t.is(Number(view.getBigUint64(120, true)), 1, 'parent');
  t.true(
    root.subarray(136, 248).every((byte) => byte === 0),
    'an empty directory root',
  );
  t.true(isInodeSumRight(sb, 1, root), 'inode sum');
  const others = read(group.inodeTable * sb.blockSize + 256, (group.initialised - 1) * 256);
  t.true(
    others.every((byte) => byte === 0),
    'the other inodes that count as initialised are free',
  );

  const journal = read(sb.journalStart * sb.blockSize, sb.blockSize);
  const big = new DataView(journal.buffer);
  t.is(big.getUint32(0), 0xc03b3998);
  t.is(big.getUint32(4), 4);
  t.is(big.getUint32(12), sb.blockSize);
  t.is(big.getUint32(16), sb.journalBlocks);
  t.is(big.getUint32(20), 1);
  t.is(big.getUint32(28), 0);
  t.is(big.getUint32(40), 0x13);
  t.is(Buffer.compare(journal.subarray(48, 64), sb.uuid), 0, 'journal uuid');
  const last = read((sb.vectorDataStart - 1) * sb.blockSize, sb.blockSize);
  t.true(
    last.every((byte) => byte === 0),
    'nothing old is left in the log',
  );
}

test('every group 0, 1 and power of 3, 5, 7 has a copy of superblock and descriptors, no other has', (t) => {
  const { device } = make(700 * MIB, 1024);
  const read = reader(device);
  const sb = readSuperblockByHand(read, 0, 0);
  const table = device.bytes(sb.blockSize, sb.groupCount * 64);
  t.true(sb.groupCount > 81);
  for (let g = 1; g < sb.groupCount; g++) {
    const start = g * sb.blocksPerGroup;
    if (isCopyGroup(g)) {
      const copy = readSuperblockByHand(read, start * sb.blockSize, start);
      t.is(copy.sum, copy.expectedSum, `copy in group ${g}`);
      t.is(copy.totalBlocks, sb.totalBlocks);
      t.deepEqual(device.bytes((start + 1) * sb.blockSize, table.length), table);
    } else {
      t.is(device.bytes(start * sb.blockSize, 1)[0], 0xa5, `group ${g} is not touched`);
    }
  }
});

test('a format that stops after any number of writes leaves no superblock in block 0', (t) => {
  const plan = planFormat({ sizeBytes: 40 * MIB, blockSize: 1024 });
  const whole = new SparseDevice(40 * MIB);
  formatVolume(whole, plan);
  const writes = whole.events.filter((event) => event.kind === 'write').length;
  t.true(writes > 5);
  const newer = planFormat({ sizeBytes: 40 * MIB, blockSize: 1024 });
  for (let left = 1; left < writes; left++) {
    const device = new SparseDevice(40 * MIB);
    formatVolume(device, plan);
    device.writesLeft = left;
    t.throws(() => formatVolume(device, newer), { message: 'the device failed' });
    t.is(Buffer.from(device.bytes(0, 4)).toString('hex'), '00000000', `after ${left} writes`);
  }
});

test('block 0 is cleared and flushed first, everything else is flushed before the superblock', (t) => {
  const { device } = make(40 * MIB, 1024);
  const kinds = device.events.map((event) => (event.kind === 'flush' ? 'flush' : event.position));
  t.deepEqual(kinds.slice(0, 2), [0, 'flush']);
  t.deepEqual(kinds.slice(-3), ['flush', 0, 'flush']);
  t.false(kinds.slice(1, -2).includes(0));
});

test('an older journal in the same place is erased', (t) => {
  const { device, plan } = make(8 * MIB, 1024);
  const { journalStart, journalBlocks } = plan.geometry;
  device.write((journalStart + 7) * 1024, new Uint8Array(1024).fill(0xc0));
  formatVolume(device, plan);
  const log = device.bytes((journalStart + 1) * 1024, (journalBlocks - 1) * 1024);
  t.true(log.every((byte) => byte === 0));
});

test('a device smaller than the plan is refused before anything is written', (t) => {
  const device = new SparseDevice(8 * MIB);
  const plan = planFormat({ sizeBytes: 9 * MIB, blockSize: 1024 });
  t.throws(() => formatVolume(device, plan), { instanceOf: RangeError });
  t.is(device.written, 0);
});

test('one TiB takes less than 64 MiB of writes', (t) => {
  const device = new SparseDevice(2 ** 40);
  formatVolume(device, planFormat({ sizeBytes: 2 ** 40 }));
  t.true(device.written < 64 * MIB, `${device.written} bytes`);
});
