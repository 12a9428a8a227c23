// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include "alloc.h"
#include "batch.h"
#include "content.h"
#include "content_blocks.h"
#include "file_size.h"
#include "inode_write.h"
#include "vexfs_fs.h"

/* Bytes that are written to the device at a time. */
#define VEXFS_BOUNCE_BYTES (128u << 10)

/* Bytes [at, at + bytes) of the file as they will be: rows, and zeros around them. */
static void vexfs_fill_bytes(const struct vexfs_appended *appended, u64 at, void *to, size_t bytes)
{
	const struct vexfs_batch *batch = appended->batch;
	const void *rows = batch->data + (u64)batch->reused * batch->layout.stride;
	const u64 first = max(at, appended->from);
	const u64 end = min(at + bytes, appended->to);

	if (first > at || end < at + bytes)
		memset(to, 0, bytes);
	if (first < end)
		memcpy(to + (first - at), rows + (first - appended->from), end - first);
}

static int vexfs_write_bytes(struct super_block *sb, u64 physical, void *memory, size_t bytes)
{
	struct bio *bio = bio_alloc(sb->s_bdev, 1, REQ_OP_WRITE | REQ_SYNC, GFP_NOFS);
	int error;

	bio->bi_iter.bi_sector = physical << (sb->s_blocksize_bits - SECTOR_SHIFT);
	__bio_add_page(bio, virt_to_page(memory), bytes, offset_in_page(memory));
	error = submit_bio_wait(bio);
	bio_put(bio);
	return error;
}

/* Writes blocks of the file that lie together on the volume. */
static int vexfs_write_run(const struct vexfs_appended *appended, u64 logical, const struct vexfs_run *run, void *bounce,
			   u32 room)
{
	const u32 bits = appended->inode->i_blkbits;
	u64 done, n;

	for (done = 0; done < run->length; done += n) {
		int error;

		n = min_t(u64, run->length - done, room >> bits);
		vexfs_fill_bytes(appended, (logical + done) << bits, bounce, n << bits);
		error = vexfs_write_bytes(appended->inode->i_sb, run->physical + done, bounce, n << bits);
		if (error)
			return error;
		cond_resched();
	}
	return 0;
}

