/* SPDX-License-Identifier: MIT */
/* Files and directories that have lost their last name, while somebody still holds them: open, by O_PATH, or as where he stands. */
#include "table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

static const struct timespec times[2] = { { 1000000123, 4 }, { 1000000567, 8 } };

static long links(int fd)
{
	struct stat stat;
	if (fstat(fd, &stat) != 0)
		return -(long)errno;
	return 1000 + (long)stat.st_nlink * 100 + (S_ISDIR(stat.st_mode) ? 0 : (long)stat.st_size);
}

static const char *through(int fd)
{
	static char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

static long open_again(int fd, int flags, bool reads)
{
	char content[16];
	int again = open(through(fd), flags | O_NONBLOCK);
	if (again < 0)
		return -(long)errno;
	long result = reads ? outcome(read(again, content, sizeof content)) : 0;
	close(again);
	return result;
}

static long use(int fd, int way)
{
	char content[64];
	switch (way) {
	case 0:
		return links(fd);
	case 1:
		return open_again(fd, O_RDONLY, false);
	case 2:
		return open_again(fd, O_RDONLY, true);
	case 3:
		return open_again(fd, O_RDWR | O_TRUNC, true);
	case 4:
		return outcome(linkat(AT_FDCWD, through(fd), AT_FDCWD, "d/new", AT_SYMLINK_FOLLOW));
	case 5:
		return outcome(chmod(through(fd), 0600)) < 0 ? -(long)errno : links(fd);
	case 6:
		return outcome(truncate(through(fd), 3)) < 0 ? -(long)errno : links(fd);
	case 7:
		return outcome(utimensat(AT_FDCWD, through(fd), times, 0));
	case 8:
		return outcome(setxattr(through(fd), "user.a", "bc", 2, 0)) < 0 ?
			       -(long)errno :
			       outcome(getxattr(through(fd), "user.a", content, sizeof content));
	case 9:
		return outcome(write(fd, "x", 1)) < 0 ? -(long)errno : links(fd);
	case 10:
		return outcome(pread(fd, content, sizeof content, 0));
	case 11:
		return outcome(readlinkat(fd, "", content, sizeof content));
	case 12:
		return outcome(access(through(fd), W_OK));
	default:
		return outcome(fsync(fd));
	}
}

static const char *const use_names[] = { "fstat", "open", "open and read", "open TRUNC", "link", "chmod", "truncate",
					 "utimensat", "xattrs", "write",	 "read",       "readlink", "access", "fsync" };
#define USE_COUNT (int)(sizeof use_names / sizeof use_names[0])

struct holding {
	const char *path;
	int flags;
	int way;
	bool renamed_over;
};

static long hold(const void *context)
{
	const struct holding *it = context;
	int fd = open(it->path, it->flags | O_NONBLOCK);
	if (fd < 0)
		return -(long)errno;
	struct stat stat;
	bool is_directory = fstat(fd, &stat) == 0 && S_ISDIR(stat.st_mode);
	int gone = it->renamed_over ? rename(is_directory ? "d/n" : "d/g", it->path) :
		   is_directory	    ? rmdir(it->path) :
				      unlink(it->path);
	long result = gone != 0 ? -(long)errno : use(fd, it->way);
	close(fd);
	return result;
}

/* ---- where somebody stands ---- */

static long list_here(void)
{
	DIR *dir = opendir(".");
	if (dir == NULL)
		return -(long)errno;
	long count = 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static long stand(const void *context)
{
	char path[4096];
	struct stat stat_;
	int back = open(".", O_RDONLY | O_DIRECTORY);
	if (chdir("d/e") != 0 || rmdir("../e") != 0)
		return -(long)errno;
	long result = 0;
	switch (*(const int *)context) {
	case 0:
		result = list_here();
		break;
	case 1:
		result = outcome(stat(".", &stat_)) < 0 ? -(long)errno : 100 + (long)stat_.st_nlink;
		break;
	case 2:
		result = outcome(stat("..", &stat_)) < 0 ? -(long)errno : 100 + (long)stat_.st_nlink;
		break;
	case 3:
		result = opened(open("new", O_CREAT | O_WRONLY, 0644));
		break;
	case 4:
		result = outcome(mkdir("new", 0755));
		break;
	case 5:
		result = outcome(stat("new", &stat_));
		break;
	case 6:
		result = outcome(symlink("a", "new"));
		break;
	case 7:
		result = outcome(link("../f", "new"));
		break;
	case 8:
		result = outcome(rename("../f", "new"));
		break;
	case 9:
		result = getcwd(path, sizeof path) == NULL ? -(long)errno : 0;
		break;
	case 10:
		result = outcome(chmod(".", 0700)) < 0 ? -(long)errno : 0;
		break;
	case 11:
		result = outcome(utimensat(AT_FDCWD, ".", times, 0));
		break;
	case 12:
		result = outcome(mkdir("../e", 0755));
		break;
	case 13:
		result = opened(open(".", O_RDONLY | O_DIRECTORY));
		break;
	case 14:
		result = opened(open(".", O_TMPFILE | O_RDWR, 0600));
		break;
	default:
		result = outcome(setxattr(".", "user.a", "b", 1, 0));
	}
	if (fchdir(back) != 0)
		result = -ENOTRECOVERABLE;
	close(back);
	return result;
}

/* A mapping outlives the descriptor and the name. */
static long map(const void *context)
{
	bool shared = *(const int *)context != 0;
	int fd = open("d/f", O_RDWR);
	if (fd < 0)
		return -(long)errno;
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	if (memory == MAP_FAILED)
		return -(long)errno;
	close(fd);
	if (unlink("d/f") != 0)
		return -(long)errno;
	bool there = memcmp(memory, "content\n", 8) == 0;
	memory[0] = 'X';
	long result = msync(memory, 4096, MS_SYNC) != 0 ? -(long)errno : 100 + there * 10 + (memory[0] == 'X');
	munmap(memory, 4096);
	return result;
}

void section_held(void)
{
	static const char *const paths[] = { "d/f", "d/e", "d/p", "d/c", "d/l" };
	static const struct {
		const char *name;
		int flags;
	} ways[] = { { "open for reading", O_RDONLY }, { "open for writing", O_RDWR }, { "held by O_PATH", O_PATH | O_NOFOLLOW } };
	static const char *const standings[] = { "list", "stat .", "stat ..", "open CREAT", "mkdir", "stat", "symlink", "link", "rename",
						 "getcwd", "chmod", "utimensat", "mkdir of its name", "open .", "open TMPFILE",
						 "setxattr" };
	static const int numbers[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	if (!rows_wanted("held"))
		return;
	for (size_t path = 0; path < 5; path++)
		for (size_t way = 0; way < 3; way++)
			for (int at = 0; at < USE_COUNT; at++)
				for (int over = 0; over < 2; over++) {
					struct holding it = { paths[path], ways[way].flags, at, over };
					row(&everything, BIT(ROOT) | BIT(OWNER), hold, &it, "held: %s, %s, %s: %s", paths[path],
					    ways[way].name, over ? "renamed over" : "removed", use_names[at]);
				}
	for (int at = 0; at < 16; at++)
		row(&everything, BIT(ROOT) | BIT(OWNER), stand, &numbers[at], "held: removed cwd: %s", standings[at]);
	row(&everything, BIT(ROOT) | BIT(OWNER), map, &numbers[0], "held: private mapping");
	row(&everything, BIT(ROOT) | BIT(OWNER), map, &numbers[1], "held: shared mapping");
}
