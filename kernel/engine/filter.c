// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Which rows a search may return, and about how many there are. */
#include "searcher.h"

#define VX_SAMPLES 512u

static size_t vx_words(vx_u32 slots)
{
	return ((size_t)slots + 63) / 64;
}

/* Without an instruction for it the compiler would call a function that the kernel does not have. */
static vx_u64 vx_ones(vx_u64 word)
{
	word -= word >> 1 & 0x5555555555555555ull;
	word = (word & 0x3333333333333333ull) + (word >> 2 & 0x3333333333333333ull);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return word * 0x0101010101010101ull >> 56;
}

/* live AND slot_bits as one bitmap. */
static int vx_combine(struct vx_plan *plan, const vx_u64 *live, const vx_u64 *bits)
{
	struct vx_searcher *searcher = plan->searcher;
	const size_t words = vx_words(plan->slots);
	size_t i;
	int error = vx_searcher_reserve(searcher, (void **)&searcher->combined, &searcher->combined_bytes, 8 * words);

	if (error)
		return error;
	for (i = 0; i < words; i++)
		searcher->combined[i] = __atomic_load_n(&live[i], __ATOMIC_RELAXED) & bits[i];
	plan->predicate.allowed = searcher->combined;
	return 0;
}

int vx_plan_filter(struct vx_plan *plan)
{
	const struct vx_search *search = plan->search;
	const struct vx_filter *filter = search->filter;
	struct vx_predicate *p = &plan->predicate;

	*p = (struct vx_predicate){ .allowed = search->live, .slots = plan->slots };
	plan->filtered = 0;
	if (!filter)
		return 0;
	if (filter->id_min || filter->id_max || filter->id_bits) {
		p->ids = search->ids;
		p->id_min = filter->id_min;
		p->id_max = filter->id_min || filter->id_max ? filter->id_max : VX_NO_ID;
		p->id_bits = filter->id_bits;
		p->id_bits_first = filter->id_bits_first;
		p->id_bits_count = filter->id_bits_count;
		plan->filtered = 1;
	}
	if (filter->slot_bits) {
		plan->filtered = 1;
		if (search->live)
			return vx_combine(plan, search->live, filter->slot_bits);
		p->allowed = filter->slot_bits;
	}
	return 0;
}

void vx_plan_count(struct vx_plan *plan)
{
	const struct vx_predicate *p = &plan->predicate;
	const size_t words = vx_words(plan->slots);
	vx_u64 count = plan->slots;
	size_t i;

	if (p->allowed) {
		for (count = 0, i = 0; i < words; i++)
			count += vx_ones(__atomic_load_n(&p->allowed[i], __ATOMIC_RELAXED));
	}
	if (p->ids) {
		struct vx_predicate ids_only = *p;
		vx_u64 passed = 0;

		ids_only.allowed = NULL;
		ids_only.tail = NULL;
		for (i = 0; i < VX_SAMPLES; i++)
			passed += (vx_u64)vx_passes(&ids_only, (vx_u32)(((vx_u64)plan->slots * (2 * i + 1)) / (2 * VX_SAMPLES)));
		count = count * passed / VX_SAMPLES;
	}
	plan->matching = count;
}

void vx_tail_mark(struct vx_plan *plan)
{
	const struct vx_search *search = plan->search;
	vx_u32 i;

	for (i = 0; i < search->tail_count; i++) {
		const vx_u32 slot = search->tail[i];

		if (slot < plan->slots)
			plan->searcher->tail[slot / 64] |= 1ull << (slot % 64);
	}
	plan->predicate.tail = search->tail_count ? plan->searcher->tail : NULL;
}

void vx_tail_clear(struct vx_plan *plan)
{
	const struct vx_search *search = plan->search;
	vx_u32 i;

	for (i = 0; i < search->tail_count; i++) {
		if (search->tail[i] < plan->slots)
			plan->searcher->tail[search->tail[i] / 64] = 0;
	}
	plan->predicate.tail = NULL;
}
