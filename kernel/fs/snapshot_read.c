// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Opening a snapshot, and reading it into memory: past every cache, because its blocks were written so and each is read once. */
#include <linux/blk_types.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "../engine/glue.h"
#include "index.h"

/* Bytes that one bio reads. */
#define VEXFS_READ_BYTES 131072

/* Whole blocks from `logical` on, as many as lie together and fit into the bounce; *count: how many. */
static int vexfs_read_piece(struct vexfs_graph *graph, u64 logical, void *bounce, u64 wanted, u64 *count)
{
	const struct vexfs_tree tree = { .sb = graph->sb, .owner = graph->number, .root = graph->source.root, .is_hint = true };
	struct vexfs_run run;
	int error = vexfs_find_run(&tree, logical, wanted, &run);

	if (error)
		return error;
	if (!run.physical || run.unwritten || !run.length)
		return -EUCLEAN;
	*count = min(run.length, wanted);
	return vexfs_block_io(graph->sb, REQ_OP_READ, run.physical, bounce, *count << graph->sb->s_blocksize_bits);
}

static int vexfs_snapshot_read(void *context, vx_u64 offset, void *data, size_t bytes)
{
	struct vexfs_graph *graph = context;
	const u32 bits = graph->sb->s_blocksize_bits;
	const size_t most = max_t(size_t, VEXFS_READ_BYTES, graph->sb->s_blocksize);
	size_t room = min_t(size_t, most, round_up(bytes + offset % (1u << bits), 1u << bits));
	void *bounce = kmalloc(room, GFP_NOFS | __GFP_NOWARN | __GFP_NORETRY);
	int error = 0;

	if (!bounce) {
		room = max_t(size_t, PAGE_SIZE, 1u << bits);
		bounce = kmalloc(room, GFP_NOFS);
	}
	if (!bounce)
		return -ENOMEM;
	while (bytes && !error) {
		const size_t into = offset & ((1u << bits) - 1);
		const u64 wanted = min_t(u64, room, round_up(into + bytes, 1u << bits)) >> bits;
		u64 count;

		error = vexfs_read_piece(graph, offset >> bits, bounce, wanted, &count);
		if (!error) {
			const size_t piece = min_t(size_t, bytes, (count << bits) - into);

			memcpy(data, bounce + into, piece);
			data += piece;
			offset += piece;
			bytes -= piece;
		}
	}
	kfree(bounce);
	return error;
}

int vexfs_snapshot_open(struct vexfs_graph *graph, struct inode *owner, const struct vexfs_snapshot *snapshot, bool by_record)
{
	/* Of an index that is on the volume, because there is no memory, a few KiB are. They do not count. */
	const struct vx_alloc *memory = by_record ? &vexfs_table_memory : vexfs_index_memory(vexfs_volume(owner->i_sb));
	struct vx_index_source source = {
		.size = snapshot->bytes,
		.read = vexfs_snapshot_read,
		.context = graph,
	};
	/* Who opens it again holds nothing that keeps it from being dropped meanwhile. */
	int error = vexfs_peek_inode(owner->i_sb, snapshot->number, &graph->source);

	graph->number = snapshot->number;
	if (error)
		return error;
	if (by_record) {
		graph->pages = vexfs_snapshot_pages(graph, snapshot->bytes);
		if (!graph->pages)
			return -ENOMEM;
		source.read = vexfs_snapshot_pages_read;
		source.by_record = true;
	}
	graph->vx = vx_index_open(memory, &vexfs_cpu, &source, &error);
	return graph->vx ? 0 : error;
}
