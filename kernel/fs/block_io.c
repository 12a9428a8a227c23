// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Blocks between memory and the device, past every cache. */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/mm.h>
#include "vexfs_fs.h"

int vexfs_block_io(struct super_block *sb, blk_opf_t operation, u64 physical, void *memory, size_t bytes)
{
	struct bio *bio = bio_alloc(sb->s_bdev, 1, operation, GFP_NOFS);
	int error;

	bio->bi_iter.bi_sector = physical << (sb->s_blocksize_bits - SECTOR_SHIFT);
	__bio_add_page(bio, virt_to_page(memory), bytes, offset_in_page(memory));
	error = submit_bio_wait(bio);
	bio_put(bio);
	return error;
}
