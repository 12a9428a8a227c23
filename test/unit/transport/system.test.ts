import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  addressOf,
  allocateMemory,
  check,
  close,
  copyFileRange,
  createEventFd,
  drainEventFd,
  errno,
  errnoName,
  freeMemory,
  getpid,
  gettid,
  kill,
  MADV_POPULATE_READ,
  MAX_VIEW_BYTES,
  madvise,
  mapFileAt,
  munmap,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  open,
  POLLHUP,
  POLLIN,
  PollSet,
  pipe,
  pread,
  preadCached,
  punchHole,
  pwrite,
  read,
  readProcess,
  receiveDescriptor,
  reserveAddresses,
  SystemCallError,
  signalEventFd,
  socketPair,
  umount,
  unmapToReserved,
  viewMemory,
  write,
  writePair,
  writeProcess,
  writeTriple,
} from '@vexfs/fuse/system';
import test, { type ExecutionContext } from 'ava';

function temporaryFile(t: ExecutionContext, content: Uint8Array): string {
  const directory = mkdtempSync(join(tmpdir(), 'vexfs-system-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'file');
  writeFileSync(path, content);
  return path;
}

test('reads and writes by address reach the file, past 4 GiB too, and failures come as minus errno', (t) => {
  const path = temporaryFile(t, Buffer.from('0123456789'));
  const memory = allocateMemory(8192);
  const fd = check(open(path, O_RDWR), path);
  t.is(pread(fd, memory.address, 100, 4), 6);
  t.is(Buffer.from(memory.bytes.subarray(0, 6)).toString(), '456789');
  t.is(read(fd, memory.address + 100, 2), 2);
  t.is(memory.bytes[100], 0x30);
  const far = 5 * 2 ** 30;
  t.is(pwrite(fd, memory.address, 6, far), 6);
  memory.bytes.fill(0, 0, 6);
  t.is(pread(fd, memory.address, 6, far), 6);
  t.is(memory.bytes[0], 0x34);
  t.is(write(fd, memory.address, 6), 6);
  t.is(pread(fd, 8, 1, 0), -errno.EFAULT);
  t.is(close(fd), 0);
  t.is(pread(fd, memory.address, 1, 0), -errno.EBADF);
  t.is(open('/nowhere/file', O_RDONLY), -errno.ENOENT);
  freeMemory(memory);
});

test('preadCached returns bytes that were just written and never an error for not knowing', (t) => {
  const path = temporaryFile(t, new Uint8Array(8192).fill(5));
  const memory = allocateMemory(8192);
  const fd = check(open(path, O_RDONLY), path);
  const count = preadCached(fd, memory.address, 8192, 0);
  t.true(count === 8192 || count === -errno.EAGAIN, `preadCached returned ${count}`);
  if (count > 0) t.true(memory.bytes.every((byte) => byte === 5));
  t.is(preadCached(fd, 8, 1, 0), count > 0 ? -errno.EFAULT : -errno.EAGAIN);
  close(fd);
  freeMemory(memory);
});

test('pieces that lie apart leave in one write, in order', (t) => {
  const path = temporaryFile(t, new Uint8Array(0));
  const memory = allocateMemory(4096);
  memory.bytes.set(Buffer.from('abc..defg..h'));
  const fd = check(open(path, O_RDWR | O_CREAT), path);
  t.is(writePair(fd, memory.address + 5, 4, memory.address, 3), 7);
  t.is(writeTriple(fd, memory.address + 11, 1, memory.address, 1, memory.address + 5, 2), 4);
  t.is(readFileSync(path, 'latin1'), 'defgabchade');
  close(fd);
  freeMemory(memory);
});

test('copying a range and punching a hole do what a reader expects', (t) => {
  const content = new Uint8Array(16384).fill(1);
  const path = temporaryFile(t, content);
  const fd = check(open(path, O_RDWR), path);
  t.is(copyFileRange(fd, 0, fd, 16384, 4096), 4096);
  t.is(readFileSync(path).byteLength, 20480);
  t.is(punchHole(fd, 4096, 4096), 0);
  const after = readFileSync(path);
  t.is(after.byteLength, 20480);
  t.true(after.subarray(4096, 8192).every((byte) => byte === 0));
  t.is(after[8192], 1);
  close(fd);
});

test('a file is mapped into reserved addresses piece by piece, and a range past its end is reported, not SIGBUS', (t) => {
  const content = new Uint8Array(12288);
  content.fill(1, 0, 4096).fill(2, 4096, 8192).fill(3, 8192);
  const path = temporaryFile(t, content);
  const fd = check(open(path, O_RDONLY), path);
  const range = check(reserveAddresses(1 << 20), 'reserve');
  t.is(mapFileAt(range, fd, 8192, 4096), range);
  t.is(mapFileAt(range + 4096, fd, 0, 8192), range + 4096);
  t.is(madvise(range, 12288, MADV_POPULATE_READ), 0);
  const view = viewMemory(range, 12288);
  t.deepEqual([view[0], view[4096], view[8192]], [3, 1, 2]);
  t.is(mapFileAt(range + 65536, fd, 65536, 4096), range + 65536);
  t.is(madvise(range + 65536, 4096, MADV_POPULATE_READ), -errno.EFAULT);
  t.is(unmapToReserved(range, 12288), range);
  t.true(madvise(range, 4096, MADV_POPULATE_READ) < 0);
  t.is(munmap(range, 1 << 20), 0);
  close(fd);
});

test('lengths and addresses that no view can have are refused before the runtime would abort', (t) => {
  t.throws(() => viewMemory(4096, MAX_VIEW_BYTES + 1), { instanceOf: RangeError });
  t.throws(() => viewMemory(0, 10), { instanceOf: RangeError });
  t.throws(() => allocateMemory(0), { instanceOf: RangeError });
  t.throws(() => allocateMemory(Number.NaN), { instanceOf: RangeError });
});

test('the address of a buffer is where its bytes are', (t) => {
  const bytes = new Uint8Array(4096);
  const part = bytes.subarray(100);
  const view = viewMemory(addressOf(part), 16);
  view[3] = 77;
  t.is(bytes[103], 77);
  const shared = new Uint8Array(new SharedArrayBuffer(128));
  t.throws(() => addressOf(shared), { instanceOf: SystemCallError });
});

test('poll tells which descriptor is ready and that a pipe lost its writer', (t) => {
  const ends = pipe();
  if (typeof ends === 'number') return t.fail(errnoName(ends));
  const event = check(createEventFd(), 'eventfd');
  const poll = new PollSet([ends.reader, event]);
  t.is(poll.wait(0), 0);
  t.is(signalEventFd(event), 8);
  t.is(poll.wait(1000), 1);
  t.deepEqual([poll.ready(0), poll.ready(1)], [0, POLLIN]);
  t.is(drainEventFd(event), 1);
  t.is(drainEventFd(event), 0);
  close(ends.writer);
  t.is(poll.wait(1000), 1);
  t.is(poll.ready(0) & POLLHUP, POLLHUP);
  poll.replace(0, -1);
  t.is(poll.wait(0), 0);
  close(ends.reader);
  close(event);
  return undefined;
});

test('a worker writes to memory by its address and wakes a poll in this thread', async (t) => {
  const memory = allocateMemory(4096);
  memory.bytes[1] = 41;
  const eventFd = check(createEventFd(), 'eventfd');
  const workerData = { eventFd, address: memory.address, signals: 3 };
  const worker = new Worker(new URL('./waker.js', import.meta.url), { workerData });
  const exit = once(worker, 'exit');
  const poll = new PollSet([eventFd]);
  await exit;
  t.is(poll.wait(5000), 1);
  t.is(drainEventFd(eventFd), 3);
  t.is(memory.bytes[0], 42);
  const workerThread = memory.view.getInt32(4, true);
  t.true(workerThread > 0);
  t.not(workerThread, gettid());
  close(eventFd);
  freeMemory(memory);
});

test('the memory of another process is copied both ways, whole or not at all', async (t) => {
  const child = fork(new URL('./memory_peer.js', import.meta.url));
  t.teardown(() => child.kill());
  const pid = child.pid!;
  const [hello] = (await once(child, 'message')) as [{ address: number; length: number; readOnly: number }];
  const memory = allocateMemory(hello.length);
  const remote = BigInt(hello.address);
  t.is(readProcess(pid, memory.address, remote, hello.length), hello.length);
  t.true(memory.bytes.every((byte, i) => byte === ((i * 7) & 0xff)));

  memory.bytes.fill(1);
  t.is(writeProcess(pid, memory.address, remote, hello.length), hello.length);
  const answer = once(child, 'message');
  child.send('sum');
  t.deepEqual(await answer, [{ sum: hello.length }, undefined]);

  t.is(readProcess(pid, memory.address, 0n, 1), -errno.EFAULT);
  t.is(readProcess(pid, memory.address, 2n ** 64n - 8n, 8), -errno.EFAULT);
  t.is(readProcess(pid, memory.address, 2n ** 64n - 8n, 9), -errno.EFAULT);
  t.is(readProcess(pid, memory.address, -1n, 1), -errno.EFAULT);
  t.is(readProcess(pid, memory.address, 0n, 0), 0);
  t.is(readProcess(pid, memory.address, 0n, -1), -errno.EINVAL);
  t.is(writeProcess(pid, memory.address, BigInt(hello.readOnly), 1), -errno.EFAULT);
  await once(child, 'exit');
  t.is(readProcess(pid, memory.address, remote, 1), -errno.ESRCH);
  freeMemory(memory);
});

test('a range that ends in unmapped memory is EFAULT although its start could be read', (t) => {
  const range = check(reserveAddresses(1 << 20), 'reserve');
  const path = temporaryFile(t, new Uint8Array(4096).fill(9));
  const fd = check(open(path, O_RDONLY), path);
  t.is(mapFileAt(range, fd, 0, 4096), range);
  const memory = allocateMemory(8192);
  t.is(readProcess(getpid(), memory.address, BigInt(range), 4096), 4096);
  t.is(readProcess(getpid(), memory.address, BigInt(range), 8192), -errno.EFAULT);
  t.is(munmap(range, 1 << 20), 0);
  close(fd);
  freeMemory(memory);
});

test('a socket whose peer closes sends no descriptor, and one without rights is a protocol error', (t) => {
  const pair = socketPair();
  if (typeof pair === 'number') return t.fail(errnoName(pair));
  const memory = allocateMemory(4096);
  t.is(write(pair[1], memory.address, 1), 1);
  t.is(receiveDescriptor(pair[0]), -errno.EPROTO);
  close(pair[1]);
  t.is(receiveDescriptor(pair[0]), -errno.ECONNRESET);
  close(pair[0]);
  freeMemory(memory);
  return undefined;
});

test('errno values have names and errors carry both', (t) => {
  t.is(errnoName(-errno.EAGAIN), 'EAGAIN');
  t.is(errnoName(117), 'EUCLEAN');
  t.is(errnoName(errno.EOPNOTSUPP), 'EOPNOTSUPP');
  t.is(errnoName(100000), 'errno 100000');
  t.is(check(3, 'x'), 3);
  t.throws(() => check(-2, 'opening x'), {
    instanceOf: SystemCallError,
    code: 'ENOENT',
    message: 'opening x: ENOENT',
  });
  t.is(umount('/nowhere/mount'), -errno.ENOENT);
  t.is(kill(getpid(), 0), 0);
  t.is(kill(2 ** 22 + 5, 0), -errno.ESRCH);
});
