// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/blk_types.h>
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
/* Bytes behind the end of the file that go into the page cache: so many are not worth a wait for the device. */
#define VEXFS_MOST_JOINED (32u << 10)

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
		error = vexfs_block_io(appended->inode->i_sb, REQ_OP_WRITE | REQ_SYNC, run->physical + done, bounce, n << bits);
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

/* Whether the blocks lie together, so that to mark them as written is one change. */
static bool vexfs_is_one_run(struct inode *inode, u64 from, u64 to)
{
	const u64 first = from >> inode->i_blkbits;
	const u64 count = vexfs_blocks_of(inode, to) - first;
	struct vexfs_run run;
	u64 version;

	return !vexfs_content_find(inode, first, count, &run, &version) && run.physical && run.length == count;
}

/* Where what goes into the page cache ends. */
static u64 vexfs_end_of_joined(const struct vexfs_appended *appended)
{
	const u64 from = max(appended->from, appended->fresh);

	if (appended->to <= appended->fresh)
		return appended->to;
	if (appended->to - from > VEXFS_MOST_JOINED || !vexfs_is_one_run(appended->inode, from, appended->to))
		return from;
	return appended->to;
}

/* Whether the batch can be stored to what the file has in a page; if not that is prepared, in a transaction of its own. */
static int vexfs_prepare_page(const struct vexfs_appended *appended, struct page *page)
{
	struct inode *inode = appended->inode;
	const u64 first = max_t(u64, page_offset(page), appended->from) >> inode->i_blkbits;
	const u64 end = vexfs_blocks_of(inode, min_t(u64, page_offset(page) + PAGE_SIZE, i_size_read(inode)));
	int error = vexfs_content_is_written(inode, first, end);

	if (error)
		return min(error, 0);
	error = vexfs_store_begins(inode, page_folio(page));
	if (!error)
		unlock_page(page);
	return error;
}

static struct page *vexfs_hold_page(const struct vexfs_appended *appended, struct file *file, pgoff_t index)
{
	for (;;) {
		struct page *page = read_mapping_page(appended->inode->i_mapping, index, file);
		int error;

		if (IS_ERR(page))
			return page;
		error = vexfs_prepare_page(appended, page);
		if (!error)
			return page;
		put_page(page);
		if (error != -EAGAIN)
			return ERR_PTR(error);
	}
}

static int vexfs_hold_pages(struct vexfs_appended *appended, struct file *file)
{
	const pgoff_t first = appended->from >> PAGE_SHIFT;
	const u64 count = DIV_ROUND_UP_ULL(appended->joined, PAGE_SIZE) - first;

	if (appended->joined == appended->from)
		return 0;
	appended->pages = kvcalloc(count, sizeof(*appended->pages), GFP_KERNEL);
	if (!appended->pages)
		return -ENOMEM;
	while (appended->page_count < count) {
		struct page *page = vexfs_hold_page(appended, file, first + appended->page_count);

		if (IS_ERR(page))
			return PTR_ERR(page);
		appended->pages[appended->page_count++] = page;
	}
	return 0;
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
	if (error)
		return error;
	/* A search whose rows were cut off may have read zeros there. */
	if (appended->to > appended->fresh)
		truncate_inode_pages_range(inode->i_mapping, appended->fresh, -1);
	appended->joined = vexfs_end_of_joined(appended);
	error = vexfs_hold_pages(appended, file);
	if (!error && appended->to > appended->joined)
		error = vexfs_write_fresh(appended);
	return error;
}

/* Blocks behind the end of the file, taken already: those of the page in which it ends, each of which may lie elsewhere, and one run. */
int vexfs_join_credits(struct inode *inode)
{
	return vexfs_mark_credits(inode, (PAGE_SIZE >> inode->i_blkbits) + 1) + VEXFS_ORPHAN_CREDITS;
}

static void vexfs_make_dirty(const struct vexfs_appended *appended)
{
	u32 i;

	for (i = 0; i < appended->page_count; i++) {
		lock_page(appended->pages[i]);
		set_page_dirty(appended->pages[i]);
		unlock_page(appended->pages[i]);
	}
}

