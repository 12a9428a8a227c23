// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Conversion between float32 and the element types. */
#include "check.h"

static int64_t encode_one(const struct vx_cpu *cpu, uint32_t element, float value, void *out)
{
	return vx_encode_rows(cpu, element, 1, &value, 1, out, 8);
}

static void expect_half(const struct vx_cpu *cpu, float value, uint32_t expected)
{
	uint16_t out[4];

	CHECK_EQ(encode_one(cpu, VX_FLOAT16, value, out), 1, "encoded rows");
	CHECK(out[0] == expected, "%s half of %a: %04x, expected %04x", isa_names[cpu->isa], value, out[0], expected);
}

static void test_half(void)
{
	uint16_t out[4];

	TEST("FLOAT16 rounds to nearest even and refuses overflow");
	EACH_CPU(cpu) {
		expect_half(cpu, 1.0f, 0x3c00);
		expect_half(cpu, -2.0f, 0xc000);
		expect_half(cpu, -0.0f, 0x8000);
		expect_half(cpu, 0x1.002p0f, 0x3c00);
		expect_half(cpu, 0x1.006p0f, 0x3c02);
		expect_half(cpu, 0x1.002002p0f, 0x3c01);
		expect_half(cpu, 65504.0f, 0x7bff);
		expect_half(cpu, 65519.996f, 0x7bff);
		expect_half(cpu, 0x1p-14f, 0x0400);
		expect_half(cpu, 0x1.ff8p-15f, 0x03ff);
		expect_half(cpu, 0x1.ffbp-15f, 0x03ff);
		expect_half(cpu, 0x1.ffcp-15f, 0x0400);
		expect_half(cpu, 0x1p-24f, 0x0001);
		expect_half(cpu, 0x1p-25f, 0x0000);
		expect_half(cpu, 0x1.000002p-25f, 0x0001);
		expect_half(cpu, 0x1.8p-24f, 0x0002);
		expect_half(cpu, -0x1p-149f, 0x8000);
		CHECK_EQ(encode_one(cpu, VX_FLOAT16, 65520.0f, out), 0, "overflow");
		CHECK_EQ(encode_one(cpu, VX_FLOAT16, -3e38f, out), 0, "overflow");
	}
}

static void test_half_round_trip(void)
{
	TEST("every finite half decodes and encodes to itself");
	EACH_CPU(cpu) {
		for (uint32_t half = 0; half < 65536; half++) {
			uint16_t in = (uint16_t)half;
			uint16_t back[4];
			float value;

			if ((half & 0x7c00) == 0x7c00)
				continue;
			CHECK_EQ(vx_decode_rows(cpu, VX_FLOAT16, 1, &in, 2, 1, &value), 0, "vx_decode_rows");
			expect_half(cpu, value, half);
			CHECK_EQ(encode_one(cpu, VX_FLOAT16, value, back), 1, "encoded rows");
		}
	}
}

static void test_int8(void)
{
	static const struct {
		float value;
		int expected; /* 1000: refused */
	} cases[] = { { 0.5f, 0 },	 { 1.5f, 2 },	   { -0.5f, 0 },     { -1.5f, -2 },   { 2.5f, 2 },
		      { 127.4f, 127 },	 { 127.5f, 1000 }, { 126.5f, 126 },  { -128.5f, -128 }, { -128.50002f, 1000 },
		      { -129.0f, 1000 }, { 1e9f, 1000 },   { -1e30f, 1000 }, { 1e-40f, 0 },   { -0.0f, 0 },
		      { 8388609.0f, 1000 }, { 1023.9f, 1000 }, { -1024.0f, 1000 }, { 127.49999f, 127 } };

	TEST("INT8 rounds half to even and refuses what does not fit");
	EACH_CPU(cpu) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			int8_t out[8];
			int64_t rows = encode_one(cpu, VX_INT8, cases[i].value, out);

			CHECK(rows == (cases[i].expected != 1000), "%s accepts %a: %d", isa_names[cpu->isa],
			      cases[i].value, (int)rows);
			if (rows)
				CHECK(out[0] == cases[i].expected, "%a: %d, expected %d", cases[i].value, out[0],
				      cases[i].expected);
		}
	}
}

static void test_binary(void)
{
	const float in[] = { 1, 0, -1, 1e-40f, -0.0f, 3e38f, 0, 2, 5, -5, 1 };
	uint8_t out[4];
	float back[11];

	TEST("BINARY is x > 0, most significant bit first, as numpy.packbits");
	EACH_CPU(cpu) {
		memset(out, 0xff, 4);
		CHECK_EQ(vx_encode_rows(cpu, VX_BINARY, 11, in, 1, out, 4), 1, "encoded rows");
		CHECK_EQ(out[0], 0x95, "first byte");
		CHECK_EQ(out[1], 0xa0, "second byte, unused bits zero");
		CHECK_EQ(out[2] | out[3], 0, "padding");
		out[1] |= 0x1f;
		CHECK_EQ(vx_decode_rows(cpu, VX_BINARY, 11, out, 4, 1, back), 0, "vx_decode_rows");
		for (int i = 0; i < 11; i++)
			CHECK(back[i] == (in[i] > 0 ? 1.0f : 0.0f), "element %d: %g", i, back[i]);
	}
}

