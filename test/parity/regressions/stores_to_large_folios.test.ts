import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { fallocate } from '../operations/calls.js';

const { test, fresh } = paritySuite({ size: '48M' });
const BYTES = 4 << 20;
const STEP = 32 << 10;

const STORE = `
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
memory = mmap.mmap(fd, ${BYTES})
for at in range(0, ${BYTES}, ${STEP}):
    memory[at + 100] = 0x61
memory.flush()
`;

test('stores through a mapping go to blocks that fallocate has taken, where what was read lies in large folios too', (t) => {
  const path = fresh();
  writeFileSync(path, '');
  const fd = openSync(path, 'r+');
  t.is(fallocate(fd, 0, 0, BYTES), 0);
  fsyncSync(fd);
  closeSync(fd);
  t.true(readFileSync(path).every((byte) => byte === 0));
  const { status, signal } = spawnSync('python3', ['-c', STORE, path], { stdio: 'inherit' });
  t.deepEqual([status, signal], [0, null]);
  const bytes = readFileSync(path);
  for (let at = 0; at < BYTES; at += STEP) t.is(bytes[at + 100], 0x61);
});
