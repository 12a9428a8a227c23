/* SPDX-License-Identifier: MIT */
/* Lengths and offsets: truncate, fallocate, lseek, pread, pwrite, copy_file_range at the edges of what is allowed. */
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum operation { TRUNCATE, FTRUNCATE, ALLOCATE, SEEK, PREAD, PWRITE, READV, COPY, LIMITED_TRUNCATE, LIMITED_WRITE };

static const char *const operations[] = { "truncate", "ftruncate", "fallocate", "lseek", "pread", "pwrite",
					  "preadv",   "copy_file_range", "ftruncate with a limit", "pwrite with a limit" };

struct sizing {
	enum operation operation;
	int flags;
	int mode;
	int64_t offset;
	int64_t length;
	const char *path;
};

/* RLIMIT_FSIZE of 100 bytes; SIGXFSZ is ignored. */
static void limit(rlim_t bytes)
{
	struct rlimit limits;
	getrlimit(RLIMIT_FSIZE, &limits);
	limits.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &limits);
}

static long size_it(const void *context)
{
	const struct sizing *sizing = context;
	static char buffer[8192];
	if (sizing->operation == TRUNCATE)
		return outcome(truncate(sizing->path, sizing->offset));
	int fd = open(sizing->path, sizing->flags | O_NONBLOCK);
	if (fd < 0)
		return -(long)errno;
	long result = 0;
	switch (sizing->operation) {
	case FTRUNCATE:
		result = outcome(ftruncate(fd, sizing->offset));
		break;
	case ALLOCATE:
		result = outcome(fallocate(fd, sizing->mode, sizing->offset, sizing->length));
		break;
	case SEEK:
		result = outcome(lseek(fd, sizing->offset, sizing->mode));
		break;
	case PREAD:
		result = outcome(pread(fd, buffer, (size_t)sizing->length, sizing->offset));
		break;
	case PWRITE:
		result = outcome(pwrite(fd, buffer, (size_t)sizing->length, sizing->offset));
		break;
	case READV: {
		struct iovec parts[2] = { { buffer, (size_t)sizing->length }, { buffer + 4096, 100 } };
		result = outcome(preadv(fd, parts, 2, sizing->offset));
		break;
	}
	case COPY: {
		off_t from = sizing->offset, to = sizing->mode;
		result = outcome(copy_file_range(fd, &from, fd, &to, (size_t)sizing->length, 0));
		break;
	}
	case LIMITED_TRUNCATE:
		limit(100);
		result = outcome(ftruncate(fd, sizing->offset));
		limit(RLIM_INFINITY);
		break;
	case LIMITED_WRITE:
		limit(100);
		result = outcome(pwrite(fd, buffer, (size_t)sizing->length, sizing->offset));
		limit(RLIM_INFINITY);
		break;
	default:
		break;
	}
	close(fd);
	return result;
}

static void one(struct sizing sizing, const char *flags)
{
	row(&everything, BIT(ROOT) | BIT(OWNER), size_it, &sizing, "sizes: %s of %s (%s) mode %d at %lld for %lld",
	    operations[sizing.operation], sizing.path, flags, sizing.mode, (long long)sizing.offset, (long long)sizing.length);
}

/** The largest file of ext4 with blocks of 4 KiB; that of VexFS is as large or larger, which the rows do not ask. */
#define EXT4_MAX 17592186040320

void section_sizes(void)
{
	static const int64_t offsets[] = { -1, 0, 1, 7, 8, 9, 4095, 4096, 5000, INT32_MAX, INT64_C(1) << 40, INT64_MIN };
	static const int64_t lengths[] = { -1, 0, 1, 8, 4096, 8192 };
	static const int fallocate_modes[] = { 0, 1, 2, 3, 4, 16, 17, 18, 19, 1 << 20 };
	static const struct {
		const char *name;
		int flags;
	} ways[] = { { "RW", O_RDWR }, { "R", O_RDONLY }, { "W", O_WRONLY }, { "W|APPEND", O_WRONLY | O_APPEND }, { "PATH", O_PATH } };
	static const char *const paths[] = { "d/f", "d/e", "d/p", "d/c", "d/s", "d/n" };
	if (!rows_wanted("sizes"))
		return;
	for (size_t at = 0; at < sizeof offsets / sizeof offsets[0]; at++) {
		int64_t offset = offsets[at];
		for (size_t path = 0; path < 6; path++)
			one((struct sizing){ TRUNCATE, 0, 0, offset, 0, paths[path] }, "path");
		for (size_t way = 0; way < 5; way++) {
			one((struct sizing){ FTRUNCATE, ways[way].flags, 0, offset, 0, "d/f" }, ways[way].name);
			if (at < 3)
				one((struct sizing){ FTRUNCATE, ways[way].flags, 0, offset, 0, "d/p" }, ways[way].name);
		}
		for (int whence = 0; whence < 6; whence++)
			one((struct sizing){ SEEK, O_RDWR, whence, offset, 0, "d/f" }, "RW");
		for (int whence = 0; whence < 3; whence++)
			one((struct sizing){ SEEK, O_RDONLY, whence, offset, 0, "d/p" }, "R");
		for (size_t length = 0; length < 6; length++) {
			bool vast = offset > 1 << 20;
			for (size_t mode = 0; mode < 10; mode++)
				if (offset < EXT4_MAX)
					one((struct sizing){ ALLOCATE, O_RDWR, fallocate_modes[mode], offset, lengths[length], "d/f" },
					    "RW");
			if (lengths[length] >= 0) {
				one((struct sizing){ PREAD, O_RDWR, 0, offset, lengths[length], "d/f" }, "RW");
				one((struct sizing){ READV, O_RDWR, 0, offset, lengths[length] % 4097, "d/f" }, "RW");
				one((struct sizing){ PWRITE, O_RDWR, 0, offset, lengths[length], "d/f" }, "RW");
				one((struct sizing){ PWRITE, O_WRONLY | O_APPEND, 0, offset, lengths[length], "d/f" },
				    "W|APPEND");
			}
			for (int to = 0; to < 3 && !vast; to++)
				if (lengths[length] >= 0)
					one((struct sizing){ COPY, O_RDWR, to * 4096, offset, lengths[length], "d/f" }, "RW");
			if (offset >= 0 && lengths[length] > 0)
				one((struct sizing){ LIMITED_WRITE, O_RDWR, 0, offset, lengths[length], "d/f" }, "RW");
		}
		one((struct sizing){ LIMITED_TRUNCATE, O_RDWR, 0, offset, 0, "d/f" }, "RW");
	}
	for (size_t way = 0; way < 5; way++) {
		for (size_t path = 0; path < 6; path++) {
			one((struct sizing){ ALLOCATE, ways[way].flags, 0, 0, 4096, paths[path] }, ways[way].name);
			one((struct sizing){ PREAD, ways[way].flags, 0, 0, 8, paths[path] }, ways[way].name);
			one((struct sizing){ PWRITE, ways[way].flags, 0, 2, 8, paths[path] }, ways[way].name);
			one((struct sizing){ COPY, ways[way].flags, 4096, 0, 4, paths[path] }, ways[way].name);
		}
	}
}
