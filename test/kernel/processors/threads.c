// SPDX-License-Identifier: MIT
/*
 * Threads on all processors that work on one volume at once: threads.c DEVICE FOLDER ROUNDS. Mounts it, and unmounts it in the
 * end. Every thread has a part in each of three kinds of work, and knows what has to come of it:
 *   - all insert into one vector file, by numbers of their own, and search it meanwhile: who finds a batch finds all of it;
 *   - all append to one file, whose lines stay whole;
 *   - each makes, writes through a mapping, renames, cuts and removes files in one folder that all share.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <vexfs.h>

#define THREADS 4
#define DIMENSIONS 24
#define BATCH 4
#define LINE 32
#define MAPPED 8192

static int rounds, rows_file, lines_file;

static void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(": %s\n", strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void insert(int thread, int round)
{
	float rows[BATCH][DIMENSIONS];
	__u64 ids[BATCH];
	struct vexfs_batch_insert_request request = {
		.vectors = rows[0], .vector_count = BATCH, .dimensions = DIMENSIONS, .vector_ids = ids,
		.flags = VEXFS_INSERT_APPEND,
	};

	for (int i = 0; i < BATCH; i++) {
		ids[i] = ((__u64)thread * rounds + round) * BATCH + i;
		for (int j = 0; j < DIMENSIONS; j++)
			rows[i][j] = (float)(thread * rounds + round);
	}
	if (ioctl(rows_file, VEXFS_IOC_BATCH_INSERT, &request) != 0)
		fail("insert %d of thread %d", round, thread);
}

/* The rows of one batch are equally far away, and no other row is as near. */
static void search(int thread, int round)
{
	float query[DIMENSIONS], distances[BATCH];
	__u64 ids[BATCH], first = ((__u64)thread * rounds + round) * BATCH;
	struct vexfs_vector_search_request request = {
		.query_vector = query, .dimensions = DIMENSIONS, .k = BATCH, .results = distances, .result_ids = ids,
		.search_type = VEXFS_SEARCH_EUCLIDEAN,
	};

	for (int j = 0; j < DIMENSIONS; j++)
		query[j] = (float)(thread * rounds + round);
	if (ioctl(rows_file, VEXFS_IOC_VECTOR_SEARCH, &request) != 0)
		fail("search %d of thread %d", round, thread);
	errno = 0;
	for (int i = 0; i < BATCH; i++)
		if (request.result_count != BATCH || ids[i] != first + i || distances[i] != 0)
			fail("search %d of thread %d found %u rows, id %llu at %g", round, thread, request.result_count,
			     (unsigned long long)ids[i], distances[i]);
}

static void append(int thread, int round)
{
	char line[LINE + 1];

	snprintf(line, sizeof(line), "%-*d\n", LINE - 1, thread * rounds + round);
	if (write(lines_file, line, LINE) != LINE)
		fail("append %d of thread %d", round, thread);
}

static void names(int thread, int round)
{
	char name[64], other[64], back[MAPPED];
	unsigned char *map;
	int fd;

	snprintf(name, sizeof(name), "shared/%d-%d", thread, round);
	snprintf(other, sizeof(other), "shared/%d-%d-moved", thread, round);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || ftruncate(fd, MAPPED) != 0)
		fail("create %s", name);
	map = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail("map %s", name);
	memset(map, thread + 1, MAPPED);
	if (rename(name, other) != 0)
		fail("rename %s", name);
	if (pread(fd, back, MAPPED, 0) != MAPPED || memcmp(back, map, MAPPED) != 0)
		fail("read %s", other);
	munmap(map, MAPPED);
	if (round % 3 == 0 && fsync(fd) != 0)
		fail("fsync %s", other);
	if (ftruncate(fd, 100) != 0 || close(fd) != 0)
		fail("cut %s", other);
	if (round % 2 == 0 && unlink(other) != 0)
		fail("unlink %s", other);
}

