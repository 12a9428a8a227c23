// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Exact search in one thread against the speed at which the same ISA sums a buffer of floats: bytes of rows a second,
 * medians. Usage: bench_scan [rows] [dims]
 */
#define _GNU_SOURCE
#include <time.h>

#include "check.h"

#define SUM_BYTES (256u << 20)
#define ROUNDS 15

typedef float lanes __attribute__((vector_size(64)));

static inline __attribute__((always_inline)) float sum_lanes(const float *values, size_t n)
{
	lanes sum[4] = { 0 };

	for (size_t i = 0; i < n; i += 64)
		for (int j = 0; j < 4; j++)
			sum[j] += *(const lanes *)(values + i + 16 * j);
	sum[0] += sum[1] + sum[2] + sum[3];
	for (int j = 1; j < 16; j++)
		sum[0][0] += sum[0][j];
	return sum[0][0];
}

static float sum_scalar(const float *values, size_t n)
{
	return sum_lanes(values, n);
}

#if defined(__x86_64__)
static __attribute__((target("avx2"))) float sum_avx2(const float *values, size_t n)
{
	return sum_lanes(values, n);
}

static __attribute__((target("avx512f"))) float sum_avx512(const float *values, size_t n)
{
	return sum_lanes(values, n);
}
#else
#define sum_avx2 sum_scalar
#define sum_avx512 sum_scalar
#endif

static float (*const sums[VX_ISA_COUNT])(const float *, size_t) = { sum_scalar, sum_avx2, sum_avx512, sum_scalar,
								     sum_avx512 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1 : 1;
}

#define MEDIAN_SECONDS(statement)                             \
	({                                                    \
		double times[ROUNDS];                         \
		for (int round = 0; round < ROUNDS; round++) { \
			double start = now();                 \
			statement;                            \
			times[round] = now() - start;         \
		}                                             \
		qsort(times, ROUNDS, sizeof(double), by_value); \
		times[ROUNDS / 2];                            \
	})

int main(int argc, char **argv)
{
	static const char *const metrics[] = { "euclidean", "cosine", "dot" };
	static const char *const elements[] = { "", "float32", "float16", "int8", "binary" };
	const uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 100000, dims = argc > 2 ? (uint32_t)atoi(argv[2]) : 128;
	const uint32_t k = 10;
	float *buffer = vx_host_allocate(SUM_BYTES), *values = vx_host_allocate((size_t)n * dims * 4);
	uint8_t *rows = vx_host_allocate((size_t)n * dims * 4), *query = vx_host_allocate(vx_query_bytes(dims));
	uint64_t *ids = vx_host_allocate((size_t)n * 8);
	void *topk = vx_host_allocate(vx_topk_bytes(k)), *scratch = vx_host_allocate(VX_SCAN_SCRATCH_BYTES);
	volatile float sink;

	for (size_t i = 0; i < SUM_BYTES / 4; i++)
		buffer[i] = 1.0f;
	for (size_t i = 0; i < (size_t)n * dims; i++)
		values[i] = random_float();
	for (uint32_t i = 0; i < n; i++)
		ids[i] = i;
	printf("%u rows of %u dimensions, k %u, one thread\n", n, dims, k);
	EACH_CPU(cpu) {
		double sum_speed = SUM_BYTES / MEDIAN_SECONDS(sink = sums[cpu->isa](buffer, SUM_BYTES / 4)) * 1e-9;

		printf("%s: summing 256 MiB of float32 %.1f GB/s\n", isa_names[cpu->isa], sum_speed);
		for (uint32_t element = VX_FLOAT32; element <= VX_BINARY; element++) {
			const uint32_t row_bytes = vx_row_bytes(element, dims);
			double encode = MEDIAN_SECONDS(vx_encode_rows(cpu, element, dims, values, n, rows, row_bytes));

			printf("  %-8s encode %5.2f ms", elements[element], encode * 1e3);
			for (uint32_t metric = 0; metric < 3; metric++) {
				struct vx_scan scan = { .rows = rows, .stride = row_bytes, .ids = ids, .scratch = scratch, .n = n };
				double seconds;

				vx_query_prepare(cpu, query, metric, element, dims, values);
				seconds = MEDIAN_SECONDS(vx_search_exact(cpu, (struct vx_query *)query, &scan, k, topk, NULL,
									 NULL, NULL));
				printf("  %s %.2f ms %.1f GB/s %.2f", metrics[metric], seconds * 1e3,
				       (double)n * row_bytes / seconds * 1e-9,
				       (double)n * row_bytes / seconds * 1e-9 / sum_speed);
			}
			printf("\n");
		}
	}
	(void)sink;
	return 0;
}
