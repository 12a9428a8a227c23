// SPDX-License-Identifier: MIT
/*
 * Searches a vector file that is mounted, or stores rows in one, and prints the seconds that the calls took. ROWS and QUERIES are
 * files of float32, row-major and packed.
 *
 *   queries insert FILE ROWS DIMENSIONS CALL             BATCH_INSERT of CALL rows at a time; the file has its layout
 *   queries one FILE QUERIES DIMENSIONS K PASSES         VECTOR_SEARCH of each query
 *   queries batch FILE QUERIES DIMENSIONS K EF CALL PASSES   BATCH_SEARCH of CALL queries at a time
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../kernel/include/uapi/vexfs.h"
#include "clock.h"

struct rows {
	float *values;
	size_t count, dimensions;
};

static float *row_at(const struct rows *rows, size_t i)
{
	return rows->values + i * rows->dimensions;
}

static struct rows read_rows(const char *path, size_t dimensions)
{
	int fd = open(path, O_RDONLY);
	size_t done = 0, size;
	struct stat status;
	char *bytes;

	if (fd < 0 || fstat(fd, &status) != 0)
		err(1, "%s", path);
	size = (size_t)status.st_size;
	bytes = malloc(size ? size : 1);
	if (bytes == NULL)
		err(1, "memory");
	while (done < size) {
		ssize_t got = read(fd, bytes + done, size - done);

		if (got <= 0)
			err(1, "%s", path);
		done += (size_t)got;
	}
	close(fd);
	return (struct rows){ (float *)bytes, size / sizeof(float) / dimensions, dimensions };
}

static void *memory(size_t count, size_t size)
{
	void *block = calloc(count, size);

	if (block == NULL)
		err(1, "memory");
	return block;
}

static double insert(int fd, const struct rows *rows, size_t call)
{
	double start = now();

	for (size_t i = 0; i < rows->count; i += call) {
		struct vexfs_batch_insert_request request = {
			.vectors = row_at(rows, i),
			.vector_count = (__u32)(rows->count - i < call ? rows->count - i : call),
			.dimensions = (__u32)rows->dimensions,
		};

		if (ioctl(fd, VEXFS_IOC_BATCH_INSERT, &request) != 0)
			err(1, "BATCH_INSERT");
	}
	return now() - start;
}

static double one(int fd, const struct rows *queries, size_t k, size_t passes)
{
	float *distances = memory(k, sizeof(float));
	__u64 *ids = memory(k, sizeof(__u64));
	double start = now();

	for (size_t pass = 0; pass < passes; pass++) {
		for (size_t i = 0; i < queries->count; i++) {
			struct vexfs_vector_search_request request = {
				.query_vector = row_at(queries, i),
				.dimensions = (__u32)queries->dimensions,
				.k = (__u32)k,
				.results = distances,
				.result_ids = ids,
			};

			if (ioctl(fd, VEXFS_IOC_VECTOR_SEARCH, &request) != 0 || request.result_count != k)
				err(1, "VECTOR_SEARCH");
		}
	}
	return now() - start;
}

static double batch(int fd, const struct rows *queries, size_t k, size_t ef, size_t call, size_t passes)
{
	float *distances = memory(call * k, sizeof(float));
	__u64 *ids = memory(call * k, sizeof(__u64));
	__u32 *counts = memory(call, sizeof(__u32));
	double start = now();

	for (size_t pass = 0; pass < passes; pass++) {
		for (size_t i = 0; i < queries->count; i += call) {
			struct vexfs_batch_search request = {
				.queries = (__u64)(uintptr_t)row_at(queries, i),
				.results = (__u64)(uintptr_t)distances,
				.result_ids = (__u64)(uintptr_t)ids,
				.result_counts = (__u64)(uintptr_t)counts,
				.count = (__u32)(queries->count - i < call ? queries->count - i : call),
				.dimensions = (__u32)queries->dimensions,
				.k = (__u32)k,
				.ef = (__u32)ef,
			};

			if (ioctl(fd, VEXFS_IOC_BATCH_SEARCH, &request) != 0 || counts[0] != k)
				err(1, "BATCH_SEARCH");
		}
	}
	return now() - start;
}

int main(int argc, char **argv)
{
	struct rows rows;
	int fd;

	if (argc < 6)
		errx(2, "usage: queries insert|one|batch FILE ROWS DIMENSIONS ...");
	fd = open(argv[2], O_RDWR);
	if (fd < 0)
		err(1, "%s", argv[2]);
	rows = read_rows(argv[3], count_of(argv[4]));
	if (argc == 6 && strcmp(argv[1], "insert") == 0)
		print_seconds(insert(fd, &rows, count_of(argv[5])));
	else if (argc == 7 && strcmp(argv[1], "one") == 0)
		print_seconds(one(fd, &rows, count_of(argv[5]), count_of(argv[6])));
	else if (argc == 9 && strcmp(argv[1], "batch") == 0)
		print_seconds(batch(fd, &rows, count_of(argv[5]), count_of(argv[6]), count_of(argv[7]), count_of(argv[8])));
	else
		errx(2, "usage: queries insert|one|batch FILE ROWS DIMENSIONS ...");
	return 0;
}
