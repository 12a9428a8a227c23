import {
  type BlockDevice,
  JournalError,
  JournalWriter,
  journalSuperblock,
  recover,
} from '@vexfs/fuse/journal';
import { Errno } from '@vexfs/shared';
import test from 'ava';
import { MemoryDevice } from './memory-device.js';
import { contentOf, makeVolume, openWriter, UUID } from './scratch-volume.js';

const BLOCK = 1024;

function run(first: number, count: number, stamp = 0) {
  return Array.from({ length: count }, (_, at) => ({
    number: first + at,
    data: contentOf(BLOCK, stamp + at),
  }));
}

test('a commit is two flushes, and moving the tail adds none', (t) => {
  const volume = makeVolume(BLOCK);
  const { device, area } = volume;
  const writer = openWriter(volume);
  device.steps.length = 0;
  for (let round = 0; round < 40; round++) {
    const blocks = run(area.start + area.blocks, 100, round);
    const sequence = writer.commit({ blocks, revoked: [] });
    for (const { number, data } of blocks) device.write(number * BLOCK, data);
    writer.checkpointed(sequence);
  }
  t.is(device.steps.filter(({ kind }) => kind === 'flush').length, 80);
});

test('the largest transaction always fits, however full the log is, and one block more never', (t) => {
  for (const blockSize of [1024, 4096]) {
    const volume = makeVolume(blockSize, 1031);
    const writer = openWriter(volume);
    const first = volume.area.start + volume.area.blocks;
    const blocks = Array.from({ length: writer.maxTransactionBlocks }, (_, at) => ({
      number: first + at,
      data: contentOf(blockSize, at),
    }));
    t.true(writer.fits(blocks.length, 0));
    t.false(writer.fits(blocks.length + 1, 0));
    for (let round = 0; round < 10; round++) writer.checkpointed(writer.commit({ blocks, revoked: [] }));
    const more = [...blocks, { number: 0, data: contentOf(blockSize, 1) }];
    const error = t.throws(() => writer.commit({ blocks: more, revoked: [] }), { instanceOf: JournalError });
    t.is(error.errno, Errno.E2BIG);
    t.false(writer.failed);
    writer.checkpointed(writer.commit({ blocks, revoked: [] }));
  }
});

test('revokes count against the size of a transaction', (t) => {
  const writer = openWriter(makeVolume(BLOCK));
  const full = writer.maxTransactionBlocks;
  t.false(writer.fits(full, 1));
  t.true(writer.fits(full - 2, 1));
  t.false(writer.fits(0, 1000000));
});

test('a log full of transactions that are not in place refuses more, and goes on once they are', (t) => {
  const volume = makeVolume(BLOCK);
  const writer = openWriter(volume);
  const blocks = run(volume.area.start + volume.area.blocks, writer.maxTransactionBlocks);
  const sequences = [1, 2, 3].map(() => writer.commit({ blocks, revoked: [] }));
  const error = t.throws(() => writer.commit({ blocks, revoked: [] }), { instanceOf: JournalError });
  t.is(error.errno, Errno.ENOSPC);
  t.regex(error.message, new RegExp(`transaction ${sequences[0]} is not checkpointed`));
  t.is(recover(new MemoryDevice(volume.device.bytes.slice()), volume.area, volume.blocks).transactions, 3);
  writer.checkpointed(sequences[0]!);
  t.is(writer.commit({ blocks, revoked: [] }), sequences[2]! + 1);
});

test('sequence numbers go round at 2^32', (t) => {
  const { device, area, blocks } = makeVolume(BLOCK);
  const writer = new JournalWriter(device, area, blocks, 0xfffffffe);
  const first = area.start + area.blocks;
  const sequences = [0, 1, 2, 3].map((round) => {
    return writer.commit({ blocks: run(first + round, 200, round), revoked: round === 3 ? [first] : [] });
  });
  t.deepEqual(sequences, [0xfffffffe, 0xffffffff, 0, 1]);
  const { transactions, nextSequence, revoked } = recover(device, area, blocks);
  t.deepEqual({ transactions, nextSequence, revoked }, { transactions: 4, nextSequence: 3, revoked: 1 });
  t.deepEqual(device.bytes.slice((first + 3) * BLOCK, (first + 4) * BLOCK), contentOf(BLOCK, 3));
});

test('checkpoints of transactions that were committed across 2^32 free their space', (t) => {
  const { device, area, blocks } = makeVolume(BLOCK);
  const writer = new JournalWriter(device, area, blocks, 0xfffffff0);
  const largest = run(area.start + area.blocks, writer.maxTransactionBlocks);
  for (let round = 0; round < 40; round++)
    writer.checkpointed(writer.commit({ blocks: largest, revoked: [] }));
  t.true(writer.close());
});

test('an empty commit only makes earlier writes durable', (t) => {
  const volume = makeVolume(BLOCK);
  const writer = openWriter(volume);
  const sequence = writer.commit({ blocks: run(0, 1), revoked: [] });
  volume.device.steps.length = 0;
  t.is(writer.commit({ blocks: [], revoked: [] }), sequence);
  t.deepEqual(volume.device.steps, [{ kind: 'flush' }]);
});

