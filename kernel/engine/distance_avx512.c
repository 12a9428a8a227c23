// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Kernels for AVX-512 F, BW, DQ and VL: a block of 16 lanes is one register. */
#if defined(__x86_64__)
#include "x86_vectors.h"

#include "kernels.h"

typedef __m512 v16;

#define VX_WIDE_COSINE 1
#define v16_zero() _mm512_setzero_ps()
#define v16_add(a, b) _mm512_add_ps(a, b)
#define v16_sub(a, b) _mm512_sub_ps(a, b)
#define v16_mul(a, b) _mm512_mul_ps(a, b)
#define v16_load(p) _mm512_load_ps(p)
#define v16_store(p, v) _mm512_storeu_ps(p, v)
#define v16_f32(p) _mm512_loadu_ps(p)
#define v16_f16(p) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i_u *)(p)))
#define v16_i8(p) _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i_u *)(p))))
#define v16_f32_tail(p, t) _mm512_maskz_loadu_ps((__mmask16)((1u << (t)) - 1), p)
#define v16_f16_tail(p, t) _mm512_cvtph_ps(_mm256_maskz_loadu_epi16((__mmask16)((1u << (t)) - 1), p))
#define v16_i8_tail(p, t) \
	_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8((__mmask16)((1u << (t)) - 1), p)))

static inline __attribute__((always_inline)) v16 v16_bits(vx_u32 bits)
{
	const __m512i place = _mm512_setr_epi32(0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1, 0x8000, 0x4000, 0x2000, 0x1000, 0x800,
						0x400, 0x200, 0x100);

	return _mm512_maskz_mov_ps(_mm512_test_epi32_mask(_mm512_set1_epi32((int)bits), place), _mm512_set1_ps(1.0f));
}

static inline __attribute__((always_inline)) float v16_fold(v16 v)
{
	__m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

#include "distance_body.h"
#include "convert_body.h"

const struct vx_kernels vx_kernels_avx512 = VX_KERNELS;
#else
typedef int vx_no_avx512;
#endif
