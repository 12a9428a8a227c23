// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Kernels for AArch64 Advanced SIMD: a block of 16 lanes is four registers. */
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels.h"

typedef struct {
	float32x4_t q[4];
} v16;

#define VX_WIDE_COSINE 0
#define VX_OP static inline __attribute__((always_inline))
#define VX_EACH(a, op, b) \
	(v16){ { op((a).q[0], (b).q[0]), op((a).q[1], (b).q[1]), op((a).q[2], (b).q[2]), op((a).q[3], (b).q[3]) } }

VX_OP v16 v16_zero(void)
{
	return (v16){ { vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0) } };
}

VX_OP v16 v16_add(v16 a, v16 b)
{
	return VX_EACH(a, vaddq_f32, b);
}

VX_OP v16 v16_sub(v16 a, v16 b)
{
	return VX_EACH(a, vsubq_f32, b);
}

VX_OP v16 v16_mul(v16 a, v16 b)
{
	return VX_EACH(a, vmulq_f32, b);
}

/* Loads of bytes carry no assumption on alignment. */
VX_OP float32x4_t vx_load4(const vx_u8 *p)
{
	return vreinterpretq_f32_u8(vld1q_u8(p));
}

VX_OP v16 v16_f32(const vx_u8 *p)
{
	return (v16){ { vx_load4(p), vx_load4(p + 16), vx_load4(p + 32), vx_load4(p + 48) } };
}

VX_OP v16 v16_load(const float *p)
{
	return v16_f32((const vx_u8 *)p);
}

VX_OP void v16_store(vx_u8 *p, v16 v)
{
	vst1q_u8(p, vreinterpretq_u8_f32(v.q[0]));
	vst1q_u8(p + 16, vreinterpretq_u8_f32(v.q[1]));
	vst1q_u8(p + 32, vreinterpretq_u8_f32(v.q[2]));
	vst1q_u8(p + 48, vreinterpretq_u8_f32(v.q[3]));
}

VX_OP v16 v16_f16(const vx_u8 *p)
{
	float16x8_t low = vreinterpretq_f16_u8(vld1q_u8(p));
	float16x8_t high = vreinterpretq_f16_u8(vld1q_u8(p + 16));

	return (v16){ { vcvt_f32_f16(vget_low_f16(low)), vcvt_f32_f16(vget_high_f16(low)),
			vcvt_f32_f16(vget_low_f16(high)), vcvt_f32_f16(vget_high_f16(high)) } };
}

VX_OP v16 v16_i8(const vx_u8 *p)
{
	int8x16_t bytes = vreinterpretq_s8_u8(vld1q_u8(p));
	int16x8_t low = vmovl_s8(vget_low_s8(bytes));
	int16x8_t high = vmovl_s8(vget_high_s8(bytes));

	return (v16){ { vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(low))),
			vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_s16(vget_high_s16(high))) } };
}

VX_OP float32x4_t vx_bits4(vx_u32 bits, uint32x4_t place)
{
	uint32x4_t set = vtstq_u32(vdupq_n_u32(bits), place);

	return vreinterpretq_f32_u32(vandq_u32(set, vreinterpretq_u32_f32(vdupq_n_f32(1.0f))));
}

VX_OP v16 v16_bits(vx_u32 bits)
{
	const uint32x4_t high = { 0x80, 0x40, 0x20, 0x10 };
	const uint32x4_t low = { 8, 4, 2, 1 };

	return (v16){ { vx_bits4(bits, high), vx_bits4(bits, low), vx_bits4(bits >> 8, high), vx_bits4(bits >> 8, low) } };
}

VX_OP v16 v16_f32_tail(const vx_u8 *p, vx_u32 t)
{
	vx_u8 copy[64] = { 0 };

	__builtin_memcpy(copy, p, (size_t)t * 4);
	return v16_f32(copy);
}

#include "distance_tail.h"

VX_OP float v16_fold(v16 v)
{
	float32x4_t four = vaddq_f32(vaddq_f32(v.q[0], v.q[2]), vaddq_f32(v.q[1], v.q[3]));
	float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));

	return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

#include "distance_body.h"
#include "convert_body.h"

const struct vx_kernels vx_kernels_neon = VX_KERNELS;
#else
typedef int vx_no_neon;
#endif
