/* SPDX-License-Identifier: MIT */
/* Extended attributes: names, sizes, flags, types of files, users. */
#include "table.h"

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static void prepare(void)
{
	static const char *const paths[] = { "d/f", "d/e" };
	for (int path = 0; path < 2; path++)
		if (setxattr(paths[path], "user.there", "12345", 5, 0) != 0 ||
		    setxattr(paths[path], "trusted.there", "12345", 5, 0) != 0 ||
		    setxattr(paths[path], "security.there", "12345", 5, 0) != 0)
			err(2, "preparing");
}

static struct world world;

struct attribute {
	const char *path;
	const char *name;
	int flags;
	size_t size;
	bool followed;
};

static long set(const void *context)
{
	static char value[65537 + 1];
	const struct attribute *it = context;
	return outcome(it->followed ? setxattr(it->path, it->name, value, it->size, it->flags)
				    : lsetxattr(it->path, it->name, value, it->size, it->flags));
}

static long get(const void *context)
{
	static char value[65537 + 1];
	const struct attribute *it = context;
	return outcome(it->followed ? getxattr(it->path, it->name, value, it->size)
				    : lgetxattr(it->path, it->name, value, it->size));
}

static long drop(const void *context)
{
	const struct attribute *it = context;
	return outcome(it->followed ? removexattr(it->path, it->name) : lremovexattr(it->path, it->name));
}

/* The names one after the other, as their sum: order does not matter. */
static long list(const void *context)
{
	static char names[4096];
	const struct attribute *it = context;
	long length = outcome(it->followed ? listxattr(it->path, names, it->size) : llistxattr(it->path, names, it->size));
	if (it->size == 0 || length < 0)
		return length;
	long sum = length;
	for (long at = 0; at < length; at++)
		sum += names[at];
	return sum;
}

void section_attributes(void)
{
	static char longest[256 + 8], too_long[257 + 8];
	static const char *const paths[] = { "d/f", "d/e", "d/l", "d/p", "d/s", "d/c" };
	const char *const names[] = { "user.there",	"user.none",  "trusted.there", "trusted.none", "security.there", "security.none",
				      "system.none",	"other.none", "user.",	       "user",	       "",		 "trusted.",
				      "security.",	longest,      too_long,	       "user.\xff\x01 b/c", "USER.none", "none" };
	static const size_t sizes[] = { 0, 1, 5, 2000 };
	if (!rows_wanted("attributes"))
		return;
	memset(longest, 'n', 255);
	memcpy(longest, "user.", 5);
	memset(too_long, 'n', 256);
	memcpy(too_long, "user.", 5);
	world = everything;
	world.prepare = prepare;
	for (size_t path = 0; path < 6; path++) {
		for (size_t name = 0; name < sizeof names / sizeof names[0]; name++) {
			const char *told = names[name] == longest ? "(255 bytes)" : names[name] == too_long ? "(256 bytes)" :
					   strchr(names[name], ' ') != NULL ? "(no text)" : names[name];
			for (int followed = 0; followed < 2; followed++) {
				const char *l = followed ? "" : "l";
				if (!followed && path != 2)
					continue;
				for (int flags = 0; flags < 4; flags++) {
					struct attribute it = { paths[path], names[name], flags, 5, followed };
					row(&world, ALL_USERS, set, &it, "attributes: %ssetxattr %s \"%s\" %d", l, paths[path], told,
					    flags);
				}
				for (size_t size = 0; size < 4; size++) {
					struct attribute it = { paths[path], names[name], 0, sizes[size], followed };
					row(&world, ALL_USERS, get, &it, "attributes: %sgetxattr %s \"%s\" into %zu", l,
					    paths[path], told, sizes[size]);
					if (path < 1)
						row(&world, BIT(ROOT) | BIT(OWNER), set, &it,
						    "attributes: %ssetxattr %s \"%s\" of %zu", l, paths[path], told, sizes[size]);
				}
				struct attribute it = { paths[path], names[name], 0, 0, followed };
				row(&world, ALL_USERS, drop, &it, "attributes: %sremovexattr %s \"%s\"", l, paths[path], told);
			}
		}
		static const size_t rooms[] = { 0, 1, 11, 1000 };
		for (size_t room = 0; room < 4; room++)
			for (int followed = 0; followed < 2; followed++) {
				struct attribute it = { paths[path], NULL, 0, rooms[room], followed };
				row(&world, ALL_USERS, list, &it, "attributes: %slistxattr %s into %zu", followed ? "" : "l",
				    paths[path], rooms[room]);
			}
	}
	struct attribute vast = { "d/f", "user.vast", 0, 65537, true };
	row(&world, BIT(ROOT), set, &vast, "attributes: setxattr of 65,537 bytes");
	vast.flags = 4;
	row(&world, BIT(ROOT), set, &vast, "attributes: setxattr with an unknown flag");
}
