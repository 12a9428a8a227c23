/* SPDX-License-Identifier: MIT */
/* What takes the suid and sgid bits away, and the capabilities of a program. */
#include "table.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

static mode_t mode;
static bool capable;

static void prepare(void)
{
	/* struct vfs_cap_data, revision 2: cap_net_bind_service, permitted. */
	static const uint32_t capability[5] = { 0x02000000, 1u << 10, 0, 0, 0 };
	if (capable && setxattr("d/f", "security.capability", capability, sizeof capability, 0) != 0)
		err(2, "the capability");
	if (chmod("d/f", mode) != 0)
		err(2, "preparing");
}

static const struct entry entries[] = {
	{ "d", 'd', 0777, OWNER_ID, OWNER_ID, NULL },
	{ "d/f", '-', 0666, OWNER_ID, OWNER_ID, NULL },
	{ "d/g", '-', 0666, OWNER_ID, OWNER_ID, NULL },
	{ NULL, 0, 0, 0, 0, NULL },
};
static const char *const names[] = { "d/new", NULL };
static const struct world world = { entries, names, prepare, NULL, false };

static long on_file(int flags, long (*use)(int fd))
{
	int fd = open("d/f", flags);
	if (fd < 0)
		return -(long)errno;
	long result = use(fd);
	close(fd);
	/* Whether the file still has its capability. */
	return result == 0 && capable && getxattr("d/f", "security.capability", NULL, 0) > 0 ? 1 : result;
}

static long nothing(int fd)
{
	(void)fd;
	return 0;
}

static long write_one(int fd)
{
	return outcome(write(fd, "x", 1)) < 0 ? -(long)errno : 0;
}

static long write_none(int fd)
{
	return outcome(write(fd, "x", 0));
}

static long truncate_less(int fd)
{
	return outcome(ftruncate(fd, 2));
}

static long truncate_same(int fd)
{
	return outcome(ftruncate(fd, 8));
}

static long truncate_more(int fd)
{
	return outcome(ftruncate(fd, 5000));
}

static long allocate(int fd)
{
	return outcome(fallocate(fd, 0, 0, 100));
}

static long punch(int fd)
{
	return outcome(fallocate(fd, 3, 0, 4));
}

static long copy_over(int fd)
{
	int from = open("d/g", O_RDONLY);
	long result = outcome(copy_file_range(from, NULL, fd, NULL, 4, 0)) < 0 ? -(long)errno : 0;
	close(from);
	return result;
}

static long store(int fd)
{
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -(long)errno;
	memory[0] = 'X';
	long result = outcome(msync(memory, 4096, MS_SYNC));
	munmap(memory, 4096);
	return result;
}

struct use {
	const char *name;
	int flags;
	long (*use)(int fd);
};

static long use_it(const void *context)
{
	const struct use *use = context;
	return on_file(use->flags, use->use);
}

static long truncate_path(const void *context)
{
	(void)context;
	return outcome(truncate("d/f", 2));
}

static long chown_path(const void *context)
{
	(void)context;
	return outcome(chown("d/f", (uid_t)-1, (gid_t)-1));
}

static long link_path(const void *context)
{
	(void)context;
	return outcome(link("d/f", "d/new"));
}

static long times_path(const void *context)
{
	(void)context;
	return outcome(utimensat(AT_FDCWD, "d/f", NULL, 0));
}

static long xattr_path(const void *context)
{
	(void)context;
	return outcome(setxattr("d/f", "user.a", "b", 1, 0));
}

void section_privileges(void)
{
	static const mode_t modes[] = { 04777, 02777, 06777, 02767, 06767, 06666, 04666, 07777 };
	static const struct use uses[] = {
		{ "open for writing", O_RDWR, nothing },
		{ "open TRUNC", O_RDWR | O_TRUNC, nothing },
		{ "write", O_RDWR, write_one },
		{ "append", O_WRONLY | O_APPEND, write_one },
		{ "write of nothing", O_RDWR, write_none },
		{ "write DSYNC", O_RDWR | O_DSYNC, write_one },
		{ "ftruncate to less", O_RDWR, truncate_less },
		{ "ftruncate to the same", O_RDWR, truncate_same },
		{ "ftruncate to more", O_RDWR, truncate_more },
		{ "fallocate", O_RDWR, allocate },
		{ "punching", O_RDWR, punch },
		{ "copy_file_range", O_RDWR, copy_over },
		{ "store", O_RDWR, store },
	};
	if (!rows_wanted("privileges"))
		return;
	for (int with = 0; with < 2; with++) {
		for (size_t at = 0; at < sizeof modes / sizeof modes[0]; at++) {
			if (with && at > 0)
				continue;
			mode = modes[at];
			capable = with;
			world_spoil();
			const char *also = with ? " with a capability" : "";
			for (size_t use = 0; use < sizeof uses / sizeof uses[0]; use++)
				row(&world, ALL_USERS, use_it, &uses[use], "privileges: %04o%s: %s", mode, also, uses[use].name);
			row(&world, ALL_USERS, truncate_path, NULL, "privileges: %04o%s: truncate", mode, also);
			row(&world, ALL_USERS, chown_path, NULL, "privileges: %04o%s: chown to nobody else", mode, also);
			row(&world, ALL_USERS, link_path, NULL, "privileges: %04o%s: link", mode, also);
			row(&world, ALL_USERS, times_path, NULL, "privileges: %04o%s: times", mode, also);
			row(&world, ALL_USERS, xattr_path, NULL, "privileges: %04o%s: setxattr", mode, also);
		}
	}
}
