// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Rows between float32 and the element types, in sections. */
#include "kernels.h"
#include "sections.h"

/* So few values are looked at one by one: to begin and end a section takes longer. */
#define VX_FEW_VALUES 256u

/* The first that is not finite, from `from` on; n: none. */
static size_t vx_find_not_finite(const vx_u8 *floats, size_t from, size_t n)
{
	size_t i;

	for (i = from; i < n; i++) {
		vx_u32 bits;

		__builtin_memcpy(&bits, floats + i * 4, sizeof(bits));
		if (bits << 1 >= 0xff000000u)
			break;
	}
	return i;
}

size_t vx_all_finite(const struct vx_cpu *cpu, const void *floats, size_t n)
{
	const vx_u8 *in = floats;
	size_t done = 0;

	if (n <= VX_FEW_VALUES)
		return vx_find_not_finite(in, 0, n);
	while (done < n) {
		size_t count = n - done < VX_SECTION_BYTES / 4 ? n - done : VX_SECTION_BYTES / 4;
		vx_u32 bad;

		vx_section_begin(cpu);
		bad = cpu->kernels->not_finite(in + done * 4, count);
		vx_section_end(cpu);
		if (bad)
			return vx_find_not_finite(in, done, n);
		done += count;
	}
	return n;
}

vx_s64 vx_encode_rows(const struct vx_cpu *cpu, vx_u32 element, vx_u32 dims, const void *in, size_t n, void *out,
		      size_t stride)
{
	const size_t row_bytes = vx_row_bytes(element, dims);
	const size_t in_bytes = (size_t)dims * 4;
	const vx_u8 *from = in;
	vx_u8 *to = out;
	vx_encode_fn *encode;
	size_t section, i = 0;

	if (row_bytes == 0 || stride < row_bytes)
		return -VX_EINVAL;
	encode = cpu->kernels->encode[element - 1];
	section = vx_section_rows(in_bytes);
	while (i < n) {
		size_t end = n - i < section ? n : i + section;
		vx_u32 bad = 0;

		vx_section_begin(cpu);
		for (; i < end; i++) {
			bad = encode(from, dims, to);
			if (bad)
				break;
			if (stride > row_bytes)
				__builtin_memset(to + row_bytes, 0, stride - row_bytes);
			from += in_bytes;
			to += stride;
		}
		vx_section_end(cpu);
		if (bad)
			return (vx_s64)i;
	}
	return (vx_s64)n;
}

int vx_decode_rows(const struct vx_cpu *cpu, vx_u32 element, vx_u32 dims, const void *in, size_t stride, size_t n,
		   void *out)
{
	const size_t row_bytes = vx_row_bytes(element, dims);
	const size_t out_bytes = (size_t)dims * 4;
	const vx_u8 *from = in;
	vx_u8 *to = out;
	vx_decode_fn *decode;
	size_t section, i = 0;

	if (row_bytes == 0 || stride < row_bytes)
		return -VX_EINVAL;
	decode = cpu->kernels->decode[element - 1];
	section = vx_section_rows(out_bytes);
	while (i < n) {
		size_t end = n - i < section ? n : i + section;

		vx_section_begin(cpu);
		for (; i < end; i++) {
			decode(from, dims, to);
			from += stride;
			to += out_bytes;
		}
		vx_section_end(cpu);
	}
	return 0;
}
