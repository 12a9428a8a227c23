// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking with AVX-512 BW: 32 coordinates at a time as 16-bit numbers. */
#if defined(__x86_64__)
#ifdef __KERNEL__
/* The compiler's header wants an allocator of its own. */
#define _MM_MALLOC_H_INCLUDED
#endif
#include <immintrin.h>

#include "navigate.h"
#include "navigate_fold512.h"

#define VX_VECTOR_BYTES 64

VX_INLINE __m512i vx_dot32(__m512i sum, const vx_u8 *from, __m512i query)
{
	__m512i row = _mm512_cvtepu8_epi16(_mm256_load_si256((const __m256i *)from));

	return _mm512_add_epi32(sum, _mm512_madd_epi16(row, query));
}

VX_INLINE void vx_dot4(const vx_u8 *const *at, const struct vx_code *code, vx_u32 blocks, vx_s32 *dots)
{
	__m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
	const vx_u32 n = blocks * 64;
	vx_u32 i;
	__m128i four;

	for (i = 0; i < n; i += 32) {
		__m512i query = _mm512_cvtepi8_epi16(_mm256_load_si256((const __m256i *)(code->values + i)));

		a = vx_dot32(a, at[0] + i, query);
		b = vx_dot32(b, at[1] + i, query);
		c = vx_dot32(c, at[2] + i, query);
		d = vx_dot32(d, at[3] + i, query);
	}
	four = _mm_sub_epi32(vx_fold4(a, b, c, d), _mm_set1_epi32(128 * code->sum));
	_mm_storeu_si128((__m128i_u *)dots, four);
}

#include "navigate_body.h"

const struct vx_navigation vx_navigation_avx512 = VX_NAVIGATION;
#else
typedef int vx_no_avx512_navigation;
#endif
