/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Products of a query with four codes at a time, so that their loads and sums overlap. The including file defines
 *   VX_STEP                        coordinates taken at once, a divisor of 64
 *   vx_sums, vx_no_sums()          lanes of partial sums, and none yet
 *   vx_part, vx_query_part(q)      VX_STEP coordinates of the query, 64-byte aligned in steps
 *   vx_add_products(s, code, part) s and the products with the code bytes, taken as they are or less 128
 *   vx_fold4(a, b, c, d, o, dots)  the sums of all lanes, less o where the bytes were taken as they are
 */
VX_INLINE void vx_dot4(const vx_u8 *const *at, const struct vx_code *code, vx_u32 blocks, vx_s32 *dots)
{
	vx_sums a = vx_no_sums(), b = a, c = a, d = a;
	const vx_u32 n = blocks * 64;
	vx_u32 i;

	for (i = 0; i < n; i += VX_STEP) {
		const vx_part query = vx_query_part(code->values + i);

		a = vx_add_products(a, at[0] + i, query);
		b = vx_add_products(b, at[1] + i, query);
		c = vx_add_products(c, at[2] + i, query);
		d = vx_add_products(d, at[3] + i, query);
	}
	vx_fold4(a, b, c, d, 128 * code->sum, dots);
}
