// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Writing a snapshot. */
#include "snapshot.h"

static vx_u64 vx_paged(vx_u64 bytes)
{
	return (bytes + VX_SNAPSHOT_PAGE - 1) / VX_SNAPSHOT_PAGE * VX_SNAPSHOT_PAGE;
}

void vx_snapshot_layout(const struct vx_index *index, vx_u32 waiting, int trained, struct vx_snapshot_layout *layout)
{
	const struct vx_shape *shape = &index->shape;
	const vx_u32 in_chunk = 1u << shape->upper_shift;

	*layout = (struct vx_snapshot_layout){ .nodes_at = VX_SNAPSHOT_PAGE };
	if (index->slots) {
		vx_u32 last = vx_node_of(shape, (vx_u32)index->slots - 1);

		layout->limit = last + 1;
		layout->nodes = (last >> shape->shift) + 1;
		layout->node_bytes = vx_paged((vx_u64)(layout->nodes - 1) * VX_CHUNK_BYTES + shape->records_at +
					      ((last & shape->mask) + 1) * (vx_u64)shape->record_bytes);
	}
	if (index->upper_limit) {
		layout->uppers = (index->upper_limit - 1) / in_chunk + 1;
		layout->upper_bytes = vx_paged((vx_u64)(layout->uppers - 1) * VX_UPPER_BYTES +
					       ((index->upper_limit - 1) % in_chunk + 1) * (vx_u64)shape->block_bytes);
	}
	layout->uppers_at = layout->nodes_at + layout->node_bytes;
	layout->tail_at = layout->uppers_at + layout->upper_bytes;
	layout->tail_bytes = 4 * ((vx_u64)layout->nodes + layout->uppers + waiting) +
			     (trained ? 4 * (vx_u64)index->coder.padded : 0);
	layout->bytes = layout->tail_at + vx_paged(layout->tail_bytes);
}

vx_u64 vx_snapshot_bytes(const struct vx_index *index)
{
	struct vx_snapshot_layout layout;

	vx_snapshot_layout(index, index->waiting_count, index->generation != NULL, &layout);
	return layout.bytes;
}

static void vx_sum_chunks(const struct vx_index *index, const struct vx_chunks *chunks, vx_u32 count, vx_u64 bytes,
			  vx_u32 *sums)
{
	vx_u32 i;

	for (i = 0; i < count; i++) {
		vx_u64 rest = bytes - (vx_u64)i * chunks->bytes;

		sums[i] = vx_crc32c(&index->cpu, ~0u, chunks->directory->chunks[i], rest < chunks->bytes ? rest : chunks->bytes);
	}
}

static int vx_write_chunks(const struct vx_chunks *chunks, vx_u32 count, vx_u64 bytes,
			   int (*write)(void *context, const void *data, size_t bytes), void *context)
{
	int error = 0;
	vx_u32 i;

	for (i = 0; i < count && !error; i++) {
		vx_u64 rest = bytes - (vx_u64)i * chunks->bytes;

		error = write(context, chunks->directory->chunks[i], rest < chunks->bytes ? rest : chunks->bytes);
	}
	return error;
}

static void vx_header_fill(const struct vx_index *index, const struct vx_snapshot_layout *layout, vx_u8 *page,
			   vx_u32 tail_sum)
{
	const struct vx_generation *generation = index->generation;
	struct vx_snapshot header = {
		.magic = VX_SNAPSHOT_MAGIC,
		.version = VX_SNAPSHOT_VERSION,
		.tail_sum = tail_sum,
		.bytes = layout->bytes,
		.tail_bytes = layout->tail_bytes,
		.metric = index->params.metric,
		.element = index->params.element,
		.dims = index->params.dims,
		.m = index->params.m,
		.ef_construction = index->params.ef_construction,
		.train_rows = index->params.train_rows,
		.seed = index->params.seed,
		.slots = index->slots,
		.held = index->held,
		.linked = index->linked,
		.unmatched = index->unmatched,
		.position = index->position,
		.entry = index->entry,
		.upper_limit = index->upper_limit,
		.waiting = index->waiting_count,
		.generation = generation ? generation->number : 0,
		.factor_bits = generation ? generation->factor_bits : 0,
		.generation_rows = generation ? generation->rows : 0,
	};
	vx_u32 sum;

	__builtin_memcpy(header.free_blocks, index->free_blocks, sizeof(header.free_blocks));
	__builtin_memcpy(page, &header, sizeof(header));
	sum = vx_crc32c(&index->cpu, ~0u, page, VX_SNAPSHOT_PAGE - 4);
	__builtin_memcpy(page + VX_SNAPSHOT_PAGE - 4, &sum, 4);
}

int vx_index_save(struct vx_index *index, int (*write)(void *context, const void *data, size_t bytes), void *context)
{
	struct vx_snapshot_layout layout;
	size_t tail_bytes;
	vx_u8 *page, *tail;
	vx_u32 *at;
	int error;

	if (index->builder.stage != VX_IDLE)
		return -VX_EINVAL;
	error = vx_index_verify(index);
	if (error)
		return error;
	vx_snapshot_layout(index, index->waiting_count, index->generation != NULL, &layout);
	tail_bytes = (size_t)vx_paged(layout.tail_bytes);
	page = vx_index_alloc(index, VX_SNAPSHOT_PAGE);
	tail = vx_index_alloc(index, tail_bytes ? tail_bytes : 64);
	error = page && tail ? 0 : -VX_ENOMEM;
	if (!error) {
		at = (vx_u32 *)tail;
		vx_sum_chunks(index, &index->nodes, layout.nodes, layout.node_bytes, at);
		at += layout.nodes;
		vx_sum_chunks(index, &index->uppers, layout.uppers, layout.upper_bytes, at);
		at += layout.uppers;
		if (index->generation) {
			__builtin_memcpy(at, index->generation->centre, 4 * (size_t)index->coder.padded);
			at += index->coder.padded;
		}
		if (index->waiting_count)
			__builtin_memcpy(at, index->waiting, 4 * (size_t)index->waiting_count);
		vx_header_fill(index, &layout, page, vx_crc32c(&index->cpu, ~0u, tail, tail_bytes));
		error = write(context, page, VX_SNAPSHOT_PAGE);
	}
	if (!error)
		error = vx_write_chunks(&index->nodes, layout.nodes, layout.node_bytes, write, context);
	if (!error)
		error = vx_write_chunks(&index->uppers, layout.uppers, layout.upper_bytes, write, context);
	if (!error && tail_bytes)
		error = write(context, tail, tail_bytes);
	vx_index_free(index, page, VX_SNAPSHOT_PAGE);
	vx_index_free(index, tail, tail_bytes ? tail_bytes : 64);
	return error;
}
