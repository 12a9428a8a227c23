// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking with AArch64 Advanced SIMD: sixteen coordinates at a time, products of signed bytes. */
#if defined(__aarch64__)
#include <arm_neon.h>

#include "navigate.h"

#define VX_VECTOR_BYTES 16

VX_INLINE int32x4_t vx_dot16(int32x4_t sum, const vx_u8 *from, int8x16_t query)
{
	int8x16_t row = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(0x80)));

	/* A node's coordinate of a damaged code may be -128; the product with -127 still fits 16 bits. */
	sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(row), vget_low_s8(query)));
	return vpadalq_s16(sum, vmull_high_s8(row, query));
}

VX_INLINE void vx_dot4(const vx_u8 *const *at, const struct vx_code *code, vx_u32 blocks, vx_s32 *dots)
{
	int32x4_t a = vdupq_n_s32(0), b = a, c = a, d = a;
	const vx_u32 n = blocks * 64;
	vx_u32 i;

	for (i = 0; i < n; i += 16) {
		int8x16_t query = vld1q_s8(code->values + i);

		a = vx_dot16(a, at[0] + i, query);
		b = vx_dot16(b, at[1] + i, query);
		c = vx_dot16(c, at[2] + i, query);
		d = vx_dot16(d, at[3] + i, query);
	}
	dots[0] = vaddvq_s32(a);
	dots[1] = vaddvq_s32(b);
	dots[2] = vaddvq_s32(c);
	dots[3] = vaddvq_s32(d);
}

#include "navigate_body.h"

const struct vx_navigation vx_navigation_neon = VX_NAVIGATION;
#else
typedef int vx_no_neon_navigation;
#endif
