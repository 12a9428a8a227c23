/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Conversions of one row between float32 and the element types, one text for every ISA. Included behind
 * distance_body.h; the loops are without branches, so that the compiler turns them into the vectors of that ISA.
 */
typedef vx_u32 __attribute__((aligned(1), may_alias)) vx_loose_u32;
typedef vx_u16 __attribute__((aligned(1), may_alias)) vx_loose_u16;
typedef float __attribute__((aligned(1), may_alias)) vx_loose_float;

static vx_u32 vx_not_finite(const vx_u8 *floats, size_t n)
{
	const vx_loose_u32 *in = (const vx_loose_u32 *)floats;
	vx_u32 largest = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		vx_u32 magnitude = in[i] << 1;

		largest = magnitude > largest ? magnitude : largest;
	}
	return largest >= 0xff000000u;
}

static vx_u32 vx_encode_f32(const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	const vx_loose_u32 *from = (const vx_loose_u32 *)in;
	vx_loose_u32 *to = (vx_loose_u32 *)out;
	vx_u32 largest = 0;
	vx_u32 i;

	for (i = 0; i < dims; i++) {
		vx_u32 bits = from[i];
		vx_u32 magnitude = bits << 1;

		largest = magnitude > largest ? magnitude : largest;
		to[i] = bits;
	}
	return largest >= 0xff000000u;
}

static vx_u32 vx_encode_f16(const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	const vx_loose_u32 *from = (const vx_loose_u32 *)in;
	vx_loose_u16 *to = (vx_loose_u16 *)out;
	vx_u32 largest = 0;
	vx_u32 i;

	for (i = 0; i < dims; i++) {
		vx_u32 bits = from[i];
		vx_u32 magnitude = bits & 0x7fffffffu;
		/* Normal halves: round the 13 lost bits to even, rebias the exponent from 127 to 15. */
		vx_u32 normal = (magnitude + 0xfffu + (magnitude >> 13 & 1) - 0x38000000u) >> 13;
		/* Below 2^-14: the unit of the last place of 0.5 is that of denormal halves, the addition rounds. */
		vx_u32 denormal = vx_float_bits(vx_bits_float(magnitude) + 0.5f) - 0x3f000000u;
		vx_u32 half = magnitude < 0x38800000u ? denormal : normal;

		largest = magnitude > largest ? magnitude : largest;
		to[i] = (vx_u16)(half | (bits >> 16 & 0x8000u));
	}
	/* 65520 is the least that rounds to 65536, which is no half. */
	return largest >= 0x477ff000u;
}

static vx_u32 vx_encode_i8(const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	const vx_loose_u32 *from = (const vx_loose_u32 *)in;
	vx_u32 bad = 0;
	vx_u32 i;

	for (i = 0; i < dims; i++) {
		vx_u32 bits = from[i];
		/* 1024 and more, and NaN, would not survive the addition below. */
		vx_u32 huge = (bits & 0x7fffffffu) >= 0x44800000u;
		float value = huge ? 1024.0f : vx_bits_float(bits);
		/* 1.5 * 2^23: the unit of the last place becomes 1, the addition rounds to even. */
		vx_s32 rounded = (vx_s32)vx_float_bits(value + 12582912.0f) - 0x4b400000;

		bad |= (vx_u32)(rounded + 128) > 255u;
		out[i] = (vx_u8)rounded;
	}
	return bad;
}

static vx_u32 vx_encode_bin(const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	const vx_loose_u32 *from = (const vx_loose_u32 *)in;
	vx_u32 i;

	for (i = 0; i < dims; i += 8) {
		vx_u32 count = dims - i < 8 ? dims - i : 8;
		vx_u32 byte = 0;
		vx_u32 j;

		/* Positive: neither sign nor zero. */
		for (j = 0; j < count; j++)
			byte |= (vx_u32)(from[i + j] - 1 < 0x7f800000u) << (7 - j);
		out[i / 8] = (vx_u8)byte;
	}
	return vx_not_finite(in, dims);
}

VX_INLINE void vx_decode_row(vx_u32 element, const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	vx_u32 blocks = dims / 16;
	vx_u32 tail = dims % 16;
	vx_u32 block;

	for (block = 0; block < blocks; block++)
		v16_store(out + (size_t)block * 64, vx_block(element, in, block));
	if (tail) {
		vx_u8 last[64];

		v16_store(last, vx_tail(element, in, block, tail));
		__builtin_memcpy(out + (size_t)block * 64, last, (size_t)tail * 4);
	}
}

static void vx_decode_f32(const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	__builtin_memcpy(out, in, (size_t)dims * 4);
}

static void vx_decode_f16(const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	vx_decode_row(VX_FLOAT16, in, dims, out);
}

static void vx_decode_i8(const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	vx_decode_row(VX_INT8, in, dims, out);
}

static void vx_decode_bin(const vx_u8 *in, vx_u32 dims, vx_u8 *out)
{
	vx_decode_row(VX_BINARY, in, dims, out);
}

#define VX_KERNELS                                                                           \
	{                                                                                    \
		.distance = VX_DISTANCE_TABLE,                                               \
		.encode = { vx_encode_f32, vx_encode_f16, vx_encode_i8, vx_encode_bin },     \
		.decode = { vx_decode_f32, vx_decode_f16, vx_decode_i8, vx_decode_bin },     \
		.not_finite = vx_not_finite,                                                 \
		.norm = vx_norm,                                                             \
	}
