// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Opening a snapshot, and loading its chunks as they are touched. */
#include "snapshot.h"

static int vx_source_read(const struct vx_index_source *source, vx_u64 at, void *data, size_t bytes)
{
	if (!source->bytes)
		return source->read(source->context, at, data, bytes);
	__builtin_memcpy(data, (const vx_u8 *)source->bytes + at, bytes);
	return 0;
}

/* ---- chunks ------------------------------------------------------------------------------------------------------- */

static int vx_chunk_check(struct vx_index *index, const struct vx_chunks *chunks, vx_u32 chunk, const vx_u8 *bytes)
{
	int error = 0;

	if (vx_crc32c(&index->cpu, ~0u, bytes, vx_mapped_bytes(chunks, chunk)) != chunks->sums[chunk])
		error = -VX_EUCLEAN;
	else if (chunks == &index->nodes)
		error = vx_check_nodes(index, chunk, bytes);
	else
		error = vx_check_blocks(index, chunk, bytes);
	if (error)
		__atomic_store_n(&index->damaged, 1, __ATOMIC_RELAXED);
	return error;
}

void vx_own(struct vx_chunks *chunks, vx_u32 chunk)
{
	__atomic_fetch_or(&chunks->owned[chunk / 64], 1ull << (chunk % 64), __ATOMIC_RELAXED);
}

