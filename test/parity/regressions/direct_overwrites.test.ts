import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fsyncSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';

const { test, backend, fresh, open } = paritySuite({ size: '48M' });
const BYTES = 1 << 20;
/** Who waits for longer waits for the other. */
const HANG_MS = 60_000;

/** Overwrites half of a file with a byte, past the page cache. */
function overwrite(path: string, half: number, byte: number): ChildProcess {
  const script = `
import mmap, os, sys
path, half, byte = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
memory = mmap.mmap(-1, ${BYTES / 2})
memory.write(bytes([byte]) * ${BYTES / 2})
fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
sys.exit(0 if os.pwrite(fd, memory, half * ${BYTES / 2}) == ${BYTES / 2} else 1)`;
  return spawn('python3', ['-c', script, path, `${half}`, `${byte}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function written(): string {
  const path = fresh();
  writeFileSync(path, Buffer.alloc(BYTES, 1));
  fsyncSync(open(path, 'r'));
  return path;
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  return child.exitCode ?? ((await once(child, 'exit')) as [number | null])[0];
}

test('two processes that overwrite a file past the page cache leave what both wrote', async (t) => {
  const path = written();
  for (let round = 2; round < 6; round += 2) {
    const children = [overwrite(path, 0, round), overwrite(path, 1, round + 1)];
    t.deepEqual(await Promise.all(children.map(codeOf)), [0, 0]);
    const bytes = readFileSync(path);
    t.true(bytes.subarray(0, BYTES / 2).every((byte) => byte === round));
    t.true(bytes.subarray(BYTES / 2).every((byte) => byte === round + 1));
  }
});

function stateOf(pid: number): string {
  return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '';
}

// The device of a FUSE mount is a file, which cannot be made to wait.
if (!backend.isProcess)
  test('an overwrite that waits for the device keeps no reader of the file waiting', async (t) => {
    const path = written();
    const node = basename(realpathSync(backend.device));
    const device = readFileSync(`/sys/block/${node}/dm/name`, 'utf8').trim();
    must('dmsetup', ['suspend', '--noudevsync', '--nolockfs', device]);
    const writer = overwrite(path, 0, 9);
    try {
      for (let i = 0; i < 3000 && stateOf(writer.pid!) !== 'D'; i++) await sleep(10);
      t.is(stateOf(writer.pid!), 'D');
      const script = 'import os, sys; os.lseek(os.open(sys.argv[1], os.O_RDONLY), 0, os.SEEK_DATA)';
      const reader = spawn('python3', ['-c', script, path], { stdio: ['ignore', 'ignore', 'inherit'] });
      t.is(await Promise.race([codeOf(reader), sleep(HANG_MS, 'waits', { ref: false })]), 0);
      t.is(stateOf(writer.pid!), 'D');
    } finally {
      must('dmsetup', ['resume', '--noudevsync', device]);
    }
    t.is(await codeOf(writer), 0);
    t.is(readFileSync(path)[0], 9);
  });
