/**
 * BATCH_INSERTs at once, one into each file, whose rows come only when they are told to: DIMENSIONS ROWS PATH... Each is a thread of
 * libuv, so UV_THREADPOOL_SIZE has to be the number of files. Prints `held` when the first waits for its rows; ends the wait when it
 * reads a line, and prints what the calls returned.
 */
import { openSync } from 'node:fs';
import { allocateMemory } from '@vexfs/fuse/system';
import { batchInsertRequest, VEXFS_IOC_BATCH_INSERT } from '@vexfs/shared';
import koffi from 'koffi';
import { HeldPage } from './held_page.js';

const [dimensions = '', rows = '', ...paths] = process.argv.slice(2);
const page = new HeldPage();
const ioctl = koffi.load(null).func('int ioctl(int fd, ulong command, uintptr_t argument)');

function insert(path: string): Promise<number> {
  const fd = openSync(path, 'r+');
  const { view, address } = allocateMemory(4096);
  batchInsertRequest.vectors.set(view, 0, page.address);
  batchInsertRequest.vector_count.set(view, 0, Number(rows));
  batchInsertRequest.dimensions.set(view, 0, Number(dimensions));
  return new Promise((resolve, reject) => {
    ioctl.async(fd, VEXFS_IOC_BATCH_INSERT, address, (error: Error | null, result: number) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

const results = Promise.all(paths.map(insert));
page.whenWanted(() => {
  console.log('held');
  process.stdin.once('data', async () => {
    page.release();
    process.stdin.destroy();
    console.log((await results).join(' '));
  });
});
