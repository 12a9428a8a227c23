// SPDX-License-Identifier: MIT
/*
 * Exact search, and what this machine can read: prints the median seconds of one pass.
 *
 *   scan sum BYTES REPEATS                        summing a buffer of float32 with the compiler's vectors
 *   scan engine ROWS DIMENSIONS REPEATS           the engine alone, one thread, over rows in memory
 *   scan fill FILE ROWS DIMENSIONS                stores the rows in a vector file; prints its seconds
 *   scan ioctl FILE DIMENSIONS REPEATS            VECTOR_SEARCH of such a file
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../../kernel/engine/host.h"
#include "../../../kernel/engine/vexfs_engine.h"
#include "../../../kernel/include/uapi/vexfs.h"
#include "clock.h"

#define NEAREST 10

typedef float lanes __attribute__((vector_size(64)));

static volatile float sink;

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

/* One pass that warms up, then the median of `repeats`. */
static double median(void (*pass)(void *), void *context, size_t repeats)
{
	double *times = malloc(repeats * sizeof(double)), result;

	if (times == NULL)
		err(1, "memory");
	pass(context);
	for (size_t i = 0; i < repeats; i++) {
		double start = now();

		pass(context);
		times[i] = now() - start;
	}
	qsort(times, repeats, sizeof(double), by_value);
	result = times[repeats / 2];
	free(times);
	return result;
}

static void *memory(size_t bytes)
{
	void *block = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);

	if (block == NULL)
		err(1, "memory");
	return block;
}

static void random_floats(float *values, size_t count)
{
	uint32_t state = 2463534242u;

	for (size_t i = 0; i < count; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		values[i] = (float)state / 4294967296.0f;
	}
}

struct buffer {
	const float *values;
	size_t count;
};

static void sum_pass(void *context)
{
	const struct buffer *buffer = context;
	lanes sum[4] = { 0 };

	for (size_t i = 0; i < buffer->count; i += 64)
		for (size_t j = 0; j < 4; j++)
			sum[j] += *(const lanes *)(buffer->values + i + 16 * j);
	sum[0] += sum[1] + sum[2] + sum[3];
	sink = sum[0][0];
}

static double sum(size_t bytes, size_t repeats)
{
	struct buffer buffer = { memory(bytes), bytes / 256 * 64 };

	random_floats((float *)buffer.values, buffer.count);
	return median(sum_pass, &buffer, repeats);
}

struct engine_search {
	const struct vx_cpu *cpu;
	struct vx_query *query;
	struct vx_scan scan;
	void *topk;
	vx_u32 distances[NEAREST];
	vx_u64 ids[NEAREST];
};

static void engine_pass(void *context)
{
	struct engine_search *search = context;

	if (vx_search_exact(search->cpu, search->query, &search->scan, NEAREST, search->topk, search->distances,
			    search->ids, NULL) != NEAREST)
		errx(1, "the engine did not find %d rows", NEAREST);
}

static double engine(size_t rows, size_t dimensions, size_t repeats)
{
	float *values = memory(rows * dimensions * sizeof(float));
	vx_u64 *ids = memory(rows * sizeof(vx_u64));
	struct vx_query *query = memory(vx_query_bytes((vx_u32)dimensions));
	struct engine_search search = {
		.cpu = vx_host_cpu(VX_ISA_BEST),
		.query = query,
		.scan = { .rows = values, .stride = dimensions * sizeof(float), .ids = ids, .n = (vx_u32)rows },
		.topk = memory(vx_topk_bytes(NEAREST)),
	};

	random_floats(values, rows * dimensions);
	for (size_t i = 0; i < rows; i++)
		ids[i] = i;
	search.scan.scratch = memory(VX_SCAN_SCRATCH_BYTES);
	if (vx_query_prepare(search.cpu, query, VX_EUCLIDEAN, VX_FLOAT32, (vx_u32)dimensions, values) != 0)
		errx(1, "the query is not valid");
	return median(engine_pass, &search, repeats);
}

static double fill(const char *path, size_t rows, size_t dimensions)
{
	struct vexfs_vector_file_info info = {
		.dimensions = (__u32)dimensions,
		.element_type = VEXFS_ELEMENT_FLOAT32,
	};
	float *values = memory(rows * dimensions * sizeof(float));
	struct vexfs_batch_insert_request request = {
		.vectors = values,
		.vector_count = (__u32)rows,
		.dimensions = (__u32)dimensions,
	};
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	double start = now();

	random_floats(values, rows * dimensions);
	if (fd < 0)
		err(1, "%s", path);
	if (ioctl(fd, VEXFS_IOC_SET_VECTOR_META, &info) != 0 || ioctl(fd, VEXFS_IOC_BATCH_INSERT, &request) != 0)
		err(1, "storing the rows");
	if (fsync(fd) != 0)
		err(1, "fsync");
	return now() - start;
}

struct call {
	int fd;
	float *query;
	size_t dimensions;
};

static void call_pass(void *context)
{
	struct call *call = context;
	float distances[NEAREST];
	__u64 ids[NEAREST];
	struct vexfs_vector_search_request request = {
		.query_vector = call->query,
		.dimensions = (__u32)call->dimensions,
		.k = NEAREST,
		.results = distances,
		.result_ids = ids,
	};

	if (ioctl(call->fd, VEXFS_IOC_VECTOR_SEARCH, &request) != 0 || request.result_count != NEAREST)
		err(1, "VECTOR_SEARCH");
}

static double search(const char *path, size_t dimensions, size_t repeats)
{
	struct call call = { open(path, O_RDONLY), memory(dimensions * sizeof(float)), dimensions };

	if (call.fd < 0)
		err(1, "%s", path);
	random_floats(call.query, dimensions);
	return median(call_pass, &call, repeats);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "sum") == 0)
		print_seconds(sum(count_of(argv[2]), count_of(argv[3])));
	else if (argc == 5 && strcmp(argv[1], "engine") == 0)
		print_seconds(engine(count_of(argv[2]), count_of(argv[3]), count_of(argv[4])));
	else if (argc == 5 && strcmp(argv[1], "fill") == 0)
		print_seconds(fill(argv[2], count_of(argv[3]), count_of(argv[4])));
	else if (argc == 5 && strcmp(argv[1], "ioctl") == 0)
		print_seconds(search(argv[2], count_of(argv[3]), count_of(argv[4])));
	else
		errx(2, "usage: scan sum|engine|fill|ioctl ...");
	return 0;
}