int vexfs_mark_appended(handle_t *handle, struct vexfs_appended *appended)
{
	struct inode *inode = appended->inode;
	const u64 first = max_t(u64, appended->from >> inode->i_blkbits, vexfs_blocks_of(inode, i_size_read(inode)));
	const u64 end = vexfs_blocks_of(inode, appended->joined);
	struct vexfs_run run = {};
	u64 version;
	int error;

	if (!appended->page_count)
		return 0;
	error = vexfs_order_content(handle, inode, appended->from, appended->joined);
	if (!error && first < end) {
		error = vexfs_content_find(inode, first, end - first, &run, &version);
		if (!error && (run.unwritten || run.length < end - first))
			error = vexfs_content_mark(handle, inode, first, end - first, false);
	}
	if (error)
		return error;
	/* Also if nothing comes of it: what is marked as written gets what the pages show. */
	vexfs_make_dirty(appended);
	return 0;
}

/* With `size` the file ends with the batch before others see the page: what lies behind the end is not kept by writeback. */
static void vexfs_copy_to_page(const struct vexfs_appended *appended, struct page *page, bool size)
{
	const u64 at = page_offset(page);
	const u64 first = max(at, appended->from);
	const u64 end = min(at + PAGE_SIZE, appended->joined);

	lock_page(page);
	vexfs_fill_bytes(appended, first, page_address(page) + (first - at), end - first);
	flush_dcache_page(page);
	if (size)
		i_size_write(appended->inode, appended->to);
	unlock_page(page);
}

static void vexfs_copy_to_pages(const struct vexfs_appended *appended)
{
	const u64 last = appended->fresh - PAGE_SIZE;
	struct page *page = NULL;
	u32 i;

	for (i = 0; i < appended->page_count; i++) {
		if (appended->fresh && page_offset(appended->pages[i]) == last)
			page = appended->pages[i];
		else
			vexfs_copy_to_page(appended, appended->pages[i], false);
	}
	if (page)
		vexfs_copy_to_page(appended, page, true);
	else
		i_size_write(appended->inode, appended->to);
	/* Those behind the end of the file were not kept until now. */
	vexfs_make_dirty(appended);
}

int vexfs_join_appended(handle_t *handle, struct vexfs_appended *appended)
{
	int error = 0;

	if (!vexfs_batch_appended(appended->batch))
		return 0;
	vexfs_copy_to_pages(appended);
	vexfs_info(appended->inode)->disk_size = appended->to;
	/* A file without a name stays on the list: it is deleted when it is closed. */
	if (appended->is_orphan && appended->inode->i_nlink)
		error = vexfs_orphan_remove(handle, appended->inode);
	appended->is_orphan = false;
	return error;
}

void vexfs_drop_appended(struct vexfs_appended *appended)
{
	if (appended->joined > appended->fresh)
		truncate_inode_pages_range(appended->inode->i_mapping, appended->fresh, -1);
	if (appended->is_orphan)
		vexfs_truncate(appended->inode);
}

/*
 * A read that looked at the length before rows were cut off, and went on while new ones were written past the cache, has left pages of zeros there.
 * Only now, when the length covers them, what is read anew is what the device has.
 */
static void vexfs_drop_read_before(const struct vexfs_appended *appended)
{
	const u64 first = max(appended->joined, appended->fresh);

	if (first < appended->to && i_size_read(appended->inode) >= appended->to)
		invalidate_inode_pages2_range(appended->inode->i_mapping, first >> PAGE_SHIFT, (appended->to - 1) >> PAGE_SHIFT);
}

void vexfs_end_appended(struct vexfs_appended *appended)
{
	if (appended->inode)
		vexfs_drop_read_before(appended);
	while (appended->page_count)
		put_page(appended->pages[--appended->page_count]);
	kvfree(appended->pages);
	appended->pages = NULL;
}