/* Several searches may load the same chunk at once; the first to publish wins. */
static int vx_chunk_load(struct vx_index *index, struct vx_chunks *chunks, vx_u32 chunk)
{
	struct vx_directory *directory = __atomic_load_n(&chunks->directory, __ATOMIC_ACQUIRE);
	vx_u8 **place = &directory->chunks[chunk], *bytes, *none = NULL;
	const vx_u64 at = chunks->at + (vx_u64)chunk * chunks->bytes;
	int error = 0;

	if (__atomic_load_n(place, __ATOMIC_ACQUIRE))
		return 0;
	if (index->source.bytes) {
		bytes = (vx_u8 *)index->source.bytes + at;
	} else {
		bytes = vx_index_alloc(index, chunks->bytes);
		if (!bytes)
			return -VX_ENOMEM;
		error = index->source.read(index->source.context, at, bytes, vx_mapped_bytes(chunks, chunk));
	}
	if (!error)
		error = vx_chunk_check(index, chunks, chunk, bytes);
	if (!error && __atomic_compare_exchange_n(place, &none, bytes, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		if (!index->source.bytes)
			vx_own(chunks, chunk);
		return 0;
	}
	if (!index->source.bytes)
		vx_index_free(index, bytes, chunks->bytes);
	return error;
}

int vx_chunk_touch(struct vx_index *index, vx_u32 missing)
{
	if (missing & VX_MISSING_UPPER)
		return vx_chunk_load(index, &index->uppers, missing & ~VX_MISSING_UPPER);
	return vx_chunk_load(index, &index->nodes, missing);
}

/* A builder writes into memory of the index's own. Searches that hold the mapped chunk read it as it was. */
static int vx_chunk_copy(struct vx_index *index, struct vx_chunks *chunks, vx_u32 chunk)
{
	vx_u8 **place = &chunks->directory->chunks[chunk], *copy;

	if (vx_bit(chunks->owned, chunk))
		return 0;
	copy = vx_index_alloc(index, chunks->bytes);
	if (!copy)
		return -VX_ENOMEM;
	__builtin_memcpy(copy, *place, vx_mapped_bytes(chunks, chunk));
	__atomic_store_n(place, copy, __ATOMIC_RELEASE);
	vx_own(chunks, chunk);
	return 0;
}

static int vx_each_mapped(struct vx_index *index, struct vx_chunks *chunks,
			  int (*call)(struct vx_index *index, struct vx_chunks *chunks, vx_u32 chunk))
{
	int error = 0;
	vx_u32 i;

	for (i = 0; i < chunks->mapped && !error; i++)
		error = call(index, chunks, i);
	return error;
}

int vx_index_verify(struct vx_index *index)
{
	int error;

	if (__atomic_load_n(&index->damaged, __ATOMIC_RELAXED))
		return -VX_EUCLEAN;
	if (index->verified)
		return 0;
	if (index->source.by_record)
		return vx_records_verify(index);
	error = vx_each_mapped(index, &index->nodes, vx_chunk_load);
	if (!error)
		error = vx_each_mapped(index, &index->uppers, vx_chunk_load);
	if (!error)
		error = vx_check_owners(index);
	if (error == -VX_EUCLEAN)
		__atomic_store_n(&index->damaged, 1, __ATOMIC_RELAXED);
	return error;
}

int vx_snapshot_load(struct vx_index *index)
{
	int error;

	if (index->verified)
		return 0;
	error = vx_index_verify(index);
	if (!error)
		error = vx_each_mapped(index, &index->nodes, vx_chunk_copy);
	if (!error)
		error = vx_each_mapped(index, &index->uppers, vx_chunk_copy);
	index->verified = !error;
	return error;
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static int vx_header_check(const struct vx_cpu *cpu, const vx_u8 *page, struct vx_snapshot *header)
{
	vx_u32 sum;

	__builtin_memcpy(header, page, sizeof(*header));
	__builtin_memcpy(&sum, page + VX_SNAPSHOT_PAGE - 4, 4);
	if (header->magic != VX_SNAPSHOT_MAGIC || header->version != VX_SNAPSHOT_VERSION ||
	    vx_crc32c(cpu, ~0u, page, VX_SNAPSHOT_PAGE - 4) != sum || header->m == 0 || header->ef_construction == 0 ||
	    header->train_rows == 0 || header->slots > VX_MAX_INDEX_SLOTS || header->upper_limit > VX_MAX_INDEX_SLOTS ||
	    header->waiting > header->slots || header->linked > header->slots)
		return -VX_EUCLEAN;
	return 0;
}

static int vx_chunks_map(struct vx_index *index, struct vx_chunks *chunks, vx_u32 count, vx_u64 at, vx_u64 bytes)
{
	chunks->at = at;
	chunks->used = bytes;
	if (count == 0)
		return 0;
	chunks->owned = vx_index_alloc(index, ((size_t)count + 63) / 64 * 8);
	if (!chunks->owned)
		return -VX_ENOMEM;
	chunks->mapped = count;
	return vx_directory_map(index, chunks, count);
}

/* The header's counts, and what follows from them, into an empty index. */
static int vx_counts_take(struct vx_index *index, const struct vx_snapshot *header, struct vx_snapshot_layout *layout)
{
	const struct vx_shape *shape = &index->shape;
	vx_u32 node = (vx_u32)header->entry;
	int error;

	index->slots = header->slots;
	index->held = header->held;
	index->linked = header->linked;
	index->unmatched = header->unmatched;
	index->position = header->position;
	index->entry = header->entry;
	index->upper_limit = header->upper_limit;
	__builtin_memcpy(index->free_blocks, header->free_blocks, sizeof(index->free_blocks));
	vx_snapshot_layout(index, header->waiting, header->generation != 0, layout);
	index->limit = layout->limit;
	if (layout->bytes != header->bytes || layout->tail_bytes != header->tail_bytes ||
	    header->bytes > index->source.size || (header->generation && header->waiting) ||
	    (index->params.type == VX_FLAT && (header->upper_limit || header->waiting || header->entry != VX_NO_ENTRY)))
		return -VX_EUCLEAN;
	if (header->entry != VX_NO_ENTRY && (header->entry >> 32 > VX_MAX_LEVEL || node >= layout->limit ||
					     (node & shape->mask) >= shape->per_chunk || header->generation == 0))
		return -VX_EUCLEAN;
	error = vx_chunks_map(index, &index->nodes, layout->nodes, layout->nodes_at, layout->node_bytes);
	if (!error)
		error = vx_chunks_map(index, &index->uppers, layout->uppers, layout->uppers_at, layout->upper_bytes);
	return error;
}

static int vx_tail_take(struct vx_index *index, const struct vx_snapshot *header,
			const struct vx_snapshot_layout *layout)
{
	const vx_u64 bytes = layout->bytes - layout->tail_at;
	const vx_u32 *at;
	vx_u32 i;
	int error;

	if (bytes == 0)
		return 0;
	index->sums = vx_index_alloc(index, (size_t)bytes);
	if (!index->sums)
		return -VX_ENOMEM;
	index->sum_bytes = bytes;
	error = vx_source_read(&index->source, layout->tail_at, index->sums, (size_t)bytes);
	if (error)
		return error;
	if (vx_crc32c(&index->cpu, ~0u, index->sums, (size_t)bytes) != header->tail_sum)
		return -VX_EUCLEAN;
	index->nodes.sums = index->sums;
	index->uppers.sums = index->sums + layout->nodes;
	at = index->uppers.sums + layout->uppers;
	if (header->generation) {
		struct vx_generation *generation = vx_generation_new(index);

		if (!generation)
			return -VX_ENOMEM;
		generation->number = header->generation;
		generation->factor_bits = header->factor_bits;
		generation->rows = header->generation_rows;
		__builtin_memcpy(generation->centre, at, 4 * (size_t)index->coder.padded);
		at += index->coder.padded;
		vx_generation_publish(index, generation);
	}
	if (header->waiting) {
		index->waiting = vx_index_alloc(index, 4 * (size_t)header->waiting);
		if (!index->waiting)
			return -VX_ENOMEM;
		index->waiting_capacity = header->waiting;
		index->waiting_count = header->waiting;
		for (i = 0; i < header->waiting; i++) {
			index->waiting[i] = at[i];
			if (at[i] >= index->slots)
				return -VX_EUCLEAN;
		}
	}
	return 0;
}

struct vx_index *vx_index_open(const struct vx_alloc *alloc, const struct vx_cpu *cpu,
			       const struct vx_index_source *source, int *error)
{
	struct vx_snapshot_layout layout;
	struct vx_snapshot header = { 0 };
	struct vx_index *index = NULL;
	vx_u8 *page;
	int status = 0;

	page = alloc->alloc(alloc->context, VX_SNAPSHOT_PAGE);
	if (!page)
		status = -VX_ENOMEM;
	else if ((!source->bytes && !source->read) || (source->bytes && source->by_record) || source->reserved || (__UINTPTR_TYPE__)source->bytes % 64)
		status = -VX_EINVAL;
	else if (source->size < VX_SNAPSHOT_PAGE)
		status = -VX_EUCLEAN;
	if (!status)
		status = vx_source_read(source, 0, page, VX_SNAPSHOT_PAGE);
	if (!status)
		status = vx_header_check(cpu, page, &header);
	if (!status) {
		struct vx_index_params params = { .metric = header.metric, .element = header.element,
						  .dims = header.dims, .m = header.m,
						  .ef_construction = header.ef_construction,
						  .train_rows = header.train_rows, .seed = header.seed,
						  .type = header.type, .reserved = header.reserved };

		index = vx_index_create(alloc, cpu, &params, &status);
		status = status == -VX_EINVAL ? -VX_EUCLEAN : status;
	}
	if (index) {
		index->source = *source;
		index->verified = 0;
		status = vx_counts_take(index, &header, &layout);
		if (!status)
			status = vx_tail_take(index, &header, &layout);
		if (status) {
			vx_index_destroy(index);
			index = NULL;
		}
	}
	if (page)
		alloc->free(alloc->context, page, VX_SNAPSHOT_PAGE);
	if (error)
		*error = status;
	return index;
}
