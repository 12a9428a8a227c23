import { statfsSync, unlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FSCK, runNode } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { createIndex, waitForIndex } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';
import { damageSnapshotInode } from './damage.js';

const { test, backend, vectorFile, closeAll } = paritySuite({ size: '48M' });
const D = 16;

test('a file whose index snapshot has a damaged inode is deleted, and its vector set with it', async (t) => {
  const rows = randomRows(500, D, 1);
  const { path, fd } = vectorFile({ dimensions: D }, rows);
  t.is(createIndex(fd), 'ok');
  t.is(waitForIndex(fd), 'ok');
  closeAll();
  await backend.unmount();
  t.true(damageSnapshotInode(backend.device, basename(path)));

  await backend.mount();
  const free = statfsSync(backend.mountpoint).ffree;
  unlinkSync(path);
  const deadline = performance.now() + 10_000;
  // The file and its vector set: what was the snapshot is left to fsck.
  while (statfsSync(backend.mountpoint).ffree < free + 2 && performance.now() < deadline) await sleep(50);
  t.true(statfsSync(backend.mountpoint).ffree >= free + 2);
  await backend.unmount();
  t.is(runNode(FSCK, ['-y', '-f', backend.device]).code, 1, 'it is repaired');
});
