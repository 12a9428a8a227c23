// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Kernels in plain C, for any machine with IEEE 754 single precision; what the others are compared with. */
#include "kernels.h"

typedef struct {
	float lane[16];
} v16;

#define VX_WIDE_COSINE 0
#define VX_OP static inline __attribute__((always_inline))

VX_OP v16 v16_zero(void)
{
	return (v16){ { 0 } };
}

#define VX_DEFINE_OP(name, op)                                 \
	VX_OP v16 name(v16 a, v16 b)                           \
	{                                                      \
		int i;                                         \
                                                               \
		for (i = 0; i < 16; i++)                       \
			a.lane[i] = a.lane[i] op b.lane[i];    \
		return a;                                      \
	}

VX_DEFINE_OP(v16_add, +)
VX_DEFINE_OP(v16_sub, -)
VX_DEFINE_OP(v16_mul, *)

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

VX_OP v16 v16_f16_tail(const vx_u8 *p, vx_u32 t)
{
	v16 v = v16_zero();
	vx_u32 i;

	for (i = 0; i < t; i++)
		v.lane[i] = vx_half_float(p[2 * i] | (vx_u32)p[2 * i + 1] << 8);
	return v;
}

VX_OP v16 v16_i8_tail(const vx_u8 *p, vx_u32 t)
{
	v16 v = v16_zero();
	vx_u32 i;

	for (i = 0; i < t; i++)
		v.lane[i] = (float)(signed char)p[i];
	return v;
}

VX_OP v16 v16_f32_tail(const vx_u8 *p, vx_u32 t)
{
	v16 v = v16_zero();

	__builtin_memcpy(&v, p, (size_t)t * 4);
	return v;
}

#define v16_f16(p) v16_f16_tail(p, 16)
#define v16_i8(p) v16_i8_tail(p, 16)

VX_OP v16 v16_bits(vx_u32 bits)
{
	v16 v;
	int i;

	for (i = 0; i < 8; i++) {
		v.lane[i] = (float)(vx_s32)(bits >> (7 - i) & 1);
		v.lane[i + 8] = (float)(vx_s32)(bits >> (15 - i) & 1);
	}
	return v;
}

VX_OP float v16_fold(v16 v)
{
	int half, i;

	for (half = 8; half; half /= 2) {
		for (i = 0; i < half; i++)
			v.lane[i] += v.lane[i + half];
	}
	return v.lane[0];
}

#include "distance_body.h"
#include "convert_body.h"

const struct vx_kernels vx_kernels_scalar = VX_KERNELS;
