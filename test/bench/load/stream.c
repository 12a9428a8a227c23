// SPDX-License-Identifier: MIT
/*
 * Prints the seconds that it takes to write a file in calls of one size, fsync included, or to read one whose pages the
 * filesystem's own cache does not hold.
 *
 *   stream write|read|write-direct|read-direct FILE BYTES CALL_BYTES
 *
 * `direct`: with O_DIRECT.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

static double write_file(const char *path, int flags, size_t bytes, char *buffer, size_t call)
{
	double start;
	int fd;

	unlink(path);
	start = now();
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | flags, 0644);
	if (fd < 0)
		err(1, "%s", path);
	for (size_t done = 0; done < bytes; done += call)
		if (write(fd, buffer, call) != (ssize_t)call)
			err(1, "write");
	if (fsync(fd) != 0)
		err(1, "fsync");
	close(fd);
	return now() - start;
}

static double read_file(const char *path, int flags, size_t bytes, char *buffer, size_t call)
{
	int fd = open(path, O_RDONLY | flags);
	size_t done = 0;
	double start;

	if (fd < 0)
		err(1, "%s", path);
	if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
		errx(1, "posix_fadvise failed");
	start = now();
	for (;;) {
		ssize_t got = read(fd, buffer, call);

		if (got < 0)
			err(1, "read");
		if (got == 0)
			break;
		done += (size_t)got;
	}
	if (done != bytes)
		errx(1, "%s has %zu bytes, not %zu", path, done, bytes);
	return now() - start;
}

int main(int argc, char **argv)
{
	size_t bytes, call;
	char *buffer;
	int flags;

	if (argc != 5)
		errx(2, "usage: stream write|read|write-direct|read-direct FILE BYTES CALL_BYTES");
	flags = strstr(argv[1], "-direct") != NULL ? O_DIRECT : 0;
	bytes = count_of(argv[3]);
	call = count_of(argv[4]);
	if (bytes % call != 0)
		errx(2, "%zu bytes are no whole number of calls", bytes);
	buffer = aligned_alloc(4096, call);
	if (buffer == NULL)
		err(1, "memory");
	for (size_t i = 0; i < call; i++)
		buffer[i] = (char)(i * 31 + 7);
	print_seconds(strncmp(argv[1], "write", 5) == 0 ? write_file(argv[2], flags, bytes, buffer, call) :
							  read_file(argv[2], flags, bytes, buffer, call));
	return 0;
}
