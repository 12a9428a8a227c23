/* SPDX-License-Identifier: MIT */
/* utimensat(2) with every kind of time, who may set them, and which calls move which times. */
#include "table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

static const struct world timed = { NULL, NULL, NULL, NULL, true };
static struct world world;

struct setting {
	const char *path;
	const char *name;
	struct timespec times[2];
	int flags;
	bool by_descriptor;
};

static long set(const void *context)
{
	const struct setting *setting = context;
	if (!setting->by_descriptor)
		return outcome(utimensat(AT_FDCWD, setting->path, setting->times, setting->flags));
	int fd = open(setting->path, O_RDONLY);
	long result = outcome(futimens(fd, setting->times));
	close(fd);
	return result;
}

#define NOW { 0, UTIME_NOW }
#define OMIT { 0, UTIME_OMIT }

static void settings(void)
{
	static const struct {
		const char *name;
		struct timespec times[2];
	} kinds[] = {
		{ "now, now", { NOW, NOW } },
		{ "now, omit", { NOW, OMIT } },
		{ "omit, now", { OMIT, NOW } },
		{ "omit, omit", { OMIT, OMIT } },
		{ "given, omit", { { 1000000001, 2 }, OMIT } },
		{ "omit, given", { OMIT, { 1000000001, 2 } } },
		{ "given, now", { { 1000000001, 2 }, NOW } },
		{ "now, given", { NOW, { 1000000001, 2 } } },
		{ "given, given", { { 1000000001, 2 }, { 1000000003, 4 } } },
		{ "0, 0", { { 0, 0 }, { 0, 0 } } },
		{ "before 1970", { { -1, 500000000 }, { -100000, 1 } } },
		{ "2038", { { 2147483648, 1 }, { 2147483647, 999999999 } } },
		{ "2106", { { 4294967296, 5 }, { 4294967295, 7 } } },
		{ "the last of ext4", { { 15032385535, 0 }, { 15032385535, 0 } } },
		{ "the first of ext4", { { -2147483648, 0 }, { -2147483648, 0 } } },
		{ "bad nanoseconds", { { 1, 1000000000 }, { 1, 0 } } },
		{ "negative nanoseconds", { { 1, 0 }, { 1, -1 } } },
	};
	static const char *const paths[] = { "d/f", "d/e", "d/l", "d" };
	for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0]; kind++) {
		for (size_t path = 0; path < 4; path++) {
			for (int way = 0; way < 3; way++) {
				struct setting setting = { paths[path], kinds[kind].name,
							   { kinds[kind].times[0], kinds[kind].times[1] },
							   way == 1 ? AT_SYMLINK_NOFOLLOW : 0, way == 2 };
				row(&world, ALL_USERS, set, &setting, "times: %s%s %s",
				    way == 0 ? "" : way == 1 ? "NOFOLLOW " : "descriptor ", kinds[kind].name, paths[path]);
			}
		}
	}
}

/* ---- which calls move which times ---- */

static long no_length_read(const void *context)
{
	(void)context;
	int fd = open("d/f", O_RDONLY);
	char byte;
	long result = outcome(read(fd, &byte, 0));
	close(fd);
	return result;
}

static long read_noatime(const void *context)
{
	(void)context;
	char byte;
	int fd = open("d/f", O_RDONLY | O_NOATIME);
	if (fd < 0)
		return -(long)errno;
	long result = outcome(read(fd, &byte, 1));
	close(fd);
	return result;
}

static long read_at_end(const void *context)
{
	(void)context;
	char byte;
	int fd = open("d/f", O_RDONLY);
	long result = outcome(pread(fd, &byte, 1, 1 << 20));
	close(fd);
	return result;
}

static long list(const void *context)
{
	char buffer[1024];
	int fd = open(context, O_RDONLY | O_DIRECTORY);
	long result = outcome(getdents64(fd, buffer, sizeof buffer) > 0 ? 0 : -1);
	close(fd);
	return result;
}

static long read_link(const void *context)
{
	char target[16];
	return outcome(readlink(context, target, sizeof target));
}

static long write_nothing(const void *context)
{
	(void)context;
	int fd = open("d/f", O_WRONLY);
	long result = outcome(write(fd, "", 0));
	close(fd);
	return result;
}

static long write_byte(const void *context)
{
	(void)context;
	int fd = open("d/f", O_WRONLY);
	long result = outcome(write(fd, "x", 1));
	close(fd);
	return result;
}

