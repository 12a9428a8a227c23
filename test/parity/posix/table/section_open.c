/* SPDX-License-Identifier: MIT */
/* open(2): every useful combination of flags on every type of file, and what the descriptor can do. */
#include "table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct {
	const char *name;
	int flags;
} ways[] = {
	{ "R", O_RDONLY },
	{ "W", O_WRONLY },
	{ "RW", O_RDWR },
	{ "3", O_ACCMODE },
	{ "R|TRUNC", O_RDONLY | O_TRUNC },
	{ "W|TRUNC", O_WRONLY | O_TRUNC },
	{ "W|APPEND", O_WRONLY | O_APPEND },
	{ "W|APPEND|TRUNC", O_WRONLY | O_APPEND | O_TRUNC },
	{ "R|CREAT", O_RDONLY | O_CREAT },
	{ "W|CREAT", O_WRONLY | O_CREAT },
	{ "W|CREAT|TRUNC", O_WRONLY | O_CREAT | O_TRUNC },
	{ "W|CREAT|EXCL", O_WRONLY | O_CREAT | O_EXCL },
	{ "R|EXCL", O_RDONLY | O_EXCL },
	{ "R|DIRECTORY", O_RDONLY | O_DIRECTORY },
	{ "W|DIRECTORY", O_WRONLY | O_DIRECTORY },
	{ "R|CREAT|DIRECTORY", O_RDONLY | O_CREAT | O_DIRECTORY },
	{ "R|NOFOLLOW", O_RDONLY | O_NOFOLLOW },
	{ "W|CREAT|NOFOLLOW", O_WRONLY | O_CREAT | O_NOFOLLOW },
	{ "R|DIRECTORY|NOFOLLOW", O_RDONLY | O_DIRECTORY | O_NOFOLLOW },
	{ "PATH", O_PATH },
	{ "PATH|NOFOLLOW", O_PATH | O_NOFOLLOW },
	{ "PATH|DIRECTORY", O_PATH | O_DIRECTORY },
	{ "PATH|CREAT", O_PATH | O_CREAT },
	{ "R|NOATIME", O_RDONLY | O_NOATIME },
	{ "R|DIRECT", O_RDONLY | O_DIRECT },
	{ "W|DIRECT", O_WRONLY | O_DIRECT },
	{ "RW|SYNC", O_RDWR | O_SYNC },
	{ "RW|DSYNC", O_RDWR | O_DSYNC },
	{ "RW|TMPFILE", O_RDWR | O_TMPFILE },
	{ "R|TMPFILE", O_RDONLY | O_TMPFILE },
	{ "RW|TMPFILE|EXCL", O_RDWR | O_TMPFILE | O_EXCL },
	{ "RW|TMPFILE|CREAT", O_RDWR | O_TMPFILE | O_CREAT },
};

static const struct {
	const char *name;
	const char *path;
} paths[] = {
	{ "file", "d/f" },	    { "empty dir", "d/e" }, { "full dir", "d/n" }, { "link to file", "d/l" },
	{ "link to dir", "d/k" },   { "dangling link", "d/z" }, { "circle", "d/y" }, { "fifo", "d/p" },
	{ "socket", "d/s" },	    { "char device", "d/c" }, { "block device", "d/b" }, { "missing", "d/new" },
	{ "missing/", "d/new/" },   { "file/", "d/f/" },    { "dir/.", "d/e/." },
};

struct opening {
	const char *path;
	int flags;
};

static long open_it(const void *context)
{
	const struct opening *opening = context;
	return opened(open(opening->path, opening->flags | O_NONBLOCK, 0640));
}

/* What a descriptor can do, as bits: read 1, write 2, truncate 4, allocate 8, seek 16, list 32, sync 64, modes 128. */
static long use_it(const void *context)
{
	const struct opening *opening = context;
	char byte = 'b';
	int fd = open(opening->path, opening->flags | O_NONBLOCK, 0640);
	if (fd < 0)
		return -(long)errno;
	long can = 256;
	char buffer[1024];
	can |= (long)(read(fd, &byte, 1) >= 0);
	can |= (long)(write(fd, &byte, 1) == 1) << 1;
	can |= (long)(ftruncate(fd, 5) == 0) << 2;
	can |= (long)(posix_fallocate(fd, 0, 7) == 0) << 3;
	can |= (long)(lseek(fd, 0, SEEK_CUR) >= 0) << 4;
	can |= (long)(getdents64(fd, buffer, sizeof buffer) > 0) << 5;
	can |= (long)(fsync(fd) == 0) << 6;
	can |= (long)(fchmod(fd, 0604) == 0) << 7;
	close(fd);
	return can;
}

void section_open(void)
{
	if (!rows_wanted("open"))
		return;
	for (size_t path = 0; path < sizeof paths / sizeof paths[0]; path++) {
		for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
			const struct opening opening = { paths[path].path, ways[way].flags };
			row(&everything, BIT(ROOT) | BIT(OWNER) | BIT(OTHER), open_it, &opening, "open: %s: %s", paths[path].name,
			    ways[way].name);
			row(&everything, BIT(ROOT) | BIT(OWNER), use_it, &opening, "open: %s: use of %s", paths[path].name,
			    ways[way].name);
		}
	}
}
