// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking with AVX2: sixteen coordinates at a time as 16-bit numbers. */
#if defined(__x86_64__)
#ifdef __KERNEL__
/* The compiler's header wants an allocator of its own. */
#define _MM_MALLOC_H_INCLUDED
#endif
#include <immintrin.h>

#include "navigate.h"

#define VX_VECTOR_BYTES 32

VX_INLINE __m256i vx_dot16(__m256i sum, const vx_u8 *from, __m256i query)
{
	__m256i row = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)from));

	return _mm256_add_epi32(sum, _mm256_madd_epi16(row, query));
}

VX_INLINE void vx_dot4(const vx_u8 *const *at, const struct vx_code *code, vx_u32 blocks, vx_s32 *dots)
{
	__m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
	const vx_u32 n = blocks * 64;
	vx_u32 i;
	__m256i ab, cd;
	__m128i four;

	for (i = 0; i < n; i += 16) {
		__m256i query = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(code->values + i)));

		a = vx_dot16(a, at[0] + i, query);
		b = vx_dot16(b, at[1] + i, query);
		c = vx_dot16(c, at[2] + i, query);
		d = vx_dot16(d, at[3] + i, query);
	}
	ab = _mm256_hadd_epi32(a, b);
	cd = _mm256_hadd_epi32(c, d);
	ab = _mm256_hadd_epi32(ab, cd);
	four = _mm_add_epi32(_mm256_castsi256_si128(ab), _mm256_extracti128_si256(ab, 1));
	four = _mm_sub_epi32(four, _mm_set1_epi32(128 * code->sum));
	_mm_storeu_si128((__m128i_u *)dots, four);
}

#include "navigate_body.h"

const struct vx_navigation vx_navigation_avx2 = VX_NAVIGATION;
#else
typedef int vx_no_avx2_navigation;
#endif