/* What the blocks hold is on the device: they are marked so, a run in each transaction. */
static int vexfs_mark_run(struct inode *inode, u64 logical, const struct vexfs_run *run)
{
	handle_t *handle;
	int error, stopped;

	if (!run->unwritten)
		return 0;
	handle = vexfs_start(inode->i_sb, vexfs_content_credits(inode, 1));
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_content_mark(handle, inode, logical, run->length, false);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

static int vexfs_write_fresh(const struct vexfs_appended *appended)
{
	struct inode *inode = appended->inode;
	const u64 start = max(appended->from, appended->fresh) >> inode->i_blkbits;
	const u64 end = vexfs_blocks_of(inode, appended->to);
	u32 room = min_t(u64, VEXFS_BOUNCE_BYTES, (end - start) << inode->i_blkbits);
	void *bounce = kmalloc(room, GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	struct vexfs_run run;
	u64 at, version;
	int error = 0;

	if (!bounce) {
		room = PAGE_SIZE;
		bounce = kmalloc(room, GFP_KERNEL);
	}
	if (!bounce)
		return -ENOMEM;
	for (at = start; at < end && !error; at += run.length) {
		error = vexfs_content_find(inode, at, end - at, &run, &version);
		if (!error && !run.physical)
			error = -EIO;
		if (!error)
			error = vexfs_write_run(appended, at, &run, bounce, room);
		if (!error)
			error = vexfs_mark_run(inode, at, &run);
	}
	kfree(bounce);
	return error;
}

static int vexfs_become_orphan(struct vexfs_appended *appended)
{
	handle_t *handle = vexfs_start(appended->inode->i_sb, VEXFS_ORPHAN_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_orphan_add(handle, appended->inode);
	appended->is_orphan = !error;
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

int vexfs_store_appended(struct vexfs_appended *appended, struct file *file, const struct vexfs_batch *batch)
{
	struct inode *inode = file_inode(file);
	const u64 size = i_size_read(inode);
	int error = 0;

	*appended = (struct vexfs_appended){
		.batch = batch,
		.inode = inode,
		.from = vexfs_slot_offset(&batch->layout, batch->tail),
		.to = vexfs_batch_end(batch),
		.fresh = round_up(size, PAGE_SIZE),
	};
	if (!vexfs_batch_appended(batch))
		return 0;
	inode_dio_wait(inode);
	if (appended->from > size)
		error = vexfs_zero_tail(inode, appended->from);
	if (!error && vexfs_blocks_of(inode, appended->to) > vexfs_blocks_of(inode, size))
		error = vexfs_become_orphan(appended);
	if (!error)
		error = vexfs_preallocate(inode, appended->from, appended->to);
	if (!error && appended->from < appended->fresh) {
		appended->page = read_mapping_page(inode->i_mapping, (appended->fresh - 1) >> PAGE_SHIFT, file);
		error = PTR_ERR_OR_ZERO(appended->page);
		if (error)
			appended->page = NULL;
	}
	if (!error && appended->to > appended->fresh) {
		/* A search whose rows were cut off may have read zeros there. */
		truncate_inode_pages_range(inode->i_mapping, appended->fresh, -1);
		error = vexfs_write_fresh(appended);
	}
	return error;
}

/* The page holds up to so many blocks, each of which may lie elsewhere. */
int vexfs_join_credits(struct inode *inode)
{
	return vexfs_content_credits(inode, PAGE_SIZE >> inode->i_blkbits) + VEXFS_ORPHAN_CREDITS;
}

static u64 vexfs_end_in_page(const struct vexfs_appended *appended)
{
	return min(appended->to, appended->fresh);
}

int vexfs_mark_appended(handle_t *handle, struct vexfs_appended *appended)
{
	struct inode *inode = appended->inode;
	const u64 first = appended->from >> inode->i_blkbits;
	const u64 end = vexfs_end_in_page(appended);
	const u64 count = vexfs_blocks_of(inode, end) - first;
	struct vexfs_run run;
	u64 version;
	int error;

	if (!appended->page)
		return 0;
	error = vexfs_order_content(handle, inode, appended->from, end);
	if (!error)
		error = vexfs_content_find(inode, first, count, &run, &version);
	if (!error && (run.unwritten || run.length < count))
		error = vexfs_content_mark(handle, inode, first, count, false);
	if (error)
		return error;
	/* Also if nothing comes of it: what is marked as written gets what the page shows. */
	lock_page(appended->page);
	set_page_dirty(appended->page);
	unlock_page(appended->page);
	return 0;
}

static void vexfs_copy_to_page(const struct vexfs_appended *appended)
{
	const u64 at = appended->fresh - PAGE_SIZE;
	const u64 first = max(at, appended->from);
	struct page *page = appended->page;

	lock_page(page);
	vexfs_fill_bytes(appended, first, page_address(page) + (first - at), vexfs_end_in_page(appended) - first);
	flush_dcache_page(page);
	set_page_dirty(page);
	i_size_write(appended->inode, appended->to);
	unlock_page(page);
}

int vexfs_join_appended(handle_t *handle, struct vexfs_appended *appended)
{
	int error = 0;

	if (!vexfs_batch_appended(appended->batch))
		return 0;
	if (appended->page)
		vexfs_copy_to_page(appended);
	else
		i_size_write(appended->inode, appended->to);
	vexfs_info(appended->inode)->disk_size = appended->to;
	/* A file without a name stays on the list: it is deleted when it is closed. */
	if (appended->is_orphan && appended->inode->i_nlink)
		error = vexfs_orphan_remove(handle, appended->inode);
	appended->is_orphan = false;
	return error;
}

void vexfs_drop_appended(struct vexfs_appended *appended)
{
	if (appended->is_orphan)
		vexfs_truncate(appended->inode);
}

void vexfs_end_appended(struct vexfs_appended *appended)
{
	if (appended->page)
		put_page(appended->page);
}
