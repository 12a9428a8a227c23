// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a builder and a walk rely on, checked in chunks that come from a snapshot: a right checksum proves only that the
 * bytes are as they were written.
 */
#include "snapshot.h"

/* One record, by its header. Its links are checked by the caller. */
static int vx_valid_header(const struct vx_view *view, const vx_u32 *record)
{
	const vx_u32 header = record[0], level = VX_NODE_LEVEL(header);

	if (!(header & VX_NODE_LINKED))
		return !(header & VX_NODE_LINKS);
	if (!(header & VX_NODE_HELD) || (header & VX_NODE_LINKS) > vx_link_capacity(&view->shape, header))
		return 0;
	return !level || (level <= view->upper_limit && record[view->shape.links] <= view->upper_limit - level);
}

int vx_bad_record(const struct vx_cpu *cpu, const struct vx_view *view, const vx_u32 *record)
{
	return !vx_valid_header(view, record) ||
	       cpu->navigation->bad_links(record, view->shape.code_at / 4, record[0] & VX_NODE_LINKS, view);
}

int vx_bad_block(const struct vx_cpu *cpu, const struct vx_view *view, const vx_u32 *block)
{
	return block[0] > view->shape.upper_links ||
	       cpu->navigation->bad_links(block, view->shape.block_bytes / 4, block[0], view);
}

/* Records or blocks between which SIMD sections are left. */
#define VX_CHECKED_AT_ONCE 1024u

int vx_check_nodes(const struct vx_index *index, vx_u32 chunk, const vx_u8 *bytes)
{
	struct vx_view view;
	vx_u32 place = 0, end, bad = 0;

	vx_index_view(index, &view);
	end = view.limit - (chunk << view.shape.shift);
	end = end < view.shape.per_chunk ? end : view.shape.per_chunk;
	while (place < end && !bad) {
		const vx_u32 stop = end - place < VX_CHECKED_AT_ONCE ? end : place + VX_CHECKED_AT_ONCE;

		vx_section_begin(&index->cpu);
		for (; place < stop; place++)
			bad |= vx_bad_record(&index->cpu, &view, vx_header_in(&view.shape, bytes, place));
		vx_section_end(&index->cpu);
	}
	return bad ? -VX_EUCLEAN : 0;
}

int vx_check_blocks(const struct vx_index *index, vx_u32 chunk, const vx_u8 *bytes)
{
	const vx_u32 in_chunk = 1u << index->shape.upper_shift;
	struct vx_view view;
	vx_u32 place = 0, end, bad = 0;

	vx_index_view(index, &view);
	end = view.upper_limit - chunk * in_chunk;
	end = end < in_chunk ? end : in_chunk;
	while (place < end && !bad) {
		const vx_u32 stop = end - place < VX_CHECKED_AT_ONCE ? end : place + VX_CHECKED_AT_ONCE;

		vx_section_begin(&index->cpu);
		for (; place < stop; place++)
			bad |= vx_bad_block(&index->cpu, &view,
					    (const vx_u32 *)(bytes + (size_t)place * view.shape.block_bytes));
		vx_section_end(&index->cpu);
	}
	return bad ? -VX_EUCLEAN : 0;
}

/* Marks a run of blocks; 0 when one is marked already. */
static int vx_claim(vx_u64 *claimed, vx_u32 block, vx_u32 level)
{
	vx_u32 i;

	for (i = block; i < block + level; i++) {
		if (claimed[i / 64] >> (i % 64) & 1)
			return 0;
		claimed[i / 64] |= 1ull << (i % 64);
	}
	return 1;
}

static int vx_claim_free(const struct vx_index *index, const struct vx_view *view, vx_u64 *claimed)
{
	vx_u32 level;

	if (index->free_blocks[0])
		return -VX_EUCLEAN;
	for (level = 1; level <= VX_MAX_LEVEL; level++) {
		vx_u32 block = index->free_blocks[level];

		/* A list that closes upon itself claims a block twice. */
		for (; block; block = vx_upper_block(view, block - 1)[1]) {
			if (level > index->upper_limit || block - 1 > index->upper_limit - level ||
			    !vx_claim(claimed, block - 1, level))
				return -VX_EUCLEAN;
		}
	}
	return 0;
}

static int vx_claim_used(const struct vx_index *index, const struct vx_view *view, vx_u64 *claimed)
{
	vx_u32 slot;

	for (slot = 0; slot < index->slots; slot++) {
		const vx_u32 *record = vx_header_of(view, vx_node_of(&view->shape, slot));
		const vx_u32 level = VX_NODE_LEVEL(record[0]);

		if ((record[0] & VX_NODE_LINKED) && level && !vx_claim(claimed, record[view->shape.links], level))
			return -VX_EUCLEAN;
	}
	return 0;
}

int vx_check_owners(struct vx_index *index)
{
	const size_t bytes = 8 * ((size_t)index->upper_limit / 64 + 1);
	vx_u64 *claimed = vx_index_alloc(index, bytes);
	struct vx_view view;
	vx_u32 header;
	int error;

	if (!claimed)
		return -VX_ENOMEM;
	vx_index_view(index, &view);
	error = vx_claim_used(index, &view, claimed);
	if (!error)
		error = vx_claim_free(index, &view, claimed);
	if (!error && index->entry != VX_NO_ENTRY) {
		header = vx_word(vx_record(&view, (vx_u32)index->entry));
		if (!(header & VX_NODE_LINKED) || VX_NODE_LEVEL(header) != index->entry >> 32)
			error = -VX_EUCLEAN;
	}
	vx_index_free(index, claimed, bytes);
	return error;
}
