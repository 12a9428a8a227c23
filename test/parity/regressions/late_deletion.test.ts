import { closeSync, fsyncSync, openSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { must } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { insert } from '../client/vector_calls.js';

const { test, backend, fresh, vectorFile, close } = paritySuite({ size: '48M' });

function free(): number {
  return statfsSync(backend.mountpoint).bfree;
}

function sync(): void {
  const root = openSync(backend.mountpoint, 'r');
  fsyncSync(root);
  closeSync(root);
}

test('a deletion that a crash interrupted waits for the first mount for writing, past one that only reads', async (t) => {
  // The first name takes a block of the folder.
  writeFileSync(fresh(), '');
  sync();
  const before = free();
  const { path, fd } = vectorFile({ dimensions: 64 }, new Float32Array(64));
  t.is(insert(fd, new Float32Array(64 * 5000), { dimensions: 64 }), 'ok');
  unlinkSync(path);
  sync();
  await backend.crash();
  try {
    close(fd);
  } catch {
    // The filesystem that the descriptor belongs to has ended.
  }
  await backend.mount(['ro']);
  t.throws(() => writeFileSync(fresh(), ''), { code: 'EROFS' });
  t.true(free() < before);
  if (backend.isProcess) await backend.remount();
  else must('mount', ['-o', 'remount,rw', backend.mountpoint]);
  writeFileSync(fresh(), '');
  sync();
  t.is(free(), before);
});
