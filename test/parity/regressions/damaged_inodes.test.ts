import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileDevice } from '@vexfs/fuse/system';
import { extentsOf, lookupName, Volume } from '@vexfs/fuse/volume';
import { Errno, ROOT_INODE } from '@vexfs/shared';
import test from 'ava';
import { MKFS, must, run } from '../backend/programs.js';
import { getMeta, insert, setMeta } from '../client/vector_calls.js';
import { Daemon } from './daemon.js';

/** Turns a byte of the header of a file's vector set over. */
function damageSet(path: string, name: string): void {
  const device = FileDevice.open(path);
  try {
    const { volume } = Volume.open(device, { readOnly: true });
    const inode = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    const set = volume.inodes.get(inode.vectorSet);
    const at = extentsOf(volume, set).find(0, 1).physical * volume.geometry.blockSize + 600;
    const byte = new Uint8Array(1);
    device.read(at, byte);
    device.write(at, Uint8Array.of(byte[0]! ^ 0xff));
  } finally {
    device.close();
  }
}

/** Turns a byte of an inode in its table over. */
function damageInode(path: string, name: string): void {
  const device = FileDevice.open(path);
  try {
    const { volume } = Volume.open(device, { readOnly: true });
    const { number } = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    const { geometry } = volume;
    const at = geometry.inodeBlock(number) * geometry.blockSize + geometry.inodeOffset(number) + 40;
    const byte = new Uint8Array(1);
    device.read(at, byte);
    device.write(at, Uint8Array.of(byte[0]! ^ 0xff));
  } finally {
    device.close();
  }
}

test.serial('damage in one file is an error of that file, and deleting it ends no mount', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-damage-'));
  const mountpoint = join(folder, 'mnt');
  const device = join(folder, 'volume.img');
  mkdirSync(mountpoint);
  must(process.execPath, [MKFS, '-q', '--size', '48M', device]);
  let daemon = await Daemon.start(device, mountpoint);
  const at = (name: string): string => join(mountpoint, name);
  try {
    writeFileSync(at('bad'), 'never seen again');
    writeFileSync(at('good'), 'seen');
    const fd = openSync(at('rows'), 'wx+');
    t.is(setMeta(fd, { dimensions: 2 }), 'ok');
    t.is(insert(fd, new Float32Array(200), { dimensions: 2 }), 'ok');
    closeSync(fd);
    t.is(run('umount', [mountpoint]).code, 0);
    t.is(await daemon.end(), '0');
    damageSet(device, 'rows');
    damageInode(device, 'bad');

    daemon = await Daemon.start(device, mountpoint);
    t.deepEqual(
      readdirSync(mountpoint, { withFileTypes: true })
        .map((entry) => entry.name)
        .sort(),
      ['bad', 'good', 'rows'],
    );
    const refused = t.throws(() => statSync(at('bad'))) as NodeJS.ErrnoException;
    t.is(refused.errno, -Errno.EUCLEAN);
    t.is(readFileSync(at('good'), 'utf8'), 'seen');
    t.is(statSync(at('rows')).size, 800);
    const damaged = openSync(at('rows'), 'r');
    t.is(getMeta(damaged).outcome, 'EUCLEAN');
    closeSync(damaged);
    unlinkSync(at('rows'));
    // The commit, after which deletion goes on.
    await sleep(1500);
    writeFileSync(at('after'), 'written');
    const synced = openSync(at('after'), 'r');
    fsyncSync(synced);
    closeSync(synced);
    t.is(run('umount', [mountpoint]).code, 0);
    t.is(await daemon.end(), '0', daemon.output);
    t.regex(daemon.output, /fsck/);

    daemon = await Daemon.start(device, mountpoint);
    t.is(readFileSync(at('after'), 'utf8'), 'written');
    t.throws(() => statSync(at('rows')), { code: 'ENOENT' });
  } finally {
    await daemon.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
});
