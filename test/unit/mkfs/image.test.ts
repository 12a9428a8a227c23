import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockVolume } from '@vexfs/fuse/system';
import test from 'ava';
import { mkfs, PROGRAM, temporaryFolder } from './run_mkfs.js';
import { readSuperblockByHand, type WrittenSuperblock } from './written_format.js';

const MIB = 1024 * 1024;
const folder = temporaryFolder();
const UUID = '123e4567-e89b-42d3-a456-426614174000';

function superblockOf(path: string): WrittenSuperblock {
  const fd = openSync(path, 'r');
  try {
    return readSuperblockByHand(
      (position, length) => {
        const bytes = new Uint8Array(length);
        readSync(fd, bytes, 0, length, position);
        return bytes;
      },
      0,
      0,
    );
  } finally {
    closeSync(fd);
  }
}

test('--size makes a sparse image, and the volume is what the options say', (t) => {
  const path = join(folder, 'options.img');
  const outcome = mkfs(
    ...[
      '-L',
      'two words',
      '-U',
      UUID,
      '-b',
      '1K',
      '-N',
      '2000',
      '-J',
      'size=2M',
      '-m',
      '1.5',
      '--size',
      '64M',
      path,
    ],
  );
  t.is(outcome.stderr, '');
  t.is(outcome.code, 0);
  t.regex(outcome.stdout, /^Making a volume on .*: 65536 blocks of 1024 bytes \(64 MiB\)$/m);
  t.regex(outcome.stdout, new RegExp(`^UUID: ${UUID}$`, 'm'));
  t.regex(outcome.stdout, /^Copies of the superblock: 8192, 24576, 40960, 57344$/m);
  const sb = superblockOf(path);
  t.is(sb.sum, sb.expectedSum);
  t.is(sb.label, 'two words');
  t.is(Buffer.from(sb.uuid).toString('hex'), UUID.replaceAll('-', ''));
  t.is(sb.blockSize, 1024);
  t.is(sb.inodeCount, 8 * 252);
  t.is(sb.journalBlocks, 2048);
  t.is(sb.reservedBlocks, 983);
  t.is(statSync(path).size, 64 * MIB);
  t.true(statSync(path).blocks * 512 < MIB, 'sparse');
});

test('a sparse image of one TiB takes less than 64 MiB', (t) => {
  const path = join(folder, 'large.img');
  t.is(mkfs('-q', '--size', '1T', path).code, 0);
  const { size, blocks } = statSync(path);
  t.is(size, 2 ** 40);
  t.true(blocks * 512 < 64 * MIB, `${blocks * 512} bytes`);
});

for (const block of ['1K', '2K', '4K', '8K', '16K', '32K', '64K']) {
  test(`blocks of ${block} make a volume`, (t) => {
    const path = join(folder, `block-${block}.img`);
    const outcome = mkfs('-q', '-b', block, '--size', '70M', path);
    t.deepEqual(outcome, { code: 0, stdout: '', stderr: '' });
    const sb = superblockOf(path);
    t.is(sb.blockSize, Number.parseInt(block, 10) * 1024);
    t.is(sb.sum, sb.expectedSum);
  });
}

test('-n makes no file and writes nothing, but says what would be done', (t) => {
  const absent = join(folder, 'absent.img');
  const outcome = mkfs('-n', '--size', '64M', absent);
  t.is(outcome.code, 0);
  t.regex(outcome.stdout, /^Would make a volume on /);
  t.false(existsSync(absent));

  const present = join(folder, 'present.img');
  writeFileSync(present, 'VEXF');
  truncateSync(present, 8 * MIB);
  const before = statSync(present);
  t.is(mkfs('-n', present).code, 1, 'refused as it would be');
  t.is(mkfs('-n', '-f', '--size', '16M', present).code, 0);
  const after = statSync(present);
  t.is(after.size, before.size);
  t.is(after.blocks, before.blocks);
  t.is(after.mtimeMs, before.mtimeMs);
});

