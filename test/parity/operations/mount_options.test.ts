import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { paritySuite } from '../backend/suite.js';

const { test, fresh, backend } = paritySuite({ size: '64M' });

const LONG_AGO = 1_000_000;

/** Whether a first and a second read moved the access time of a file, and of a folder, each with nothing in the cache. */
async function moved(options: readonly string[]): Promise<boolean[]> {
  const [file, folder] = [fresh(), fresh('.d')];
  writeFileSync(file, 'content');
  mkdirSync(folder);
  writeFileSync(join(folder, 'name'), '');
  const found: boolean[] = [];
  for (const mtime of [2000, 500]) {
    // The second time no change has come since the last read, which was less than a day ago.
    const atime = mtime === 2000 ? LONG_AGO / 1000 : Date.now() / 1000 - 100;
    for (const path of [file, folder]) utimesSync(path, atime, mtime);
    await backend.remount(options);
    const before = [file, folder].map((path) => statSync(path).atimeMs);
    readFileSync(file);
    readdirSync(folder);
    await backend.remount();
    [file, folder].forEach((path, at) => void found.push(statSync(path).atimeMs !== before[at]));
  }
  return found;
}

test('noatime, nodiratime and strictatime of the mount say which reads move access times', async (t) => {
  t.deepEqual((await moved([])).slice(0, 2), [true, true], 'relatime, a read after a change');
  t.deepEqual(await moved(['noatime']), [false, false, false, false], 'noatime');
  t.deepEqual((await moved(['nodiratime'])).slice(0, 2), [true, false], 'nodiratime');
  t.deepEqual(await moved(['strictatime']), [true, true, true, true], 'strictatime');
});
