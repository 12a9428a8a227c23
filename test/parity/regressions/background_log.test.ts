import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMounted } from '@vexfs/fuse/mount';
import { lockVolume } from '@vexfs/fuse/system';
import { Errno } from '@vexfs/shared';
import type { ExecutionContext } from 'ava';
import { FSCK, MKFS, must, run, runNode, VEXFS_FUSE } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { damageInode } from './damage.js';

const { test, backend, scratch } = paritySuite({ size: '16M' });

/** What is said goes to whoever the PATH names `logger`, and that ends with the daemon. */
async function testLogger(t: ExecutionContext): Promise<void> {
  const [mountpoint, image, log] = [join(scratch, 'mnt'), join(scratch, 'volume.img'), join(scratch, 'log')];
  mkdirSync(mountpoint);
  // It stands in the place of logger(1), because nobody may read the log of the machine that runs this.
  writeFileSync(
    join(scratch, 'logger'),
    `#!/bin/sh\necho "$@" >"${log}"\ncat >>"${log}"\necho over >>"${log}"\n`,
  );
  chmodSync(join(scratch, 'logger'), 0o755);
  const start = (): string =>
    must('env', [`PATH=${scratch}:${process.env.PATH}`, process.execPath, VEXFS_FUSE, image, mountpoint]);
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
    damageInode(image, 'name');
    start();
    t.throws(() => statSync(join(mountpoint, 'name')));
    const said = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');
    t.true(await until(() => said().includes('run fsck.vexfs')), said());
    t.regex(said(), /--tag vexfs-fuse --id=\d+ --priority daemon\.warning/);
    must('umount', [mountpoint]);
    t.true(await until(() => said().endsWith('over\n')), said());
  } finally {
    run('umount', ['-l', mountpoint]);
  }
}

/** What is said goes to the kernel's log, with the device, as a warning. */
async function testKernelLog(t: ExecutionContext): Promise<void> {
  writeFileSync(join(backend.mountpoint, 'name'), 'content');
  await backend.unmount();
  damageInode(backend.device, 'name');
  await backend.mount();
  const refused = t.throws(() => statSync(join(backend.mountpoint, 'name'))) as NodeJS.ErrnoException;
  t.is(refused.errno, -Errno.EUCLEAN);
  const device = basename(realpathSync(backend.device));
  t.regex(backend.output, new RegExp(`vexfs \\(${device}\\): damaged: .*inode.*: run fsck\\.vexfs$`));
  await backend.unmount();
  t.is(runNode(FSCK, ['-y', backend.device]).code, 1, 'it is repaired');
}

/** Processes whose command line has both words. */
function processes(...words: readonly string[]): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words.every((word) => line.includes(word));
    } catch {
      return false;
    }
  });
}

/** It waits for the lock on the image, and nobody waits for it any more. */
async function testKilledStarter(t: ExecutionContext): Promise<void> {
  const [mountpoint, image] = [join(scratch, 'waiting'), join(scratch, 'locked.img')];
  mkdirSync(mountpoint);
  must(process.execPath, [MKFS, '-q', '--size', '16M', image]);
  const until = async (holds: () => boolean): Promise<boolean> => {
    for (let i = 0; i < 500 && !holds(); i++) await sleep(20);
    return holds();
  };
  const daemons = (): string[] => processes('--foreground', image);
  const lock = await lockVolume(image);
  try {
    const starter = spawn(process.execPath, [VEXFS_FUSE, image, mountpoint], { stdio: 'ignore' });
    t.true(await until(() => daemons().length > 0), 'the daemon was started');
    starter.kill('SIGKILL');
    t.true(await until(() => daemons().length === 0), 'the daemon has ended');
  } finally {
    lock.close();
  }
  t.false(isMounted(mountpoint));
}

if (backend.isProcess) {
  test('a daemon in the background hands what it has to say to logger, which ends with it', testLogger);
  test('a daemon that has not mounted yet ends with the command that started it', testKilledStarter);
} else test('the module hands what it has to say to the log of the kernel', testKernelLog);
