/* SPDX-License-Identifier: MIT */
/* The mode, owner and access list of what is made: umask, setgid directories, default access lists. */
#include "calls.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* struct posix_acl_xattr_entry of the kernel. */
struct acl_entry {
	uint16_t tag;
	uint16_t permissions;
	uint32_t id;
};

#define USER_OBJ 1
#define USER 2
#define GROUP_OBJ 4
#define GROUP 8
#define MASK 16
#define OTHERS 32
#define NOBODY UINT32_MAX

struct acl {
	const char *name;
	size_t count;
	struct acl_entry entries[6];
};

static const struct acl lists[] = {
	{ "no list", 0, { { 0, 0, 0 } } },
	{ "u::rwx,g::r-x,o::---", 3, { { USER_OBJ, 7, NOBODY }, { GROUP_OBJ, 5, NOBODY }, { OTHERS, 0, NOBODY } } },
	{ "u::rw-,u:extra:rwx,g::r-x,m::rwx,o::r--",
	  5,
	  { { USER_OBJ, 6, NOBODY },
	    { USER, 7, EXTRA_ID },
	    { GROUP_OBJ, 5, NOBODY },
	    { MASK, 7, NOBODY },
	    { OTHERS, 4, NOBODY } } },
	{ "u::r--,g::---,g:other:rwx,m::-w-,o::rwx",
	  5,
	  { { USER_OBJ, 4, NOBODY },
	    { GROUP_OBJ, 0, NOBODY },
	    { GROUP, 7, OTHER_ID },
	    { MASK, 2, NOBODY },
	    { OTHERS, 7, NOBODY } } },
};

static size_t encode(const struct acl *list, unsigned char *bytes)
{
	uint32_t version = 2;
	memcpy(bytes, &version, 4);
	memcpy(bytes + 4, list->entries, list->count * sizeof(struct acl_entry));
	return 4 + list->count * sizeof(struct acl_entry);
}

static const struct acl *default_list = &lists[0];
static mode_t directory_mode;

static void prepare(void)
{
	unsigned char bytes[64];
	if (chmod("d", directory_mode) != 0)
		err(2, "preparing");
	if (default_list->count > 0 &&
	    setxattr("d", "system.posix_acl_default", bytes, encode(default_list, bytes), 0) != 0)
		err(2, "the default list");
}

static const struct entry entries[] = {
	{ "d", 'd', 0777, OWNER_ID, OWNER_ID, NULL },
	{ "d/f", '-', 0666, OTHER_ID, OTHER_ID, NULL },
	{ "d/e", 'd', 0777, OTHER_ID, OTHER_ID, NULL },
	{ NULL, 0, 0, 0, 0, NULL },
};
static const char *const names[] = { "d/new", NULL };
static const struct world world = { entries, names, prepare, NULL, false };

struct making {
	char type;
	mode_t mode;
	mode_t umask;
};

/* The number of bytes of the lists of what was made stands in the result: the access list, then the default list. */
static long make(const void *context)
{
	const struct making *making = context;
	umask(making->umask);
	long result;
	switch (making->type) {
	case 'd':
		result = outcome(mkdir("d/new", making->mode));
		break;
	case 'l':
		result = outcome(symlink("target", "d/new"));
		break;
	case 't': {
		int fd = open("d", O_TMPFILE | O_RDWR, making->mode);
		char path[64];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		result = fd < 0 ? -(long)errno : outcome(linkat(AT_FDCWD, path, AT_FDCWD, "d/new", AT_SYMLINK_FOLLOW));
		close(fd);
		break;
	}
	case 'p':
		result = outcome(mknod("d/new", S_IFIFO | making->mode, 0));
		break;
	case 's':
		result = outcome(mknod("d/new", S_IFSOCK | making->mode, 0));
		break;
	case 'c':
		result = outcome(mknod("d/new", S_IFCHR | making->mode, makedev(1, 3)));
		break;
	case 'n':
		result = outcome(mknod("d/new", S_IFREG | making->mode, 0));
		break;
	default:
		result = opened(open("d/new", O_CREAT | O_WRONLY, making->mode));
	}
	umask(022);
	if (result == 0 && making->type != 'l') {
		ssize_t access = getxattr("d/new", "system.posix_acl_access", NULL, 0);
		ssize_t defaults = getxattr("d/new", "system.posix_acl_default", NULL, 0);
		if (access > 0 || defaults > 0)
			result = (access > 0 ? access : 0) * 1000 + (defaults > 0 ? defaults : 0);
	}
	return result;
}

static void making(void)
{
	static const mode_t directory_modes[] = { 0777, 02777, 01777, 03777 };
	static const mode_t modes[] = { 0666, 0777, 0000, 07777, 02755, 02766, 04711 };
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	static const char types[] = "-dlptscn";
	for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++) {
		for (size_t directory = 0; directory < 4; directory++) {
			default_list = &lists[list];
			directory_mode = directory_modes[directory];
			world_spoil();
			for (const char *type = types; *type != '\0'; type++) {
				for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
					for (size_t mask = 0; mask < 4; mask++) {
						/* The rest of the square says nothing that these do not say. */
						if ((*type == 'l' && mode + mask > 0) || (list + directory > 1 && mask > 1))
							continue;
						if (strchr("psc", *type) != NULL && (mask != 1 || (mode != 0 && mode != 3)))
							continue;
						const struct making it = { *type, modes[mode], masks[mask] };
						row(&world, BIT(ROOT) | BIT(OWNER) | BIT(EXTRA) | BIT(OTHER), make, &it,
						    "creation: in %04o with %s: %c %04o, umask %03o", directory_mode,
						    default_list->name, *type, modes[mode], masks[mask]);
					}
				}
			}
		}
	}
}

