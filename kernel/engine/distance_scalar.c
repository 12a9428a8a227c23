// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Kernels in plain C, for any machine with IEEE 754 single precision; what the others are compared with. */
#include "kernels.h"

/* The compiler splits vectors of this type into single floats where the machine has none. */
typedef float vx_four __attribute__((vector_size(16)));

typedef struct {
	vx_four q[4];
} v16;

#define VX_WIDE_COSINE 0
#define VX_OP static inline __attribute__((always_inline))
#define VX_EACH(a, op, b) \
	(v16){ { (a).q[0] op (b).q[0], (a).q[1] op (b).q[1], (a).q[2] op (b).q[2], (a).q[3] op (b).q[3] } }

VX_OP v16 v16_zero(void)
{
	return (v16){ { { 0 }, { 0 }, { 0 }, { 0 } } };
}

VX_OP v16 v16_add(v16 a, v16 b)
{
	return VX_EACH(a, +, b);
}

VX_OP v16 v16_sub(v16 a, v16 b)
{
	return VX_EACH(a, -, b);
}

VX_OP v16 v16_mul(v16 a, v16 b)
{
	return VX_EACH(a, *, b);
}

VX_OP v16 v16_f32(const vx_u8 *p)
{
	v16 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

VX_OP v16 v16_load(const float *p)
{
	return v16_f32((const vx_u8 *)p);
}

VX_OP void v16_store(vx_u8 *p, v16 v)
{
	__builtin_memcpy(p, &v, sizeof(v));
}

VX_OP float vx_half_float(vx_u32 half)
{
	vx_u32 magnitude = half & 0x7fff;
	vx_u32 bits;
	float value;

	if (magnitude >= 0x7c00) {
		bits = 0x7f800000u | (magnitude & 0x3ff) << 13;
	} else if (magnitude >= 0x400) {
		bits = (magnitude << 13) + 0x38000000u;
	} else {
		value = (float)(vx_s32)magnitude * 0x1p-24f;
		__builtin_memcpy(&bits, &value, sizeof(bits));
	}
	bits |= (half & 0x8000) << 16;
	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Not inlined: rows are decoded into memory, and few copies of these loops are enough. */
static __attribute__((noinline)) void vx_decode_halves(const vx_u8 *p, vx_u32 count, float *out)
{
	vx_u32 i;

	for (i = 0; i < count; i++)
		out[i] = vx_half_float(p[2 * i] | (vx_u32)p[2 * i + 1] << 8);
}

static __attribute__((noinline)) void vx_decode_bytes(const vx_u8 *p, vx_u32 count, float *out)
{
	vx_u32 i;

	for (i = 0; i < count; i++)
		out[i] = (float)(signed char)p[i];
}

static __attribute__((noinline)) void vx_decode_bits(vx_u32 bits, float *out)
{
	int i;

	for (i = 0; i < 8; i++) {
		out[i] = (float)(vx_s32)(bits >> (7 - i) & 1);
		out[i + 8] = (float)(vx_s32)(bits >> (15 - i) & 1);
	}
}

VX_OP v16 v16_f16_tail(const vx_u8 *p, vx_u32 t)
{
	float lanes[16] = { 0 };

	vx_decode_halves(p, t, lanes);
	return v16_load(lanes);
}

VX_OP v16 v16_i8_tail(const vx_u8 *p, vx_u32 t)
{
	float lanes[16] = { 0 };

	vx_decode_bytes(p, t, lanes);
	return v16_load(lanes);
}

VX_OP v16 v16_f32_tail(const vx_u8 *p, vx_u32 t)
{
	float lanes[16] = { 0 };

	__builtin_memcpy(lanes, p, (size_t)t * 4);
	return v16_load(lanes);
}

#define v16_f16(p) v16_f16_tail(p, 16)
#define v16_i8(p) v16_i8_tail(p, 16)

VX_OP v16 v16_bits(vx_u32 bits)
{
	float lanes[16];

	vx_decode_bits(bits, lanes);
	return v16_load(lanes);
}

VX_OP float v16_fold(v16 v)
{
	vx_four four = (v.q[0] + v.q[2]) + (v.q[1] + v.q[3]);

	return (four[0] + four[2]) + (four[1] + four[3]);
}

#include "distance_body.h"
#include "convert_body.h"

const struct vx_kernels vx_kernels_scalar = VX_KERNELS;
