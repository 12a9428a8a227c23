import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  IOC_READ,
  IOC_WRITE,
  ioc,
  VSS_ADD_VECTOR,
  VSS_GET_STATS,
  VSS_MAGIC,
  VSS_NO_ID,
  VSS_QUERY_TOP_K,
  vssQuery,
  vssVector,
} from '@vexfs/shared';
import { run } from '../backend/programs.js';
import { KERNEL_ADDRESS, NULL, WILD, withMemory } from '../client/caller_memory.js';
import { call } from '../client/vector_calls.js';
import { add, mustAdd, query, stats } from './calls.js';
import { vssSuite } from './suite.js';

const { test, backend, start, open, scratch } = vssSuite();

test('a full store takes no further id with ENOSPC, and still replaces, answers and counts', async (t) => {
  const fd = await start(100);
  for (let id = 0; id < 100; id++) mustAdd(fd, id, [id]);
  t.is(add(fd, 100, [100]), 'ENOSPC');
  t.is(add(fd, 99, [-50]), 'ok');
  t.is(add(fd, 100, [100]), 'ENOSPC');
  t.like(stats(fd), { vectors: 100, capacity: 100 });
  t.deepEqual(query(fd, [-50], 1).ids.slice(0, 2), [99, VSS_NO_ID]);
  t.deepEqual(query(fd, [100], 1).distances[0], 2);
});

test('a store of one vector is full with it', async (t) => {
  const fd = await start(1);
  mustAdd(fd, 5, [1, 2]);
  t.is(add(fd, 6, [1, 2]), 'ENOSPC');
  t.is(add(fd, 6, [1, 2, 3]), 'EINVAL', 'what is wrong with the call comes first');
});

test('the largest capacity is allowed, and costs nothing while it is not used', async (t) => {
  const fd = await start(16_777_216);
  mustAdd(fd, 5, [1, 2]);
  t.is(stats(fd).capacity, 16_777_216);
});

for (const capacity of [0, 16_777_217, 4_294_967_295]) {
  test(`a capacity of ${capacity} is refused`, async (t) => {
    const error = await t.throwsAsync(backend.start(capacity));
    t.regex(error!.message, backend.name === 'fuse' ? /ended with 2: .*16777216/ : /EINVAL/);
  });
}

test('an id, k or dimension out of range and values that are not finite are EINVAL, and nothing changes', async (t) => {
  const fd = await start();
  mustAdd(fd, 1, [1, 2]);
  const before = stats(fd);
  t.is(add(fd, VSS_NO_ID, [1, 2]), 'EINVAL');
  for (const dimension of [0, 129, 0xffff_ffff]) {
    t.is(add(fd, 2, [1, 2], dimension), 'EINVAL');
    t.is(query(fd, [1, 2], 1, dimension).outcome, 'EINVAL');
  }
  for (const k of [0, 33, 0xffff_ffff]) t.is(query(fd, [1, 2], k).outcome, 'EINVAL');
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    for (const values of [
      [value, 2],
      [1, value],
    ]) {
      t.is(add(fd, 1, values), 'EINVAL');
      t.is(add(fd, 2, values), 'EINVAL');
      t.is(query(fd, values, 1).outcome, 'EINVAL');
    }
  }
  t.deepEqual(stats(fd), before);
  t.is(query(fd, [1, 2], 1).distances[0], 0);
});

test('adding needs a descriptor open for writing, the other calls one for reading', async (t) => {
  mustAdd(await start(), 1, [1]);
  const reader = open(constants.O_RDONLY);
  const writer = open(constants.O_WRONLY);
  t.is(add(reader, 2, [2]), 'EBADF');
  t.is(add(reader, VSS_NO_ID, [2]), 'EBADF', 'the mode comes before the fields');
  t.is(query(reader, [1], 1).outcome, 'ok');
  t.is(stats(reader).outcome, 'ok');
  t.is(add(writer, 2, [2]), 'ok');
  t.is(query(writer, [1], 1).outcome, 'EBADF');
  t.is(query(writer, [1], 0).outcome, 'EBADF');
  t.is(stats(writer).outcome, 'EBADF');
  const neither = open(3);
  t.is(add(neither, 2, [2]), 'EBADF');
  t.is(query(neither, [1], 1).outcome, 'EBADF');
  t.is(stats(neither).outcome, 'EBADF');
});

test('memory that cannot be touched is EFAULT, before everything else for what travels in', async (t) => {
  const fd = await start();
  mustAdd(fd, 1, [1]);
  const before = stats(fd);
  const reader = open(constants.O_RDONLY);
  const writer = open(constants.O_WRONLY);
  withMemory((memory) => {
    for (const address of [NULL, WILD, KERNEL_ADDRESS, memory.forbidden()]) {
      for (const command of [VSS_ADD_VECTOR, VSS_QUERY_TOP_K, VSS_GET_STATS])
        t.is(call(fd, command, address), 'EFAULT');
      t.is(call(reader, VSS_ADD_VECTOR, address), 'EFAULT');
      t.is(call(writer, VSS_QUERY_TOP_K, address), 'EFAULT');
      t.is(call(writer, VSS_GET_STATS, address), 'EBADF');
    }
    t.is(call(fd, VSS_ADD_VECTOR, memory.placeBeforeGap(new Uint8Array(vssVector.$.size - 4))), 'EFAULT');
    t.is(call(fd, VSS_QUERY_TOP_K, memory.placeBeforeGap(new Uint8Array(vssQuery.$.size - 4))), 'EFAULT');
    t.is(call(fd, VSS_GET_STATS, memory.placeBeforeGap(new Uint8Array(28))), 'EFAULT');
    t.is(call(fd, VSS_GET_STATS, memory.readOnly()), 'EFAULT');
    const vector = new Uint8Array(vssVector.$.size);
    vssVector.dimension.set(new DataView(vector.buffer), 0, 1);
    t.is(
      call(fd, VSS_ADD_VECTOR, memory.placeBeforeGap(vector)),
      'ok',
      'no byte behind the argument is touched',
    );
  });
  t.deepEqual(stats(fd), { ...before, vectors: 2 });
});