/* ---- access lists decide, and follow chmod ---- */

static const struct acl *own_list;

static void prepare_list(void)
{
	unsigned char bytes[64];
	if (chown("d/f", OWNER_ID, OWNER_ID) != 0 || chown("d/e", OWNER_ID, OWNER_ID) != 0)
		err(2, "preparing");
	size_t size = encode(own_list, bytes);
	if (setxattr("d/f", "system.posix_acl_access", bytes, size, 0) != 0 ||
	    setxattr("d/e", "system.posix_acl_access", bytes, size, 0) != 0)
		err(2, "the access list");
}

static const struct world listed = { entries, names, prepare_list, NULL, false };

struct listing {
	const char *path;
	const char *name;
	const struct acl *list;
	mode_t mode;
};

static long set_list(const void *context)
{
	const struct listing *listing = context;
	unsigned char bytes[64];
	if (listing->list == NULL)
		return outcome(removexattr(listing->path, listing->name));
	return outcome(setxattr(listing->path, listing->name, bytes, encode(listing->list, bytes), 0));
}

/* The list after a chmod(2), as one digit for each entry. */
static long chmod_listed(const void *context)
{
	const struct listing *listing = context;
	long result = outcome(chmod(listing->path, listing->mode));
	unsigned char bytes[64];
	ssize_t size = getxattr(listing->path, "system.posix_acl_access", bytes, sizeof bytes);
	for (ssize_t at = 4; result >= 0 && at < size; at += 8)
		result = result * 10 + bytes[at + 2];
	return result;
}

static long open_listed(const void *context)
{
	const struct listing *listing = context;
	return opened(open(listing->path, (int)listing->mode));
}

static void deciding(void)
{
	static const struct acl bad[] = {
		{ "without others", 2, { { USER_OBJ, 7, NOBODY }, { GROUP_OBJ, 5, NOBODY } } },
		{ "without a mask",
		  4,
		  { { USER_OBJ, 7, NOBODY }, { USER, 7, EXTRA_ID }, { GROUP_OBJ, 5, NOBODY }, { OTHERS, 0, NOBODY } } },
		{ "in the wrong order", 3, { { OTHERS, 7, NOBODY }, { GROUP_OBJ, 5, NOBODY }, { USER_OBJ, 0, NOBODY } } },
		{ "with an unknown tag", 3, { { USER_OBJ, 7, NOBODY }, { 64, 5, NOBODY }, { OTHERS, 0, NOBODY } } },
		{ "with permissions of 8", 3, { { USER_OBJ, 8, NOBODY }, { GROUP_OBJ, 5, NOBODY }, { OTHERS, 0, NOBODY } } },
		{ "empty", 0, { { 0, 0, 0 } } },
	};
	static const char *const kinds[] = { "system.posix_acl_access", "system.posix_acl_default" };
	static const char *const paths[] = { "d/f", "d/e" };
	static const mode_t modes[] = { 0000, 0777, 0640, 0404, 02070 };
	for (size_t list = 1; list < sizeof lists / sizeof lists[0]; list++) {
		own_list = &lists[list];
		world_spoil();
		for (size_t path = 0; path < 2; path++) {
			for (int flags = O_RDONLY; flags <= O_RDWR; flags++) {
				const struct listing it = { paths[path], NULL, NULL, (mode_t)flags };
				row(&listed, ALL_USERS, open_listed, &it, "lists: open %s %d with %s", paths[path], flags,
				    own_list->name);
			}
			for (size_t mode = 0; mode < 5; mode++) {
				const struct listing it = { paths[path], NULL, NULL, modes[mode] };
				row(&listed, ALL_USERS, chmod_listed, &it, "lists: chmod %s %04o with %s", paths[path],
				    modes[mode], own_list->name);
			}
			for (size_t kind = 0; kind < 2; kind++) {
				for (size_t other = 0; other < sizeof lists / sizeof lists[0]; other++) {
					const struct listing it = { paths[path], kinds[kind],
								    other == 0 ? NULL : &lists[other], 0 };
					row(&listed, ALL_USERS, set_list, &it, "lists: %s of %s with %s becomes %s",
					    kinds[kind], paths[path], own_list->name, lists[other].name);
				}
				for (size_t other = 0; other < sizeof bad / sizeof bad[0]; other++) {
					const struct listing it = { paths[path], kinds[kind], &bad[other], 0 };
					row(&listed, BIT(ROOT) | BIT(OWNER), set_list, &it, "lists: %s of %s with %s becomes one %s",
					    kinds[kind], paths[path], own_list->name, bad[other].name);
				}
			}
		}
	}
}

void section_creation(void)
{
	if (rows_wanted("creation"))
		making();
	if (rows_wanted("lists"))
		deciding();
}
