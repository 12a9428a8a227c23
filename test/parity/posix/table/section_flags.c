/* SPDX-License-Identifier: MIT */
/* What the immutable and append-only flags of chattr(1) forbid, and every call on a volume that is mounted read-only. */
#include "calls.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *flagged;
static int flags;

/** What ext4 shows beside what users set, and wants to see again. */
#define KEPT (FS_EXTENT_FL | FS_INDEX_FL | FS_INLINE_DATA_FL)

static int replace_flags(int fd, int wanted)
{
	int had = 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &had) != 0)
		return -1;
	wanted |= had & KEPT;
	return ioctl(fd, FS_IOC_SETFLAGS, &wanted);
}

static void set_flags(const char *path, int wanted)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || replace_flags(fd, wanted) != 0)
		err(2, "flags of %s", path);
	close(fd);
}

static void prepare(void)
{
	set_flags(flagged, flags);
}

static void unprepare(void)
{
	set_flags(flagged, 0);
}

static struct world world;

static long write_through(const void *context)
{
	int fd = open("d/f", *(const int *)context);
	if (fd < 0)
		return -(long)errno;
	long result = outcome(write(fd, "x", 1));
	close(fd);
	return result;
}

static long map_shared(const void *context)
{
	int fd = open("d/f", *(const int *)context);
	if (fd < 0)
		return -(long)errno;
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	long result = memory == MAP_FAILED ? -(long)errno : 0;
	if (result == 0)
		munmap(memory, 4096);
	close(fd);
	return result;
}

static long allocate(const void *context)
{
	int fd = open("d/f", O_RDWR | O_APPEND);
	if (fd < 0)
		return -(long)errno;
	long result = outcome(fallocate(fd, *(const int *)context, 0, 100));
	close(fd);
	return result;
}

static long change_flags(const void *context)
{
	int fd = open(flagged, O_RDONLY | O_NONBLOCK);
	long result = outcome(replace_flags(fd, *(const int *)context));
	close(fd);
	return result;
}

static void rows_of(const struct path_call *calls, const char *what)
{
	static const char *const paths[] = { "d/f", "d/n", "d/n/x", "d/n/new", "d/e", "d/l", "d/g" };
	for (const struct path_call *call = calls; call->name != NULL; call++)
		for (size_t path = 0; path < sizeof paths / sizeof paths[0]; path++) {
			const struct asked asked = { call, paths[path] };
			world_watch(paths[path], NULL);
			row(&world, BIT(ROOT) | BIT(OWNER) | BIT(OTHER), ask, &asked, "flags: %s: %s %s", what, call->name,
			    paths[path]);
		}
}

void section_flags(void)
{
	static const struct {
		const char *name;
		const char *path;
		int flags;
	} cases[] = {
		{ "immutable file", "d/f", FS_IMMUTABLE_FL },
		{ "append-only file", "d/f", FS_APPEND_FL },
		{ "immutable dir", "d/n", FS_IMMUTABLE_FL },
		{ "append-only dir", "d/n", FS_APPEND_FL },
	};
	static const int ways[] = { O_WRONLY, O_RDWR, O_WRONLY | O_APPEND, O_RDWR | O_APPEND };
	static const int modes[] = { 0, 1, 3, 16 };
	static const int other_flags[] = { 0, FS_NOATIME_FL, FS_NODUMP_FL, FS_APPEND_FL, FS_IMMUTABLE_FL | FS_APPEND_FL };
	if (!rows_wanted("flags"))
		return;
	world = everything;
	world.prepare = prepare;
	world.unprepare = unprepare;
	for (size_t at = 0; at < 4; at++) {
		world_end();
		flagged = cases[at].path;
		flags = cases[at].flags;
		rows_of(looking_calls, cases[at].name);
		rows_of(changing_calls, cases[at].name);
		rows_of(making_calls, cases[at].name);
		for (size_t way = 0; way < 4; way++) {
			row(&world, BIT(ROOT) | BIT(OWNER), write_through, &ways[way], "flags: %s: write %o", cases[at].name,
			    (unsigned)ways[way]);
			row(&world, BIT(ROOT) | BIT(OWNER), map_shared, &ways[way], "flags: %s: mmap %o", cases[at].name,
			    (unsigned)ways[way]);
			row(&world, BIT(ROOT) | BIT(OWNER), allocate, &modes[way], "flags: %s: fallocate %d", cases[at].name,
			    modes[way]);
		}
		for (size_t other = 0; other < 5; other++)
			row(&world, ALL_USERS, change_flags, &other_flags[other], "flags: %s: chattr %x", cases[at].name,
			    (unsigned)other_flags[other]);
	}
	world_end();
}
