// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Content of files: blocks on the device for iomap, and the page cache over it. */
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include "vexfs_fs.h"

static int vexfs_iomap_begin(struct inode *inode, loff_t offset, loff_t length, unsigned int flags, struct iomap *iomap,
			     struct iomap *source)
{
	const u32 bits = inode->i_blkbits;
	const struct vexfs_tree tree = { .sb = inode->i_sb, .owner = inode->i_ino, .root = vexfs_info(inode)->root };
	const u64 first = offset >> bits;
	const u64 end = (u64)(offset + length + i_blocksize(inode) - 1) >> bits;
	struct vexfs_run run;
	int error;

	if (flags & (IOMAP_WRITE | IOMAP_ZERO))
		return -EROFS;
	error = vexfs_find_run(&tree, first, max_t(u64, end - first, 1), &run);
	if (error)
		return error;
	iomap->bdev = inode->i_sb->s_bdev;
	iomap->offset = first << bits;
	iomap->length = run.length << bits;
	iomap->addr = run.physical ? run.physical << bits : IOMAP_NULL_ADDR;
	iomap->type = !run.physical ? IOMAP_HOLE : run.unwritten ? IOMAP_UNWRITTEN : IOMAP_MAPPED;
	return 0;
}

const struct iomap_ops vexfs_iomap_ops = {
	.iomap_begin = vexfs_iomap_begin,
};

/*
 * For SEEK_DATA and SEEK_HOLE: iomap takes pages in memory over unwritten blocks for data, because they may be waiting
 * to be written. On a volume mounted read-only they are zeros that somebody read.
 */
static int vexfs_seek_begin(struct inode *inode, loff_t offset, loff_t length, unsigned int flags, struct iomap *iomap,
			    struct iomap *source)
{
	int error = vexfs_iomap_begin(inode, offset, length, flags, iomap, source);

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
	return iomap_read_folio(folio, &vexfs_iomap_ops);
}

static void vexfs_readahead(struct readahead_control *control)
{
	iomap_readahead(control, &vexfs_iomap_ops);
}

static sector_t vexfs_bmap(struct address_space *mapping, sector_t block)
{
	return iomap_bmap(mapping, block, &vexfs_iomap_ops);
}

const struct address_space_operations vexfs_content_operations = {
	.read_folio = vexfs_read_folio,
	.readahead = vexfs_readahead,
	.bmap = vexfs_bmap,
	.release_folio = iomap_release_folio,
	.invalidate_folio = iomap_invalidate_folio,
	.is_partially_uptodate = iomap_is_partially_uptodate,
	.migrate_folio = filemap_migrate_folio,
	.error_remove_page = generic_error_remove_page,
	.direct_IO = noop_direct_IO,
};