test('--json prints one object with the numbers of the volume, also beside -q', (t) => {
  const path = join(folder, 'json.img');
  const outcome = mkfs('--json', '-q', '-U', UUID, '--size', '64M', path);
  t.is(outcome.code, 0);
  const told = JSON.parse(outcome.stdout);
  const sb = superblockOf(path);
  t.deepEqual(told, {
    target: path,
    dry_run: false,
    uuid: UUID,
    label: '',
    size_bytes: 64 * MIB,
    block_size: 4096,
    total_blocks: sb.totalBlocks,
    free_blocks: sb.freeBlocks,
    reserved_blocks: sb.reservedBlocks,
    inodes: sb.inodeCount,
    groups: 1,
    blocks_per_group: 32768,
    inodes_per_group: sb.inodesPerGroup,
    journal_start: sb.journalStart,
    journal_blocks: sb.journalBlocks,
    vector_data_start: sb.vectorDataStart,
    index_metadata_start: sb.indexMetadataStart,
    superblock_backups: [],
  });
});

test('without --size an image keeps its own size, and --size extends a shorter one', (t) => {
  const path = join(folder, 'sized.img');
  writeFileSync(path, '');
  truncateSync(path, 8 * MIB + 100);
  t.is(mkfs('-q', path).code, 0);
  t.is(statSync(path).size, 8 * MIB + 100);
  t.is(superblockOf(path).totalBlocks, 2048);
  t.is(mkfs('-q', '-f', '--size', '32M', path).code, 0);
  t.is(statSync(path).size, 32 * MIB);
  t.is(superblockOf(path).totalBlocks, 8192);
});

test('-f over an image full of data gives the space back and leaves nothing that is recognised', (t) => {
  const path = join(folder, 'full.img');
  writeFileSync(path, new Uint8Array(24 * MIB).fill(0x5a));
  const fd = openSync(path, 'r+');
  for (const [position, magic] of [
    [1080, '\x53\xef'],
    [65600, '_BHRfS_M'],
    [512, 'EFI PART'],
    [24 * MIB - 512, 'EFI PART'],
  ] as const) {
    writeSync(fd, Buffer.from(magic, 'latin1'), 0, magic.length, position);
  }
  closeSync(fd);
  t.is(mkfs('-q', '-f', path).code, 0);
  const bytes = readFileSync(path);
  t.is(bytes.indexOf('_BHRfS_M'), -1);
  t.is(bytes.indexOf('EFI PART'), -1);
  t.not(bytes.readUInt16LE(1080), 0xef53);
  t.true(statSync(path).blocks * 512 < MIB, 'holes where the data was');
  t.is(superblockOf(path).totalBlocks, 6144);
});

test('-K leaves the old content where the volume does not write', (t) => {
  const path = join(folder, 'kept.img');
  writeFileSync(path, new Uint8Array(24 * MIB).fill(0x5a));
  t.is(mkfs('-q', '-K', path).code, 0);
  const bytes = readFileSync(path);
  t.is(bytes[12 * MIB], 0x5a);
  t.is(bytes[24 * MIB - 1], 0, 'but not at the end, where signatures lie');
});

test('a holder without a mount is waited for', async (t) => {
  const path = join(folder, 'held.img');
  writeFileSync(path, '');
  truncateSync(path, 8 * MIB);
  const lock = await lockVolume(path);
  const child = spawn(process.execPath, [PROGRAM, '-q', path], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await sleep(600);
  const code = child.exitCode;
  lock.close();
  t.is(code, null, 'still waiting while the lock is held');
  t.deepEqual(await ended, [0, null]);
  t.is(superblockOf(path).totalBlocks, 2048);
});

test('a volume is made, with exit code 0, whoever takes the output', (t) => {
  for (const redirection of ['2>&1 | true', '> /dev/full']) {
    const path = join(folder, 'untold.img');
    const script = `'${process.execPath}' '${PROGRAM}' -f --size 16M '${path}' ${redirection}; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 60_000 });
    t.is(stdout, '0\n');
    t.is(stderr, redirection === '> /dev/full' ? 'mkfs.vexfs: the output was not written: ENOSPC\n' : '');
    t.is(superblockOf(path).totalBlocks, 4096);
  }
});
