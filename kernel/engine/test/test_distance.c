// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Distances of every ISA against a reference written from the definition, bit for bit. */
#include "check.h"

#define ROWS 11
#define MOST_DIMS 1536

static float half_value(uint32_t half)
{
	int exponent = (int)(half >> 10 & 31);
	float value = (float)(half & 0x3ff);

	if (exponent == 31)
		value = value != 0.0f ? bits_float(0x7fc00000) : bits_float(0x7f800000);
	else if (exponent == 0)
		value *= 0x1p-24f;
	else
		for (value = (value + 1024.0f) * 0x1p-25f; exponent > 0; exponent--)
			value *= 2.0f;
	return half & 0x8000 ? -value : value;
}

static float element_value(uint32_t element, const uint8_t *row, uint32_t i)
{
	uint16_t half;
	float value;

	switch (element) {
	case VX_FLOAT32:
		memcpy(&value, row + 4 * i, 4);
		return value;
	case VX_FLOAT16:
		memcpy(&half, row + 2 * i, 2);
		return half_value(half);
	case VX_INT8:
		return (float)(int8_t)row[i];
	default:
		return row[i / 8] >> (7 - i % 8) & 1 ? 1.0f : 0.0f;
	}
}

static float folded(float lane[16])
{
	for (int half = 8; half > 0; half /= 2)
		for (int j = 0; j < half; j++)
			lane[j] = lane[j] + lane[j + half];
	return lane[0];
}

static uint32_t reference(uint32_t metric, uint32_t element, uint32_t dims, const float *query, const uint8_t *row)
{
	float sum[16] = { 0 }, qq[16] = { 0 }, xx[16] = { 0 };
	volatile float product;
	float distance, a, b, dot;

	for (uint32_t i = 0; i < dims; i++) {
		float x = element_value(element, row, i), q = query[i], gap = q - x;

		product = metric == VX_EUCLIDEAN ? gap * gap : q * x;
		sum[i % 16] += product;
		product = q * q;
		qq[i % 16] += product;
		product = x * x;
		xx[i % 16] += product;
	}
	dot = folded(sum);
	a = folded(qq);
	b = folded(xx);
	if (metric == VX_EUCLIDEAN) {
		distance = __builtin_sqrtf(dot);
	} else if (metric == VX_DOT_PRODUCT) {
		distance = -dot;
	} else if (dot != dot) {
		distance = dot;
	} else if (a == 0.0f || b == 0.0f) {
		distance = 1.0f;
	} else {
		product = __builtin_sqrtf(a) * __builtin_sqrtf(b);
		product = dot / product;
		distance = 1.0f - product;
		distance = distance < 0.0f ? 0.0f : distance > 2.0f ? 2.0f : distance;
	}
	if (!(distance - distance == 0.0f))
		return VX_NO_MATCH;
	return distance == 0.0f ? 0 : float_bits(distance);
}

static void fill_rows(uint32_t element, uint32_t dims, uint32_t row_bytes, size_t stride, uint8_t *rows, int extremes)
{
	static const uint32_t special[] = { 0x7fc00000, 0x7f800000, 0xff800000, 1, 0x80000001, 0x80000000,
					    0x7f7fffff, 0x00800000, 0x5f000000, 0x20000000, 0xffc12345 };
	static const uint16_t special_half[] = { 0x7e00, 0x7c00, 0xfc00, 1, 0x8001, 0x8000, 0x7bff, 0x0400, 0x3c00, 0x03ff };

	for (size_t r = 0; r < ROWS; r++) {
		uint8_t *row = rows + r * stride;

		for (uint32_t b = 0; b < row_bytes; b++)
			row[b] = (uint8_t)random_u64();
		for (uint32_t i = 0; i < dims; i++) {
			float value = random_float();
			uint16_t half = (uint16_t)((random_u64() & 0x83ff) | (random_below(30) << 10));

			if (extremes && random_below(dims) < 2) {
				value = bits_float(special[random_below(sizeof(special) / 4)]);
				half = special_half[random_below(sizeof(special_half) / 2)];
			}
			if (element == VX_FLOAT32)
				memcpy(row + 4 * i, &value, 4);
			else if (element == VX_FLOAT16)
				memcpy(row + 2 * i, &half, 2);
		}
		if (r == 3)
			memset(row, 0, row_bytes);
		if (r + 1 < ROWS)
			memset(row + row_bytes, 0xff, stride - row_bytes);
	}
}

