import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Errno } from '@vexfs/shared';
import { FSCK, runNode } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { getMeta, insert, setMeta } from '../client/vector_calls.js';
import { damageInode, damageSet } from './damage.js';

const { test, backend } = paritySuite({ size: '48M' });
const at = (name: string): string => join(backend.mountpoint, name);

test('damage in one file is an error of that file, and deleting it ends no mount', async (t) => {
  writeFileSync(at('bad'), 'never seen again');
  writeFileSync(at('good'), 'seen');
  const fd = openSync(at('rows'), 'wx+');
  t.is(setMeta(fd, { dimensions: 2 }), 'ok');
  t.is(insert(fd, new Float32Array(200), { dimensions: 2 }), 'ok');
  closeSync(fd);
  await backend.unmount();
  damageSet(backend.device, 'rows');
  damageInode(backend.device, 'bad');

  await backend.mount();
  t.deepEqual(
    readdirSync(backend.mountpoint, { withFileTypes: true })
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
  t.regex(backend.output, /run fsck\.vexfs/);
  await backend.unmount();

  await backend.mount();
  t.is(readFileSync(at('after'), 'utf8'), 'written');
  t.throws(() => statSync(at('rows')), { code: 'ENOENT' });
  await backend.unmount();
  t.is(runNode(FSCK, ['-y', backend.device]).code, 1, 'it is repaired');
});