test('other commands, sizes and directions are ENOTTY', async (t) => {
  const fd = await start();
  withMemory((memory) => {
    const { address } = memory.room(16_384);
    const both = IOC_READ | IOC_WRITE;
    for (const command of [
      ioc(IOC_WRITE, VSS_MAGIC, 0, 520),
      ioc(IOC_WRITE, VSS_MAGIC, 1, 519),
      ioc(IOC_WRITE, VSS_MAGIC, 1, 524),
      ioc(both, VSS_MAGIC, 1, 520),
      ioc(IOC_READ, VSS_MAGIC, 1, 520),
      ioc(both, VSS_MAGIC, 2, 16_383),
      ioc(IOC_READ, VSS_MAGIC, 3, 24),
      ioc(both, VSS_MAGIC, 3, 32),
      ioc(IOC_READ, VSS_MAGIC, 4, 32),
      ioc(IOC_WRITE, 'V', 1, 40),
    ])
      t.is(call(fd, command, address), 'ENOTTY', command.toString(16));
  });
  withMemory((memory) => {
    t.is(call(fd, ioc(IOC_WRITE, VSS_MAGIC, 9, 64), memory.forbidden()), 'EFAULT');
    t.is(call(fd, ioc(IOC_READ, VSS_MAGIC, 9, 64), memory.forbidden()), 'ENOTTY');
  });
});

test('it has no content to read, write or make durable, and no position', async (t) => {
  const fd = await start();
  const code = (body: () => unknown): string | undefined => {
    try {
      return String(body());
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  t.is(
    code(() => readSync(fd, Buffer.alloc(4))),
    'EINVAL',
  );
  t.is(
    code(() => writeSync(fd, Buffer.alloc(4))),
    'EINVAL',
  );
  t.is(
    code(() => readSync(fd, Buffer.alloc(4), 0, 4, 10)),
    'ESPIPE',
  );
  t.is(
    code(() => fsyncSync(fd)),
    'EINVAL',
  );
  t.is(
    code(() => ftruncateSync(fd, 10)),
    'EINVAL',
  );
  t.is(
    code(() => closeSync(openSync(backend.path, constants.O_WRONLY | constants.O_TRUNC))),
    'undefined',
  );
});

/** Makes the calls as a 32-bit program does (int 0x80). Prints result, vectors and nearest id. */
const SOURCE = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "vss.h"

static long call32(long number, long first, long second, void *third)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

static long ioctl32(int fd, unsigned int command, void *argument)
{
	return call32(54, fd, command, argument);
}

int main(int argc, char **argv)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct vss_vector *vector = memory;
	struct vss_query *query = memory;
	struct vss_stats *stats = memory;
	int fd = open(argv[1], O_RDWR);

	if (fd < 0 || memory == MAP_FAILED)
		return 1;
	/* getpid: User-mode Linux takes int 0x80 for a call of 64 bits, whose numbers are others. */
	if (call32(20, 0, 0, NULL) != getpid())
		return 2;
	*vector = (struct vss_vector){ .id = 77, .dimension = 1, .data = { 5 } };
	printf("%ld ", ioctl32(fd, VSS_ADD_VECTOR, vector));
	*query = (struct vss_query){ .k = 1, .dimension = 1, .query_vector = { 2 } };
	printf("%ld ", ioctl32(fd, VSS_QUERY_TOP_K, query));
	printf("%u %g ", query->result_ids[0], query->distances[0]);
	printf("%ld ", ioctl32(fd, VSS_GET_STATS, stats));
	printf("%llu\\n", stats->vectors);
	return 0;
}
`;

test('a 32-bit caller is answered as a 64-bit one', async (t) => {
  const fd = await start();
  const source = join(scratch, 'compat.c');
  const program = join(scratch, 'compat');
  const headers = new URL('../../../../kernel/include/uapi', import.meta.url).pathname;
  writeFileSync(source, SOURCE);
  const built = run('gcc', ['-O1', '-I', headers, '-o', program, source]);
  if (process.arch !== 'x64') {
    t.not(built.code, 0, 'int 0x80 is an instruction of x86');
    return;
  }
  t.is(built.code, 0, built.stderr);
  const outcome = run(program, [backend.path]);
  if (outcome.code === null || outcome.code === 2) {
    t.log('this kernel takes no 32-bit system calls');
    t.true(outcome.milliseconds < 10_000, 'a call that hangs is another matter');
    return;
  }
  t.is(outcome.stdout, '0 0 77 3 0 1\n');
  t.is(stats(fd).vectors, 1);
});
