// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking with AVX-512 BW: 32 coordinates at a time as 16-bit numbers. */
#if defined(__x86_64__)
#include "x86_vectors.h"

#include "navigate.h"

#define VX_STEP 32
typedef __m512i vx_part;

VX_INLINE vx_part vx_query_part(const signed char *query)
{
	return _mm512_cvtepi8_epi16(_mm256_load_si256((const __m256i *)query));
}

VX_INLINE __m512i vx_add_products(__m512i sums, const vx_u8 *code, vx_part query)
{
	__m512i row = _mm512_cvtepu8_epi16(_mm256_load_si256((const __m256i *)code));

	return _mm512_add_epi32(sums, _mm512_madd_epi16(row, query));
}

#include "navigate_fold512.h"
#include "navigate_dot4.h"
#include "navigate_body.h"

const struct vx_navigation vx_navigation_avx512 = VX_NAVIGATION;
#else
typedef int vx_no_avx512_navigation;
#endif