static long write_appending(const void *context)
{
	(void)context;
	int fd = open("d/f", O_WRONLY | O_APPEND);
	long result = outcome(write(fd, "x", 1));
	close(fd);
	return result;
}

static long store(const void *context)
{
	(void)context;
	int fd = open("d/f", O_RDWR);
	if (fd < 0)
		return -(long)errno;
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memory[0] = 'X';
	long result = outcome(msync(memory, 4096, MS_SYNC));
	munmap(memory, 4096);
	close(fd);
	return result;
}

static long truncate_same(const void *context)
{
	(void)context;
	return outcome(truncate("d/f", 8));
}

static long ftruncate_same(const void *context)
{
	(void)context;
	int fd = open("d/f", O_WRONLY);
	long result = outcome(ftruncate(fd, 8));
	close(fd);
	return result;
}

static long open_trunc_empty(const void *context)
{
	(void)context;
	if (truncate("d/f", 0) != 0)
		return -(long)errno;
	static const struct timespec old[2] = { { 1000000009, 0 }, { 1000000009, 0 } };
	utimensat(AT_FDCWD, "d/f", old, 0);
	return opened(open("d/f", O_WRONLY | O_TRUNC));
}

static long allocate(const void *context)
{
	int fd = open("d/f", O_WRONLY);
	long result = outcome(fallocate(fd, *(const int *)context, 0, 4096));
	close(fd);
	return result;
}

static long chmod_same(const void *context)
{
	(void)context;
	return outcome(chmod("d/f", 0644));
}

static long rename_to_itself(const void *context)
{
	(void)context;
	return outcome(rename("d/f", "d/f"));
}

static long copy(const void *context)
{
	(void)context;
	int from = open("d/f", O_RDONLY);
	int to = open("d/new", O_WRONLY | O_CREAT, 0644);
	long result = outcome(copy_file_range(from, NULL, to, NULL, 100, 0));
	close(from);
	close(to);
	return result;
}

static long remove_missing_xattr(const void *context)
{
	(void)context;
	return outcome(removexattr("d/f", "user.none"));
}

static long set_xattr_again(const void *context)
{
	struct stat before, after;
	if (setxattr(context, "user.a", "b", 1, 0) != 0 || stat(context, &before) != 0)
		return -(long)errno;
	long result = outcome(setxattr(context, "user.a", "b", 1, 0));
	if (result == 0 && stat(context, &after) == 0 && after.st_ctim.tv_nsec != before.st_ctim.tv_nsec)
		result = 1;
	return result;
}

static long set_xattr(const void *context)
{
	return outcome(setxattr(context, "user.a", "b", 1, 0));
}

static void moving(void)
{
	static const int modes[] = { 0, 1, 3, 16, 17 };
	static const struct {
		const char *name;
		call_fn *call;
		const void *context;
	} calls[] = {
		{ "read of no length", no_length_read, NULL },
		{ "read with NOATIME", read_noatime, NULL },
		{ "read behind the end", read_at_end, NULL },
		{ "listing a full dir", list, "d" },
		{ "listing an empty dir", list, "d/e" },
		{ "readlink", read_link, "d/l" },
		{ "write of nothing", write_nothing, NULL },
		{ "write", write_byte, NULL },
		{ "append", write_appending, NULL },
		{ "store", store, NULL },
		{ "truncate to the same size", truncate_same, NULL },
		{ "ftruncate to the same size", ftruncate_same, NULL },
		{ "TRUNC of an empty file", open_trunc_empty, NULL },
		{ "fallocate", allocate, &modes[0] },
		{ "fallocate keeping the size", allocate, &modes[1] },
		{ "punching", allocate, &modes[2] },
		{ "zeroing", allocate, &modes[3] },
		{ "zeroing, keeping the size", allocate, &modes[4] },
		{ "chmod to the same", chmod_same, NULL },
		{ "rename to itself", rename_to_itself, NULL },
		{ "copy_file_range", copy, NULL },
		{ "removexattr of none", remove_missing_xattr, NULL },
		{ "setxattr", set_xattr, "d/f" },
		{ "setxattr of the same", set_xattr_again, "d/f" },
		{ "setxattr of a dir", set_xattr, "d/e" },
	};
	for (size_t call = 0; call < sizeof calls / sizeof calls[0]; call++)
		row(&world, BIT(ROOT) | BIT(OWNER) | BIT(OTHER), calls[call].call, calls[call].context, "times: %s",
		    calls[call].name);
}

void section_times(void)
{
	if (!rows_wanted("times"))
		return;
	world = timed;
	world.entries = small.entries;
	world.more = small.more;
	settings();
	moving();
}
