// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Kernels for AVX2 with F16C: a block of 16 lanes is two registers. */
#if defined(__x86_64__)
#include "x86_vectors.h"

#include "kernels.h"

typedef struct {
	__m256 low, high;
} v16;

#define VX_WIDE_COSINE 0
#define VX_OP static inline __attribute__((always_inline))

VX_OP v16 v16_zero(void)
{
	return (v16){ _mm256_setzero_ps(), _mm256_setzero_ps() };
}

VX_OP v16 v16_add(v16 a, v16 b)
{
	return (v16){ _mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high) };
}

VX_OP v16 v16_sub(v16 a, v16 b)
{
	return (v16){ _mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high) };
}

VX_OP v16 v16_mul(v16 a, v16 b)
{
	return (v16){ _mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high) };
}

VX_OP v16 v16_load(const float *p)
{
	return (v16){ _mm256_load_ps(p), _mm256_load_ps(p + 8) };
}

VX_OP void v16_store(vx_u8 *p, v16 v)
{
	_mm256_storeu_ps((float *)p, v.low);
	_mm256_storeu_ps((float *)(p + 32), v.high);
}

VX_OP v16 v16_f32(const vx_u8 *p)
{
	return (v16){ _mm256_loadu_ps((const float *)p), _mm256_loadu_ps((const float *)(p + 32)) };
}

VX_OP v16 v16_f16(const vx_u8 *p)
{
	return (v16){ _mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)p)),
		      _mm256_cvtph_ps(_mm_loadu_si128((const __m128i_u *)(p + 16))) };
}

VX_OP v16 v16_i8(const vx_u8 *p)
{
	__m128i bytes = _mm_loadu_si128((const __m128i_u *)p);

	return (v16){ _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
		      _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))) };
}

VX_OP v16 v16_bits(vx_u32 bits)
{
	const __m256i place = _mm256_setr_epi32(0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1);
	const __m256 one = _mm256_set1_ps(1.0f);
	__m256i low = _mm256_and_si256(_mm256_set1_epi32((int)bits), place);
	__m256i high = _mm256_and_si256(_mm256_set1_epi32((int)(bits >> 8)), place);

	return (v16){ _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(low, place)), one),
		      _mm256_and_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(high, place)), one) };
}

/* Masked loads touch no more than they load. QEMU reads all 64 bytes first, and faults where those behind the row are not there. */
VX_OP int vx_may_leave_page(const vx_u8 *p)
{
	return ((size_t)p & 4095) > 4096 - 64;
}

VX_OP v16 v16_f32_tail(const vx_u8 *p, vx_u32 t)
{
	const __m256i count = _mm256_set1_epi32((int)t);
	__m256i low = _mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
	__m256i high = _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15));

	if (__builtin_expect(vx_may_leave_page(p), 0)) {
		vx_u8 copy[64] = { 0 };

		__builtin_memcpy(copy, p, (size_t)t * 4);
		return v16_f32(copy);
	}
	return (v16){ _mm256_maskload_ps((const float *)p, low), _mm256_maskload_ps((const float *)(p + 32), high) };
}

#include "distance_tail.h"

VX_OP float v16_fold(v16 v)
{
	__m256 eight = _mm256_add_ps(v.low, v.high);
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

#include "distance_body.h"
#include "convert_body.h"

const struct vx_kernels vx_kernels_avx2 = VX_KERNELS;
#else
typedef int vx_no_avx2;
#endif
