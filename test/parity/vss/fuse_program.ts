/** vexfs-vss as a program: its words, its background, its end, and the folder that it mounts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMounted } from '@vexfs/fuse/mount';
import ava from 'ava';
import { run, runNode } from '../backend/programs.js';
import { VEXFS_VSS } from './backend.js';
import { add, query, stats } from './calls.js';
import type { VssSuite } from './suite.js';

/** The tests of it. */
export function testProgram({ test, scratch: folder }: VssSuite): void {
  const mountpoint = join(folder, 'program');
  const file = join(mountpoint, 'vss');
  mkdirSync(mountpoint);
  ava.serial.afterEach.always('it is unmounted', () => {
    if (isMounted(mountpoint)) run('umount', ['-l', mountpoint]);
  });

  test('--help tells of the calls, the options and the exit status', (t) => {
    const { code, stdout } = runNode(VEXFS_VSS, ['--help']);
    t.is(code, 0);
    for (const word of ['MOUNTPOINT', '--capacity', '--threads', 'VSS_ADD_VECTOR', 'EXIT STATUS'])
      t.true(stdout.includes(word), word);
  });

  test('wrong words are exit status 2, a mount point that cannot be used is 1, each with one line', (t) => {
    for (const [words, code, line] of [
      [[], 2, /give a MOUNTPOINT/],
      [[mountpoint, 'more'], 2, /give a MOUNTPOINT/],
      [['--capacity', '0', mountpoint], 2, /--capacity takes a number from 1 to 16777216/],
      [['--capacity', '1e3', mountpoint], 2, /--capacity takes/],
      [['--threads', '17', mountpoint], 2, /--threads takes a number from 1 to 16/],
      [['--frobnicate', mountpoint], 2, /frobnicate/],
      [[join(folder, 'missing')], 1, /does not exist/],
      [[VEXFS_VSS], 1, /not a directory/],
      [['-o', 'frobnicate', mountpoint], 1, /unknown mount option/],
    ] as const) {
      const outcome = runNode(VEXFS_VSS, words);
      t.is(outcome.code, code, words.join(' '));
      t.regex(outcome.stderr, line);
      t.is(outcome.stderr.trim().split('\n').length, 1, outcome.stderr);
    }
    t.false(isMounted(mountpoint));
  });

  test('it goes to the background when it has mounted, and ends with the mount', (t) => {
    t.is(runNode(VEXFS_VSS, ['--capacity', '10', '--threads', '1', mountpoint]).code, 0);
    t.true(isMounted(mountpoint));
    const fd = openSync(file, 'r+');
    t.is(add(fd, 1, [1]), 'ok');
    t.is(stats(fd).capacity, 10);
    t.not(run('umount', [mountpoint]).code, 0, 'somebody has the file open');
    closeSync(fd);
    t.is(run('umount', [mountpoint]).code, 0);
    t.false(isMounted(mountpoint));
  });

  test('in the background it does not hold the folder in which it was started', (t) => {
    const place = join(folder, 'place');
    mkdirSync(place);
    const holders = (): string[] =>
      readdirSync('/proc').filter((pid) => {
        try {
          return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(place);
        } catch {
          return false;
        }
      });
    t.is(
      run('sh', ['-c', `cd "$1" && exec "$2" "$3" "$4"`, '-', place, process.execPath, VEXFS_VSS, mountpoint])
        .code,
      0,
    );
    t.true(isMounted(mountpoint));
    t.deepEqual(holders(), []);
    t.is(run('umount', [mountpoint]).code, 0);
  });

  test('the folder has one file, of the user who mounted it, and takes no other', (t) => {
    t.is(runNode(VEXFS_VSS, [mountpoint]).code, 0);
    t.deepEqual(readdirSync(mountpoint), ['vss']);
    const { mode, uid, size } = statSync(file);
    t.deepEqual([mode & 0o177_777, uid, size], [0o100_600, process.getuid?.(), 0]);
    chmodSync(file, 0o640);
    t.is(statSync(file).mode & 0o777, 0o640);
    for (const attempt of [
      () => writeFileSync(join(mountpoint, 'other'), ''),
      () => mkdirSync(join(mountpoint, 'folder')),
      () => rmSync(file),
    ]) {
      const { code } = t.throws(attempt) as NodeJS.ErrnoException;
      // Who is no root may not even ask.
      t.is(code, process.getuid?.() === 0 ? 'EPERM' : 'EACCES');
    }
    t.is(run('umount', [mountpoint]).code, 0);
  });

  test('SIGTERM takes the mount away; who has the file open is served until he closes it', async (t) => {
    const server = spawn(process.execPath, [VEXFS_VSS, '-f', mountpoint], { stdio: 'inherit' });
    const ended = once(server, 'exit');
    while (!isMounted(mountpoint)) await sleep(5);
    const fd = openSync(file, 'r+');
    t.is(add(fd, 1, [1]), 'ok');
    server.kill('SIGTERM');
    while (isMounted(mountpoint)) await sleep(5);
    t.is(query(fd, [1], 1).ids[0], 1);
    closeSync(fd);
    t.deepEqual(await ended, [0, null]);
  });

  test('a second SIGTERM ends it at once', async (t) => {
    const server = spawn(process.execPath, [VEXFS_VSS, '-f', mountpoint], { stdio: 'inherit' });
    const ended = once(server, 'exit');
    while (!isMounted(mountpoint)) await sleep(5);
    const fd = openSync(file, 'r+');
    server.kill('SIGTERM');
    while (isMounted(mountpoint)) await sleep(5);
    server.kill('SIGTERM');
    t.deepEqual(await ended, [0, null]);
    t.true(['ENOTCONN', 'ECONNABORTED', 'ENODEV'].includes(stats(fd).outcome));
    // The kernel asks for a last flush, which nobody answers any more.
    t.throws(() => closeSync(fd));
  });
}
