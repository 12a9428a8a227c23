// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Rows fetched from the caller and made into codes. */
#include "index.h"
#include "kernels.h"
#include "train.h"

static vx_u64 vx_mix(vx_u64 x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/*
 * splitmix64 of seed and id, 32 bits a draw: each level above the one before holds one node in M. Ids are often
 * consecutive and chosen by the caller; levels must not follow from them without the seed.
 */
vx_u32 vx_level_of(const struct vx_index *index, vx_u64 id)
{
	const vx_u64 bound = 0x100000000ull / index->params.m;
	vx_u64 state = vx_mix(id + 0x9e3779b97f4a7c15ull) ^ vx_mix(index->params.seed + 0x2545f4914f6cdd1dull);
	vx_u32 level = 0;

	while (level < VX_MAX_LEVEL) {
		state = vx_mix(state + 0x9e3779b97f4a7c15ull);
		if (state >> 32 >= bound)
			break;
		level++;
	}
	return level;
}

static vx_u32 vx_span(vx_u32 dims)
{
	return 1u << (31 - __builtin_clz(dims));
}

int vx_coder_create(struct vx_index *index)
{
	struct vx_coder *coder = &index->coder;
	const vx_u32 dims = index->params.dims;
	vx_u64 state = vx_mix(index->params.seed + 0x9e3779b97f4a7c15ull);
	size_t i;

	coder->dims = dims;
	coder->padded = vx_blocks(dims) * 16;
	coder->span = vx_span(dims);
	/* Where the span does not cover a row, spans from both ends take turns until everything is mixed. */
	coder->passes = coder->span == dims ? 1 : 4;
	coder->metric = index->params.metric;
	index->signs = vx_index_alloc(index, (size_t)coder->passes * coder->padded * 4);
	if (!index->signs)
		return -VX_ENOMEM;
	coder->signs = index->signs;
	for (i = 0; i < (size_t)coder->passes * coder->padded; i++) {
		state += 0x9e3779b97f4a7c15ull;
		index->signs[i] = (vx_u32)(vx_mix(state) >> 32) & 0x80000000u;
	}
	if (index->params.metric == VX_COSINE) {
		struct vx_generation *generation = vx_generation_new(index);

		if (!generation)
			return -VX_ENOMEM;
		vx_section_begin(&index->cpu);
		generation->factor_bits = vx_unit_factor(dims);
		vx_section_end(&index->cpu);
		generation->number = 1;
		vx_generation_publish(index, generation);
	}
	return 0;
}

size_t vx_generation_bytes(const struct vx_index *index)
{
	return sizeof(struct vx_generation) + (size_t)index->coder.padded * sizeof(float);
}

struct vx_generation *vx_generation_new(struct vx_index *index)
{
	return vx_index_alloc(index, vx_generation_bytes(index));
}

void vx_generation_publish(struct vx_index *index, struct vx_generation *generation)
{
	generation->retired = index->generation;
	__atomic_store_n(&index->generation, generation, __ATOMIC_RELEASE);
}

int vx_rotated_row(const struct vx_index *index, const struct vx_rows *rows, vx_u32 slot, float *floats, vx_u32 *unmatched)
{
	const struct vx_kernels *kernels = index->cpu.kernels;
	const vx_u32 dims = index->params.dims;
	const void *row = (const vx_u8 *)rows->base + slot * rows->stride;

	if (rows->get) {
		int error = rows->get(rows->context, &slot, 1, &row);

		if (error)
			return error;
	}
	vx_section_begin(&index->cpu);
	kernels->decode[index->params.element - 1](row, dims, (vx_u8 *)floats);
	__builtin_memset((vx_u8 *)floats + (size_t)dims * 4, 0, (size_t)(index->coder.padded - dims) * 4);
	*unmatched = kernels->not_finite((const vx_u8 *)floats, dims) != 0;
	if (!*unmatched)
		index->cpu.navigation->rotate(kernels, &index->coder, floats);
	vx_section_end(&index->cpu);
	if (rows->get && rows->put)
		rows->put(rows->context, &row, 1);
	return 0;
}

vx_u32 vx_write_code(const struct vx_index *index, const struct vx_generation *generation, vx_u32 node, const float *rotated)
{
	struct vx_code code;
	struct vx_view view;
	vx_u8 *chunk;

	vx_index_view(index, &view);
	chunk = vx_chunk(&view, node >> view.shape.shift);
	vx_section_begin(&index->cpu);
	index->cpu.navigation->quantise(&index->coder, generation, rotated, 0,
					(vx_u8 *)vx_record(&view, node) + view.shape.code_at, &code);
	vx_section_end(&index->cpu);
	if (view.shape.normed)
		vx_set_word((vx_u32 *)chunk + (node & view.shape.mask), code.norm);
	return code.clipped;
}

void vx_query_code(const struct vx_index *index, const struct vx_generation *generation, const float *values,
		   float *floats, struct vx_code *code)
{
	__builtin_memcpy(floats, values, (size_t)index->coder.padded * 4);
	vx_section_begin(&index->cpu);
	index->cpu.navigation->rotate(index->cpu.kernels, &index->coder, floats);
	index->cpu.navigation->quantise(&index->coder, generation, floats, 1, (vx_u8 *)code->values, code);
	vx_section_end(&index->cpu);
}

int vx_generation_train(struct vx_index *index, const struct vx_rows *rows)
{
	const vx_u32 dims = index->params.dims;
	const size_t sum_bytes = VX_TRAIN_NUMBERS(dims) * sizeof(double), float_bytes = (size_t)index->coder.padded * 4;
	struct vx_generation *generation = vx_generation_new(index);
	double *sums = vx_index_alloc(index, sum_bytes);
	float *floats = vx_index_alloc(index, float_bytes);
	int error = generation && sums && floats ? 0 : -VX_ENOMEM;
	vx_u64 counted = 0;
	vx_u32 i;

	for (i = 0; !error && i < index->waiting_count && i < index->params.train_rows; i++) {
		vx_u32 unmatched = 0;

		error = vx_rotated_row(index, rows, index->waiting[i], floats, &unmatched);
		if (error || unmatched)
			continue;
		vx_section_begin(&index->cpu);
		vx_train_add(floats, dims, sums, sums + dims);
		vx_section_end(&index->cpu);
		counted++;
	}
	if (!error && counted) {
		vx_section_begin(&index->cpu);
		vx_train_finish(generation, dims, index->params.metric == VX_EUCLIDEAN, sums, sums + dims, counted);
		vx_section_end(&index->cpu);
	}
	vx_index_free(index, sums, sum_bytes);
	vx_index_free(index, floats, float_bytes);
	if (error) {
		vx_index_free(index, generation, vx_generation_bytes(index));
		return error;
	}
	generation->number = 1;
	/* Not one row that can be counted: any scale will do until the next generation. */
	if (!counted)
		generation->factor_bits = 0x3f800000u;
	index->builder.generation = generation;
	return 0;
}
