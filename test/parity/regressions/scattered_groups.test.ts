import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { mapFile } from '../client/mapping.js';
import { numberedRows } from '../client/stored_rows.js';
import { getMeta, insert, rowOf, setMeta } from '../client/vector_calls.js';
import { copyRange, fallocate, KEEP_SIZE, PUNCH_HOLE } from '../operations/calls.js';
import { fillVolume } from '../operations/fill_volume.js';

const { test, fresh, open, close, closeAll, vectorFile, backend } = paritySuite({
  size: '3600M',
  blockSize: 1024,
  mkfs: ['--journal', 'size=1M'],
});
const BLOCK = 1024;
/** Bytes that one bitmap covers. */
const GROUP = 8 << 20;
/** More blocks, each in a group of its own, than a transaction can note bitmaps. */
const BLOCKS = 370;
const D = BLOCK / 4;

const pattern = Buffer.from(Uint8Array.from({ length: BLOCKS * BLOCK }, (_, i) => 1 + (i % 251)));
const source = fresh('.source');

test.before('of each group one block is free', () => {
  const from = openSync(source, 'w');
  writeSync(from, pattern);
  closeSync(from);
  // For the tree of the file that gets the holes.
  const spare = fresh('.spare');
  writeFileSync(spare, Buffer.alloc(48 * BLOCK));
  const free = statfsSync(backend.mountpoint).bfree * BLOCK;
  const filler = openSync(fresh('.filler'), 'w');
  if (fallocate(filler, 0, 0, free - GROUP) !== 0) throw new Error('the volume cannot be filled');
  fillVolume(fresh('.rest'));
  unlinkSync(spare);
  fsyncSync(filler);
  for (let at = GROUP / 2; at < free - GROUP; at += GROUP)
    if (fallocate(filler, PUNCH_HOLE | KEEP_SIZE, at, BLOCK) !== 0) throw new Error(`no hole at ${at}`);
  fsyncSync(filler);
  closeSync(filler);
});

/** Puts the pattern into a file that is not there yet. */
const WAYS: Readonly<Record<string, (path: string) => void>> = {
  'a write(2)'(path) {
    if (writeSync(open(path), pattern) !== pattern.length) throw new Error('a short write');
  },
  'an appending write(2)'(path) {
    const fd = open(path, 'a');
    writeSync(fd, pattern.subarray(0, 1000));
    if (writeSync(fd, pattern.subarray(1000)) !== pattern.length - 1000) throw new Error('a short write');
  },
  'a store through a mapping'(path) {
    const fd = open(path);
    writeSync(fd, '\0', pattern.length - 1);
    const mapping = mapFile(fd, pattern.length);
    mapping.bytes.set(pattern);
    mapping.sync();
    mapping.unmap();
  },
  copy_file_range(path) {
    const [from, to] = [open(source, 'r'), open(path)];
    for (let at = 0; at < pattern.length; ) {
      const copied = copyRange(from, at, to, at, pattern.length - at);
      if (typeof copied !== 'number' || copied === 0) throw new Error(`copied ${copied} at ${at}`);
      at += copied;
    }
  },
};

for (const [name, store] of Object.entries(WAYS))
  test(`${name} into blocks of as many groups is there whole, and the volume goes on`, async (t) => {
    const path = fresh();
    store(path);
    fsyncSync(open(path));
    t.is(Buffer.compare(readFileSync(path), pattern), 0);
    closeAll();
    await backend.remount();
    t.is(Buffer.compare(readFileSync(path), pattern), 0);
    unlinkSync(path);
    fsyncSync(open(source));
  });

test('rows that write(2) appends to blocks of as many groups are all there', async (t) => {
  const path = fresh('.vec');
  t.is(setMeta(open(path), { dimensions: D }), 'ok');
  const bytes = new Uint8Array(numberedRows(BLOCKS, D).buffer);
  t.is(writeSync(open(path, 'a'), bytes), bytes.length);
  closeAll();
  await backend.remount();
  const fd = open(path, 'r+');
  t.is(getMeta(fd).vectorCount, BLOCKS);
  t.deepEqual(rowOf(fd, BLOCKS - 1, D), numberedRows(1, D, BLOCKS - 1));
  close(fd);
  unlinkSync(path);
  fsyncSync(open(source));
});

for (const [name, makeRoom] of Object.entries({
  'behind the end of a file': () => {},
  'in holes of a file': (fd: number) => {
    // Rows of a sparse file, all but the last of which are deleted: their slots are free and have no blocks.
    ftruncateSync(fd, (BLOCKS + 1) * BLOCK);
    const gone = Array.from({ length: BLOCKS }, (_, id) => id);
    if (deleteRows(fd, gone) !== 'ok') throw new Error('the rows cannot be deleted');
    fsyncSync(fd);
    fsyncSync(fd);
  },
}))
  test(`a batch of rows that go to blocks of as many groups ${name} is taken or refused, and the volume goes on`, async (t) => {
    const { path, fd } = vectorFile({ dimensions: D });
    makeRoom(fd);
    const before = getMeta(fd).vectorCount;
    const outcome = insert(fd, numberedRows(BLOCKS, D), { dimensions: D });
    t.true(outcome === 'ok' || (outcome === 'ENOSPC' && !backend.isProcess), outcome);
    fsyncSync(fd);
    t.is(insert(fd, numberedRows(1, D, 9000), { dimensions: D, ids: [9000] }), 'ok');
    closeAll();
    await backend.remount();
    const again = open(path, 'r+');
    t.is(getMeta(again).vectorCount, before + (outcome === 'ok' ? BLOCKS + 1 : 1));
    t.deepEqual(rowOf(again, 9000, D), numberedRows(1, D, 9000));
    close(again);
    unlinkSync(path);
    fsyncSync(open(source));
  });

test('batches that come back at once, each into blocks of many groups, are all taken', async (t) => {
  t.timeout(60_000);
  // As many as are taken in one transaction with their records.
  const rows = 19;
  const layout = { dimensions: 1, alignment: 4 * BLOCK };
  const files = Array.from({ length: 5 }, () => vectorFile(layout));
  const script = fileURLToPath(new URL('../client/held_batches.js', import.meta.url));
  const held = spawn(process.execPath, [script, '1', `${rows}`, ...files.map(({ path }) => path)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: `${files.length}` },
  });
  const line = async (): Promise<string> => String((await once(held.stdout!, 'data'))[0]).trim();
  try {
    t.is(await line(), 'held');
    // The others wait by now, too.
    await sleep(500);
    const outcome = line();
    held.stdin!.write('\n');
    t.is(await outcome, files.map(() => '0').join(' '));
  } finally {
    held.kill('SIGKILL');
  }
  for (const { fd } of files) {
    fsyncSync(fd);
    t.is(getMeta(fd).vectorCount, rows);
  }
  for (const { path } of files) unlinkSync(path);
});
