import { closeSync, fstatSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { errnoName, openDetachedMount } from '@vexfs/fuse/system';
import test from 'ava';

/** Whether a filesystem is mounted somewhere; tests beside this one mount theirs. */
function isListed(fd: number): boolean {
  const { dev } = fstatSync(fd);
  const number = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  return readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .some((line) => line.split(' ')[2] === number);
}

test('a detached mount is reached by its descriptor alone, and is in no list of mounts', (t) => {
  const fd = openDetachedMount('tmpfs');
  if (process.geteuid?.() !== 0) {
    t.is(errnoName(fd), 'EPERM');
    return;
  }
  t.true(fd >= 0, errnoName(fd));
  const root = `/proc/self/fd/${fd}`;
  writeFileSync(`${root}/file`, 'content');
  t.deepEqual(readdirSync(root), ['file']);
  t.is(readFileSync(`${root}/file`, 'utf8'), 'content');
  t.false(isListed(fd));
  closeSync(fd);
  const proc = openSync('/proc', 'r');
  t.true(isListed(proc), 'what is mounted is seen');
  closeSync(proc);
});

test('what cannot be mounted is an errno', (t) => {
  const name = errnoName(openDetachedMount('no such filesystem'));
  t.is(name, process.geteuid?.() === 0 ? 'ENODEV' : 'EPERM');
});
