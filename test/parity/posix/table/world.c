/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define MAX_WATCHED 64
/** Access and modification times of everything in a new world: long ago, so that whatever moves them shows. */
#define LONG_AGO 1000000000
#define CONTENT "content\n"
#define PLACE "world"

static const struct entry everything_entries[] = {
	{ "d", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "d/f", '-', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/g", '-', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/e", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "d/n", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "d/n/x", '-', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/l", 'l', 0, OWNER_ID, OWNER_ID, "f" },
	{ "d/k", 'l', 0, OWNER_ID, OWNER_ID, "e" },
	{ "d/z", 'l', 0, OWNER_ID, OWNER_ID, "nowhere" },
	{ "d/y", 'l', 0, OWNER_ID, OWNER_ID, "y" },
	{ "d/p", 'p', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/s", 's', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/c", 'c', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/b", 'b', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "o", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ NULL, 0, 0, 0, 0, NULL },
};
static const struct entry small_entries[] = {
	{ "d", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "d/f", '-', 0644, OWNER_ID, OWNER_ID, NULL },
	{ "d/e", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "d/l", 'l', 0, OWNER_ID, OWNER_ID, "f" },
	{ NULL, 0, 0, 0, 0, NULL },
};
static const char *const usual_names[] = { "d/new", "d/e/new", "d/nowhere", "o/new", NULL };
static const char *const small_names[] = { "d/new", NULL };

const struct world everything = { everything_entries, usual_names, NULL, NULL, false };
const struct world small = { small_entries, small_names, NULL, NULL, false };

struct state {
	const char *path;
	/** What it is called in a row. */
	const char *label;
	bool there;
	struct stat stat;
};

static const struct world *current;
static bool spoilt;
static bool owns_clock;
/** The directory of the world itself was what a call was about: the next world needs another one. */
static bool place_used;
static struct state before[MAX_WATCHED];
static unsigned watched;
static unsigned own;
static const char *awaited[2];
static char text[1024];

/*
 * Made by whom it is to belong to: that saves two calls of three on a filesystem that is slow to ask. Who owns what does not
 * lie deeper, or what only root can make, is told afterwards.
 */
static void make(const struct entry *entry)
{
	const char *path = entry->path;
	bool is_device = entry->type == 'c' || entry->type == 'b';
	bool given = entry->uid != 0 && (is_device || strchr(path, '/') == NULL);
	int result = -1;
	if (!given) {
		setfsgid(entry->gid);
		setfsuid(entry->uid);
	}
	switch (entry->type) {
	case 'd':
		result = mkdir(path, entry->mode);
		break;
	case 'l':
		result = symlink(entry->target, path);
		break;
	case 'p':
		result = mknod(path, S_IFIFO | entry->mode, 0);
		break;
	case 's':
		result = mknod(path, S_IFSOCK | entry->mode, 0);
		break;
	case 'c':
		result = mknod(path, S_IFCHR | entry->mode, makedev(1, 3));
		break;
	case 'b':
		/* No driver has this number: opening it is ENXIO and touches no disk. */
		result = mknod(path, S_IFBLK | entry->mode, makedev(240, 70000));
		break;
	default: {
		int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, entry->mode);
		if (fd >= 0 && write(fd, CONTENT, strlen(CONTENT)) == (ssize_t)strlen(CONTENT))
			result = close(fd);
	}
	}
	if (result != 0)
		err(2, "making %s", path);
	if (!given) {
		setfsuid(0);
		setfsgid(0);
	} else if (lchown(path, entry->uid, entry->gid) != 0) {
		err(2, "giving %s away", path);
	}
}

static void look(struct state *into, const char *path, const char *label)
{
	into->path = path;
	into->label = label;
	into->there = lstat(path, &into->stat) == 0;
}

static void build(void)
{
	static const struct timespec old[2] = { { LONG_AGO, 0 }, { LONG_AGO, 0 } };
	umask(0);
	for (const struct entry *entry = current->entries; entry->path != NULL; entry++)
		make(entry);
	umask(022);
	if (current->prepare != NULL)
		current->prepare();
	own = 0;
	for (const struct entry *entry = current->entries; entry->path != NULL; entry++) {
		if (current->atimes)
			utimensat(AT_FDCWD, entry->path, old, AT_SYMLINK_NOFOLLOW);
		look(&before[own++], entry->path, entry->path);
	}
	for (const char *const *more = current->more; *more != NULL; more++)
		look(&before[own++], *more, *more);
	watched = own;
	spoilt = false;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

/* What a row knows of goes by its name; what is left then (a file moved where nobody looked) is searched for. */
static void clear(void)
{
	for (unsigned at = watched; at-- > 0;) {
		struct stat is;
		if (lstat(before[at].path, &is) == 0 && !S_ISDIR(is.st_mode))
			unlink(before[at].path);
	}
	bool left = false;
	for (const struct entry *entry = current->entries; entry->path != NULL; entry++)
		left |= strchr(entry->path, '/') == NULL && rmdir(entry->path) != 0;
	if (left && nftw(".", remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		err(2, "removing a world");
}

void world_end(void)
{
	if (current == NULL)
		return;
	if (current->unprepare != NULL)
		current->unprepare();
	clear();
	current = NULL;
	if (chdir("..") != 0 || rmdir(PLACE) != 0)
		err(2, "leaving a world");
}

/* The same directory and names each time: what the kernel remembers as missing need not be asked for again. */
static void rebuild(const struct world *world)
{
	if (place_used)
		world_end();
	place_used = false;
	if (current == NULL) {
		if (mkdir(PLACE, 0755) != 0 || chdir(PLACE) != 0)
			err(2, "making %s", PLACE);
	} else {
		if (current->unprepare != NULL)
			current->unprepare();
		clear();
	}
	current = world;
	build();
}

void world_watch(const char *one, const char *two)
{
	awaited[0] = one;
	awaited[1] = two;
}

static void watch_awaited(void)
{
	static const char *const labels[2] = { "PATH", "PATH2" };
	watched = own;
	for (int i = 0; i < 2; i++) {
		place_used |= awaited[i] != NULL && strcmp(awaited[i], ".") == 0;
		bool known = awaited[i] == NULL;
		for (unsigned at = 0; at < watched && !known; at++)
			known = strcmp(before[at].path, awaited[i]) == 0;
		if (!known)
			look(&before[watched++], awaited[i], labels[i]);
	}
}

void world_own_clock(void)
{
	owns_clock = true;
}

/* The clock that files get their times from may stand still between two ticks: setting it brings it on. */
static void pass_time(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_nsec += 1000000;
	if (now.tv_nsec >= 1000000000) {
		now.tv_sec++;
		now.tv_nsec -= 1000000000;
	}
	if (clock_settime(CLOCK_REALTIME, &now) != 0)
		err(2, "setting the clock");
}

void world_begin(const struct world *world)
{
	bool is_new = current != world || spoilt;
	if (is_new)
		rebuild(world);
	if (is_new && owns_clock)
		pass_time();
	watch_awaited();
}

void world_spoil(void)
{
	spoilt = true;
}

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	size_t used = strlen(text);
	va_list words;
	va_start(words, format);
	vsnprintf(text + used, sizeof text - used, format, words);
	va_end(words);
}

/* Both clocks are finer than a call: ext4 takes care that a time which somebody has seen differs from the next one. */
static bool differs(const struct timespec *one, const struct timespec *two)
{
	return one->tv_sec != two->tv_sec || one->tv_nsec != two->tv_nsec;
}

static char letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	default:
		return '-';
	}
}

static bool is_given(const struct timespec *time)
{
	return time->tv_sec < LONG_AGO + 100000000 || time->tv_sec > 2000000000;
}

/* A time that a call has set is told as it is; one of now depends on the clock. */
static void tell_time(char name, const struct timespec *time)
{
	if (is_given(time))
		tell("%c=%lld.%09ld", name, (long long)time->tv_sec - LONG_AGO, time->tv_nsec);
	else
		tell("%c", name);
}

static void compare(const char *path, const struct stat *was, const struct stat *is)
{
	size_t start = strlen(text);
	tell(" %s:", path);
	size_t empty = strlen(text);
	if (was->st_mode != is->st_mode)
		tell("%04o,", is->st_mode & 07777);
	if (was->st_nlink != is->st_nlink)
		tell("n%lu,", (unsigned long)is->st_nlink);
	if (was->st_uid != is->st_uid)
		tell("u%u,", is->st_uid);
	if (was->st_gid != is->st_gid)
		tell("g%u,", is->st_gid);
	if (!S_ISDIR(is->st_mode) && was->st_size != is->st_size)
		tell("s%lld,", (long long)is->st_size);
	if (was->st_rdev != is->st_rdev)
		tell("r%u:%u,", major(is->st_rdev), minor(is->st_rdev));
	/* Whether a read counts depends on what the kernel has cached: only where reads are the matter is it told. */
	if (differs(&was->st_atim, &is->st_atim) && (current->atimes || is_given(&is->st_atim)))
		tell_time('a', &is->st_atim);
	if (differs(&was->st_mtim, &is->st_mtim))
		tell_time('m', &is->st_mtim);
	if (differs(&was->st_ctim, &is->st_ctim))
		tell("c");
	if (strlen(text) == empty)
		text[start] = '\0';
}

/* Returns the name under which an inode was there before. */
static const struct state *origin(ino_t ino)
{
	for (unsigned at = 0; at < watched; at++)
		if (before[at].there && before[at].stat.st_ino == ino)
			return &before[at];
	return NULL;
}

/* A path that leads through another name of the world ("d/e/.", "d/k/new") tells nothing new. */
static bool is_alias(unsigned at, const struct stat *stat)
{
	if (at < own)
		return false;
	for (unsigned other = 0; other < own; other++) {
		struct stat its;
		if (lstat(before[other].path, &its) == 0 && its.st_ino == stat->st_ino)
			return true;
	}
	return false;
}

const char *world_changes(void)
{
	text[0] = '\0';
	for (unsigned at = 0; at < watched; at++) {
		const struct state *was = &before[at];
		struct stat is;
		if (lstat(was->path, &is) != 0) {
			if (was->there)
				tell(" -%s", was->label);
			continue;
		}
		if (is_alias(at, &is))
			continue;
		if (was->there && was->stat.st_ino == is.st_ino) {
			compare(was->label, &was->stat, &is);
			continue;
		}
		const struct state *from = origin(is.st_ino);
		if (from != NULL) {
			tell(" %s<%s", was->label, from->label);
			compare("", &from->stat, &is);
			continue;
		}
		tell(" +%s:%c%04o,n%lu,u%u,g%u", was->label, letter(is.st_mode), is.st_mode & 07777,
		     (unsigned long)is.st_nlink, is.st_uid, is.st_gid);
		if (!S_ISDIR(is.st_mode))
			tell(",s%lld", (long long)is.st_size);
		if (is.st_rdev != 0)
			tell(",r%u:%u", major(is.st_rdev), minor(is.st_rdev));
	}
	if (text[0] != '\0')
		spoilt = true;
	return text;
}
