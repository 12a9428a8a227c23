import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands } from '@vexfs/shared';
import { run } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import { nearestIds } from './client/vector_calls.js';

const { test, vectorFile, scratch } = paritySuite({ size: '16M' });

/**
 * Issues ioctls as a 32-bit program does: int 0x80 enters the kernel's 32-bit table also from a 64-bit program. Prints the
 * result of each command; the argument lies below 4 GiB. A kernel without IA32 emulation kills it with SIGSEGV, and User-mode
 * Linux takes the call for one of 64 bits, whose numbers are others: it ends with 2 then.
 */
const SOURCE = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define GETPID 20
#define IOCTL 54

static long call32(long call, long first, long second, void *third)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(call), "b"(first), "c"(second), "d"(third)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

int main(int argc, char **argv)
{
	void *argument = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = open(argv[1], O_RDWR);

	if (fd < 0 || argument == MAP_FAILED)
		return 1;
	if (call32(GETPID, 0, 0, NULL) != getpid())
		return 2;
	for (int i = 2; i < argc; i++)
		printf("%ld\\n", call32(IOCTL, fd, (unsigned int)strtoul(argv[i], NULL, 0), argument));
	return 0;
}
`;

test('a 32-bit caller gets ENOTTY from every command, and changes nothing', (t) => {
  const { path, fd } = vectorFile({ dimensions: 1 }, [5]);
  const source = join(scratch, 'compat.c');
  const program = join(scratch, 'compat');
  writeFileSync(source, SOURCE);
  const built = run('gcc', ['-O1', '-o', program, source]);
  t.is(built.code, 0, built.stderr);
  const values = Object.values(commands).map(({ value }) => `0x${value.toString(16)}`);
  const outcome = run(program, [path, ...values]);
  t.deepEqual(nearestIds(fd, [5]), [0n]);
  if (outcome.code === null || outcome.code === 2 || process.arch !== 'x64') {
    t.log('this kernel takes no 32-bit system calls');
    t.true(outcome.milliseconds < 10_000, 'a call that hangs is another matter');
    return;
  }
  t.is(outcome.code, 0, outcome.stderr);
  t.deepEqual(
    outcome.stdout.trim().split('\n'),
    values.map(() => '-25'),
  );
});