static void compare(uint32_t element, uint32_t metric, uint32_t dims, struct guarded *memory, int round)
{
	static const uint32_t listed[] = { 10, 0, 3, 3, 9, 1, 7 };
	const uint32_t row_bytes = vx_row_bytes(element, dims);
	const size_t stride = row_bytes + (size_t)(round % 4);
	uint8_t *rows = memory->end - row_bytes - (ROWS - 1) * stride;
	void *query = vx_host_allocate(vx_query_bytes(dims));
	float values[MOST_DIMS];
	uint32_t expected[ROWS], actual[ROWS];

	fill_rows(element, dims, row_bytes, stride, rows, round & 1);
	for (uint32_t i = 0; i < dims; i++)
		values[i] = round == 3 ? 0.0f : random_float() * (round == 2 ? 0x1p-75f : 1.0f);
	if (element == VX_FLOAT32 && row_bytes && round == 0)
		memcpy(rows + stride, values, row_bytes);
	for (size_t r = 0; r < ROWS; r++)
		expected[r] = reference(metric, element, dims, values, rows + r * stride);
	EACH_CPU(cpu) {
		CHECK_EQ(vx_query_prepare(cpu, query, metric, element, dims, values), 0, "vx_query_prepare");
		vx_distances(cpu, query, rows, stride, NULL, ROWS, actual);
		for (size_t r = 0; r < ROWS; r++)
			CHECK(actual[r] == expected[r],
			      "%s element %u metric %u dims %u round %d row %zu: %08x (%g), expected %08x (%g)",
			      isa_names[cpu->isa], element, metric, dims, round, r, actual[r], bits_float(actual[r]),
			      expected[r], bits_float(expected[r]));
		vx_distances(cpu, query, rows, stride, listed, 7, actual);
		for (size_t i = 0; i < 7; i++)
			CHECK(actual[i] == expected[listed[i]], "%s by slot: element %u metric %u dims %u item %zu",
			      isa_names[cpu->isa], element, metric, dims, i);
	}
	vx_host_release(query, vx_query_bytes(dims));
}

static void test_bits(void)
{
	struct guarded memory = guarded_new(ROWS * (MOST_DIMS * 4 + 4));
	static const uint32_t more[] = { 255, 256, 257, 768, 1536 };

	TEST("all ISAs return the bits of the definition, without a byte read outside the rows");
	for (uint32_t element = VX_FLOAT32; element <= VX_BINARY; element++)
		for (uint32_t metric = 0; metric <= VX_DOT_PRODUCT; metric++)
			for (int round = 0; round < 4; round++) {
				for (uint32_t dims = 1; dims <= 130; dims++)
					compare(element, metric, dims, &memory, round);
				for (size_t i = 0; i < 5; i++)
					compare(element, metric, more[i], &memory, round);
			}
	guarded_free(&memory);
}

static uint32_t one_distance(const struct vx_cpu *cpu, uint32_t metric, uint32_t dims, const float *a, const float *b)
{
	_Alignas(64) uint8_t query[64 + 64];
	uint32_t out;

	CHECK_EQ(vx_query_prepare(cpu, query, metric, VX_FLOAT32, dims, a), 0, "vx_query_prepare");
	vx_distances(cpu, (struct vx_query *)query, b, dims * 4, NULL, 1, &out);
	return out;
}

static void test_known(void)
{
	const float a[] = { 3, 0, -4 }, b[] = { 0, 0, 0 }, c[] = { -3, 0, 4 }, d[] = { 0, 7, 0 };
	const float infinite[] = { 0, __builtin_inff(), 0 }, huge[] = { 3e38f, 0, 3e38f };

	TEST("distances of small vectors are the ones a person computes");
	EACH_CPU(cpu) {
		CHECK_EQ(one_distance(cpu, VX_EUCLIDEAN, 3, a, b), float_bits(5), "euclidean");
		CHECK_EQ(one_distance(cpu, VX_EUCLIDEAN, 3, a, a), 0, "euclidean of itself");
		CHECK_EQ(one_distance(cpu, VX_COSINE, 3, a, a), 0, "cosine of itself");
		CHECK_EQ(one_distance(cpu, VX_COSINE, 3, a, c), float_bits(2), "cosine of the opposite");
		CHECK_EQ(one_distance(cpu, VX_COSINE, 3, a, d), float_bits(1), "cosine of a right angle");
		CHECK_EQ(one_distance(cpu, VX_COSINE, 3, a, b), float_bits(1), "cosine of a zero row");
		CHECK_EQ(one_distance(cpu, VX_COSINE, 3, b, a), float_bits(1), "cosine of a zero query");
		CHECK_EQ(one_distance(cpu, VX_COSINE, 3, b, infinite), VX_NO_MATCH, "infinite row, zero query");
		CHECK_EQ(one_distance(cpu, VX_DOT_PRODUCT, 3, a, c), float_bits(25), "dot product");
		CHECK_EQ(one_distance(cpu, VX_DOT_PRODUCT, 3, a, d), 0, "-0 becomes +0");
		CHECK_EQ(one_distance(cpu, VX_EUCLIDEAN, 3, a, infinite), VX_NO_MATCH, "infinite row");
		CHECK_EQ(one_distance(cpu, VX_EUCLIDEAN, 3, a, huge), VX_NO_MATCH, "overflow");
	}
}

