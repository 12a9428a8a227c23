// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Exact search: every live row of a run is compared with the query, a section at a time. */
#include "sections.h"

/* Lists the live slots of [from, end), relative to `first`. Returns how many there are. */
static size_t vx_list_live(const vx_u64 *live, vx_u64 from, vx_u64 end, vx_u32 first, vx_u32 *out)
{
	vx_u64 word = from / 64;
	vx_u64 last = (end - 1) / 64;
	size_t count = 0;

	for (; word <= last; word++) {
		vx_u64 bits = __atomic_load_n(&live[word], __ATOMIC_RELAXED);

		if (word == from / 64)
			bits &= ~0ull << (from % 64);
		if (word == last)
			bits &= ~0ull >> (63 - (end - 1) % 64);
		for (; bits; bits &= bits - 1)
			out[count++] = (vx_u32)(word * 64 + (vx_u64)__builtin_ctzll(bits) - first);
	}
	return count;
}

int vx_scan_run(const struct vx_cpu *cpu, const struct vx_query *query, const struct vx_scan *scan,
		struct vx_topk *topk)
{
	vx_u32 *distances = scan->scratch;
	vx_u32 *listed = distances + VX_SECTION_ROWS;
	const size_t section = vx_section_rows(query->row_bytes);
	vx_u64 done = 0;

	if (scan->stride < query->row_bytes || scan->n > VX_MAX_SLOTS - scan->first || scan->first > VX_MAX_SLOTS)
		return -VX_EINVAL;
	while (done < scan->n) {
		const vx_u64 from = scan->first + done;
		size_t window = scan->n - done < section ? scan->n - done : section;
		size_t count = window;

		if (scan->interrupt && *scan->interrupt)
			return -VX_EINTR;
		if (scan->live)
			count = vx_list_live(scan->live, from, from + window, scan->first, listed);
		if (count == window) {
			const vx_u8 *rows = (const vx_u8 *)scan->rows + done * scan->stride;

			vx_distances(cpu, query, rows, scan->stride, NULL, count, distances);
			vx_topk_offer(topk, distances, scan->ids, NULL, (vx_u32)from, count);
		} else if (count) {
			vx_distances(cpu, query, scan->rows, scan->stride, listed, count, distances);
			vx_topk_offer(topk, distances, scan->ids, listed, scan->first, count);
		}
		done += window;
	}
	return 0;
}

vx_s64 vx_search_exact(const struct vx_cpu *cpu, const struct vx_query *query, const struct vx_scan *scan, vx_u32 k,
		       void *topk, vx_u32 *distances, vx_u64 *ids, vx_u32 *slots)
{
	int error = vx_topk_init(topk, k);

	if (!error)
		error = vx_scan_run(cpu, query, scan, topk);
	if (error)
		return error;
	return vx_topk_finish(topk, distances, ids, slots);
}
