import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blockDeviceSize, errno, FileDevice, lockVolume, logicalSectorSize } from '@vexfs/fuse/system';
import test, { type ExecutionContext } from 'ava';

function image(t: ExecutionContext, size = 1 << 20): string {
  const directory = mkdtempSync(join(tmpdir(), 'vexfs-device-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'image');
  writeFileSync(path, '');
  truncateSync(path, size);
  return path;
}

test('what is written at a position is read back there, up to the last byte', (t) => {
  const device = FileDevice.open(image(t));
  const end = new Uint8Array([1, 2, 3]);
  device.write(device.size - 3, end);
  device.flush();
  const back = new Uint8Array(3);
  device.read(device.size - 3, back);
  t.deepEqual(back, end);
  t.is(device.size, 1 << 20);
  t.false(device.isBlockDevice);
  device.close();
  device.close();
});

test('nothing is written past the end, and a read past it is EIO', (t) => {
  const path = image(t);
  const device = FileDevice.open(path);
  t.throws(() => device.write(device.size - 1, new Uint8Array(2)), {
    name: 'DeviceError',
    message: /ENOSPC/,
  });
  t.is(statSync(path).size, 1 << 20);
  const error = t.throws(() => device.read(device.size - 1, new Uint8Array(2)), { name: 'DeviceError' });
  t.like(error, { errno: errno.EIO });
  t.regex(error.message, /ends at byte 1048576/);
  device.close();
});

test('a read-only device refuses writes, and what is no volume at all is refused by name', (t) => {
  const device = FileDevice.open(image(t), { readOnly: true });
  t.throws(() => device.write(0, new Uint8Array(1)), { name: 'DeviceError', message: /EBADF/ });
  device.close();
  t.throws(() => FileDevice.open(tmpdir(), { readOnly: true }), { message: /neither a regular file/ });
  const fifo = `${image(t)}.fifo`;
  execFileSync('mkfifo', [fifo]);
  t.throws(() => FileDevice.open(fifo, { readOnly: true }), { message: /neither a regular file/ });
  t.throws(() => FileDevice.open('/nowhere/image'), { name: 'DeviceError', message: /ENOENT/ });
});

test('a discarded range of an image reads as zeros', (t) => {
  const device = FileDevice.open(image(t));
  device.write(8192, new Uint8Array(8192).fill(7));
  t.true(device.discard(8192, 4096));
  const back = new Uint8Array(8192);
  device.read(8192, back);
  t.true(back.subarray(0, 4096).every((byte) => byte === 0));
  t.true(back.subarray(4096).every((byte) => byte === 7));
  device.close();
});

test('a second lock fails at once with a sentence that the volume is in use', async (t) => {
  const path = image(t);
  const first = await lockVolume(path);
  const error = await t.throwsAsync(lockVolume(path, { readOnly: true }), { name: 'DeviceError' });
  t.like(error, { errno: errno.EBUSY });
  t.regex(error.message, /is in use/);
  first.close();
  (await lockVolume(path, { readOnly: true })).close();
});

test('a lock of another process is waited for, unless it is not worth waiting', async (t) => {
  const path = image(t);
  const child = fork(new URL('./lock_holder.js', import.meta.url), [path, '400']);
  t.teardown(() => child.kill());
  await once(child, 'message');
  await t.throwsAsync(lockVolume(path, { waitMs: 30000, worthWaiting: () => false }), { message: /in use/ });
  const device = await lockVolume(path, { waitMs: 30000 });
  device.close();
});

test('a volume that does not exist is ENOENT, not a wait', async (t) => {
  const missing = lockVolume('/nowhere/image', { waitMs: 30000 });
  t.like(await t.throwsAsync(missing, { name: 'DeviceError' }), { errno: errno.ENOENT });
});

/** A loop device on a fresh image, or the reason why there is none here. */
function loopDevice(t: ExecutionContext): string | undefined {
  try {
    const path = execFileSync('losetup', ['-f', '--show', image(t)], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
    t.teardown(() => execFileSync('losetup', ['-d', path]));
    return path;
  } catch (error) {
    t.log(`no loop device: ${(error as Error).message.trim()}`);
    return undefined;
  }
}

test('a block device tells its size and sectors and is locked by O_EXCL', async (t) => {
  const path = loopDevice(t);
  if (path === undefined) {
    const device = FileDevice.open(image(t));
    t.is(blockDeviceSize(device.fd), -errno.ENOTTY);
    device.close();
    return;
  }
  const device = await lockVolume(path);
  t.true(device.isBlockDevice);
  t.is(device.size, 1 << 20);
  t.is(logicalSectorSize(device.fd), 512);
  device.write(4096, new Uint8Array(512).fill(3));
  device.flush();
  await t.throwsAsync(lockVolume(path, { waitMs: 60 }), { name: 'DeviceError', message: /in use/ });
  device.close();
});
