// SPDX-License-Identifier: MIT
/*
 * Stores rows of float32, or writes the same bytes, and prints the seconds that the calls took. Files are made anew.
 *
 *   rows insert FILE CALLS ROWS DIMENSIONS            BATCH_INSERT of ROWS rows a call
 *   rows write FILE CALLS ROWS DIMENSIONS             write(2) of as many bytes a call
 *   rows insert-fsync FOLDER CALLERS CALLS DIMENSIONS  one row and an fsync a call, CALLERS processes, a file each
 *   rows write-fsync FOLDER CALLERS CALLS DIMENSIONS   the same with write(2)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../kernel/include/uapi/vexfs.h"
#include "clock.h"

static int fresh(const char *path)
{
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static int fresh_vectors(const char *path, size_t dimensions)
{
	struct vexfs_vector_file_info info = {
		.dimensions = (__u32)dimensions,
		.element_type = VEXFS_ELEMENT_FLOAT32,
	};
	int fd = fresh(path);

	if (ioctl(fd, VEXFS_IOC_SET_VECTOR_META, &info) != 0)
		err(1, "SET_VECTOR_META");
	return fd;
}

static float *make_rows(size_t rows, size_t dimensions)
{
	float *values = malloc(rows * dimensions * sizeof(float));

	if (values == NULL)
		err(1, "memory");
	for (size_t i = 0; i < rows * dimensions; i++)
		values[i] = (float)(i * 2654435761u % 1000003) / 1000003.0f;
	return values;
}

static void insert(int fd, float *values, size_t rows, size_t dimensions)
{
	struct vexfs_batch_insert_request request = {
		.vectors = values,
		.vector_count = (__u32)rows,
		.dimensions = (__u32)dimensions,
		.flags = 0,
	};

	if (ioctl(fd, VEXFS_IOC_BATCH_INSERT, &request) != 0)
		err(1, "BATCH_INSERT");
}

static void store(int fd, int vectors, float *values, size_t rows, size_t dimensions)
{
	size_t bytes = rows * dimensions * sizeof(float);

	if (vectors)
		insert(fd, values, rows, dimensions);
	else if (write(fd, values, bytes) != (ssize_t)bytes)
		err(1, "write");
}

static double batches(const char *path, int vectors, size_t calls, size_t rows, size_t dimensions)
{
	int fd = vectors ? fresh_vectors(path, dimensions) : fresh(path);
	float *values = make_rows(rows, dimensions);
	double start = now();

	for (size_t i = 0; i < calls; i++)
		store(fd, vectors, values, rows, dimensions);
	start = now() - start;
	/*
	 * Removed outside the measured time, so that the volume has room for the next round. Freed blocks are free when that is
	 * durable: without it each round would write other blocks of the image, for which the kernel has no pages yet.
	 */
	if (ftruncate(fd, 0) != 0 || fsync(fd) != 0)
		err(1, "%s cannot be emptied", path);
	close(fd);
	unlink(path);
	return start;
}

static void one_caller(const char *folder, int vectors, size_t caller, size_t calls, size_t dimensions, int ready, int go)
{
	float *row = make_rows(1, dimensions);
	char path[4096], byte = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/caller%zu", folder, caller);
	fd = vectors ? fresh_vectors(path, dimensions) : fresh(path);
	if (fsync(fd) != 0 || write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 0)
		err(1, "caller %zu could not start", caller);
	for (size_t i = 0; i < calls; i++) {
		store(fd, vectors, row, 1, dimensions);
		if (fsync(fd) != 0)
			err(1, "fsync");
	}
	close(fd);
	unlink(path);
}

/* From the moment that all may start to the end of the last. */
static double durable(const char *folder, int vectors, size_t callers, size_t calls, size_t dimensions)
{
	int ready[2], go[2], status;
	double start;
	char byte;

	if (pipe(ready) != 0 || pipe(go) != 0)
		err(1, "pipe");
	for (size_t i = 0; i < callers; i++) {
		pid_t child = fork();

		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			close(go[1]);
			one_caller(folder, vectors, i, calls, dimensions, ready[1], go[0]);
			exit(0);
		}
	}
	/* Without it a caller that could not start would never be missed. */
	close(ready[1]);
	for (size_t i = 0; i < callers; i++)
		if (read(ready[0], &byte, 1) != 1)
			err(1, "a caller did not start");
	start = now();
	close(go[1]);
	for (size_t i = 0; i < callers; i++)
		if (wait(&status) < 0 || status != 0)
			errx(1, "a caller failed");
	return now() - start;
}

int main(int argc, char **argv)
{
	size_t first, second, dimensions;
	int vectors;

	if (argc != 6)
		errx(2, "usage: rows LOAD PATH COUNT COUNT DIMENSIONS");
	vectors = strncmp(argv[1], "insert", 6) == 0;
	first = count_of(argv[3]);
	second = count_of(argv[4]);
	dimensions = count_of(argv[5]);
	if (strcmp(argv[1], "insert") == 0 || strcmp(argv[1], "write") == 0)
		print_seconds(batches(argv[2], vectors, first, second, dimensions));
	else
		print_seconds(durable(argv[2], vectors, first, second, dimensions));
	return 0;
}
