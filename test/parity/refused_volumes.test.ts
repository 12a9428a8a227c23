import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { isMounted } from '@vexfs/fuse/mount';
import { crc32c, superblock } from '@vexfs/shared';
import { MKFS, must, type Outcome, runNode } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';

const { test, scratch, backend, fresh } = paritySuite({ size: '16M' });

const MOUNTPOINT = join(scratch, 'mountpoint');
const SOUND = join(scratch, 'sound.img');
let count = 0;

test.before('a sound volume to damage', () => {
  mkdirSync(MOUNTPOINT);
  must(process.execPath, [MKFS, '-q', '--size', '16M', SOUND]);
});

/** A copy of the sound volume. */
function copy(): string {
  count += 1;
  const path = join(scratch, `copy${count}.img`);
  copyFileSync(SOUND, path);
  return path;
}

/** Changes the first superblock and, unless told otherwise, makes its checksum right again. */
function patch(path: string, change: (view: DataView) => void, seal = true): void {
  const fd = openSync(path, 'r+');
  const bytes = new Uint8Array(superblock.$.size);
  readSync(fd, bytes, 0, bytes.length, 0);
  const view = new DataView(bytes.buffer);
  change(view);
  if (seal) {
    superblock.checksum.set(view, 0, 0);
    const seed = crc32c(0xffffffff, superblock.uuid.of(bytes, 0));
    superblock.checksum.set(view, 0, crc32c(crc32c(seed, new Uint8Array(8)), bytes));
  }
  writeSync(fd, bytes, 0, bytes.length, 0);
  closeSync(fd);
}

