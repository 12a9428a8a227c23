/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the engine's unit tests share: named tests, checks that print what they compared, random numbers, guarded memory. */
#ifndef VX_CHECK_H
#define VX_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host.h"

static const char *check_title = "";

#define TEST(title) (check_title = (title), printf("  %s\n", check_title))

#define CHECK(condition, ...)                                                                             \
	do {                                                                                              \
		if (!(condition)) {                                                                       \
			fprintf(stderr, "%s:%d: %s: %s\n  ", __FILE__, __LINE__, check_title, #condition); \
			fprintf(stderr, __VA_ARGS__);                                                     \
			fputc('\n', stderr);                                                              \
			exit(1);                                                                          \
		}                                                                                         \
	} while (0)

#define CHECK_EQ(actual, expected, what)                                                                \
	do {                                                                                            \
		long long check_actual = (long long)(actual), check_expected = (long long)(expected);   \
		CHECK(check_actual == check_expected, "%s: %lld, expected %lld", what, check_actual,    \
		      check_expected);                                                                  \
	} while (0)

/* splitmix64; each test program starts from the same state. */
static uint64_t random_state = 42;

static inline uint64_t random_u64(void)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static inline uint32_t random_below(uint32_t n)
{
	return (uint32_t)(random_u64() % n);
}

/* In [-1, 1). */
static inline float random_float(void)
{
	return (float)((int32_t)random_u64() >> 8) * 0x1p-23f;
}

static inline uint32_t float_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, 4);
	return bits;
}

static inline float bits_float(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, 4);
	return value;
}

/* Memory that ends where the next byte cannot be touched. */
struct guarded {
	uint8_t *map;
	size_t map_bytes;
	uint8_t *end;
};

static inline struct guarded guarded_new(size_t bytes)
{
	size_t page = 65536, room = (bytes + page - 1) / page * page + page;
	struct guarded memory = { .map_bytes = room + page };

	memory.map = mmap(NULL, memory.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory.map != MAP_FAILED, "mmap of %zu bytes", memory.map_bytes);
	memory.end = memory.map + room;
	CHECK(mprotect(memory.end, page, PROT_NONE) == 0, "mprotect");
	return memory;
}

static inline void guarded_free(struct guarded *memory)
{
	munmap(memory->map, memory->map_bytes);
}

static const char *const isa_names[VX_ISA_COUNT] = { "scalar", "avx2", "avx512", "neon", "avx512-vnni" };

/* Runs the statement behind it with `cpu` set to every ISA of this machine. */
#define EACH_CPU(cpu)                                            \
	for (uint32_t each_isa = 0; each_isa < VX_ISA_COUNT; each_isa++) \
		for (const struct vx_cpu *cpu = vx_host_cpu(each_isa); cpu; cpu = NULL)

#endif
