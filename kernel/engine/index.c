// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The life of an index: parameters, the shape of its memory, what it tells of itself. */
#include "index.h"

static vx_u32 vx_up(vx_u32 value, vx_u32 to)
{
	return (value + to - 1) / to * to;
}

static vx_u32 vx_shift_of(vx_u32 count)
{
	return count > 1 ? 32 - (vx_u32)__builtin_clz(count - 1) : 0;
}

/* Fills in defaults. */
static int vx_params_check(struct vx_index_params *params)
{
	if (params->m == 0)
		params->m = VX_DEFAULT_M;
	if (params->ef_construction == 0)
		params->ef_construction = VX_DEFAULT_EF_CONSTRUCTION;
	if (params->train_rows == 0)
		params->train_rows = VX_DEFAULT_TRAIN_ROWS;
	if (params->metric > VX_DOT_PRODUCT || vx_row_bytes(params->element, params->dims) == 0 || params->m < VX_MIN_M ||
	    params->m > VX_MAX_M || params->ef_construction > VX_MAX_EF || params->train_rows > VX_MAX_TRAIN_ROWS ||
	    params->type > VX_FLAT || (params->type == VX_FLAT && params->metric != VX_COSINE) || params->reserved)
		return -VX_EINVAL;
	return 0;
}

/* Nodes without links or codes. */
static void vx_flat_shape_set(struct vx_shape *shape)
{
	/* Four words at a time are compared. */
	shape->words = vx_up(shape->dims, 256) / 64;
	shape->record_bytes = 8 * (shape->words + 1);
	shape->per_chunk = VX_CHUNK_BYTES / shape->record_bytes / 8 * 8;
	shape->shift = vx_shift_of(shape->per_chunk);
	shape->mask = (1u << shape->shift) - 1;
	shape->block_bytes = 64;
	shape->upper_shift = vx_shift_of(VX_UPPER_BYTES / shape->block_bytes + 1) - 1;
}

static void vx_shape_set(struct vx_shape *shape, const struct vx_index_params *params)
{
	shape->dims = params->dims;
	shape->metric = params->metric;
	shape->element = params->element;
	if (params->type == VX_FLAT) {
		vx_flat_shape_set(shape);
		return;
	}
	shape->m = params->m;
	shape->links = 2 * params->m - 1;
	shape->upper_links = params->m - 1;
	shape->code_at = vx_up(8 * params->m, 64);
	shape->code_bytes = vx_up(params->dims, 64);
	shape->record_bytes = shape->code_at + shape->code_bytes;
	shape->normed = params->metric != VX_DOT_PRODUCT;
	shape->per_chunk = VX_CHUNK_BYTES / (shape->record_bytes + 4 * shape->normed);
	while (shape->normed && vx_up(4 * shape->per_chunk, 64) + shape->per_chunk * shape->record_bytes > VX_CHUNK_BYTES)
		shape->per_chunk--;
	shape->records_at = shape->normed ? vx_up(4 * shape->per_chunk, 64) : 0;
	shape->shift = vx_shift_of(shape->per_chunk);
	shape->mask = (1u << shape->shift) - 1;
	shape->block_bytes = vx_up(4 * params->m, 64);
	shape->upper_shift = vx_shift_of(VX_UPPER_BYTES / shape->block_bytes + 1) - 1;
}

struct vx_index *vx_index_create(const struct vx_alloc *alloc, const struct vx_cpu *cpu,
				 const struct vx_index_params *params, int *error)
{
	struct vx_index_params checked = *params;
	int status = vx_params_check(&checked);
	struct vx_index *index = NULL;

	if (!status) {
		index = alloc->alloc(alloc->context, sizeof(*index));
		status = index ? 0 : -VX_ENOMEM;
	}
	if (index) {
		index->alloc = *alloc;
		index->cpu = *cpu;
		index->params = checked;
		index->memory = sizeof(*index);
		index->entry = VX_NO_ENTRY;
		index->verified = 1;
		index->nodes.bytes = VX_CHUNK_BYTES;
		index->uppers.bytes = VX_UPPER_BYTES;
		vx_shape_set(&index->shape, &checked);
		status = vx_coder_create(index);
		if (status) {
			vx_index_destroy(index);
			index = NULL;
		}
	}
	if (error)
		*error = status;
	return index;
}

void vx_index_destroy(struct vx_index *index)
{
	struct vx_generation *generation;
	struct vx_alloc alloc;

	if (!index)
		return;
	alloc = index->alloc;
	vx_index_free(index, index->builder.generation, vx_generation_bytes(index));
	vx_builder_free(index);
	vx_chunks_free(index, &index->nodes);
	vx_chunks_free(index, &index->uppers);
	generation = index->generation;
	while (generation) {
		struct vx_generation *older = generation->retired;

		vx_index_free(index, generation, vx_generation_bytes(index));
		generation = older;
	}
	vx_index_free(index, index->signs, (size_t)index->coder.passes * index->coder.padded * 4);
	vx_index_free(index, index->waiting, 4 * (size_t)index->waiting_capacity);
	vx_index_free(index, index->sums, (size_t)index->sum_bytes);
	alloc.free(alloc.context, index, sizeof(*index));
}

void vx_index_info(const struct vx_index *index, struct vx_index_info *out)
{
	const struct vx_directory *nodes = __atomic_load_n(&index->nodes.directory, __ATOMIC_ACQUIRE);
	const struct vx_directory *uppers = __atomic_load_n(&index->uppers.directory, __ATOMIC_ACQUIRE);
	const struct vx_generation *generation = __atomic_load_n(&index->generation, __ATOMIC_ACQUIRE);
	const vx_u64 entry = __atomic_load_n(&index->entry, __ATOMIC_ACQUIRE);

	*out = (struct vx_index_info){
		.params = index->params,
		.rows = index->held,
		.waiting = index->waiting_count,
		.unmatched = index->unmatched,
		.slots = index->slots,
		.position = index->position,
		.generation = generation ? generation->number : 0,
		.memory_bytes = __atomic_load_n(&index->memory, __ATOMIC_RELAXED),
		.graph_bytes = index->source.by_record ? 0 : (nodes ? nodes->count : 0) * (vx_u64)VX_CHUNK_BYTES +
			       (uppers ? uppers->count : 0) * (vx_u64)VX_UPPER_BYTES,
		.record_bytes = index->shape.record_bytes + 4 * index->shape.normed,
		.snapshot_bytes = vx_snapshot_bytes(index),
		.top_level = entry == VX_NO_ENTRY ? 0 : (vx_u32)(entry >> 32),
		.damaged = __atomic_load_n(&index->damaged, __ATOMIC_RELAXED),
	};
}

void vx_index_set_position(struct vx_index *index, vx_u64 position)
{
	index->position = position;
}
