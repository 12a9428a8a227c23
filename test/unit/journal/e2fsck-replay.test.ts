/** What our writer leaves in the log, replayed by e2fsck, whose recovery code is the kernel's. */
import { type JournaledBlock, JournalWriter, journalSuperblock, openJournal } from '@vexfs/fuse/journal';
import test from 'ava';
import { checkByE2fsck, makeExt4, replayedByE2fsck, setNeedsRecovery } from './ext4.js';
import { MemoryDevice } from './memory-device.js';
import { contentOf, MAGIC, UUID } from './scratch-volume.js';

interface Ext4Journal {
  readonly device: MemoryDevice;
  readonly writer: JournalWriter;
  readonly blockSize: number;
  /** Blocks of the volume from which on ext4 uses none. */
  readonly unused: number;
  readonly journalStart: number;
}

/** An ext4 image whose journal has been replaced by a new one of ours. */
function replaceJournal(blockSize: number): Ext4Journal {
  const { image, area, blocks } = makeExt4(blockSize);
  const device = new MemoryDevice(image);
  device.write(area.start * blockSize, journalSuperblock({ blocks: area.blocks, blockSize, uuid: UUID }));
  setNeedsRecovery(image, true);
  return {
    device,
    writer: new JournalWriter(device, area, blocks, 2),
    blockSize,
    unused: area.start + area.blocks + 16,
    journalStart: area.start,
  };
}

function run(blockSize: number, first: number, count: number, stamp: number): JournaledBlock[] {
  return Array.from({ length: count }, (_, at) => ({
    number: first + at,
    data: contentOf(blockSize, stamp + at),
  }));
}

function blockOf(image: Uint8Array, number: number, blockSize: number): Uint8Array {
  return image.subarray(number * blockSize, (number + 1) * blockSize);
}

function differences(
  image: Uint8Array,
  expected: ReadonlyMap<number, Uint8Array>,
  blockSize: number,
): number[] {
  return [...expected]
    .filter(([number, content]) => Buffer.compare(blockOf(image, number, blockSize), content) !== 0)
    .map(([number]) => number);
}

for (const blockSize of [1024, 4096]) {
  test(`e2fsck replays transactions of several descriptors and escaped blocks of ${blockSize} bytes`, (t) => {
    const { device, writer, blockSize: size, unused } = replaceJournal(blockSize);
    const expected = new Map<number, Uint8Array>();
    for (const [offset, count] of [
      [0, 1],
      [3, 300],
      [100, 150],
      [7, 2],
    ] as const) {
      const blocks = run(size, unused + offset, count, offset * 1000 + count);
      writer.commit({ blocks, revoked: [] });
      for (const { number, data } of blocks) expected.set(number, data);
    }
    t.true([...expected.values()].some((content) => new DataView(content.buffer).getUint32(0) === MAGIC));
    t.true(differences(device.bytes, expected, size).length > 250, 'nothing was left to replay');
    const replayed = replayedByE2fsck(device.bytes);
    t.deepEqual(differences(replayed, expected, size), []);
    const { status, output } = checkByE2fsck(replayed);
    t.true(status === 0 || status === 1, output);
  });

  test(`e2fsck leaves blocks of ${blockSize} bytes alone that a later transaction revoked`, (t) => {
    const { device, writer, blockSize: size, unused } = replaceJournal(blockSize);
    const blocks = run(size, unused, 200, 5);
    writer.commit({ blocks, revoked: [] });
    // More than one revoke block of 1 KiB holds; the first ten are allocated again as metadata at once.
    const again = run(size, unused, 10, 9000);
    writer.commit({
      blocks: again,
      revoked: blocks.map(({ number }) => number).filter((n) => n < unused + 180),
    });
    const later = run(size, unused + 20, 10, 9500);
    writer.commit({ blocks: later, revoked: [] });

    const expected = new Map<number, Uint8Array>();
    for (let at = 0; at < 200; at++) {
      const number = unused + at;
      expected.set(number, at < 180 ? blockOf(device.bytes, number, size).slice() : blocks[at]!.data);
    }
    for (const { number, data } of [...again, ...later]) expected.set(number, data);
    t.deepEqual(differences(replayedByE2fsck(device.bytes), expected, size), []);
  });

  test(`e2fsck finds the tail of a log of ${blockSize} byte blocks that went round several times`, (t) => {
    const { device, writer, blockSize: size, unused, journalStart } = replaceJournal(blockSize);
    const expected = new Map<number, Uint8Array>();
    let before: { sequence: number; blocks: JournaledBlock[] } | undefined;
    for (let round = 0; round < 30; round++) {
      const blocks = run(size, unused + (round % 5) * 20, 60 + 9 * round, round * 400);
      const sequence = writer.commit({ blocks, revoked: [] });
      for (const { number, data } of blocks) expected.set(number, data);
      if (before !== undefined) {
        for (const { number, data } of before.blocks) device.write(number * size, data);
        writer.checkpointed(before.sequence);
      }
      before = { sequence, blocks };
    }
    const state = openJournal(device, { start: journalStart, blocks: 1024, blockSize: size });
    t.true(state.sequence > 20, `the tail stands at transaction ${state.sequence}`);
    t.true(differences(device.bytes, expected, size).length > 100, 'nothing was left to replay');
    t.deepEqual(differences(replayedByE2fsck(device.bytes), expected, size), []);
  });
}

test('e2fsck has nothing to replay after close', (t) => {
  const { device, writer, blockSize, unused } = replaceJournal(1024);
  const blocks = run(blockSize, unused, 5, 1);
  const sequence = writer.commit({ blocks, revoked: [] });
  writer.checkpointed(sequence);
  t.true(writer.close());
  const image = device.bytes.slice();
  const replayed = replayedByE2fsck(image);
  t.deepEqual([...blockOf(replayed, unused, blockSize)], [...blockOf(image, unused, blockSize)]);
  t.not(replayed[unused * blockSize + 8], blocks[0]!.data[8]);
});
