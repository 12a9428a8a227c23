/** Journals that a disk has damaged and journals that somebody forged. */
import { type JournalArea, JournalError, openJournal, recover } from '@vexfs/fuse/journal';
import { crc32c, Errno } from '@vexfs/shared';
import test from 'ava';
import { MemoryDevice } from './memory-device.js';
import { contentOf, MAGIC, makeVolume, openWriter, type ScratchVolume, UUID } from './scratch-volume.js';

const BLOCK = 1024;
const SEED = crc32c(0xffffffff, UUID);
const DESCRIPTOR = 1;
const COMMIT = 2;
const REVOKE = 5;

/** Three transactions that are not written in place: blocks 1, 2, 3, 4 of the log and so on; see `layout`. */
function threeTransactions(): ScratchVolume {
  const volume = makeVolume(BLOCK, 1024, 32);
  const writer = openWriter(volume);
  const pool = volume.area.start + volume.area.blocks;
  for (const transaction of [0, 1, 2]) {
    const blocks = [0, 1].map((at) => ({
      number: pool + transaction + at,
      data: contentOf(BLOCK, 8 * transaction + at),
    }));
    writer.commit({ blocks, revoked: [pool + 9] });
  }
  return volume;
}

/** Each transaction is revoke block, descriptor, two copies, commit block. */
const LOG_BLOCKS = 5;
const COMMIT_AT = 4;

function logPosition(area: JournalArea, block: number): number {
  return (area.start + block) * area.blockSize;
}

/** What a dry replay changes, or the error it gives. */
function outcome(volume: ScratchVolume, image: Uint8Array): { state: string; errno: number } {
  try {
    const { contents } = recover(new MemoryDevice(image), volume.area, volume.blocks, { dryRun: true });
    return { state: fingerprint(contents), errno: 0 };
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    return { state: 'refused', errno: error.errno };
  }
}

function fingerprint(contents: ReadonlyMap<number, Uint8Array>): string {
  return [...contents].map(([number, content]) => `${number}:${crc32c(0, content)}`).join(' ');
}

function reseal(image: Uint8Array, area: JournalArea, block: number): void {
  const at = logPosition(area, block);
  const bytes = image.subarray(at, at + area.blockSize);
  const view = new DataView(image.buffer, image.byteOffset + at, area.blockSize);
  const field = view.getUint32(4) === COMMIT ? 16 : area.blockSize - 4;
  view.setUint32(field, 0);
  view.setUint32(field, crc32c(SEED, bytes));
}

function logView(image: Uint8Array, area: JournalArea, block: number): DataView {
  return new DataView(image.buffer, image.byteOffset + logPosition(area, block), area.blockSize);
}

test('no single wrong byte in the log is taken for a whole transaction or crashes recovery', (t) => {
  const volume = threeTransactions();
  const { device, area } = volume;
  const whole = outcome(volume, device.bytes).state;
  const cut = device.bytes.slice();
  cut.fill(0, logPosition(area, 1 + 2 * LOG_BLOCKS), logPosition(area, 1 + 3 * LOG_BLOCKS));
  const withoutLast = outcome(volume, cut).state;
  t.not(whole, withoutLast);

  const lastCommit = 1 + 2 * LOG_BLOCKS + COMMIT_AT;
  const image = device.bytes.slice();
  for (let block = 1; block < 1 + 3 * LOG_BLOCKS; block++) {
    for (let at = 0; at < BLOCK; at = at < 96 || at >= BLOCK - 8 ? at + 1 : at + 8) {
      const position = logPosition(area, block) + at;
      image[position]! ^= 1 << (at % 8);
      const { state, errno } = outcome(volume, image);
      image[position] = device.bytes[position]!;
      const where = `byte ${at} of log block ${block}`;
      // Without its commit block the last transaction looks like one that a crash interrupted.
      if (block === lastCommit) t.is(state, withoutLast, where);
      else t.deepEqual({ state, errno }, { state: 'refused', errno: Errno.EUCLEAN }, where);
    }
  }
  t.is(outcome(volume, image).state, whole);
});

test('a wrong byte in the journal superblock is noticed', (t) => {
  const volume = threeTransactions();
  const { device, area } = volume;
  for (let at = 0; at < 1024; at++) {
    const image = device.bytes.slice();
    image[logPosition(area, 0) + at]! ^= 4;
    t.throws(() => openJournal(new MemoryDevice(image), area), { name: 'JournalError' }, `byte ${at}`);
  }
});

test('a log block that was replaced by zeros inside committed transactions is reported', (t) => {
  const volume = threeTransactions();
  for (let block = 1; block < 1 + 3 * LOG_BLOCKS - 1; block++) {
    const image = volume.device.bytes.slice();
    image.fill(0, logPosition(volume.area, block), logPosition(volume.area, block + 1));
    t.is(outcome(volume, image).errno, Errno.EUCLEAN, `log block ${block}`);
  }
});

