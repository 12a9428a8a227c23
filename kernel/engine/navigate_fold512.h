/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Four sums of sixteen lanes at once, for both kinds of AVX-512 code. */
#ifndef VX_NAVIGATE_FOLD512_H
#define VX_NAVIGATE_FOLD512_H

#define VX_VECTOR_BYTES 64
typedef __m512i vx_sums;

VX_INLINE vx_sums vx_no_sums(void)
{
	return _mm512_setzero_si512();
}

VX_INLINE void vx_fold4(vx_sums a, vx_sums b, vx_sums c, vx_sums d, vx_s32 offset, vx_s32 *dots)
{
	__m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
	__m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
	__m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
	__m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
	__m128i four = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));

	_mm_storeu_si128((__m128i_u *)dots, _mm_sub_epi32(four, _mm_set1_epi32(offset)));
}

#endif
