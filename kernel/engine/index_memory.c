// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of an index: chunks and the directories that name them. Chunks are only added while the index lives; what is
 * freed inside them is used again by later changes.
 */
#include "index.h"

void *vx_index_alloc(struct vx_index *index, size_t bytes)
{
	void *memory = index->alloc.alloc(index->alloc.context, bytes);

	if (memory)
		__atomic_fetch_add(&index->memory, bytes, __ATOMIC_RELAXED);
	return memory;
}

void vx_index_free(struct vx_index *index, void *memory, size_t bytes)
{
	if (!memory)
		return;
	__atomic_fetch_sub(&index->memory, bytes, __ATOMIC_RELAXED);
	index->alloc.free(index->alloc.context, memory, bytes);
}

int vx_index_grow(struct vx_index *index, void **memory, size_t old_bytes, size_t bytes)
{
	void *grown = vx_index_alloc(index, bytes);

	if (!grown)
		return -VX_ENOMEM;
	if (*memory) {
		__builtin_memcpy(grown, *memory, old_bytes < bytes ? old_bytes : bytes);
		vx_index_free(index, *memory, old_bytes);
	}
	*memory = grown;
	return 0;
}

static size_t vx_directory_bytes(vx_u32 capacity)
{
	return sizeof(struct vx_directory) + (size_t)capacity * (sizeof(vx_u8 *) + sizeof(vx_u32));
}

/* Room for `capacity` chunk addresses. */
static int vx_directory_grow(struct vx_index *index, struct vx_chunks *chunks, vx_u32 capacity)
{
	struct vx_directory *old = chunks->directory, *grown;
	vx_u32 i;

	if (old && old->capacity >= capacity)
		return 0;
	if (old && capacity < 2 * old->capacity)
		capacity = 2 * old->capacity;
	if (capacity < 8)
		capacity = 8;
	grown = vx_index_alloc(index, vx_directory_bytes(capacity));
	if (!grown)
		return -VX_ENOMEM;
	grown->capacity = capacity;
	grown->retired = old;
	grown->sums = (vx_u32 *)(grown->chunks + capacity);
	if (old) {
		grown->count = old->count;
		for (i = 0; i < old->count; i++)
			grown->chunks[i] = __atomic_load_n(&old->chunks[i], __ATOMIC_ACQUIRE);
	}
	__atomic_store_n(&chunks->directory, grown, __ATOMIC_RELEASE);
	return 0;
}

static int vx_chunks_reserve(struct vx_index *index, struct vx_chunks *chunks, vx_u32 count)
{
	struct vx_directory *directory = chunks->directory;

	if (directory && directory->count >= count)
		return 0;
	if (vx_directory_grow(index, chunks, count))
		return -VX_ENOMEM;
	directory = chunks->directory;
	while (directory->count < count) {
		vx_u8 *chunk = vx_index_alloc(index, chunks->bytes);

		if (!chunk)
			return -VX_ENOMEM;
		__atomic_store_n(&directory->chunks[directory->count], chunk, __ATOMIC_RELEASE);
		directory->count++;
	}
	return 0;
}

int vx_directory_map(struct vx_index *index, struct vx_chunks *chunks, vx_u32 count)
{
	int error = vx_directory_grow(index, chunks, count);

	if (!error)
		chunks->directory->count = count;
	return error;
}

int vx_nodes_reserve(struct vx_index *index, vx_u32 nodes)
{
	return nodes == 0 ? 0 : vx_chunks_reserve(index, &index->nodes, ((nodes - 1) >> index->shape.shift) + 1);
}

int vx_blocks_reserve(struct vx_index *index, vx_u32 more)
{
	vx_u32 last;

	if (more == 0)
		return 0;
	/* A run that would cross the end of a chunk begins in the next one. */
	last = index->upper_limit + 2 * more + VX_MAX_LEVEL;
	return vx_chunks_reserve(index, &index->uppers, (last >> index->shape.upper_shift) + 1);
}

vx_u32 vx_block_take(struct vx_index *index, vx_u32 level)
{
	const vx_u32 in_chunk = (1u << index->shape.upper_shift) - 1;
	vx_u32 block = index->free_blocks[level], i;
	struct vx_view view;

	vx_index_view(index, &view);
	if (block) {
		block--;
		index->free_blocks[level] = vx_word(vx_upper_block(&view, block) + 1);
	} else {
		block = index->upper_limit;
		if ((block & in_chunk) + level > in_chunk + 1)
			block = (block | in_chunk) + 1;
		__atomic_store_n(&index->upper_limit, block + level, __ATOMIC_RELEASE);
	}
	for (i = 0; i < level; i++) {
		vx_set_word(vx_upper_block(&view, block + i), 0);
		vx_set_word(vx_upper_block(&view, block + i) + 1, 0);
	}
	return block;
}

void vx_block_give(struct vx_index *index, vx_u32 block, vx_u32 level)
{
	struct vx_view view;
	vx_u32 *words, i, j;

	vx_index_view(index, &view);
	for (i = 0; i < level; i++) {
		words = vx_upper_block(&view, block + i);
		for (j = 0; j <= index->shape.upper_links; j++)
			vx_set_word(words + j, 0);
	}
	vx_set_word(vx_upper_block(&view, block) + 1, index->free_blocks[level]);
	index->free_blocks[level] = block + 1;
}

void vx_chunks_free(struct vx_index *index, struct vx_chunks *chunks)
{
	struct vx_directory *directory = chunks->directory;
	vx_u32 i;

	for (i = 0; directory && i < directory->count; i++) {
		int owned = i >= chunks->mapped || (chunks->owned && vx_bit(chunks->owned, i));

		if (owned)
			vx_index_free(index, directory->chunks[i], chunks->bytes);
	}
	while (directory) {
		struct vx_directory *older = directory->retired;

		vx_index_free(index, directory, vx_directory_bytes(directory->capacity));
		directory = older;
	}
	vx_index_free(index, chunks->owned, ((size_t)chunks->mapped + 63) / 64 * 8);
	chunks->directory = NULL;
	chunks->owned = NULL;
}

void vx_index_view(const struct vx_index *index, struct vx_view *view)
{
	struct vx_directory *nodes, *uppers;

	/* The limits first: what is below them is in the directories that are read afterwards. */
	view->limit = __atomic_load_n(&index->limit, __ATOMIC_ACQUIRE);
	view->upper_limit = __atomic_load_n(&index->upper_limit, __ATOMIC_ACQUIRE);
	nodes = __atomic_load_n(&index->nodes.directory, __ATOMIC_ACQUIRE);
	uppers = __atomic_load_n(&index->uppers.directory, __ATOMIC_ACQUIRE);
	view->shape = index->shape;
	view->chunks = nodes ? nodes->chunks : NULL;
	view->uppers = uppers ? uppers->chunks : NULL;
}
