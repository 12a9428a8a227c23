import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { getMeta } from '../client/vector_calls.js';

const { test, fresh, open, vectorFile, closeAll, backend } = paritySuite({ size: '96M' });

const CALLER = fileURLToPath(new URL('../client/mapped_caller.js', import.meta.url));
const DIMENSIONS = 8192;
const CALLERS = 12;

function insertMapped(path: string, buffers: string): Promise<string> {
  return new Promise((resolve) => {
    const words = [CALLER, 'insert', path, buffers, String(DIMENSIONS), 'private'];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text: Buffer) => {
      output += text.toString();
    });
    child.once('close', () => resolve(output.trim()));
  });
}

test('more processes than threads insert from files of the mount that nobody has read yet', async (t) => {
  t.timeout(60_000);
  const { path, fd } = vectorFile({ dimensions: DIMENSIONS });
  fsyncSync(fd);
  const buffers = Array.from({ length: CALLERS }, () => fresh('.buffers'));
  for (const [i, file] of buffers.entries()) {
    const content = Buffer.alloc(262_144);
    content.writeBigUInt64LE(BigInt(2 * i), 65_536);
    content.writeBigUInt64LE(BigInt(2 * i + 1), 65_544);
    writeFileSync(file, content);
  }
  closeAll();
  await backend.remount();
  // Out of the cache below the filesystem too, so that a page costs a read by another thread.
  const image = openSync(backend.device, 'r+');
  fsyncSync(image);
  closeSync(image);
  run('dd', [`of=${backend.device}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0']);
  const outcomes = await Promise.all(buffers.map((file) => insertMapped(path, file)));
  t.deepEqual(new Set(outcomes), new Set(['{"outcome":"ok"}']));
  t.is(getMeta(open(path)).vectorCount, 2 * CALLERS);
});