static void *work(void *argument)
{
	const int thread = (int)(long)argument;

	for (int round = 0; round < rounds; round++) {
		insert(thread, round);
		append(thread, round);
		search(thread, round);
		names(thread, round);
		search(thread, round / 2);
	}
	return NULL;
}

static void check_lines(void)
{
	const int lines = THREADS * rounds;
	char *seen = calloc(lines, 1), line[LINE + 1] = {};
	struct stat stat;

	if (!seen || fstat(lines_file, &stat) != 0 || stat.st_size != (off_t)lines * LINE)
		fail("the lines have %lld bytes", (long long)stat.st_size);
	for (int i = 0; i < lines; i++) {
		if (pread(lines_file, line, LINE, (off_t)i * LINE) != LINE)
			fail("line %d", i);
		const int number = atoi(line);

		errno = 0;
		if (line[LINE - 1] != '\n' || number < 0 || number >= lines || seen[number]++)
			fail("line %d is %s", i, line);
	}
	free(seen);
}

/* Since Linux 6.13 each change that somebody has seen has a time of its own; before, those of one tick have the same. */
static void check_times(void)
{
	struct stat before, after;
	struct utsname system;
	int major, minor;

	if (uname(&system) != 0 || sscanf(system.release, "%d.%d", &major, &minor) != 2)
		fail("uname");
	for (int i = 0; i < 100; i++) {
		if (fstat(lines_file, &before) != 0 || write(lines_file, "", 1) != 1 || fstat(lines_file, &after) != 0)
			fail("change %d", i);
		const long long passed = (after.st_mtim.tv_sec - before.st_mtim.tv_sec) * 1000000000LL +
					 (after.st_mtim.tv_nsec - before.st_mtim.tv_nsec);

		errno = 0;
		if (passed < 0 || (passed == 0 && (major > 6 || (major == 6 && minor >= 13))))
			fail("change %d is %lld ns after the one before", i, passed);
	}
}

static void check_names(void)
{
	char name[64];

	for (int thread = 0; thread < THREADS; thread++)
		for (int round = 0; round < rounds; round++) {
			struct stat stat;

			snprintf(name, sizeof(name), "shared/%d-%d-moved", thread, round);
			const int there = lstat(name, &stat) == 0;

			errno = 0;
			if (there != round % 2 || (there && stat.st_size != 100))
				fail("%s is there: %d", name, there);
		}
}

static void open_files(const char *device, const char *folder)
{
	if (mount(device, folder, "vexfs", 0, NULL) != 0 || chdir(folder) != 0)
		fail("mount %s", device);
	rows_file = open("rows", O_RDWR | O_CREAT, 0600);
	lines_file = open("lines", O_RDWR | O_CREAT | O_APPEND, 0600);
	if (rows_file < 0 || lines_file < 0)
		fail("open");
}

static void close_files(const char *folder)
{
	close(rows_file);
	close(lines_file);
	if (chdir("/") != 0 || umount(folder) != 0)
		fail("umount %s", folder);
}

int main(int count, char **words)
{
	struct vexfs_vector_file_info info = {
		.dimensions = DIMENSIONS, .element_type = VEXFS_ELEMENT_FLOAT32,
	};
	pthread_t threads[THREADS];

	if (count != 4)
		return 2;
	rounds = atoi(words[3]);
	open_files(words[1], words[2]);
	if (mkdir("shared", 0700) != 0 || ioctl(rows_file, VEXFS_IOC_SET_VECTOR_META, &info) != 0)
		fail("prepare");
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
			fail("thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	close_files(words[2]);
	open_files(words[1], words[2]);
	if (ioctl(rows_file, VEXFS_IOC_GET_VECTOR_META, &info) != 0 || info.vector_count != (__u32)(THREADS * rounds * BATCH))
		fail("%u rows", info.vector_count);
	for (int thread = 0; thread < THREADS; thread++)
		for (int round = 0; round < rounds; round++)
			search(thread, round);
	check_lines();
	check_names();
	check_times();
	close_files(words[2]);
	printf("%d threads did %d rounds\n", THREADS, rounds);
	return 0;
}
