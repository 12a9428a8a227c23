// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking with AVX-512 VNNI: 64 coordinates at a time, unsigned bytes times signed ones. */
#if defined(__x86_64__)
#ifdef __KERNEL__
/* The compiler's header wants an allocator of its own. */
#define _MM_MALLOC_H_INCLUDED
#endif
#include <immintrin.h>

#include "navigate.h"
#include "navigate_fold512.h"

#define VX_VECTOR_BYTES 64

VX_INLINE void vx_dot4(const vx_u8 *const *at, const struct vx_code *code, vx_u32 blocks, vx_s32 *dots)
{
	__m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
	const vx_u32 n = blocks * 64;
	vx_u32 i;
	__m128i four;

	for (i = 0; i < n; i += 64) {
		__m512i query = _mm512_load_si512(code->values + i);

		a = _mm512_dpbusd_epi32(a, _mm512_load_si512(at[0] + i), query);
		b = _mm512_dpbusd_epi32(b, _mm512_load_si512(at[1] + i), query);
		c = _mm512_dpbusd_epi32(c, _mm512_load_si512(at[2] + i), query);
		d = _mm512_dpbusd_epi32(d, _mm512_load_si512(at[3] + i), query);
	}
	four = _mm_sub_epi32(vx_fold4(a, b, c, d), _mm_set1_epi32(128 * code->sum));
	_mm_storeu_si128((__m128i_u *)dots, four);
}

#include "navigate_body.h"

const struct vx_navigation vx_navigation_vnni = VX_NAVIGATION;
#else
typedef int vx_no_vnni_navigation;
#endif
