// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking in plain C; what the others are compared with. */
#include "navigate.h"

#define VX_VECTOR_BYTES 16

static inline void vx_dot4(const vx_u8 *const *at, const struct vx_code *code, vx_u32 blocks, vx_s32 *dots)
{
	const vx_u32 n = blocks * 64;
	vx_u32 i, j;

	for (i = 0; i < 4; i++) {
		const vx_u8 *from = at[i];
		vx_s32 dot = 0;

		for (j = 0; j < n; j++)
			dot += (vx_s32)(short)(from[j] - 128) * (short)code->values[j];
		dots[i] = dot;
	}
}

#include "navigate_body.h"

const struct vx_navigation vx_navigation_scalar = VX_NAVIGATION;
