// SPDX-License-Identifier: MIT
/* What a folder holds, as text to compare, and its end. */
#define _GNU_SOURCE
#include "no_memory.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vexfs.h>

static FILE *text;

static void look_at_rows(int fd)
{
	struct vexfs_vector_file_info info;
	struct vexfs_stats stats = { 0 };
	struct vexfs_manage_index index = { .operation = VEXFS_INDEX_OP_INFO };

	if (ioctl(fd, VEXFS_IOC_GET_VECTOR_META, &info) != 0) {
		fprintf(text, " %s", strerror(errno));
		return;
	}
	if (ioctl(fd, VEXFS_IOC_GET_STATS, &stats) != 0 || ioctl(fd, VEXFS_IOC_MANAGE_INDEX, &index) != 0)
		fail("looking at rows");
	fprintf(text, " %u x %u from %llu: %llu rows, next %llu, index %u %u ef %u", info.dimensions, info.element_type,
		(unsigned long long)info.data_offset, (unsigned long long)stats.rows, (unsigned long long)stats.next_id,
		index.type, index.metric, index.ef_search);
}

static void look_at_content(int fd)
{
	static unsigned char bytes[65536];
	unsigned long long sum = 14695981039346656037ULL;
	ssize_t length;

	while ((length = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < length; i++)
			sum = (sum ^ bytes[i]) * 1099511628211ULL;
	if (length < 0)
		fail("read");
	fprintf(text, " %llx", sum);
	for (off_t at = 0, hole; (at = lseek(fd, at, SEEK_DATA)) >= 0; at = hole) {
		hole = lseek(fd, at, SEEK_HOLE);
		fprintf(text, " %lld-%lld", (long long)at, (long long)hole);
	}
}

static void look_at_attributes(const char *name)
{
	char names[1024], value[2048];
	ssize_t length = llistxattr(name, names, sizeof(names));

	if (length < 0)
		fail("listxattr %s", name);
	for (char *at = names; at < names + length; at += strlen(at) + 1) {
		ssize_t size = lgetxattr(name, at, value, sizeof(value) - 1);

		if (size < 0)
			fail("getxattr %s", name);
		value[size] = 0;
		fprintf(text, " %s=%s", at, value);
	}
}

static void look_at(const char *name)
{
	struct stat status;

	if (lstat(name, &status) != 0)
		fail("lstat %s", name);
	fprintf(text, "%s: %o %lu links %lld bytes %lld blocks %ld.%09ld %ld.%09ld", name, status.st_mode,
		(unsigned long)status.st_nlink, (long long)status.st_size, (long long)status.st_blocks,
		(long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec, (long)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
	look_at_attributes(name);
	if (S_ISREG(status.st_mode)) {
		int fd = open(name, O_RDONLY);

		if (fd < 0)
			fail("open %s", name);
		look_at_content(fd);
		look_at_rows(fd);
		close(fd);
	}
	fputc('\n', text);
}

char *look(void)
{
	struct dirent **entries;
	char *found = NULL;
	size_t length = 0;
	int count = scandir(".", &entries, NULL, alphasort);

	text = open_memstream(&found, &length);
	if (count < 0 || !text)
		fail("scandir");
	for (int i = 0; i < count; i++) {
		if (strcmp(entries[i]->d_name, "..") != 0)
			look_at(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	fclose(text);
	return found;
}

void clear(void)
{
	struct dirent **entries;
	int count = scandir(".", &entries, NULL, NULL);

	if (count < 0)
		fail("scandir");
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && unlink(name) != 0 && rmdir(name) != 0)
			fail("removing %s", name);
		free(entries[i]);
	}
	free(entries);
}
