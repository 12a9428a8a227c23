// SPDX-License-Identifier: MIT
/*
 * One process that calls a mounted filesystem in a loop and prints the seconds that COUNT calls took.
 *
 *   client fstat|read|meta|define|search|flags|mark FILE COUNT    client create|fill|touch DIRECTORY COUNT
 *
 * `meta` is GET_VECTOR_META (a 40-byte argument), `search` VECTOR_SEARCH (48 bytes) of 4 dimensions for the nearest row,
 * `define` is SET_VECTOR_META of a file without rows that changes its layout each time; `flags` is FS_IOC_GETFLAGS, `mark`
 * FS_IOC_SETFLAGS that changes a flag each time. `create` makes and unlinks empty files, `fill` makes files f0, f1, ... in folders of 100,000, `touch` changes their times.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../kernel/include/uapi/vexfs.h"
#include "clock.h"

#define READ_BYTES 4096
#define PER_FOLDER 100000
#define DIMENSIONS 4

static void fstats(int fd, size_t count)
{
	struct stat status;

	for (size_t i = 0; i < count; i++)
		if (fstat(fd, &status) != 0)
			err(1, "fstat");
}

static void reads(int fd, size_t count)
{
	char buffer[READ_BYTES];
	struct stat status;
	size_t blocks, at = 0;

	if (fstat(fd, &status) != 0)
		err(1, "fstat");
	blocks = (size_t)status.st_size / READ_BYTES;
	for (size_t i = 0; i < count; i++) {
		/* 7919 is a prime: every block is read before one is read again, and never the next one. */
		at = (at + 7919) % blocks;
		if (pread(fd, buffer, READ_BYTES, (off_t)(at * READ_BYTES)) != READ_BYTES)
			err(1, "pread");
	}
}

static void metas(int fd, size_t count)
{
	struct vexfs_vector_file_info info;

	for (size_t i = 0; i < count; i++)
		if (ioctl(fd, VEXFS_IOC_GET_VECTOR_META, &info) != 0)
			err(1, "GET_VECTOR_META");
}

static void defines(int fd, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct vexfs_vector_file_info info = {
			.dimensions = DIMENSIONS + (__u32)(i % 2),
			.element_type = VEXFS_ELEMENT_FLOAT32,
		};

		if (ioctl(fd, VEXFS_IOC_SET_VECTOR_META, &info) != 0)
			err(1, "SET_VECTOR_META");
	}
}

static void get_flags(int fd, size_t count)
{
	int flags;

	for (size_t i = 0; i < count; i++)
		if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
			err(1, "FS_IOC_GETFLAGS");
}

static void set_flags(int fd, size_t count)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		err(1, "FS_IOC_GETFLAGS");
	for (size_t i = 0; i < count; i++) {
		flags ^= FS_NODUMP_FL;
		if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
			err(1, "FS_IOC_SETFLAGS");
	}
}

static void searches(int fd, size_t count)
{
	float query[DIMENSIONS] = { 1, 2, 3, 4 }, distance;
	__u64 id;

	for (size_t i = 0; i < count; i++) {
		struct vexfs_vector_search_request request = {
			.query_vector = query,
			.dimensions = DIMENSIONS,
			.k = 1,
			.results = &distance,
			.result_ids = &id,
		};

		if (ioctl(fd, VEXFS_IOC_VECTOR_SEARCH, &request) != 0 || request.result_count != 1)
			err(1, "VECTOR_SEARCH");
	}
}

static void creates(int folder, size_t count)
{
	char name[64];

	for (size_t i = 0; i < count; i++) {
		int fd;

		snprintf(name, sizeof(name), "c%zu", i);
		fd = openat(folder, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd < 0)
			err(1, "creating %s", name);
		close(fd);
		if (unlinkat(folder, name, 0) != 0)
			err(1, "unlinking %s", name);
	}
}

static void fill(int folder, size_t count)
{
	char name[64];

	for (size_t i = 0; i < count; i++) {
		if (i % PER_FOLDER == 0) {
			snprintf(name, sizeof(name), "d%zu", i / PER_FOLDER);
			if (mkdirat(folder, name, 0755) != 0)
				err(1, "mkdir %s", name);
		}
		snprintf(name, sizeof(name), "d%zu/f%zu", i / PER_FOLDER, i);
		if (mknodat(folder, name, S_IFREG | 0644, 0) != 0)
			err(1, "mknod %s", name);
	}
}

static void touch(int folder, size_t count)
{
	char name[64];
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		/* In an order that changes another block of the inode table each time. */
		at = (at + 7919) % count;
		snprintf(name, sizeof(name), "d%zu/f%zu", at / PER_FOLDER, at);
		if (utimensat(folder, name, NULL, 0) != 0)
			err(1, "utimensat %s", name);
	}
}

static const struct {
	const char *name;
	void (*run)(int fd, size_t count);
} loads[] = {
	{ "fstat", fstats },   { "read", reads },      { "meta", metas },      { "define", defines },
	{ "search", searches }, { "flags", get_flags }, { "mark", set_flags },  { "create", creates },
	{ "fill", fill },      { "touch", touch },
};

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: client LOAD PATH COUNT");
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		size_t count = count_of(argv[3]);
		double start;
		int fd;

		if (strcmp(argv[1], loads[i].name) != 0)
			continue;
		fd = open(argv[2], loads[i].run == defines ? O_RDWR : O_RDONLY);
		if (fd < 0)
			err(1, "%s", argv[2]);
		start = now();
		loads[i].run(fd, count);
		print_seconds(now() - start);
		return 0;
	}
	errx(2, "no load '%s'", argv[1]);
}
