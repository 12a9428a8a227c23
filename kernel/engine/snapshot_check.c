// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What a builder and a walk rely on, checked in chunks that come from a snapshot: a right checksum proves only that the
 * bytes are as they were written.
 */
#include "snapshot.h"

static int vx_valid_node(const struct vx_shape *shape, vx_u32 limit, vx_u32 node)
{
	return node < limit && (node & shape->mask) < shape->per_chunk;
}

static int vx_valid_links(const struct vx_shape *shape, vx_u32 limit, const vx_u32 *links, vx_u32 count)
{
	vx_u32 i, bad = 0;

	for (i = 0; i < count; i++)
		bad |= !vx_valid_node(shape, limit, links[i]);
	return !bad;
}

int vx_check_nodes(const struct vx_index *index, vx_u32 chunk, const vx_u8 *bytes)
{
	const struct vx_shape *shape = &index->shape;
	const vx_u32 limit = __atomic_load_n(&index->limit, __ATOMIC_RELAXED);
	const vx_u32 upper_limit = __atomic_load_n(&index->upper_limit, __ATOMIC_RELAXED);
	vx_u32 place;

	for (place = 0; place < shape->per_chunk && (chunk << shape->shift | place) < limit; place++) {
		const vx_u32 *record = (const vx_u32 *)(bytes + shape->records_at + (size_t)place * shape->record_bytes);
		const vx_u32 header = record[0], level = VX_NODE_LEVEL(header);

		if (!(header & VX_NODE_LINKED)) {
			if (header & VX_NODE_LINKS)
				return -VX_EUCLEAN;
			continue;
		}
		if (!(header & VX_NODE_HELD) || (header & VX_NODE_LINKS) > vx_link_capacity(shape, header) ||
		    !vx_valid_links(shape, limit, record + 1, header & VX_NODE_LINKS))
			return -VX_EUCLEAN;
		if (level && (level > upper_limit || record[shape->links] > upper_limit - level))
			return -VX_EUCLEAN;
	}
	return 0;
}

int vx_check_blocks(const struct vx_index *index, vx_u32 chunk, const vx_u8 *bytes)
{
	const struct vx_shape *shape = &index->shape;
	const vx_u32 limit = __atomic_load_n(&index->limit, __ATOMIC_RELAXED);
	const vx_u32 upper_limit = __atomic_load_n(&index->upper_limit, __ATOMIC_RELAXED);
	const vx_u32 in_chunk = 1u << shape->upper_shift;
	vx_u32 i;

	for (i = 0; i < in_chunk && chunk * in_chunk + i < upper_limit; i++) {
		const vx_u32 *block = (const vx_u32 *)(bytes + (size_t)i * shape->block_bytes);

		if (block[0] > shape->upper_links || !vx_valid_links(shape, limit, block + 1, block[0]))
			return -VX_EUCLEAN;
	}
	return 0;
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
		const vx_u32 *record = vx_record(view, vx_node_of(&view->shape, slot));
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
