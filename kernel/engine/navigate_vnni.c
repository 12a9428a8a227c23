// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Walking with AVX-512 VNNI: 64 coordinates at a time, unsigned bytes times signed ones. VPOPCNTDQ counts differing signs. */
#if defined(__x86_64__)
#include "x86_vectors.h"

#include "navigate.h"

#define VX_STEP 64
#define VX_WORD_ONES(words) ((vx_words)_mm512_popcnt_epi64((__m512i)(words)))
typedef __m512i vx_part;

VX_INLINE vx_part vx_query_part(const signed char *query)
{
	return _mm512_load_si512(query);
}

VX_INLINE __m512i vx_add_products(__m512i sums, const vx_u8 *code, vx_part query)
{
	return _mm512_dpbusd_epi32(sums, _mm512_load_si512(code), query);
}

#include "navigate_fold512.h"
#include "navigate_dot4.h"
#include "navigate_body.h"

const struct vx_navigation vx_navigation_vnni = VX_NAVIGATION;
#else
typedef int vx_no_vnni_navigation;
#endif
