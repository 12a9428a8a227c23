/**
 * Searches at once, all of one user, whose query comes only when it is told to: PATH DIMENSIONS CALLS USER. Each is a thread of libuv,
 * so UV_THREADPOOL_SIZE has to be CALLS. Prints `held` when the first waits for its query; ends the wait when it reads a line, and prints what the
 * calls returned.
 */
import { openSync } from 'node:fs';
import { allocateMemory } from '@vexfs/fuse/system';
import { SearchType, VEXFS_IOC_VECTOR_SEARCH, vectorSearchRequest } from '@vexfs/shared';
import koffi from 'koffi';
import { HeldPage } from './held_page.js';

const ROOM = 512;
const RESULTS_AT = 128;
const IDS_AT = 256;
const K = 4;

const [path = '', dimensions = '', calls = '', user = ''] = process.argv.slice(2);
const page = new HeldPage();
const fd = openSync(path, 'r+');
process.setuid?.(Number(user));
const ioctl = koffi.load(null).func('int ioctl(int fd, ulong command, uintptr_t argument)');

function search(): Promise<number> {
  const { view, address } = allocateMemory(ROOM);
  vectorSearchRequest.query_vector.set(view, 0, page.address);
  vectorSearchRequest.dimensions.set(view, 0, Number(dimensions));
  vectorSearchRequest.k.set(view, 0, K);
  vectorSearchRequest.search_type.set(view, 0, SearchType.EUCLIDEAN);
  vectorSearchRequest.results.set(view, 0, address + RESULTS_AT);
  vectorSearchRequest.result_ids.set(view, 0, address + IDS_AT);
  return new Promise((resolve, reject) => {
    ioctl.async(fd, VEXFS_IOC_VECTOR_SEARCH, address, (error: Error | null, result: number) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

const results = Promise.all(Array.from({ length: Number(calls) }, search));
page.whenWanted(() => {
  console.log('held');
  process.stdin.once('data', async () => {
    page.release();
    process.stdin.destroy();
    console.log([...new Set(await results)].join(' '));
  });
});
