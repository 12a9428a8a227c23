// SPDX-License-Identifier: MIT
/*
 * Prints the seconds that it takes to create, stat or unlink COUNT empty files in one directory.
 *
 *   names create|stat|unlink FOLDER COUNT
 *
 * Before `create` there is none of them, before the others there are all: what is missing is done outside the measured time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

static void name_of(char *name, size_t room, size_t i)
{
	snprintf(name, room, "file-%zu", i);
}

static void create(int folder, const char *name)
{
	int fd = openat(folder, name, O_CREAT | O_EXCL | O_WRONLY, 0644);

	if (fd < 0)
		err(1, "creating %s", name);
	close(fd);
}

static void look(int folder, const char *name)
{
	struct stat status;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		err(1, "stat of %s", name);
}

static void take_away(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) != 0)
		err(1, "unlinking %s", name);
}

static void prepare(int folder, const char *name, int present)
{
	int result = present ? mknodat(folder, name, S_IFREG | 0644, 0) : unlinkat(folder, name, 0);

	if (result != 0 && errno != (present ? EEXIST : ENOENT))
		err(1, "preparing %s", name);
}

static const struct {
	const char *name;
	void (*run)(int folder, const char *name);
} loads[] = { { "create", create }, { "stat", look }, { "unlink", take_away } };

int main(int argc, char **argv)
{
	char name[64];

	if (argc != 4)
		errx(2, "usage: names create|stat|unlink FOLDER COUNT");
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		size_t count = count_of(argv[3]);
		double start;
		int folder;

		if (strcmp(argv[1], loads[i].name) != 0)
			continue;
		folder = open(argv[2], O_RDONLY | O_DIRECTORY);
		if (folder < 0)
			err(1, "%s", argv[2]);
		for (size_t n = 0; n < count; n++) {
			name_of(name, sizeof(name), n);
			prepare(folder, name, i != 0);
		}
		sync();
		start = now();
		for (size_t n = 0; n < count; n++) {
			name_of(name, sizeof(name), n);
			loads[i].run(folder, name);
		}
		print_seconds(now() - start);
		return 0;
	}
	errx(2, "no load '%s'", argv[1]);
}
