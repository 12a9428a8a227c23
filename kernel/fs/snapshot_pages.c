// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Records of a snapshot out of the page cache. The cache is that of an inode in memory only, with the extents of the snapshot: it is
 * hashed nowhere and goes with the graph, while the snapshot's own inode may go before. Blocks that other content has by then give
 * records which the engine finds wrong, or which propose rows in vain; nodes of its extents that are others' by then are no damage.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include "content.h"
#include "content_blocks.h"
#include "index.h"

struct inode *vexfs_snapshot_pages(struct vexfs_graph *graph, u64 bytes)
{
	struct inode *pages = new_inode(graph->sb);

	if (!pages)
		return NULL;
	pages->i_ino = graph->number;
	pages->i_mode = S_IFREG;
	pages->i_flags |= S_PRIVATE;
	pages->i_mapping->a_ops = &vexfs_content_operations;
	memcpy(vexfs_info(pages)->root, graph->source.root, sizeof(graph->source.root));
	i_size_write(pages, round_up(bytes, graph->sb->s_blocksize));
	return pages;
}

static struct folio *vexfs_snapshot_folio(struct address_space *mapping, struct file_ra_state *readahead, pgoff_t index,
					  pgoff_t end)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	/* Older kernels say NULL. */
	if (!IS_ERR_OR_NULL(folio)) {
		if (folio_test_uptodate(folio))
			return folio;
		folio_put(folio);
	} else if (end - index > 1) {
		page_cache_sync_readahead(mapping, readahead, NULL, index, end - index);
	}
	return read_mapping_folio(mapping, index, NULL);
}

/* Why a page could not be read: iomap says -EIO, whatever it was. */
static int vexfs_snapshot_error(struct vexfs_graph *graph, u64 offset, int error)
{
	struct vexfs_run run;
	u64 version;

	if (error != -EIO || vexfs_content_find(graph->pages, offset >> graph->pages->i_blkbits, 1, &run, &version) != -EUCLEAN)
		return error;
	WRITE_ONCE(graph->is_lost, true);
	return -EUCLEAN;
}

int vexfs_snapshot_pages_read(void *context, vx_u64 offset, void *data, size_t bytes)
{
	struct vexfs_graph *graph = context;
	struct address_space *mapping = graph->pages->i_mapping;
	const pgoff_t end = DIV_ROUND_UP_ULL(offset + bytes, PAGE_SIZE);
	struct file_ra_state readahead;

	/* While it is opened nothing is in the way of the caller for long. */
	if (graph->vx && !(current->flags & PF_KTHREAD) && signal_pending(current))
		return -EINTR;
	file_ra_state_init(&readahead, mapping);
	while (bytes) {
		const size_t piece = min_t(size_t, bytes, PAGE_SIZE - offset % PAGE_SIZE);
		struct folio *folio = vexfs_snapshot_folio(mapping, &readahead, offset / PAGE_SIZE, end);

		if (IS_ERR(folio))
			return vexfs_snapshot_error(graph, offset, PTR_ERR(folio));
		memcpy(data, folio_address(folio) + (offset - folio_pos(folio)), piece);
		folio_put(folio);
		data += piece;
		offset += piece;
		bytes -= piece;
	}
	return 0;
}