test('a transaction of revokes alone is committed', (t) => {
  const volume = makeVolume(BLOCK);
  const writer = openWriter(volume);
  writer.commit({ blocks: run(0, 3), revoked: [] });
  writer.commit({ blocks: [], revoked: [1] });
  const { contents, revoked } = recover(volume.device, volume.area, volume.blocks, { dryRun: true });
  t.is(revoked, 1);
  t.deepEqual([...contents.keys()], [0, 2]);
});

test('after a device error the writer takes nothing more, and what was committed stays', (t) => {
  const volume = makeVolume(BLOCK);
  const { device, area, blocks } = volume;
  for (let steps = 0; steps < 4; steps++) {
    device.stepsLeft = Number.POSITIVE_INFINITY;
    recover(device, area, blocks);
    const writer = openWriter(volume);
    writer.commit({ blocks: run(0, 3), revoked: [] });
    device.stepsLeft = steps;
    t.throws(() => writer.commit({ blocks: run(3, 3), revoked: [] }), { name: 'DeviceError' });
    t.true(writer.failed);
    device.stepsLeft = Number.POSITIVE_INFINITY;
    const error = t.throws(() => writer.commit({ blocks: run(5, 1), revoked: [] }), {
      instanceOf: JournalError,
    });
    t.is(error.errno, Errno.EIO);
    t.false(writer.close());
    const { transactions } = recover(new MemoryDevice(device.bytes.slice()), area, blocks);
    t.true(transactions >= 1);
  }
});

test('close leaves a clean journal only when everything is in place', (t) => {
  const volume = makeVolume(BLOCK);
  const { device, area, blocks } = volume;
  const first = openWriter(volume);
  first.checkpointed(first.commit({ blocks: run(0, 3), revoked: [] }));
  first.commit({ blocks: run(3, 3), revoked: [] });
  t.false(first.close());
  t.throws(() => first.commit({ blocks: run(0, 1), revoked: [] }), { message: /closed/ });
  t.is(recover(device, area, blocks).transactions, 1);

  const second = openWriter(volume);
  const sequence = second.commit({ blocks: run(0, 3), revoked: [] });
  second.checkpointed(sequence);
  t.true(second.close());
  const recovery = recover(device, area, blocks);
  t.is(recovery.transactions, 0);
  t.true(recovery.nextSequence > sequence);
});

test('a writer does not open a journal that must be replayed first', (t) => {
  const volume = makeVolume(BLOCK);
  openWriter(volume).commit({ blocks: run(0, 3), revoked: [] });
  t.throws(() => new JournalWriter(volume.device, volume.area, volume.blocks, 9), {
    message: /replayed first/,
  });
});

test('a block that cannot be journaled is refused before anything is written', (t) => {
  const volume = makeVolume(BLOCK);
  const { device, area, blocks } = volume;
  const writer = openWriter(volume);
  const steps = device.steps.length;
  const data = contentOf(BLOCK, 1);
  for (const number of [-1, 0.5, blocks, area.start, area.start + area.blocks - 1, Number.NaN]) {
    const error = t.throws(() => writer.commit({ blocks: [{ number, data }], revoked: [] }), {
      instanceOf: JournalError,
    });
    t.is(error.errno, Errno.EINVAL);
  }
  t.throws(() => writer.commit({ blocks: [{ number: 1, data: data.subarray(1) }], revoked: [] }), {
    message: /1023 bytes/,
  });
  t.throws(() => writer.commit({ blocks: [], revoked: [blocks] }), { message: /cannot be revoked/ });
  t.throws(() => writer.checkpointed(2), { message: /not committed/ });
  t.is(device.steps.length, steps);
  t.false(writer.failed);
});

test('block numbers above 2^32 and blocks of 64 KiB survive the journal', (t) => {
  const blockSize = 65536;
  const volumeBlocks = 2 ** 40;
  const area = { start: 2 ** 33, blocks: 1024, blockSize };
  const written = new Map<number, Uint8Array>();
  const device: BlockDevice = {
    size: volumeBlocks * blockSize,
    read(position, into) {
      for (let at = 0; at < into.length; at += blockSize) {
        const block = written.get((position + at) / blockSize);
        into.set(block ?? new Uint8Array(blockSize), at);
      }
    },
    write(position, from) {
      for (let at = 0; at < from.length; at += blockSize) {
        written.set((position + at) / blockSize, from.slice(at, at + blockSize));
      }
    },
    flush() {},
  };
  device.write(area.start * blockSize, journalSuperblock({ blocks: 1024, blockSize, uuid: UUID }));
  const writer = new JournalWriter(device, area, volumeBlocks, 2);
  const numbers = [2 ** 32, 2 ** 32 - 1, 2 ** 39 + 12345, volumeBlocks - 1, 7];
  const blocks = numbers.map((number, at) => ({ number, data: contentOf(blockSize, at) }));
  writer.commit({ blocks, revoked: [] });
  writer.commit({ blocks: [], revoked: [2 ** 32 - 1] });
  for (let extra = 0; extra < 3; extra++) {
    const fill = Array.from({ length: 70 }, (_, at) => ({ number: at + 8, data: contentOf(blockSize, at) }));
    writer.commit({ blocks: fill, revoked: [] });
  }
  const { blocks: count, revoked } = recover(device, area, volumeBlocks);
  t.deepEqual({ count, revoked }, { count: 74, revoked: 1 });
  for (const { number, data } of blocks) {
    t.deepEqual(written.get(number), number === 2 ** 32 - 1 ? undefined : data, `block ${number}`);
  }
});