static void test_not_finite(void)
{
	static const uint32_t bad[] = { 0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff, 0x7f800001 };
	float rows[5 * 37];
	uint8_t out[5 * 160];

	TEST("the first row with a value that is not finite is named, for every element type");
	EACH_CPU(cpu) {
		for (uint32_t element = VX_FLOAT32; element <= VX_BINARY; element++)
			for (size_t i = 0; i < 5 * 37; i++) {
				memset(rows, 0, sizeof(rows));
				CHECK_EQ(vx_encode_rows(cpu, element, 37, rows, 5, out, 160), 5, "without it");
				memcpy(&rows[i], &bad[i % 5], 4);
				CHECK_EQ(vx_encode_rows(cpu, element, 37, rows, 5, out, 160), i / 37, "the row");
				CHECK_EQ(vx_all_finite(cpu, rows, 5 * 37), i, "vx_all_finite");
			}
	}
}

static void test_all_finite_long(void)
{
	const size_t n = 100003;
	struct guarded memory = guarded_new(n * 4);
	uint8_t *floats = memory.end - n * 4;
	const uint32_t infinity = 0x7f800000;

	TEST("vx_all_finite finds one value anywhere in a long array at any alignment");
	EACH_CPU(cpu) {
		for (size_t shift = 0; shift < 4; shift++) {
			uint8_t *at = floats - shift;

			memset(at, 0x7f, n * 4);
			CHECK_EQ(vx_all_finite(cpu, at, n), n, "all finite");
			for (size_t i = 0; i < 20; i++) {
				size_t place = i == 0 ? n - 1 : random_below((uint32_t)n);

				memcpy(at + place * 4, &infinity, 4);
				CHECK_EQ(vx_all_finite(cpu, at, n), place, "place");
				memset(at + place * 4, 0x7f, 4);
			}
			CHECK_EQ(vx_all_finite(cpu, at, 0), 0, "none");
		}
	}
	guarded_free(&memory);
}

static void test_rows(void)
{
	struct guarded in = guarded_new(600 * 257 * 4), out = guarded_new(600 * 1100), again = guarded_new(600 * 1100);
	struct guarded back = guarded_new(600 * 257 * 4);

	TEST("rows of every width are the same on every ISA, stay inside their memory and have padding zeroed");
	for (uint32_t element = VX_FLOAT32; element <= VX_BINARY; element++)
		for (uint32_t dims = 1; dims <= 257; dims += dims < 40 ? 1 : 31) {
			const size_t n = dims < 40 ? 13 : 600;
			const size_t row_bytes = vx_row_bytes(element, dims), stride = row_bytes + dims % 3;
			uint8_t *from = in.end - n * dims * 4, *to = out.end - n * stride;
			uint8_t *expected = again.end - n * stride, *floats = back.end - n * dims * 4;

			for (size_t i = 0; i < n * dims; i++) {
				float value = random_float() * 100.0f;

				memcpy(from + i * 4, &value, 4);
			}
			CHECK_EQ(vx_encode_rows(vx_host_cpu(VX_ISA_SCALAR), element, dims, from, n, expected, stride), n,
				 "encoded rows");
			for (size_t r = 0; r < n; r++)
				for (size_t b = row_bytes; b < stride; b++)
					CHECK_EQ(expected[r * stride + b], 0, "padding");
			EACH_CPU(cpu) {
				memset(to, 0xaa, n * stride);
				CHECK_EQ(vx_encode_rows(cpu, element, dims, from, n, to, stride), n, "encoded rows");
				CHECK(memcmp(to, expected, n * stride) == 0, "%s element %u dims %u", isa_names[cpu->isa],
				      element, dims);
				CHECK_EQ(vx_decode_rows(cpu, element, dims, to, stride, n, floats), 0, "decode");
				CHECK_EQ(vx_encode_rows(cpu, element, dims, floats, n, to, stride), n, "again");
				CHECK(memcmp(to, expected, n * stride) == 0, "decoded and encoded: %s element %u dims %u",
				      isa_names[cpu->isa], element, dims);
			}
		}
	guarded_free(&in);
	guarded_free(&out);
	guarded_free(&again);
	guarded_free(&back);
}

static void test_sizes(void)
{
	float value = 1;
	uint8_t out[8];
	const struct vx_cpu *cpu = vx_host_cpu(VX_ISA_BEST);

	TEST("row sizes follow from element type and dimensions, and other arguments are refused");
	CHECK_EQ(vx_row_bytes(VX_FLOAT32, 3), 12, "FLOAT32");
	CHECK_EQ(vx_row_bytes(VX_FLOAT16, 3), 6, "FLOAT16");
	CHECK_EQ(vx_row_bytes(VX_INT8, 3), 3, "INT8");
	CHECK_EQ(vx_row_bytes(VX_BINARY, 8), 1, "BINARY");
	CHECK_EQ(vx_row_bytes(VX_BINARY, 9), 2, "BINARY");
	CHECK_EQ(vx_row_bytes(VX_BINARY, VX_MAX_DIMS), 8192, "BINARY");
	CHECK_EQ(vx_row_bytes(VX_FLOAT32, 0), 0, "no dimensions");
	CHECK_EQ(vx_row_bytes(VX_FLOAT32, VX_MAX_DIMS + 1), 0, "too many");
	CHECK_EQ(vx_row_bytes(0, 1), 0, "element type 0");
	CHECK_EQ(vx_row_bytes(5, 1), 0, "element type 5");
	CHECK_EQ(vx_encode_rows(cpu, VX_FLOAT32, 1, &value, 1, out, 3), -VX_EINVAL, "stride below the row");
	CHECK_EQ(vx_decode_rows(cpu, 9, 1, &value, 4, 1, out), -VX_EINVAL, "element type 9");
}

int main(void)
{
	printf("element\n");
	test_sizes();
	test_half();
	test_half_round_trip();
	test_int8();
	test_binary();
	test_not_finite();
	test_all_finite_long();
	test_rows();
	return 0;
}
