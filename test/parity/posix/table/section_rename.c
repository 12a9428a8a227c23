/* SPDX-License-Identifier: MIT */
/* rename(2) and link(2) between every two types of file, within a directory and across. */
#include "table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *name;
	const char *from;
	const char *to;
} paths[] = {
	{ "file", "d/f", "o/f" },	    { "other name of it", "d/h", "o/h" }, { "empty dir", "d/e", "o/e" },
	{ "full dir", "d/n", "o/n" },	    { "link", "d/l", "o/l" },	 { "link to dir", "d/k", "o/k" },
	{ "dangling link", "d/z", "o/z" },  { "fifo", "d/p", "o/p" },	 { "socket", "d/s", "o/s" },
	{ "device", "d/c", "o/c" },	    { "missing", "d/new", "o/new" }, { "dir itself", "d", "o" },
	{ "below dir", "d/n/x", "o/n/x" }, { "new in full dir", "d/n/new", "o/n/new" }, { "full dir/", "d/n/", "o/n/" },
	{ "file/", "d/f/", "o/f/" },	    { "missing/", "d/new/", "o/new/" }, { "dir/.", "d/e/.", "o/e/." },
	{ "dir/..", "d/e/..", "o/e/.." },   { "below empty dir", "d/e/new", "o/e/new" },
};
#define PATHS (sizeof paths / sizeof paths[0])

static const struct entry entries[] = {
	{ "d", 'd', 0755, OWNER_ID, OWNER_ID, NULL },	 { "d/f", '-', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/e", 'd', 0755, OWNER_ID, OWNER_ID, NULL },	 { "d/n", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "d/n/x", '-', 0644, OWNER_ID, OWNER_ID, NULL }, { "d/l", 'l', 0, OWNER_ID, OWNER_ID, "f" },
	{ "d/k", 'l', 0, OWNER_ID, OWNER_ID, "e" },	 { "d/z", 'l', 0, OWNER_ID, OWNER_ID, "nowhere" },
	{ "d/p", 'p', 0644, OWNER_ID, OWNER_ID, NULL },	 { "d/s", 's', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/c", 'c', 0644, OWNER_ID, OWNER_ID, NULL },	 { "o", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "o/f", '-', 0644, OWNER_ID, OWNER_ID, NULL },	 { "o/e", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "o/n", 'd', 0755, OWNER_ID, OWNER_ID, NULL },	 { "o/n/x", '-', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "o/l", 'l', 0, OWNER_ID, OWNER_ID, "f" },	 { "o/k", 'l', 0, OWNER_ID, OWNER_ID, "e" },
	{ "o/z", 'l', 0, OWNER_ID, OWNER_ID, "nowhere" }, { "o/p", 'p', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "o/s", 's', 0644, OWNER_ID, OWNER_ID, NULL },	 { "o/c", 'c', 0644, OWNER_ID, OWNER_ID, NULL },
	{ NULL, 0, 0, 0, 0, NULL },
};
static const char *const names[] = { "d/h", "o/h", "d/new", "o/new", "d/n/new", "o/n/new", "d/e/new", "o/e/new", NULL };

static void prepare(void)
{
	if (link("d/f", "d/h") != 0 || link("o/f", "o/h") != 0)
		perror("linking");
}

static const struct world pairs = { entries, names, prepare, NULL, false };

struct move {
	const char *from;
	const char *to;
	int flags;
};

static long move(const void *context)
{
	const struct move *it = context;
	return outcome(renameat2(AT_FDCWD, it->from, AT_FDCWD, it->to, it->flags));
}

static long hold(const void *context)
{
	const struct move *it = context;
	return outcome(linkat(AT_FDCWD, it->from, AT_FDCWD, it->to, it->flags));
}

/* With both held open: what was replaced lives on without a name. */
static long move_opened(const void *context)
{
	const struct move *it = context;
	struct stat stat;
	int from = open(it->from, O_RDONLY | O_NONBLOCK);
	int to = open(it->to, O_RDONLY | O_NONBLOCK);
	long result = outcome(rename(it->from, it->to));
	if (result == 0 && to >= 0 && fstat(to, &stat) == 0)
		result = 1000 + (long)stat.st_nlink;
	if (result >= 1000 && from >= 0 && fstat(from, &stat) == 0)
		result = result * 1000 + (long)stat.st_nlink;
	close(from);
	close(to);
	return result;
}

void section_rename(void)
{
	static const struct {
		const char *name;
		int flags;
	} ways[] = { { "", 0 }, { "NOREPLACE ", RENAME_NOREPLACE }, { "EXCHANGE ", RENAME_EXCHANGE },
		     { "both ", RENAME_NOREPLACE | RENAME_EXCHANGE } };
	if (!rows_wanted("rename"))
		return;
	for (size_t from = 0; from < PATHS; from++) {
		for (size_t to = 0; to < PATHS; to++) {
			for (int across = 0; across < 2; across++) {
				const char *target = across ? paths[to].to : paths[to].from;
				const char *where = across ? "elsewhere" : "here";
				for (size_t way = 0; way < 4; way++) {
					const struct move it = { paths[from].from, target, ways[way].flags };
					if (way == 3 && from + to > 4)
						continue;
					row(&pairs, BIT(ROOT), move, &it, "rename: %s%s to %s %s", ways[way].name,
					    paths[from].name, paths[to].name, where);
				}
				const struct move opened_ = { paths[from].from, target, 0 };
				if (from < 10 && to < 10)
					row(&pairs, BIT(ROOT), move_opened, &opened_, "rename: opened %s to %s %s",
					    paths[from].name, paths[to].name, where);
				const struct move plain = { paths[from].from, target, 0 };
				const struct move follow = { paths[from].from, target, AT_SYMLINK_FOLLOW };
				row(&pairs, BIT(ROOT), hold, &plain, "link: %s to %s %s", paths[from].name, paths[to].name, where);
				row(&pairs, BIT(ROOT), hold, &follow, "link: FOLLOW %s to %s %s", paths[from].name,
				    paths[to].name, where);
			}
		}
	}
}
