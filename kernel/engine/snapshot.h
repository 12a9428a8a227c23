/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A snapshot of an index, little-endian:
 *
 *   header, 4096 bytes | node chunks | chunks of blocks | tail
 *
 * Chunks are what memory holds, the last of each kind cut behind its last record, all padded to 4096. The tail holds the
 * CRC-32C of every node chunk, of every chunk of blocks, the centre of the generation (float32 a coordinate, to a multiple
 * of 16) and the waiting slots. Its own sum stands in the header, whose last word is the sum of the bytes before it. All
 * sums are vx_crc32c() from ~0.
 */
#ifndef VX_SNAPSHOT_H
#define VX_SNAPSHOT_H

#include "index.h"

#define VX_SNAPSHOT_MAGIC 0x0078646e49736656ull /* "VfsIndx" */
#define VX_SNAPSHOT_VERSION 3u
#define VX_SNAPSHOT_PAGE 4096u

struct vx_snapshot {
	vx_u64 magic;
	vx_u32 version;
	vx_u32 tail_sum;
	vx_u64 bytes; /* of the whole snapshot */
	vx_u64 tail_bytes;
	vx_u32 metric, element, dims, m, ef_construction, train_rows;
	vx_u64 seed;
	vx_u64 slots, held, linked, unmatched;
	vx_u64 position;
	vx_u64 entry;
	vx_u32 upper_limit;
	vx_u32 waiting;
	vx_u32 generation; /* 0: none */
	vx_u32 factor_bits;
	vx_u64 generation_rows;
	vx_u32 type, reserved;
	vx_u32 free_blocks[VX_MAX_LEVEL + 1];
};

_Static_assert(sizeof(struct vx_snapshot) == 208, "the header of a snapshot has no holes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "snapshots are written as memory is");

/* Where the sections of a snapshot lie, from its counts. */
struct vx_snapshot_layout {
	vx_u32 limit;
	vx_u32 nodes, uppers; /* chunks */
	vx_u64 node_bytes, upper_bytes;
	vx_u64 nodes_at, uppers_at, tail_at;
	vx_u64 tail_bytes, bytes;
};

void vx_snapshot_layout(const struct vx_index *index, vx_u32 waiting, int trained, struct vx_snapshot_layout *layout);
/* Bytes of a mapped chunk in the snapshot. */
static inline vx_u32 vx_mapped_bytes(const struct vx_chunks *chunks, vx_u32 chunk)
{
	vx_u64 rest = chunks->used - (vx_u64)chunk * chunks->bytes;

	return rest < chunks->bytes ? (vx_u32)rest : chunks->bytes;
}

/* One record by its header and links, or one block; nonzero: out of bounds. In a SIMD section. */
int vx_bad_record(const struct vx_cpu *cpu, const struct vx_view *view, const vx_u32 *record);
int vx_bad_block(const struct vx_cpu *cpu, const struct vx_view *view, const vx_u32 *block);
/* Says that this chunk of the snapshot is known to be as it was written. */
void vx_own(struct vx_chunks *chunks, vx_u32 chunk);
/* Links, blocks and levels within bounds, of a chunk whose sum was right. -EUCLEAN. */
int vx_check_nodes(const struct vx_index *index, vx_u32 chunk, const vx_u8 *bytes);
int vx_check_blocks(const struct vx_index *index, vx_u32 chunk, const vx_u8 *bytes);
/* No block belongs to two nodes or is free and in use. Every chunk has to be there. */
int vx_check_owners(struct vx_index *index);

#endif
