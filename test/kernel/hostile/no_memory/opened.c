// SPDX-License-Identifier: MIT
/* The file that a step works on. */
#define _GNU_SOURCE
#include "no_memory.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int fd = -1;
char *map;
char bytes[FILE_BYTES];

void open_it(const char *name, int flags)
{
	fd = open(name, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		fail("open %s", name);
}

void put_away(void)
{
	if (map)
		munmap(map, MAPPED);
	if (fd >= 0)
		close(fd);
	map = NULL;
	fd = -1;
}

void write_bytes(size_t length, off_t at)
{
	if (pwrite(fd, bytes, length, at) != (ssize_t)length)
		fail("write");
}

void file(void)
{
	memset(bytes, 5, sizeof(bytes));
	open_it("file", O_RDWR | O_CREAT);
	write_bytes(sizeof(bytes), 0);
}

void closed_file(void)
{
	file();
	put_away();
}