/** A refusal is one sentence on stderr, no stack trace, and a failing exit code: what takes too long has none. */
function refused(t: { true(actual: boolean, message: string): void }, outcome: Outcome, words: RegExp): void {
  const { code, stderr, stdout, milliseconds } = outcome;
  const shown = `code ${code}, ${milliseconds.toFixed(0)} ms, stderr: ${stderr}`;
  t.true(code !== null && code > 0, shown);
  t.true(words.test(stderr), `expected ${words}; ${shown}`);
  t.true(stderr.trim().split('\n').length === 1, `one line; ${shown}`);
  t.true(!/\bat .*[:(]\d+|\.js:|\.ts:/.test(stderr), `no stack trace; ${shown}`);
  t.true(stdout === '', `nothing on stdout: ${stdout}`);
}

/** Tries to mount and gives up again, whatever happens. */
function tryMount(path: string): Outcome {
  const outcome = backend.attempt(path, MOUNTPOINT);
  if (isMounted(MOUNTPOINT)) must('umount', ['-l', MOUNTPOINT]);
  return outcome;
}

const damages: ReadonlyArray<readonly [string, RegExp, () => string]> = [
  [
    'a damaged superblock',
    /superblock is damaged/,
    () => {
      const path = copy();
      patch(path, (view) => superblock.free_blocks.set(view, 0, 12), false);
      return path;
    },
  ],
  [
    'a superblock whose numbers contradict each other',
    /superblock is damaged/,
    () => {
      const path = copy();
      patch(path, (view) => superblock.inode_count.set(view, 0, 7));
      return path;
    },
  ],
  [
    'a block size that cannot be',
    /superblock is damaged/,
    () => {
      const path = copy();
      patch(path, (view) => superblock.block_size.set(view, 0, 3000));
      return path;
    },
  ],
  [
    'a newer format version',
    /version 2/,
    () => {
      const path = copy();
      patch(path, (view) => superblock.version.set(view, 0, 2));
      return path;
    },
  ],
  [
    'an unknown incompatible feature',
    /incompat 0x80/,
    () => {
      const path = copy();
      patch(path, (view) => superblock.feature_incompat.set(view, 0, 0x80));
      return path;
    },
  ],
  [
    'an unknown feature that allows reading only',
    /ro_compat 0x4/,
    () => {
      const path = copy();
      patch(path, (view) => superblock.feature_ro_compat.set(view, 0, 4));
      return path;
    },
  ],
  [
    'an image that was cut off',
    /cut off/,
    () => {
      const path = copy();
      truncateSync(path, statSync(path).size - 4096);
      return path;
    },
  ],
  [
    'a damaged group descriptor',
    /descriptor/,
    () => {
      const path = copy();
      const fd = openSync(path, 'r+');
      writeSync(fd, Buffer.alloc(64, 0xee), 0, 64, 4096);
      closeSync(fd);
      return path;
    },
  ],
  [
    'a damaged journal',
    /journal/,
    () => {
      const path = copy();
      const view = new DataView(readFileSync(path).buffer);
      const start = superblock.journal_start.get(view, 0) * superblock.block_size.get(view, 0);
      const fd = openSync(path, 'r+');
      writeSync(fd, Buffer.alloc(1024, 0xee), 0, 1024, start);
      closeSync(fd);
      return path;
    },
  ],
  [
    'an ext4 image',
    /ext4|there is no vexfs volume/,
    () => {
      const path = join(scratch, 'ext4.img');
      must('mkfs.ext4', ['-q', '-F', path, '8M']);
      return path;
    },
  ],
  [
    'an empty file',
    /too small/,
    () => {
      const path = join(scratch, 'empty.img');
      writeFileSync(path, '');
      return path;
    },
  ],
  [
    'a file of zeros',
    /no vexfs (superblock|volume)|not a vexfs/,
    () => {
      const path = join(scratch, 'zeros.img');
      writeFileSync(path, Buffer.alloc(1 << 20));
      return path;
    },
  ],
  ['a file that is not there', /no such file|Can't open blockdev/, () => join(scratch, 'missing.img')],
  ['a folder', /EISDIR|neither a regular file nor a block device|Can't open blockdev/, () => scratch],
];
for (const [what, words, make] of damages) {
  test(`${what} is not mounted, with one sentence that says why`, (t) => {
    const path = make();
    const before = existsSync(path) && statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0);
    refused(t, tryMount(path), words);
    if (before.length > 0) t.is(Buffer.compare(readFileSync(path), before), 0, 'the image is untouched');
  });
}

test('an unknown feature that allows reading only is mounted with -o ro', async (t) => {
  const path = copy();
  patch(path, (view) => superblock.feature_ro_compat.set(view, 0, 4));
  const outcome = backend.attempt(path, MOUNTPOINT, ['ro']);
  t.is(outcome.code, 0, outcome.stderr);
  t.true(isMounted(MOUNTPOINT));
  must('umount', [MOUNTPOINT]);
});

test('a damaged root directory is EUCLEAN for who looks at it, and can be unmounted', (t) => {
  const path = copy();
  const view = new DataView(readFileSync(path).buffer);
  // The inode table of group 0 stands right before the journal, and the root is its first inode.
  const table = superblock.inodes_per_group.get(view, 0) * 256;
  const start = superblock.journal_start.get(view, 0) * superblock.block_size.get(view, 0) - table;
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(256, 0xee), 0, 256, start);
  closeSync(fd);
  const outcome = backend.attempt(path, MOUNTPOINT);
  if (outcome.code !== 0) {
    refused(t, outcome, /inode 1|root/);
    return;
  }
  try {
    const error = t.throws(() => readdirSync(MOUNTPOINT)) as NodeJS.ErrnoException;
    t.is(error.errno, -117);
  } finally {
    must('umount', [MOUNTPOINT]);
  }
});

test('a volume that is mounted is neither mounted anew nor formatted, and goes on', (t) => {
  const kept = fresh('.kept');
  writeFileSync(kept, 'kept');
  if (backend.isProcess) {
    refused(t, tryMount(backend.device), /mounted|in use/);
  } else {
    // The VFS shows the mount that is there in another place too.
    t.is(backend.attempt(backend.device, MOUNTPOINT).code, 0);
    const other = join(MOUNTPOINT, basename(kept));
    t.is(statSync(other).ino, statSync(kept).ino);
    appendFileSync(other, ', and more');
    t.is(readFileSync(kept, 'utf8'), 'kept, and more');
    must('umount', [MOUNTPOINT]);
  }
  refused(t, runNode(MKFS, ['-q', '--size', '16M', backend.device], 25_000), /mounted|in use/);
  refused(t, runNode(MKFS, ['-q', '-f', '--size', '16M', backend.device], 25_000), /mounted|in use/);
  writeFileSync(fresh('.after'), 'works');
});

test('a mount point that is not there or no folder is refused', (t) => {
  refused(t, backend.attempt(SOUND, join(scratch, 'nowhere')), /nowhere/);
  refused(t, backend.attempt(SOUND, SOUND), /./);
});

test('an unknown mount option is refused by its name', (t) => {
  refused(t, backend.attempt(SOUND, MOUNTPOINT, ['nonsense']), /nonsense/);
});

test('a volume that was refused for its mount point or its options can be mounted afterwards', (t) => {
  const outcome = backend.attempt(SOUND, MOUNTPOINT);
  t.is(outcome.code, 0, outcome.stderr);
  t.true(isMounted(MOUNTPOINT));
  writeFileSync(join(MOUNTPOINT, 'x'), 'x');
  must('umount', [MOUNTPOINT]);
});
