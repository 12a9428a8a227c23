/* SPDX-License-Identifier: MIT */
/* What the modes of directories and files let each user do, sticky directories included. */
#include "calls.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Set before each world is built. */
static mode_t directory_mode;
static uid_t directory_uid;
static mode_t file_mode;
static uid_t file_uid;

static void prepare(void)
{
	static const char *const files[] = { "d/f", "d/g", "d/p", "d/c" };
	for (size_t at = 0; at < sizeof files / sizeof files[0]; at++)
		if (chown(files[at], file_uid, OWNER_ID) != 0 || chmod(files[at], file_mode) != 0)
			err(2, "preparing %s", files[at]);
	if (lchown("d/l", file_uid, OWNER_ID) != 0 || chown("d/n", file_uid, OWNER_ID) != 0 || chown("d/e", file_uid, OWNER_ID) != 0)
		err(2, "preparing directories");
	if (chown("d", directory_uid, OWNER_ID) != 0 || chmod("d", directory_mode) != 0)
		err(2, "preparing d");
}

static const struct entry entries[] = {
	{ "d", 'd', 0755, 0, 0, NULL },
	{ "d/f", '-', 0644, 0, 0, NULL },
	{ "d/g", '-', 0644, 0, 0, NULL },
	{ "d/e", 'd', 0755, 0, 0, NULL },
	{ "d/n", 'd', 0755, 0, 0, NULL },
	{ "d/n/x", '-', 0644, 0, 0, NULL },
	{ "d/l", 'l', 0, 0, 0, "f" },
	{ "d/p", 'p', 0644, 0, 0, NULL },
	{ "d/c", 'c', 0644, 0, 0, NULL },
	{ "o", 'd', 0777, 0, 0, NULL },
	{ NULL, 0, 0, 0, 0, NULL },
};
static const char *const names[] = { "d/new", "o/new", "d/e/new", NULL };
static const struct world guarded = { entries, names, prepare, NULL, false };

/* What matters in a directory, and on which path. */
static const struct {
	const char *call;
	const char *path;
} of_directory[] = {
	{ "stat", "d/f" },
	{ "list", "d" },
	{ "chdir", "d" },
	{ "open R", "d/f" },
	{ "chmod", "d/f" },
	{ "chmod", "d" },
	{ "lchown user", "d/f" },
	{ "utimensat NULL", "d/f" },
	{ "utimensat NULL", "d" },
	{ "utimensat", "d" },
	{ "truncate", "d/f" },
	{ "open CREAT", "d/f" },
	{ "open CREAT", "d/new" },
	{ "open TMPFILE", "d" },
	{ "mkdir", "d/new" },
	{ "mkfifo", "d/new" },
	{ "mknod char", "d/new" },
	{ "symlink", "d/new" },
	{ "bind", "d/new" },
	{ "unlink", "d/f" },
	{ "unlink", "d/l" },
	{ "rmdir", "d/e" },
	{ "rmdir", "d/n" },
	{ "rename from", "d/f" },
	{ "rename from", "d/n" },
	{ "rename away", "d/f" },
	{ "rename away", "d/e" },
	{ "rename over file", "d/f" },
	{ "rename file to", "d/g" },
	{ "rename file to", "o/new" },
	{ "rename dir to", "d/e" },
	{ "rename dir to", "o/new" },
	{ "exchange with file", "d/f" },
	{ "EXCHANGE dir with", "o/new" },
	{ "link to", "d/new" },
	{ "link to", "o/new" },
	{ "link from", "d/f" },
	{ "setxattr", "d" },
};

/* What depends on the mode of the file itself. */
static const struct {
	const char *call;
	const char *path;
} of_file[] = {
	{ "access R", "d/f" },	    { "access W", "d/f" },	{ "access X", "d/f" },	 { "open R", "d/f" },
	{ "open W", "d/f" },	    { "open TRUNC", "d/f" },	{ "open CREAT", "d/f" }, { "truncate", "d/f" },
	{ "utimensat NULL", "d/f" }, { "utimensat", "d/f" },	{ "chmod", "d/f" },	 { "setxattr", "d/f" },
	{ "getxattr", "d/f" },	    { "listxattr", "d/f" },	{ "removexattr", "d/f" }, { "link from", "d/f" },
	{ "open R", "d/p" },	    { "open W", "d/p" },	{ "open W", "d/c" },	 { "lsetxattr trusted", "d/f" },
	{ "chown nothing", "d/f" }, { "chown group", "d/f" },	{ "open PATH", "d/f" },
};

static const struct path_call *named(const char *name)
{
	const struct path_call *lists[] = { looking_calls, changing_calls, making_calls };
	for (size_t list = 0; list < 3; list++)
		for (const struct path_call *call = lists[list]; call->name != NULL; call++)
			if (strcmp(call->name, name) == 0)
				return call;
	errx(2, "no call %s", name);
}

static const char *who(uid_t uid)
{
	return uid == 0 ? "root" : uid == OWNER_ID ? "owner" : "other";
}

static void directories(void)
{
	static const mode_t modes[] = { 0000, 0111, 0444, 0300, 0755, 0775, 0777, 0707, 0070, 01777, 01775, 02777 };
	static const struct {
		uid_t directory;
		uid_t file;
	} owners[] = { { OWNER_ID, OWNER_ID }, { 0, OWNER_ID }, { OWNER_ID, OTHER_ID }, { OTHER_ID, OTHER_ID }, { 0, 0 } };
	for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
		bool sticky = (modes[mode] & 01000) != 0;
		/* Who owns the files matters in sticky directories only. */
		size_t pairs = sticky ? sizeof owners / sizeof owners[0] : 1;
		for (size_t pair = 0; pair < pairs; pair++) {
			directory_mode = modes[mode];
			directory_uid = owners[pair].directory;
			file_mode = 0666;
			file_uid = owners[pair].file;
			world_spoil();
			for (size_t at = 0; at < sizeof of_directory / sizeof of_directory[0]; at++) {
				const struct asked asked = { named(of_directory[at].call), of_directory[at].path };
				row(&guarded, ALL_USERS, ask, &asked, "permissions: %04o of %s with files of %s: %s %s",
				    directory_mode, who(directory_uid), who(file_uid), of_directory[at].call,
				    of_directory[at].path);
			}
		}
	}
}

static void files(void)
{
	static const mode_t modes[] = { 0000, 0400, 0200, 0100, 0040, 0020, 0010, 0004, 0002, 0001, 0066, 0606, 0777 };
	directory_mode = 0755;
	directory_uid = OWNER_ID;
	file_uid = OWNER_ID;
	for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
		file_mode = modes[mode];
		world_spoil();
		for (size_t at = 0; at < sizeof of_file / sizeof of_file[0]; at++) {
			const struct asked asked = { named(of_file[at].call), of_file[at].path };
			row(&guarded, ALL_USERS, ask, &asked, "permissions: file %04o: %s %s", file_mode, of_file[at].call,
			    of_file[at].path);
		}
	}
}

void section_permissions(void)
{
	if (!rows_wanted("permissions"))
		return;
	directories();
	files();
}
