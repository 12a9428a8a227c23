import { closeSync, fsyncSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { FSCK, runNode } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { fallocate, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE } from '../operations/calls.js';
import { damageNode } from './damage.js';

const { test, fresh, backend } = paritySuite({ size: '24M', blockSize: 1024 });
const BLOCK = 1024;
/** Written blocks, one after each hole: they fill three nodes. */
const BLOCKS = 110;

/** The bytes of the last block, or what kept them from being read. */
function lastBlock(fd: number): string {
  const bytes = Buffer.alloc(BLOCK);
  try {
    readSync(fd, bytes, 0, BLOCK, (2 * BLOCKS - 1) * BLOCK);
    return bytes.toString('latin1');
  } catch (error) {
    return (error as NodeJS.ErrnoException).message;
  }
}

for (const [name, mode] of [
  ['a hole', PUNCH_HOLE | KEEP_SIZE],
  ['zeros', ZERO_RANGE | KEEP_SIZE],
] as const)
  test(`${name} that come to damage amid a file: what is read is what the file has now`, async (t) => {
    const path = fresh();
    const made = openSync(path, 'w');
    const block = Buffer.alloc(BLOCK, 0x61);
    for (let i = 0; i < BLOCKS; i++) writeSync(made, block, 0, BLOCK, (2 * i + 1) * BLOCK);
    fsyncSync(made);
    closeSync(made);
    await backend.unmount();
    damageNode(backend.device, basename(path), 1);
    await backend.mount();
    const fd = openSync(path, 'r+');
    t.is(lastBlock(fd), block.toString('latin1'));
    t.is(fallocate(fd, mode, 0, 2 * BLOCKS * BLOCK), 'EUCLEAN');
    const cached = lastBlock(fd);
    closeSync(fd);
    await backend.remount();
    const again = openSync(path, 'r');
    const stored = lastBlock(again);
    closeSync(again);
    t.is(cached, stored);
    unlinkSync(path);
    await backend.unmount();
    t.is(runNode(FSCK, ['-y', backend.device]).code, 1, 'it is repaired');
    await backend.mount();
  });
