// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Dispatch by CPU, prepared queries, and the SIMD sections around the distance kernels. */
#include "kernels.h"
#include "navigate.h"
#include "sections.h"

_Static_assert(sizeof(struct vx_query) == 64, "the values of a query begin aligned");

int vx_cpu_init(struct vx_cpu *cpu, vx_u32 isa, vx_u32 crc)
{
	const struct vx_kernels *kernels = NULL;
	const struct vx_navigation *navigation = NULL;

	switch (isa) {
	case VX_ISA_SCALAR:
		kernels = &vx_kernels_scalar;
		navigation = &vx_navigation_scalar;
		break;
#if defined(__x86_64__)
	case VX_ISA_AVX2:
		kernels = &vx_kernels_avx2;
		navigation = &vx_navigation_avx2;
		break;
	case VX_ISA_AVX512:
		kernels = &vx_kernels_avx512;
		navigation = &vx_navigation_avx512;
		break;
	case VX_ISA_AVX512_VNNI:
		kernels = &vx_kernels_avx512;
		navigation = &vx_navigation_vnni;
		break;
#elif defined(__aarch64__)
	case VX_ISA_NEON:
		kernels = &vx_kernels_neon;
		navigation = &vx_navigation_neon;
		break;
#endif
	default:
		break;
	}
	if (!kernels || crc > VX_CRC_HARDWARE)
		return -VX_EINVAL;
	*cpu = (struct vx_cpu){ .isa = isa, .crc = crc, .kernels = kernels, .navigation = navigation };
	return 0;
}

vx_u32 vx_row_bytes(vx_u32 element, vx_u32 dims)
{
	if (dims == 0 || dims > VX_MAX_DIMS)
		return 0;
	switch (element) {
	case VX_FLOAT32:
		return dims * 4;
	case VX_FLOAT16:
		return dims * 2;
	case VX_INT8:
		return dims;
	case VX_BINARY:
		return (dims + 7) / 8;
	default:
		return 0;
	}
}

size_t vx_query_bytes(vx_u32 dims)
{
	return sizeof(struct vx_query) + (size_t)vx_blocks(dims) * 64;
}

int vx_query_prepare(const struct vx_cpu *cpu, void *mem, vx_u32 metric, vx_u32 element, vx_u32 dims, const void *values)
{
	struct vx_query *query = mem;
	vx_u32 row_bytes = vx_row_bytes(element, dims);
	size_t padded, bytes = (size_t)dims * 4;

	if (row_bytes == 0 || metric >= VX_METRICS || vx_all_finite(cpu, values, dims) != dims)
		return -VX_EINVAL;
	*query = (struct vx_query){ .element = element, .metric = metric, .dims = dims, .row_bytes = row_bytes };
	padded = (size_t)vx_blocks(dims) * 64;
	__builtin_memcpy(query + 1, values, bytes);
	__builtin_memset((vx_u8 *)(query + 1) + bytes, 0, padded - bytes);
	vx_section_begin(cpu);
	query->norm_bits = cpu->kernels->norm(vx_query_values(query), vx_blocks(dims));
	vx_section_end(cpu);
	return 0;
}

void vx_distances(const struct vx_cpu *cpu, const struct vx_query *query, const void *rows, size_t stride,
		  const vx_u32 *slots, size_t n, vx_u32 *out)
{
	vx_distance_fn *run = cpu->kernels->distance[query->metric][query->element - 1];
	const vx_u8 *at = rows;
	size_t section = vx_section_rows(query->row_bytes);

	while (n) {
		size_t count = n < section ? n : section;

		vx_section_begin(cpu);
		run(query, at, stride, slots, count, out);
		vx_section_end(cpu);
		if (slots)
			slots += count;
		else
			at += count * stride;
		out += count;
		n -= count;
	}
}
