// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Content of files: blocks on the device for iomap, and the page cache over it. */
#include <linux/pagemap.h>
#include <linux/writeback.h>
#include "compat_iomap.h"
#include "content.h"
#include "content_blocks.h"

void vexfs_iomap_fill(struct inode *inode, u64 logical, const struct vexfs_run *run, u64 version, struct iomap *iomap)
{
	const u32 bits = inode->i_blkbits;

	iomap->bdev = inode->i_sb->s_bdev;
	iomap->offset = logical << bits;
	iomap->length = run->length << bits;
	iomap->addr = run->physical ? run->physical << bits : IOMAP_NULL_ADDR;
	iomap->type = !run->physical ? IOMAP_HOLE : run->unwritten ? IOMAP_UNWRITTEN : IOMAP_MAPPED;
	iomap->validity_cookie = version;
}

static int vexfs_read_begin(struct inode *inode, loff_t offset, loff_t length, unsigned int flags, struct iomap *iomap,
			    struct iomap *source)
{
	const u64 first = offset >> inode->i_blkbits;
	struct vexfs_run run;
	u64 version;
	int error;

	if (flags & (IOMAP_WRITE | IOMAP_ZERO))
		return -EROFS;
	error = vexfs_content_find(inode, first, max_t(u64, vexfs_blocks_of(inode, offset + length) - first, 1), &run,
				   &version);
	if (!error)
		vexfs_iomap_fill(inode, first, &run, version, iomap);
	return error;
}

const struct iomap_ops vexfs_iomap_ops = {
	.iomap_begin = vexfs_read_begin,
};

/*
 * For SEEK_DATA and SEEK_HOLE: iomap takes pages in memory over unwritten blocks for data, because they may be waiting
 * to be written. Here whatever waits has marked its blocks as written: such pages are zeros that somebody read.
 */
static int vexfs_seek_begin(struct inode *inode, loff_t offset, loff_t length, unsigned int flags, struct iomap *iomap,
			    struct iomap *source)
{
	int error = vexfs_read_begin(inode, offset, length, flags, iomap, source);

	if (!error && iomap->type == IOMAP_UNWRITTEN) {
		iomap->type = IOMAP_HOLE;
		iomap->addr = IOMAP_NULL_ADDR;
	}
	return error;
}

const struct iomap_ops vexfs_seek_ops = {
	.iomap_begin = vexfs_seek_begin,
};

static int vexfs_read_folio(struct file *file, struct folio *folio)
{
	return vexfs_iomap_read_folio(folio, &vexfs_iomap_ops);
}

static void vexfs_readahead(struct readahead_control *control)
{
	vexfs_iomap_readahead(control, &vexfs_iomap_ops);
}

static sector_t vexfs_bmap(struct address_space *mapping, sector_t block)
{
	return iomap_bmap(mapping, block, &vexfs_iomap_ops);
}

const struct address_space_operations vexfs_content_operations = {
	.read_folio = vexfs_read_folio,
	.readahead = vexfs_readahead,
	.writepages = vexfs_writepages,
	.dirty_folio = vexfs_dirty_folio,
	.bmap = vexfs_bmap,
	.release_folio = iomap_release_folio,
	.invalidate_folio = iomap_invalidate_folio,
	.is_partially_uptodate = iomap_is_partially_uptodate,
	.migrate_folio = filemap_migrate_folio,
	VEXFS_ERROR_REMOVE,
	.direct_IO = noop_direct_IO,
};
