// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking with AVX2: sixteen coordinates at a time as 16-bit numbers. */
#if defined(__x86_64__)
#include "x86_vectors.h"

#include "navigate.h"

#define VX_VECTOR_BYTES 32
#define VX_STEP 16
typedef __m256i vx_sums;
typedef __m256i vx_part;

VX_INLINE vx_sums vx_no_sums(void)
{
	return _mm256_setzero_si256();
}

VX_INLINE vx_part vx_query_part(const signed char *query)
{
	return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)query));
}

VX_INLINE vx_sums vx_add_products(vx_sums sums, const vx_u8 *code, vx_part query)
{
	__m256i row = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)code));

	return _mm256_add_epi32(sums, _mm256_madd_epi16(row, query));
}

VX_INLINE void vx_fold4(vx_sums a, vx_sums b, vx_sums c, vx_sums d, vx_s32 offset, vx_s32 *dots)
{
	__m256i all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
	__m128i four = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));

	_mm_storeu_si128((__m128i_u *)dots, _mm_sub_epi32(four, _mm_set1_epi32(offset)));
}

#include "navigate_dot4.h"
#include "navigate_body.h"

const struct vx_navigation vx_navigation_avx2 = VX_NAVIGATION;
#else
typedef int vx_no_avx2_navigation;
#endif
