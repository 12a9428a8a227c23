/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Ends of rows of small elements, where no instruction loads just as many as there are: by way of a copy. */
VX_OP v16 v16_f16_tail(const vx_u8 *p, vx_u32 t)
{
	vx_u8 copy[32] = { 0 };

	__builtin_memcpy(copy, p, (size_t)t * 2);
	return v16_f16(copy);
}

VX_OP v16 v16_i8_tail(const vx_u8 *p, vx_u32 t)
{
	vx_u8 copy[16] = { 0 };

	__builtin_memcpy(copy, p, t);
	return v16_i8(copy);
}
