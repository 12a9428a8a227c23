import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockVolume } from '@vexfs/fuse/system';
import test from 'ava';
import { GOLDEN, goldenImage } from '../../fixtures/golden/images.js';
import { command, mkfs, temporaryFolder } from '../mkfs/run_mkfs.js';
import { Image, sampleVolume } from './sample_volume.js';
import { Tamper } from './tamper.js';

const PROGRAM = fileURLToPath(new URL('../../../../mkfs/bin/fsck.vexfs.mjs', import.meta.url));
const folder = temporaryFolder();
const sample = sampleVolume();
let images = 0;

function fsck(...words: string[]): { code: number | null; stdout: string; stderr: string } {
  const result = spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8', timeout: 60_000 });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

function imageFile(bytes: Uint8Array): string {
  images += 1;
  const path = join(folder, `${images}.img`);
  writeFileSync(path, bytes);
  return path;
}

function damaged(plant: (tamper: Tamper) => void): string {
  const image = new Image(sample.bytes.slice());
  plant(new Tamper(image));
  return imageFile(image.bytes);
}

const unsafe = (t: Tamper): void => {
  const leaf = t.leaves(t.inode('many'))[1]!;
  t.byte(leaf * 1024 + 20);
};

for (const name of GOLDEN) {
  test(`the golden image ${name} has no error, its journal replayed in memory or on the image`, (t) => {
    const bytes = goldenImage(name);
    const path = imageFile(bytes);
    const look = fsck('-n', path);
    t.is(look.code, 0, look.stdout);
    t.is(Buffer.compare(readFileSync(path), bytes), 0, 'a look writes nothing');
    t.is(fsck('-p', path).code, 0);
    const all = fsck('-y', '-f', path);
    t.is(all.code, 0, all.stdout);
    const json = JSON.parse(fsck('-n', '--json', path).stdout);
    t.is(json.verdict, 'clean');
    t.is(json.journal_transactions, 0);
  });
}

test('a volume that was left in order is passed without a look, unless one is asked for', (t) => {
  const path = imageFile(sample.bytes);
  const quick = fsck('-p', path);
  t.is(quick.code, 0);
  t.regex(quick.stdout, /: clean\n$/);
  t.regex(fsck('-p', '-f', path).stdout, /: clean, \d+\/\d+ inodes \(\d+ directories, 3 vector sets\)/);
});

test('a look at errors exits with 4 and says what they are and where', (t) => {
  const path = damaged(unsafe);
  const before = readFileSync(path);
  const { code, stdout } = fsck('-n', path);
  t.is(code, 4);
  t.regex(
    stdout,
    /^directory: directory block \d+ has a wrong checksum \[\/many\]; would make the directory anew/m,
  );
  t.regex(stdout, /errors? found and not corrected/);
  t.is(Buffer.compare(readFileSync(path), before), 0);
});

test('-p leaves alone what is not safe and tells how to go on', (t) => {
  const { code, stdout } = fsck('-p', '-f', damaged(unsafe));
  t.is(code, 4);
  t.regex(stdout, /by hand, or with -y/);
});

test('-y repairs and exits with 1, then with 0', (t) => {
  const path = damaged(unsafe);
  const repair = fsck('-y', '-f', path);
  t.is(repair.code, 1, repair.stderr);
  t.regex(repair.stdout, /; done: make the directory anew/);
  t.is(fsck('-n', path).code, 0);
});

test('a volume marked as damaged is checked without being asked to', (t) => {
  const path = damaged((t) => t.setSuperblock({ state: 1 }));
  t.is(fsck('-p', path).code, 1);
  t.is(fsck('-p', path).code, 0);
});

test('--json prints one object with every finding', (t) => {
  const { code, stdout } = fsck('-n', '--json', damaged(unsafe));
  const found = JSON.parse(stdout);
  t.is(code, 4);
  t.is(found.exit_code, 4);
  t.is(found.verdict, 'errors');
  t.false(found.repaired);
  t.is(found.findings[0].code, 'directory');
  t.is(found.findings[0].path, '/many');
  t.is(found.errors, found.findings.length);
});

test('-b begins with a copy of the superblock', (t) => {
  const path = damaged((t) => t.image.bytes.fill(0xee, 0, 1024));
  t.is(fsck('-n', '-b', '8191', path).code, 8);
  t.is(fsck('-y', '-b', '8192', path).code, 1);
  t.is(fsck('-n', path).code, 0);
});

test('a wrong command line exits with 16', (t) => {
  const path = imageFile(sample.bytes);
  for (const words of [[], [path, path], ['-n', '-y', path], ['-b', 'x', path], ['--what', path]]) {
    const { code, stderr } = fsck(...words);
    t.is(code, 16, words.join(' '));
    t.regex(stderr, /--help/);
  }
});

test('without a terminal a mode has to be given', (t) => {
  const { code, stderr } = fsck(imageFile(sample.bytes));
  t.is(code, 16);
  t.regex(stderr, /without a terminal one of -n, -p and -y is needed/);
});

test('help and version are no errors', (t) => {
  t.is(fsck('--help').code, 0);
  t.regex(fsck('--version').stdout, /^fsck\.vexfs \d/);
});

test('what is no volume exits with 8', (t) => {
  for (const [bytes, reason] of [
    [new Uint8Array(100), /too small/],
    [new Uint8Array(1 << 20), /no vexfs superblock/],
    [sample.bytes.slice(0, 5 << 20), /cut off/],
  ] as const) {
    const { code, stderr } = fsck('-y', imageFile(bytes));
    t.is(code, 8);
    t.regex(stderr, reason);
  }
  t.is(fsck('-n', join(folder, 'nowhere')).code, 8);
  t.is(fsck('-n', '/dev/null').code, 8);
});

test('a volume over which ext4 was made is refused, with -b too as long as no copy is left', (t) => {
  const bytes = sample.bytes.slice();
  bytes.fill(0, 0, 4096);
  bytes.set([0x53, 0xef], 1080);
  const path = imageFile(bytes);
  const { code, stderr } = fsck('-y', path);
  t.is(code, 8);
  t.regex(stderr, /ext4/);
});

test('features of a later version are refused', (t) => {
  for (const feature of ['feature_compat', 'feature_ro_compat', 'feature_incompat']) {
    const { code, stderr } = fsck(
      '-y',
      damaged((t) => t.setSuperblock({ [feature]: 4 })),
    );
    t.is(code, 8, feature);
    t.regex(stderr, /features/);
  }
});

test('fsck waits for a holder of the lock that has no mount', async (t) => {
  const path = imageFile(sample.bytes);
  const lock = await lockVolume(path);
  const child = spawn(process.execPath, [PROGRAM, '-n', path], { stdio: 'ignore' });
  const ended = new Promise<number | null>((done) => child.on('exit', done));
  await new Promise((done) => setTimeout(done, 700));
  t.is(child.exitCode, null, 'it waits');
  lock.close();
  t.is(await ended, 0);
});

test('an attached image is refused, but may be looked at', (t) => {
  const path = imageFile(sample.bytes);
  const probe = spawnSync('losetup', ['--find', '--show', path], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/sbin:/usr/sbin` },
  });
  if (probe.status !== 0) {
    t.pass('no loop devices here');
    return;
  }
  const loop = probe.stdout.trim();
  t.teardown(() => command('losetup', '-d', loop));
  const refused = fsck('-y', '-f', path);
  t.is(refused.code, 8);
  t.regex(refused.stderr, /is attached to/);
  const look = fsck('-n', path);
  t.is(look.code, 0, look.stderr);
  t.regex(look.stderr, /warning/);
  t.is(fsck('-y', '-f', loop).code, 0);
});

for (const [where, redirection] of [
  ['a reader that has gone', '2>&1 | true'],
  ['a full disk', '> /dev/full'],
] as const) {
  test(`output that ${where} does not take changes neither the repair nor its exit code`, (t) => {
    const path = damaged((tamper) => tamper.setSuperblock({ free_blocks: 1 }));
    const script = `'${process.execPath}' '${PROGRAM}' -y -f '${path}' ${redirection}; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 60_000 });
    t.is(stdout, '1\n');
    t.is(stderr, where === 'a full disk' ? 'fsck.vexfs: the output was not written: ENOSPC\n' : '');
    t.is(fsck('-n', path).code, 0);
    const failed = `'${process.execPath}' '${PROGRAM}' -n '${folder}' 2>/dev/full; echo $?`;
    t.is(spawnSync('bash', ['-c', failed], { encoding: 'utf8', timeout: 60_000 }).stdout, '8\n');
  });
}

test('a sparse volume of 1 TiB is checked', (t) => {
  const path = join(folder, 'large.img');
  t.is(mkfs('-q', '--size', '1T', path).code, 0);
  t.is(fsck('-n', path).code, 0);
});
