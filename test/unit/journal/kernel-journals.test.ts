/** Journals that Linux wrote (test/fixtures/jbd2/make.ts says how), replayed by us, by e2fsck and by the kernel. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type JournalArea, openJournal, recover } from '@vexfs/fuse/journal';
import test from 'ava';
import { checkByE2fsck, replayedByE2fsck, setNeedsRecovery, superblockNumber } from './ext4.js';
import { MemoryDevice } from './memory-device.js';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/jbd2');
const NAMES = ['revoked-1k', 'escaped-4k', 'wrapped-1k'];
const MAGIC = 0xc03b3998;

interface Facts {
  blockSize: number;
  journalStart: number;
  journalBlocks: number;
  replayedSha256: string;
}

interface Fixture {
  image: Uint8Array;
  area: JournalArea;
  blocks: number;
  replayedSha256: string;
}

function load(name: string): Fixture {
  const facts = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as Facts;
  const image = new Uint8Array(gunzipSync(readFileSync(join(FIXTURES, `${name}.img.gz`))));
  const area = { start: facts.journalStart, blocks: facts.journalBlocks, blockSize: facts.blockSize };
  return { image, area, blocks: image.length / facts.blockSize, replayedSha256: facts.replayedSha256 };
}

/** A copy without the journal and without ext4's superblock. */
function comparable(image: Uint8Array, area: JournalArea): Uint8Array {
  const { start, blocks, blockSize } = area;
  const copy = image.slice();
  copy.fill(0, start * blockSize, (start + blocks) * blockSize);
  const superblock = superblockNumber(blockSize);
  copy.fill(0, superblock * blockSize, (superblock + 1) * blockSize);
  return copy;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function differingBlocks(a: Uint8Array, b: Uint8Array, blockSize: number): number[] {
  const different: number[] = [];
  for (let at = 0; at < a.length; at += blockSize) {
    if (Buffer.compare(a.subarray(at, at + blockSize), b.subarray(at, at + blockSize)) !== 0) {
      different.push(at / blockSize);
    }
  }
  return different;
}

function viewAt(bytes: Uint8Array, position: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + position);
}

for (const name of NAMES) {
  test(`replaying ${name} leaves the blocks that the kernel and e2fsck leave`, (t) => {
    const { image, area, blocks, replayedSha256 } = load(name);
    const byE2fsck = comparable(replayedByE2fsck(image), area);
    const device = new MemoryDevice(image.slice());
    const recovery = recover(device, area, blocks);
    const ours = comparable(device.bytes, area);

    t.deepEqual(differingBlocks(ours, byE2fsck, area.blockSize), []);
    t.is(sha256(ours), replayedSha256);
    t.not(sha256(comparable(image, area)), replayedSha256, 'the fixture needs no replay and proves nothing');
    t.true(recovery.transactions > 1 && recovery.blocks > 0);
    t.is(openJournal(device, area).start, 0);
    t.is(recover(device, area, blocks).transactions, 0);
  });

  test(`e2fsck finds nothing wrong with ${name} after our replay`, (t) => {
    const { image, area, blocks } = load(name);
    recover(new MemoryDevice(image), area, blocks);
    setNeedsRecovery(image, false);
    const { status, output } = checkByE2fsck(image);
    t.true(status === 0 || status === 1, output);
    t.notRegex(output, /recover/i);
  });

  test(`a dry replay of ${name} writes nothing and returns what a replay would write`, (t) => {
    const { image, area, blocks } = load(name);
    const device = new MemoryDevice(image.slice());
    const dry = recover(device, area, blocks, { dryRun: true });
    t.is(device.steps.length, 0);

    const wet = new MemoryDevice(image.slice());
    const { contents, ...counts } = recover(wet, area, blocks);
    t.is(contents.size, 0);
    t.deepEqual({ ...counts, contents: dry.contents }, dry);
    for (const [number, content] of dry.contents) device.bytes.set(content, number * area.blockSize);
    t.is(sha256(comparable(device.bytes, area)), sha256(comparable(wet.bytes, area)));
  });

  test(`a replay of ${name} that is cut short can be repeated`, (t) => {
    const { image, area, blocks, replayedSha256 } = load(name);
    const whole = new MemoryDevice(image.slice());
    recover(whole, area, blocks);
    for (let cut = 0; cut < whole.steps.length; cut += 7) {
      const device = new MemoryDevice(image.slice());
      device.stepsLeft = cut;
      t.throws(() => recover(device, area, blocks), { name: 'DeviceError' });
      device.stepsLeft = Number.POSITIVE_INFINITY;
      recover(device, area, blocks);
      t.is(sha256(comparable(device.bytes, area)), replayedSha256, `cut after ${cut} steps`);
    }
  });
}

test('the replay becomes durable before the journal is declared clean', (t) => {
  const { image, area, blocks } = load('revoked-1k');
  const device = new MemoryDevice(image);
  recover(device, area, blocks);
  const [flushed, superblock, flushedAgain] = device.steps.slice(-3);
  t.is(flushed?.kind, 'flush');
  t.true(superblock?.kind === 'write' && superblock.position === area.start * area.blockSize);
  t.is(flushedAgain?.kind, 'flush');
});

test('a log that the kernel wrapped round the end of the area is read to its end', (t) => {
  const { image, area, blocks } = load('wrapped-1k');
  const device = new MemoryDevice(image);
  const state = openJournal(device, area);
  let ahead = 0;
  for (let position = state.first; position < state.start; position++) {
    const view = viewAt(image, (area.start + position) * area.blockSize);
    if (view.getUint32(0) === MAGIC && view.getUint32(8) > state.sequence) ahead++;
  }
  t.true(ahead > 0, 'the fixture does not wrap');
  const { transactions, nextSequence } = recover(device, area, blocks);
  t.is(nextSequence, state.sequence + transactions + 1);
});

test('blocks that the kernel escaped get their first word back', (t) => {
  const { image, area, blocks } = load('escaped-4k');
  const { contents } = recover(new MemoryDevice(image), area, blocks, { dryRun: true });
  const escaped = [...contents.values()].filter((content) => viewAt(content, 0).getUint32(0) === MAGIC);
  t.true(escaped.length > 10, `${escaped.length} blocks`);
});

test('blocks that the kernel revoked keep what was written over them', (t) => {
  const { image, area, blocks } = load('revoked-1k');
  const before = image.slice();
  const device = new MemoryDevice(image);
  const { revoked, contents } = recover(device, area, blocks, { dryRun: true });
  t.true(revoked > 0, 'the fixture has no revoked copies');
  // File data begins with the magic here; data=ordered never logs it, so only a revoked directory lay there before.
  let kept = 0;
  for (let number = 0; number < blocks; number++) {
    const inJournal = number >= area.start && number < area.start + area.blocks;
    if (inJournal || viewAt(before, number * area.blockSize).getUint32(0) !== MAGIC) continue;
    t.false(contents.has(number), `block ${number}`);
    kept++;
  }
  t.true(kept > 10, `${kept} blocks of file data`);
});
