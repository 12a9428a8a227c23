import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { command, mkfs, temporaryFolder } from './run_mkfs.js';

const MIB = 1024 * 1024;
const folder = temporaryFolder();

/** Command lines that are wrong by themselves, with the first line of the answer. */
const USAGE: ReadonlyArray<readonly [string[], string]> = [
  [[], 'a TARGET is missing'],
  [['a', 'b'], 'one TARGET at a time, not a, b'],
  [['-z', 'a'], 'Unknown argument: z'],
  [['--sizes', '1G', 'a'], 'Unknown argument: sizes'],
  [['-b', '1000', 'a'], 'a block size of 1000 is not a power of two from 1024 to 65536'],
  [['-b', '128K', 'a'], 'a block size of 128K is not a power of two from 1024 to 65536'],
  [['-b', 'big', 'a'], '"big" is not a size: a whole number, alone or with K, M, G, T or P'],
  [['--size', '-1', 'a'], '"-1" is not a size: a whole number, alone or with K, M, G, T or P'],
  [['--size', '9000P', 'a'], '"9000P" is too large: at most 8P can be addressed'],
  [['-U', '1234', 'a'], '"1234" is not a UUID like 123e4567-e89b-42d3-a456-426614174000'],
  [['-L', 'x'.repeat(65), 'a'], 'the label takes 65 bytes, more than 64'],
  [['-L', 'a\tb', 'a'], 'the label contains a control character'],
  [['-L', 'a\u009b2Jb', 'a'], 'the label contains a control character'],
  [['-m', '51', 'a'], '"51" is not a percentage from 0 to 50'],
  [['-m', 'half', 'a'], '"half" is not a percentage from 0 to 50'],
  [['-N', '1e3', 'a'], '"1e3" is not a number of inodes'],
  [['-J', '4M', 'a'], '"4M" is not size=SIZE, the one journal option'],
];

for (const [words, sentence] of USAGE) {
  test(`the command line "${words.join(' ').slice(0, 30)}" ends with code 2: ${sentence.slice(0, 40)}`, (t) => {
    const { code, stdout, stderr } = mkfs(...words);
    t.is(stderr, `mkfs.vexfs: ${sentence}\nTry 'mkfs.vexfs --help'.\n`);
    t.is(code, 2);
    t.is(stdout, '');
  });
}

test('--help and --version go to stdout with code 0', (t) => {
  const help = mkfs('--help');
  t.is(help.code, 0);
  t.regex(help.stdout, /^Usage: mkfs\.vexfs \[options\] TARGET/);
  t.regex(help.stdout, /Exit status:\n {2}0 /);
  const version = mkfs('-V');
  t.is(version.code, 0);
  t.regex(version.stdout, /^mkfs\.vexfs \d+\.\d+\.\d+\n$/);
});

function refused(t: { is: (a: unknown, b: unknown) => void }, words: string[], sentence: string): void {
  const { code, stdout, stderr } = mkfs(...words);
  t.is(stderr, `mkfs.vexfs: ${sentence}\n`);
  t.is(code, 1);
  t.is(stdout, '');
}

test('what is no file and no block device is refused', (t) => {
  const directory = join(folder, 'directory');
  mkdirSync(directory);
  refused(t, [directory], `${directory} is neither a regular file nor a block device`);
  refused(t, ['-f', '/dev/null'], '/dev/null is neither a regular file nor a block device');
});

test('a file that does not exist wants --size, and none is made among devices', (t) => {
  const path = join(folder, 'absent');
  refused(t, [path], `${path} does not exist: give --size to make an image file`);
  refused(t, ['--size', '64M', '/dev/vexfs-absent'], '/dev/vexfs-absent does not exist');
  t.false(existsSync('/dev/vexfs-absent'));
  refused(t, ['--size', '64M', '/dev/vexfs/absent'], '/dev/vexfs/absent does not exist');
  const below = join(folder, 'absent', 'image');
  refused(t, ['--size', '64M', below], `cannot make ${below}: ENOENT`);
});

test('memory that is mounted below /dev holds images as any folder does', (t) => {
  const place = mkdtempSync('/dev/shm/vexfs-mkfs-');
  t.teardown(() => rmSync(place, { recursive: true }));
  const path = join(place, 'image');
  refused(t, [path], `${path} does not exist: give --size to make an image file`);
  t.is(mkfs('-q', '--size', '16M', path).code, 0);
  t.is(statSync(path).size, 16 * MIB);
});

test('an image is never cut, and an empty one wants --size', (t) => {
  const path = join(folder, 'long.img');
  writeFileSync(path, '');
  refused(t, [path], `${path} is empty: give --size`);
  truncateSync(path, 16 * MIB);
  refused(
    t,
    ['-f', '--size', '8M', path],
    `${path} has ${16 * MIB} bytes, more than the ${8 * MIB} of --size: an image is never cut`,
  );
});

test('too small a target is refused with the size it takes, and no file is left', (t) => {
  const path = join(folder, 'small.img');
  const sentence =
    'too small: with blocks of 4096 bytes a volume takes 4313088 bytes or more, or choose smaller blocks';
  refused(t, ['--size', '1M', path], `${path}: ${sentence}`);
  t.false(existsSync(path));
  writeFileSync(path, new Uint8Array(MIB));
  refused(t, [path], `${path}: ${sentence}`);
});

test('a journal that does not fit is refused', (t) => {
  const path = join(folder, 'journal.img');
  const { code, stderr } = mkfs('--size', '64M', '-J', 'size=1M', path);
  t.is(code, 1);
  t.regex(stderr, /^mkfs\.vexfs: .*: a journal of 1048576 bytes is outside of 4194304 to \d+, which fit/);
  t.false(existsSync(path));
});

test('a volume of our own is refused without -f', (t) => {
  const path = join(folder, 'own.img');
  t.is(mkfs('-q', '--size', '8M', path).code, 0);
  refused(t, [path], `${path} holds a vexfs volume: -f overwrites it`);
  const link = join(folder, 'own.link');
  symlinkSync(path, link);
  refused(t, [link], `${link} holds a vexfs volume: -f overwrites it`);
  t.is(mkfs('-q', '-f', path).code, 0);
});

/** Programs that make something, and what the refusal calls it. */
const MADE: ReadonlyArray<readonly [string[], RegExp]> = [
  [
    ['mke2fs', '-q', '-F', '-t', 'ext4', '-L', 'mine'],
    /holds content of type ext4 labelled "mine": -f overwrites it/,
  ],
  [['mkswap', '-q'], /holds content of type swap: -f/],
];

for (const [[program, ...words], message] of MADE) {
  test(`what ${program} made is refused without -f and stays as it is`, (t) => {
    const path = join(folder, `${program}.img`);
    writeFileSync(path, '');
    truncateSync(path, 16 * MIB);
    command(program!, ...words, path);
    const before = readFileSync(path);
    const { code, stderr } = mkfs(path);
    t.is(code, 1);
    t.regex(stderr, message);
    t.true(before.equals(readFileSync(path)));
    t.is(mkfs('-q', '-f', path).code, 0);
  });
}
