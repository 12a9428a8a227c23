/** Real block devices and mounts. They need root and loop devices; without them these tests show as skipped. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { lockVolume } from '@vexfs/fuse/system';
import anyTest from 'ava';
import { command, mkfs, temporaryFolder } from './run_mkfs.js';

const MIB = 1024 * 1024;
const folder = temporaryFolder();

function image(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  truncateSync(path, 32 * MIB);
  return path;
}

function attach(path: string, ...options: string[]): string {
  return command('losetup', '--find', '--show', ...options, path).trim();
}

function hasLoopDevices(): boolean {
  try {
    command('losetup', '--detach', attach(image('probe.img')));
    return true;
  } catch {
    return false;
  }
}

// One after another: they share the few loop devices of the machine.
const test = hasLoopDevices() ? anyTest.serial : anyTest.serial.skip;

test('a loop device becomes a volume, and its first --size bytes when asked', async (t) => {
  const device = attach(image('whole.img'));
  try {
    t.deepEqual(mkfs('-q', device), { code: 0, stdout: '', stderr: '' });
    t.is(JSON.parse(mkfs('-n', '-f', '--json', device).stdout).size_bytes, 32 * MIB);
    t.is(mkfs('-q', '-f', '--size', '16M', device).code, 0);
    const lock = await lockVolume(device, { readOnly: true });
    const bytes = new Uint8Array(24);
    lock.read(0, bytes);
    lock.close();
    t.is(Buffer.from(bytes).readBigUInt64LE(16), 4096n);
    const larger = mkfs('-f', '--size', '64M', device);
    t.is(larger.code, 1);
    t.is(
      larger.stderr,
      `mkfs.vexfs: ${device} has ${32 * MIB} bytes, fewer than the ${64 * MIB} of --size\n`,
    );
  } finally {
    command('losetup', '--detach', device);
  }
});

test('what lies on a device behind --size stays as it is', (t) => {
  const path = image('behind.img');
  const behind = Buffer.alloc(16 * MIB, 0x5a);
  const file = openSync(path, 'r+');
  writeSync(file, behind, 0, behind.length, 16 * MIB);
  closeSync(file);
  const device = attach(path);
  try {
    t.deepEqual(mkfs('-q', '--size', '16M', device), { code: 0, stdout: '', stderr: '' });
  } finally {
    command('losetup', '--detach', device);
  }
  t.is(Buffer.compare(readFileSync(path).subarray(16 * MIB), behind), 0);
});

test('an attached image is refused under another of its names', (t) => {
  const path = image('attached.img');
  const other = join(folder, 'another name.img');
  linkSync(path, other);
  const device = attach(path);
  try {
    const { code, stderr } = mkfs('-f', other);
    t.is(stderr, attachedSentence(other, device));
    t.is(code, 1);
  } finally {
    command('losetup', '--detach', device);
  }
});

test('a mounted device and the image under it are refused, -f or not', (t) => {
  const path = image('mounted.img');
  command('mke2fs', '-q', '-F', '-t', 'ext4', path);
  const place = join(folder, 'mount point');
  mkdirSync(place);
  const device = attach(path);
  try {
    const mounted = spawnSync('mount', ['-t', 'ext4', device, place], { encoding: 'utf8', timeout: 20_000 });
    if (mounted.status !== 0) {
      t.log(`ext4 cannot be mounted here: ${mounted.stderr}`);
      t.is(mkfs('-f', path).stderr, attachedSentence(path, device));
      return;
    }
    try {
      t.is(mkfs('-f', device).stderr, `mkfs.vexfs: ${device} is mounted on ${place}\n`);
      t.is(mkfs('-f', device).code, 1);
      t.is(mkfs('-f', '-n', device).code, 1);
      t.is(
        mkfs('-f', path).stderr,
        `mkfs.vexfs: ${path} is attached to ${device}, which is mounted on ${place}\n`,
      );
    } finally {
      command('umount', place);
    }
    t.is(mkfs('-q', '-f', device).code, 0, 'after the unmount');
  } finally {
    command('losetup', '--detach', device);
  }
});

function attachedSentence(path: string, device: string): string {
  return `mkfs.vexfs: ${path} is attached to ${device}: use that device, or detach it with losetup -d\n`;
}

test('an image that is attached to a loop device is refused', (t) => {
  const path = image('attached.img');
  const device = attach(path);
  try {
    const { code, stderr } = mkfs('-f', path);
    t.is(stderr, attachedSentence(path, device));
    t.is(code, 1);
  } finally {
    command('losetup', '--detach', device);
  }
});

test('a read-only device is refused', (t) => {
  const device = attach(image('read-only.img'), '--read-only');
  try {
    const { code, stderr } = mkfs('-f', device);
    t.is(stderr, `mkfs.vexfs: ${device} is read-only\n`);
    t.is(code, 1);
  } finally {
    command('losetup', '--detach', device);
  }
});

/** Mounts something at a new folder for as long as `action` runs. */
function mounted(name: string, options: readonly string[], action: (place: string) => void): void {
  const place = join(folder, name);
  mkdirSync(place);
  command('mount', ...options, place);
  try {
    action(place);
  } finally {
    command('umount', place);
  }
}

test('an image that a user-space filesystem names as its source is mounted, also under a loop device', (t) => {
  const path = image('source image.img');
  const device = attach(path);
  let attached = true;
  try {
    mounted('of the image', ['-t', 'tmpfs', path], (place) => {
      const onDevice = mkfs('-f', device);
      t.is(onDevice.stderr, `mkfs.vexfs: ${device} lies in ${path}, which is mounted on ${place}\n`);
      command('losetup', '--detach', device);
      attached = false;
      const onImage = mkfs('-f', path);
      t.is(onImage.stderr, `mkfs.vexfs: ${path} is mounted on ${place}\n`);
      t.is(onImage.code, 1);
    });
  } finally {
    if (attached) command('losetup', '--detach', device);
  }
});

test('an image on a read-only filesystem is refused, and none is made there', (t) => {
  mounted('read only', ['-t', 'tmpfs', 'none'], (place) => {
    const path = join(place, 'image');
    writeFileSync(path, '');
    truncateSync(path, 8 * MIB);
    command('mount', '-o', 'remount,ro', place);
    for (const words of [[path], ['-f', path], ['-n', path]]) {
      const { code, stderr } = mkfs(...words);
      t.is(stderr, `mkfs.vexfs: ${path} is read-only\n`);
      t.is(code, 1);
    }
    const absent = join(place, 'absent');
    t.is(mkfs('-n', '--size', '8M', absent).stderr, `mkfs.vexfs: cannot make ${absent}: EROFS\n`);
  });
});

test('a filesystem without room for the metadata ends with a sentence and without a file', (t) => {
  mounted('small', ['-t', 'tmpfs', '-o', 'size=16k', 'none'], (place) => {
    const path = join(place, 'image');
    const { code, stderr } = mkfs('-q', '--size', '64M', path);
    t.is(code, 1);
    t.regex(stderr, /^mkfs\.vexfs: cannot write .*image at byte \d+: ENOSPC\n$/);
    t.false(existsSync(path));
  });
});
