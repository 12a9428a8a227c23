// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Dirty pages to the device. Nothing is allocated here and no handle started: whoever made a page dirty has taken its
 * blocks. So a commit can wait for writeback.
 */
#include <linux/pagemap.h>
#include "compat_iomap.h"
#include "content.h"
#include "content_blocks.h"

/* Blocks that one lookup of the tree answers for. */
#define VEXFS_WRITEBACK_BLOCKS (1u << 20)

static int vexfs_map_dirty(struct iomap *iomap, struct inode *inode, loff_t offset)
{
	const u64 first = offset >> inode->i_blkbits;
	struct vexfs_run run;
	u64 version;
	int error;

	if (offset >= iomap->offset && offset < iomap->offset + iomap->length &&
	    vexfs_content_is(inode, iomap->validity_cookie))
		return 0;
	error = vexfs_content_find(inode, first, VEXFS_WRITEBACK_BLOCKS, &run, &version);
	if (error)
		return error;
	/* Blocks of a page that nobody wrote to may be holes, and are left out. Unwritten ones are marked by their writer. */
	run.unwritten = false;
	vexfs_iomap_fill(inode, first, &run, version, iomap);
	return 0;
}

VEXFS_DEFINE_WRITEPAGES(vexfs_writepages, vexfs_map_dirty)
