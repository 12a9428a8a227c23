// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Writing a snapshot. */
#include "snapshot.h"

static vx_u64 vx_paged(vx_u64 bytes)
{
	return (bytes + VX_SNAPSHOT_PAGE - 1) / VX_SNAPSHOT_PAGE * VX_SNAPSHOT_PAGE;
}

/* Bytes of a chunk that holds so many nodes. */
static vx_u64 vx_chunk_used(const struct vx_shape *shape, vx_u32 nodes)
{
	if (shape->words)
		nodes = (nodes + 7) / 8 * 8;
	return shape->records_at + nodes * (vx_u64)shape->record_bytes;
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
		layout->node_bytes = vx_paged((vx_u64)(layout->nodes - 1) * VX_CHUNK_BYTES +
					      vx_chunk_used(shape, (last & shape->mask) + 1));
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

typedef int vx_write_fn(void *context, const void *data, size_t bytes);

/* A section as it is written and summed at once. */
struct vx_section_out {
	const struct vx_index *index;
	vx_write_fn *write; /* NULL: only summed */
	void *context;
	vx_u64 bytes;
	vx_u32 sum;
	int error;
};

static void vx_put(struct vx_section_out *out, const void *data, size_t bytes)
{
	if (bytes == 0 || out->error)
		return;
	out->sum = vx_crc32c(&out->index->cpu, out->sum, data, bytes);
	out->bytes += bytes;
	if (out->write)
		out->error = out->write(out->context, data, bytes);
}

static void vx_pad(struct vx_section_out *out, vx_u64 to)
{
	static const vx_u8 zeros[256];

	while (out->bytes < to && !out->error)
		vx_put(out, zeros, to - out->bytes < sizeof(zeros) ? (size_t)(to - out->bytes) : sizeof(zeros));
}

static size_t vx_chunk_length(const struct vx_chunks *chunks, vx_u32 chunk, vx_u64 used)
{
	vx_u64 rest = used - (vx_u64)chunk * chunks->bytes;

	return rest < chunks->bytes ? (size_t)rest : chunks->bytes;
}

static void vx_sum_chunks(const struct vx_index *index, const struct vx_chunks *chunks, vx_u32 count, vx_u64 used)
{
	vx_u32 i;

	for (i = 0; i < count; i++)
		chunks->directory->sums[i] = vx_crc32c(&index->cpu, ~0u, chunks->directory->chunks[i],
						       vx_chunk_length(chunks, i, used));
}

static int vx_write_chunks(const struct vx_chunks *chunks, vx_u32 count, vx_u64 used, vx_write_fn *write, void *context)
{
	int error = 0;
	vx_u32 i;

	for (i = 0; i < count && !error; i++)
		error = write(context, chunks->directory->chunks[i], vx_chunk_length(chunks, i, used));
	return error;
}

static vx_u32 vx_put_tail(const struct vx_index *index, const struct vx_snapshot_layout *layout, vx_write_fn *write,
			  void *context, int *error)
{
	struct vx_section_out out = { .index = index, .write = write, .context = context, .sum = ~0u };

	if (layout->nodes)
		vx_put(&out, index->nodes.directory->sums, 4 * (size_t)layout->nodes);
	if (layout->uppers)
		vx_put(&out, index->uppers.directory->sums, 4 * (size_t)layout->uppers);
	if (index->generation)
		vx_put(&out, index->generation->centre, 4 * (size_t)index->coder.padded);
	vx_put(&out, index->waiting, 4 * (size_t)index->waiting_count);
	vx_pad(&out, vx_paged(layout->tail_bytes));
	*error = out.error;
	return out.sum;
}

static int vx_put_header(const struct vx_index *index, const struct vx_snapshot_layout *layout, vx_u32 tail_sum,
			 vx_write_fn *write, void *context)
{
	const struct vx_generation *generation = index->generation;
	struct vx_section_out out = { .index = index, .write = write, .context = context, .sum = ~0u };
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
		.type = index->params.type,
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
	vx_put(&out, &header, sizeof(header));
	vx_pad(&out, VX_SNAPSHOT_PAGE - 4);
	sum = out.sum;
	vx_put(&out, &sum, 4);
	return out.error;
}

int vx_index_save(struct vx_index *index, int (*write)(void *context, const void *data, size_t bytes), void *context)
{
	struct vx_snapshot_layout layout;
	vx_u32 tail_sum;
	int error;

	if (index->builder.stage != VX_IDLE || index->source.by_record)
		return -VX_EINVAL;
	error = vx_index_verify(index);
	if (error)
		return error;
	vx_snapshot_layout(index, index->waiting_count, index->generation != NULL, &layout);
	vx_sum_chunks(index, &index->nodes, layout.nodes, layout.node_bytes);
	vx_sum_chunks(index, &index->uppers, layout.uppers, layout.upper_bytes);
	tail_sum = vx_put_tail(index, &layout, NULL, NULL, &error);
	error = vx_put_header(index, &layout, tail_sum, write, context);
	if (!error)
		error = vx_write_chunks(&index->nodes, layout.nodes, layout.node_bytes, write, context);
	if (!error)
		error = vx_write_chunks(&index->uppers, layout.uppers, layout.upper_bytes, write, context);
	if (!error)
		vx_put_tail(index, &layout, write, context, &error);
	return error;
}