test('the report says which transaction is damaged and what proves that it had been committed', (t) => {
  const { device, area, blocks } = threeTransactions();
  device.bytes[logPosition(area, 3) + 100]! ^= 1;
  const before = device.bytes.slice();
  const error = t.throws(() => recover(device, area, blocks), { instanceOf: JournalError });
  t.regex(error.message, /transaction 2 is damaged \(the checksum of log block 3 .* although log block/);
  t.deepEqual(device.bytes, before);
});

test('discarding damage replays what came before it and makes the journal usable again', (t) => {
  const volume = threeTransactions();
  const { device, area, blocks } = volume;
  const pool = area.start + area.blocks;
  device.bytes[logPosition(area, 1 + LOG_BLOCKS + 2) + 50]! ^= 1;
  const recovery = recover(device, area, blocks, { damaged: 'discard' });
  t.is(recovery.transactions, 1);
  t.regex(recovery.damage ?? '', /transaction 3 is damaged/);
  t.deepEqual(device.bytes.slice(pool * BLOCK, (pool + 1) * BLOCK), contentOf(BLOCK, 0));

  // The discarded blocks are still in the log, intact, and must never count again.
  const writer = openWriter(volume);
  writer.commit({ blocks: [{ number: pool, data: contentOf(BLOCK, 50) }], revoked: [] });
  const again = recover(device, area, blocks);
  t.is(again.transactions, 1);
  t.is(again.damage, undefined);
  t.deepEqual(device.bytes.slice(pool * BLOCK, (pool + 1) * BLOCK), contentOf(BLOCK, 50));
});

test('blocks outside the volume and inside the journal are never replayed', (t) => {
  const volume = threeTransactions();
  const { device, area, blocks } = volume;
  const targets: [number, number][] = [
    [0, blocks],
    [0, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [1, 2],
    [0, area.start],
    [0, area.start + area.blocks - 1],
  ];
  for (const [high, low] of targets) {
    const image = device.bytes.slice();
    const view = logView(image, area, 2);
    t.is(view.getUint32(4), DESCRIPTOR);
    view.setUint32(12, low);
    view.setUint32(20, high);
    reseal(image, area, 2);
    t.is(outcome(volume, image).errno, Errno.EUCLEAN, `${high}:${low}`);
  }
});

test('a revoke block with a wrong length is refused, one that names absurd blocks is harmless', (t) => {
  const volume = threeTransactions();
  const { device, area } = volume;
  const whole = outcome(volume, device.bytes).state;
  for (const used of [0, 15, BLOCK - 3, 0xffffffff]) {
    const image = device.bytes.slice();
    const view = logView(image, area, 1);
    t.is(view.getUint32(4), REVOKE);
    view.setUint32(12, used);
    reseal(image, area, 1);
    t.is(outcome(volume, image).errno, Errno.EUCLEAN, `${used} bytes`);
  }
  const image = device.bytes.slice();
  const view = logView(image, area, 1);
  view.setUint32(12, BLOCK - 4);
  for (let at = 16; at + 8 <= BLOCK - 4; at += 8) view.setBigUint64(at, 0xffffffffffffffffn - BigInt(at));
  reseal(image, area, 1);
  t.is(outcome(volume, image).state, whole);
});

test('a ring of descriptors that never commits ends recovery, not the program', (t) => {
  const { device, area, blocks } = threeTransactions();
  const { sequence } = openJournal(device, area);
  for (const tags of [1, 62]) {
    const image = device.bytes.slice();
    for (let block = 1; block < area.blocks; block++) {
      const view = logView(image, area, block);
      image.fill(0xff, logPosition(area, block), logPosition(area, block + 1));
      view.setUint32(0, MAGIC);
      view.setUint32(4, DESCRIPTOR);
      view.setUint32(8, sequence);
      // Tags of blocks in the volume; without the flag that ends them the block is full of tags.
      for (let at = 12; at + 16 <= BLOCK - 4; at += 16) {
        view.setUint32(at, 1);
        view.setUint32(at + 4, tags === 1 ? 10 : 2);
        view.setUint32(at + 8, 0);
      }
      reseal(image, area, block);
    }
    const recovery = recover(new MemoryDevice(image), area, blocks);
    t.is(recovery.transactions, 0);
    t.is(recovery.blocks, 0);
  }
});

test('blocks of a former journal with another uuid do not count', (t) => {
  const old = threeTransactions();
  const volume = makeVolume(BLOCK, 1024, 32);
  const superblock = volume.device.bytes.slice();
  volume.device.bytes.set(old.device.bytes);
  const at = logPosition(volume.area, 0);
  const fresh = superblock.slice(at, at + BLOCK);
  fresh.fill(0x5a, 48, 64);
  new DataView(fresh.buffer).setUint32(252, 0);
  new DataView(fresh.buffer).setUint32(252, crc32c(0xffffffff, fresh));
  volume.device.bytes.set(fresh, at);
  const writer = openWriter(volume);
  const pool = volume.area.start + volume.area.blocks;
  // One revoke block, one descriptor, two copies, one commit block: the old log goes on right behind with sequence 3.
  const blocks = [0, 1].map((offset) => ({ number: pool + offset, data: contentOf(BLOCK, 40 + offset) }));
  writer.commit({ blocks, revoked: [pool + 9] });
  const recovery = recover(volume.device, volume.area, volume.blocks);
  t.is(recovery.transactions, 1);
  t.is(recovery.damage, undefined);
});

test('random bytes with right magics and sequence numbers never crash recovery', (t) => {
  const volume = threeTransactions();
  const { device, area, blocks } = volume;
  let state = 12345;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 8;
  };
  let refused = 0;
  for (let round = 0; round < 400; round++) {
    const image = device.bytes.slice();
    for (let change = 0; change < 4; change++) {
      const block = 1 + (random() % (3 * LOG_BLOCKS));
      const view = logView(image, area, block);
      view.setUint32((random() % 40) * 4, random() % 3 === 0 ? random() : random() % 16);
      if (random() % 4 !== 0) {
        view.setUint32(0, MAGIC);
        view.setUint32(8, 2 + (random() % 4));
      }
      if (random() % 5 !== 0) reseal(image, area, block);
    }
    try {
      const { contents } = recover(new MemoryDevice(image), area, blocks, { dryRun: true });
      for (const number of contents.keys()) {
        const inside = number < blocks && !(number >= area.start && number < area.start + area.blocks);
        if (!inside) t.fail(`round ${round} replays block ${number}`);
      }
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      refused++;
    }
  }
  t.true(refused > 100 && refused < 400, `${refused} of 400 refused`);
});