static void test_refusals(void)
{
	_Alignas(64) uint8_t mem[256];
	const float good[] = { 1, 2 }, nan[] = { 1, __builtin_nanf("") }, infinite[] = { __builtin_inff(), 1 };
	const struct vx_cpu *cpu = vx_host_cpu(VX_ISA_BEST);
	struct vx_cpu none;

	TEST("queries and CPUs that are not valid are refused");
	CHECK_EQ(vx_query_prepare(cpu, mem, VX_COSINE, VX_FLOAT32, 2, nan), -VX_EINVAL, "NaN");
	CHECK_EQ(vx_query_prepare(cpu, mem, VX_COSINE, VX_FLOAT32, 2, infinite), -VX_EINVAL, "infinity");
	CHECK_EQ(vx_query_prepare(cpu, mem, 3, VX_FLOAT32, 2, good), -VX_EINVAL, "metric 3");
	CHECK_EQ(vx_query_prepare(cpu, mem, 0, 0, 2, good), -VX_EINVAL, "element type 0");
	CHECK_EQ(vx_query_prepare(cpu, mem, 0, 5, 2, good), -VX_EINVAL, "element type 5");
	CHECK_EQ(vx_query_prepare(cpu, mem, 0, 1, 0, good), -VX_EINVAL, "no dimensions");
	CHECK_EQ(vx_query_prepare(cpu, mem, 0, 1, VX_MAX_DIMS + 1, good), -VX_EINVAL, "too many dimensions");
	CHECK_EQ(vx_cpu_init(&none, VX_ISA_COUNT, 0), -VX_EINVAL, "unknown ISA");
	CHECK_EQ(vx_cpu_init(&none, VX_ISA_SCALAR, 0), 0, "scalar");
	CHECK(vx_host_cpu(VX_ISA_COUNT) == NULL, "an unknown ISA has no CPU");
}

static int depth, sections;

static void enter(void)
{
	CHECK_EQ(depth++, 0, "sections nest");
	sections++;
}

static void leave(void)
{
	CHECK_EQ(--depth, 0, "section left twice");
}

static void test_sections(void)
{
	const uint32_t dims = 1024, n = 100;
	float *rows = vx_host_allocate(dims * n * 4);
	uint8_t *query = vx_host_allocate(vx_query_bytes(dims));
	uint32_t out[100];
	struct vx_cpu cpu;

	TEST("SIMD is used between the hooks only, 128 KiB at a time");
	CHECK_EQ(vx_cpu_init(&cpu, VX_ISA_SCALAR, VX_CRC_TABLE), 0, "vx_cpu_init");
	cpu.simd_begin = enter;
	cpu.simd_end = leave;
	CHECK_EQ(vx_query_prepare(&cpu, query, 0, VX_FLOAT32, dims, rows), 0, "vx_query_prepare");
	sections = 0;
	vx_distances(&cpu, (struct vx_query *)query, rows, dims * 4, NULL, n, out);
	CHECK_EQ(sections, 4, "sections for 400 KiB");
	CHECK_EQ(depth, 0, "sections still open");
	vx_host_release(rows, dims * n * 4);
	vx_host_release(query, vx_query_bytes(dims));
}

int main(void)
{
	printf("distance, on");
	EACH_CPU(cpu)
		printf(" %s", isa_names[cpu->isa]);
	printf("\n");
	test_known();
	test_refusals();
	test_sections();
	test_bits();
	return 0;
}
