/* SPDX-License-Identifier: MIT */
/* Every call on every kind of path: what is missing, is no directory, is too long, goes round in a circle. */
#include "calls.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static char name_255[2 + 256];
static char name_256[2 + 257];
static char path_longest[PATH_MAX];
static char path_too_long[PATH_MAX + 1];
static char long_missing[PATH_MAX];

struct situation {
	const char *name;
	const char *path;
	/** Without a row for each user: what matters is the path. */
	bool rootly;
};

static const struct situation situations[] = {
	{ "file", "d/f", false },
	{ "empty dir", "d/e", false },
	{ "full dir", "d/n", false },
	{ "link to file", "d/l", false },
	{ "link to dir", "d/k", false },
	{ "dangling link", "d/z", false },
	{ "link to itself", "d/y", false },
	{ "fifo", "d/p", false },
	{ "socket", "d/s", false },
	{ "char device", "d/c", false },
	{ "block device", "d/b", false },
	{ "missing", "d/new", false },
	{ "missing in missing", "d/nowhere/new", true },
	{ "missing in file", "d/f/new", false },
	{ "missing in fifo", "d/p/new", true },
	{ "missing in link to file", "d/l/new", true },
	{ "missing in link to dir", "d/k/new", false },
	{ "missing in dangling link", "d/z/new", true },
	{ "missing in link to itself", "d/y/new", true },
	{ "file/", "d/f/", false },
	{ "empty dir/", "d/e/", false },
	{ "full dir/", "d/n/", true },
	{ "link to file/", "d/l/", true },
	{ "link to dir/", "d/k/", false },
	{ "dangling link/", "d/z/", true },
	{ "link to itself/", "d/y/", true },
	{ "fifo/", "d/p/", true },
	{ "char device/", "d/c/", true },
	{ "missing/", "d/new/", false },
	{ "missing//", "d/new//", true },
	{ "dir/.", "d/e/.", false },
	{ "dir/..", "d/e/..", false },
	{ "full dir/..", "d/n/..", true },
	{ "file/.", "d/f/.", true },
	{ "file/..", "d/f/..", true },
	{ "missing/.", "d/new/.", true },
	{ "missing/..", "d/new/..", true },
	{ "link to dir/.", "d/k/.", true },
	{ ".", ".", true },
	{ "..", "..", true },
	{ "root", "/", true },
	{ "empty path", "", false },
	{ "NULL", NULL, true },
	{ "bad address", (const char *)1, true },
	{ "name of 255", name_255, true },
	{ "name of 256", name_256, true },
	{ "path of 4095", path_longest, true },
	{ "missing path of 4095", long_missing, true },
	{ "path of 4096", path_too_long, true },
};

static bool is_text(const char *path)
{
	return (uintptr_t)path > 1;
}

static void prepare_paths(void)
{
	strcpy(name_255, "d/");
	memset(name_255 + 2, 'n', 255);
	strcpy(name_256, "d/");
	memset(name_256 + 2, 'n', 256);
	for (size_t at = 0; at < PATH_MAX - 1; at++)
		path_longest[at] = at % 2 == 0 ? '.' : '/';
	memcpy(long_missing, path_longest, sizeof long_missing);
	memcpy(path_too_long, path_longest, sizeof path_longest);
	memcpy(path_longest + PATH_MAX - 4, "d/f", 3);
	memcpy(long_missing + PATH_MAX - 6, "d/new", 5);
	path_longest[PATH_MAX - 5] = '/';
	long_missing[PATH_MAX - 7] = '/';
	path_too_long[PATH_MAX - 1] = '/';
}

static void rows_of(const struct path_call *calls)
{
	for (const struct path_call *call = calls; call->name != NULL; call++) {
		for (size_t at = 0; at < sizeof situations / sizeof situations[0]; at++) {
			const struct situation *situation = &situations[at];
			const struct asked asked = { call, situation->path };
			/* What strlen(3) would fail on. */
			bool measures = strcmp(call->name, "bind") == 0 || strcmp(call->name, "connect") == 0;
			if (measures && !is_text(situation->path))
				continue;
			/* What is outside of the world is another thing on each machine. */
			bool outside = strcmp(situation->name, "..") == 0 || strcmp(situation->name, "root") == 0;
			if (outside && (calls == changing_calls || strcmp(call->name, "list") == 0))
				continue;
			world_watch(is_text(situation->path) ? situation->path : NULL, NULL);
			row(&everything, situation->rootly ? BIT(ROOT) : ALL_USERS, ask, &asked, "paths: %s: %s",
			    call->name, situation->name);
		}
	}
}

void section_paths(void)
{
	if (!rows_wanted("paths"))
		return;
	prepare_paths();
	rows_of(looking_calls);
	rows_of(changing_calls);
	rows_of(making_calls);
}
