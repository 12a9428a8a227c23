// SPDX-License-Identifier: MIT
/*
 * Something for each tracepoint of the module: traced.c DEVICE FOLDER, with all of them on. Prints lines "said DEV INO", the
 * numbers of the volume and of the vector file, and then the events, without what the kernel puts before their names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vexfs.h>

#define TRACING "/sys/kernel/tracing"
#define DIMENSIONS 4
#define NAME "a name to find again"
/* A volume is that large at most here. */
#define SCANNED (64u << 20)
/* Changes after which a row log is written anew. */
#define REPLACED 4000

static float row[DIMENSIONS] = { 1, 2, 3, 4 };

static void must(int good, const char *what)
{
	if (good)
		return;
	printf("%s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void trace(const char *name, const char *value)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), TRACING "/%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	must(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value), path);
	close(fd);
}

static void insert(int fd, __u64 id, __u32 flags)
{
	struct vexfs_batch_insert_request request = {
		.vectors = row, .vector_count = 1, .dimensions = DIMENSIONS, .vector_ids = &id, .flags = flags,
	};

	must(ioctl(fd, VEXFS_IOC_BATCH_INSERT, &request) == 0, "insert");
}

static void search(int fd)
{
	float distances[2];
	__u64 ids[2];
	struct vexfs_vector_search_request request = {
		.query_vector = row, .dimensions = DIMENSIONS, .k = 2, .search_type = VEXFS_SEARCH_DOT_PRODUCT,
		.results = distances, .result_ids = ids,
	};

	must(ioctl(fd, VEXFS_IOC_VECTOR_SEARCH, &request) == 0, "search");
}

static void work(const char *folder)
{
	struct vexfs_vector_file_info info = {
		.dimensions = DIMENSIONS, .element_type = VEXFS_ELEMENT_FLOAT32,
	};
	struct stat stat;
	int rows, gone;

	must(chdir(folder) == 0, folder);
	rows = open("rows", O_RDWR | O_CREAT, 0600);
	must(rows >= 0 && fstat(rows, &stat) == 0, "rows");
	printf("said %u,%u %lu\n", major(stat.st_dev), minor(stat.st_dev), stat.st_ino);
	must(ioctl(rows, VEXFS_IOC_SET_VECTOR_META, &info) == 0, "SET_VECTOR_META");
	insert(rows, 7, VEXFS_INSERT_APPEND);
	must(pwrite(rows, row, sizeof(row), sizeof(row)) == sizeof(row), "append");
	search(rows);
	trace("events/vexfs/vexfs_insert_publish/enable", "0");
	trace("events/vexfs/vexfs_allocate/enable", "0");
	trace("events/vexfs/vexfs_free/enable", "0");
	for (int i = 0; i < REPLACED; i++)
		insert(rows, 7, VEXFS_INSERT_OVERWRITE);
	trace("events/vexfs/vexfs_allocate/enable", "1");
	trace("events/vexfs/vexfs_free/enable", "1");
	close(rows);
	gone = open(NAME, O_RDWR | O_CREAT, 0600);
	must(gone >= 0 && write(gone, row, sizeof(row)) == sizeof(row) && fsync(gone) == 0, NAME);
	must(link(NAME, NAME " twice") == 0 && unlink(NAME " twice") == 0, "link");
	must(rename(NAME, "gone") == 0 && unlink("gone") == 0, "unlink");
	close(gone);
	gone = open(NAME, O_RDWR | O_CREAT, 0600);
	must(gone >= 0 && close(gone) == 0 && chdir("/") == 0, "close");
}

/* The name stands in the only block of the root directory; the last copy on the device is that one, not the journal's. */
static void damage(const char *device)
{
	char *bytes = malloc(SCANNED);
	int fd = open(device, O_RDWR);
	ssize_t length = bytes && fd >= 0 ? read(fd, bytes, SCANNED) : -1;
	char *found = NULL;

	must(length > 0, device);
	for (char *at = bytes; (at = memmem(at, bytes + length - at, NAME, strlen(NAME))); at++)
		found = at;
	must(found && pwrite(fd, "A", 1, found - bytes) == 1 && fsync(fd) == 0, "damage");
	close(fd);
	free(bytes);
}

static void print_events(void)
{
	static char line[4096];
	FILE *events = fopen(TRACING "/trace", "r");

	must(events != NULL, "trace");
	while (fgets(line, sizeof(line), events)) {
		const char *event = strstr(line, ": vexfs_");

		if (event)
			fputs(event + 2, stdout);
	}
	fclose(events);
}

int main(int count, char **words)
{
	if (count != 3)
		return 2;
	must(mount("tracefs", TRACING, "tracefs", 0, NULL) == 0 || errno == EBUSY, TRACING);
	trace("events/vexfs/enable", "1");
	must(mount(words[1], words[2], "vexfs", 0, NULL) == 0, "mount");
	work(words[2]);
	must(umount(words[2]) == 0, "umount");
	damage(words[1]);
	must(mount(words[1], words[2], "vexfs", MS_RDONLY, NULL) == 0, "mount");
	must(chdir(words[2]) == 0 && access(NAME, F_OK) != 0 && errno == EUCLEAN, "damage");
	must(chdir("/") == 0 && umount(words[2]) == 0, "umount");
	trace("events/vexfs/enable", "0");
	print_events();
	must(umount(TRACING) == 0 || errno == EINVAL, TRACING);
	return 0;
}
