/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * From rows to codes: random signs and fast Walsh-Hadamard transforms, which spread every row evenly over its
 * coordinates so that one scale quantises all of them. Every step works on coordinates one by one or in pairs, so that
 * the width of the registers changes no bit. The including file defines VX_VECTOR_BYTES, the register width.
 */
#include "kernels.h"
#include "navigate.h"

#define VX_LANES (VX_VECTOR_BYTES / 4)

typedef float vx_lanes __attribute__((vector_size(VX_VECTOR_BYTES), aligned(4), may_alias));
typedef vx_s32 vx_order __attribute__((vector_size(VX_VECTOR_BYTES)));

VX_INLINE float vx_as_float(vx_u32 bits)
{
	float value;

	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

VX_INLINE vx_u32 vx_as_bits(float value)
{
	vx_u32 bits;

	__builtin_memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Sums and differences of lanes that are h apart: lane i gets v[i] + v[i + h], lane i + h gets v[i] - v[i + h]. */
VX_INLINE vx_lanes vx_butterfly(vx_lanes v, vx_u32 h)
{
	vx_order partner = { 0 };
	vx_lanes sign = { 0 };
	vx_u32 i;

	for (i = 0; i < VX_LANES; i++) {
		partner[i] = (vx_s32)(i ^ h);
		sign[i] = i & h ? -1.0f : 1.0f;
	}
#ifdef __clang__ /* which has no shuffle by a vector */
	vx_lanes swapped;

	for (i = 0; i < VX_LANES; i++)
		swapped[i] = v[partner[i]];
	return swapped + v * sign;
#else
	return __builtin_shuffle(v, partner) + v * sign;
#endif
}

/* n is a power of two. */
static void vx_hadamard(float *values, vx_u32 n)
{
	vx_u32 h = 1;
	vx_u32 i, j;

	if (n >= VX_LANES) {
		for (i = 0; i < n; i += VX_LANES) {
			vx_lanes v = *(vx_lanes *)(values + i);

			v = vx_butterfly(v, 1);
			v = vx_butterfly(v, 2);
			if (VX_LANES > 4)
				v = vx_butterfly(v, 4 % VX_LANES);
			if (VX_LANES > 8)
				v = vx_butterfly(v, 8 % VX_LANES);
			*(vx_lanes *)(values + i) = v;
		}
		for (h = VX_LANES; h < n; h *= 2) {
			for (i = 0; i < n; i += 2 * h) {
				for (j = i; j < i + h; j += VX_LANES) {
					vx_lanes a = *(vx_lanes *)(values + j);
					vx_lanes b = *(vx_lanes *)(values + j + h);

					*(vx_lanes *)(values + j) = a + b;
					*(vx_lanes *)(values + j + h) = a - b;
				}
			}
		}
		return;
	}
	for (; h < n; h *= 2) {
		for (i = 0; i < n; i += 2 * h) {
			for (j = i; j < i + h; j++) {
				float a = values[j], b = values[j + h];

				values[j] = a + b;
				values[j + h] = a - b;
			}
		}
	}
}

/* 1 / sqrt(n) for a power of two. */
VX_INLINE float vx_hadamard_norm(vx_u32 n)
{
	float norm = n > 1 && __builtin_ctz(n) % 2 ? 0.70710678f : 1.0f;
	vx_u32 halvings = (vx_u32)__builtin_ctz(n) / 2;

	return norm * vx_as_float((127u - halvings) << 23);
}

static void vx_rotate(const struct vx_kernels *kernels, const struct vx_coder *coder, float *values)
{
	const float norm = vx_hadamard_norm(coder->span);
	float unit = 1.0f;
	vx_u32 pass, i;

	if (coder->metric == VX_COSINE) {
		float length = vx_as_float(kernels->norm(values, coder->padded / 16));

		unit = length > 0.0f ? 1.0f / length : 0.0f;
		for (i = 0; i < coder->padded; i++)
			values[i] *= unit;
	}
	for (pass = 0; pass < coder->passes; pass++) {
		const vx_u32 *signs = coder->signs + (size_t)pass * coder->padded;
		vx_u32 first = pass % 2 ? coder->dims - coder->span : 0;
		float *span = values + first;

		signs += first;
		for (i = 0; i < coder->span; i++)
			span[i] = vx_as_float(vx_as_bits(span[i] * norm) ^ signs[i]);
		vx_hadamard(span, coder->span);
	}
}

static void vx_quantise(const struct vx_coder *coder, const struct vx_generation *generation, const float *rotated,
			vx_u32 is_query, vx_u8 *out, struct vx_code *code)
{
	const vx_u32 dims = coder->dims, padding = (64 - dims % 64) % 64;
	const vx_u8 offset = is_query ? 0 : 128;
	float factor = vx_as_float(generation->factor_bits);
	vx_u32 clipped = 0, norm = 0, i;
	vx_s32 sum = 0;

	if (is_query && coder->metric == VX_DOT_PRODUCT) {
		/* The scale of a query changes no order. */
		vx_u32 largest = 0;

		for (i = 0; i < dims; i++) {
			vx_u32 magnitude = vx_as_bits(rotated[i]) & 0x7fffffffu;

			largest = magnitude > largest ? magnitude : largest;
		}
		factor = largest && largest < 0x7f800000u ? 127.0f / vx_as_float(largest) : 0.0f;
	}
	for (i = 0; i < dims; i++) {
		float value = (rotated[i] - generation->centre[i]) * factor;
		/* Not a number becomes -127, on every CPU. */
		float low = value > -127.0f ? value : -127.0f;
		float fit = low < 127.0f ? low : 127.0f;
		/* 1.5 * 2^23: the unit of the last place becomes 1, the addition rounds to even. */
		vx_s32 rounded = (vx_s32)vx_as_bits(fit + 12582912.0f) - 0x4b400000;

		clipped += fit != value;
		out[i] = (vx_u8)(rounded + offset);
	}
	for (i = 0; i < dims; i++) {
		vx_s32 coordinate = (signed char)(vx_u8)(out[i] - offset);

		sum += coordinate;
		norm += (vx_u32)(coordinate * coordinate);
	}
	__builtin_memset(out + dims, offset, padding);
	if (norm == 0 && coder->metric == VX_COSINE)
		norm = (vx_u32)(vx_s32)(factor * factor);
	code->norm = norm;
	code->sum = sum;
	code->clipped = clipped;
}
