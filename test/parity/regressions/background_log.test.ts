import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileDevice } from '@vexfs/fuse/system';
import { lookupName, Volume } from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';
import test from 'ava';
import { MKFS, must, run, VEXFS_FUSE } from '../backend/programs.js';

/** Turns a byte of the inode of a name over. */
function damage(path: string, name: string): void {
  const device = FileDevice.open(path);
  const { volume } = Volume.open(device, { readOnly: true });
  const { number } = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
  const at =
    volume.geometry.inodeBlock(number) * volume.geometry.blockSize + volume.geometry.inodeOffset(number) + 40;
  const byte = new Uint8Array(1);
  device.read(at, byte);
  device.write(at, Uint8Array.of(byte[0]! ^ 0xff));
  device.close();
}

test('a daemon in the background hands what it has to say to logger, which ends with it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-log-'));
  const [mountpoint, image, log] = [join(folder, 'mnt'), join(folder, 'volume.img'), join(folder, 'log')];
  mkdirSync(mountpoint);
  // It stands in the place of logger(1), because nobody may read the log of the machine that runs this.
  writeFileSync(
    join(folder, 'logger'),
    `#!/bin/sh\necho "$@" >"${log}"\ncat >>"${log}"\necho over >>"${log}"\n`,
  );
  chmodSync(join(folder, 'logger'), 0o755);
  const start = (): string =>
    must('env', [`PATH=${folder}:${process.env.PATH}`, process.execPath, VEXFS_FUSE, image, mountpoint]);
  try {
    must(process.execPath, [MKFS, '-q', '--size', '16M', image]);
    start();
    writeFileSync(join(mountpoint, 'name'), 'content');
    must('umount', [mountpoint]);
    const until = async (holds: () => boolean): Promise<boolean> => {
      for (let i = 0; i < 1000 && !holds(); i++) await sleep(20);
      return holds();
    };
    t.true(await until(() => readFileSync(log, 'utf8').endsWith('over\n')), 'after the first mount');
    damage(image, 'name');
    start();
    t.throws(() => statSync(join(mountpoint, 'name')));
    const said = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');
    t.true(await until(() => said().includes('run fsck.vexfs')), said());
    t.regex(said(), /--tag vexfs-fuse --id=\d+ --priority daemon\.warning/);
    must('umount', [mountpoint]);
    t.true(await until(() => said().endsWith('over\n')), said());
  } finally {
    run('umount', ['-l', mountpoint]);
    rmSync(folder, { recursive: true, force: true });
  }
});
