// SPDX-License-Identifier: GPL-2.0 OR MIT
/* mmap(2): pages that stores go to get their blocks before the store, and nothing is seen behind the end of a file. */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include "alloc.h"
#include "content.h"
#include "content_blocks.h"
#include "file_size.h"
#include "inode_write.h"
#include "row_changes.h"

void vexfs_clear_behind_end(struct inode *inode, struct folio *folio)
{
	const loff_t size = i_size_read(inode);

	if (size > folio_pos(folio) && size < folio_pos(folio) + folio_size(folio))
		folio_zero_segment(folio, offset_in_folio(folio, size), folio_size(folio));
}

static vm_fault_t vexfs_fault(struct vm_fault *fault)
{
	vm_fault_t result = filemap_fault(fault);

	if (result & VM_FAULT_LOCKED)
		vexfs_clear_behind_end(file_inode(fault->vma->vm_file), page_folio(fault->page));
	return result;
}

/* The page that a file ends in is mapped by vexfs_fault() alone. */
static vm_fault_t vexfs_map_pages(struct vm_fault *fault, pgoff_t start, pgoff_t end)
{
	const loff_t size = i_size_read(file_inode(fault->vma->vm_file));
	const pgoff_t whole = size >> PAGE_SHIFT;

	return start < whole ? filemap_map_pages(fault, start, min(end, whole - 1)) : 0;
}

/* Locks the folio if stores may still go to it; *end: where the file ends in it. */
static bool vexfs_lock_mapped(struct inode *inode, struct folio *folio, loff_t *end)
{
	folio_lock(folio);
	*end = min_t(loff_t, folio_pos(folio) + folio_size(folio), i_size_read(inode));
	if (folio->mapping == inode->i_mapping && *end > folio_pos(folio))
		return true;
	folio_unlock(folio);
	return false;
}

/* Pieces of a folio that one handle may give blocks to and mark: with many blocks to a folio all of them can be more than a transaction takes. */
static u32 vexfs_pieces_at_once(struct inode *inode)
{
	const journal_t *journal = vexfs_volume(inode->i_sb)->journal;
	const u32 most = journal ? journal->j_max_transaction_buffers / 2 : 0;

	return max_t(u32, most / vexfs_content_credits(inode, 1), 1);
}

/* Makes the folio dirty and its blocks written, or some of them, in one transaction; `is_alone` as for vexfs_publish_write(). -EAGAIN: it has gone. */
static int vexfs_make_writable(struct inode *inode, struct folio *folio, bool is_alone)
{
	const u32 blocks = max_t(u32, folio_size(folio) >> inode->i_blkbits, 1);
	const u64 first = folio_pos(folio) >> inode->i_blkbits;
	u32 left = min(blocks, vexfs_pieces_at_once(inode));
	handle_t *handle = vexfs_start(inode->i_sb, vexfs_content_credits(inode, left));
	int error = 0, stopped;
	u64 block, stop;
	loff_t end;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	if (!vexfs_lock_mapped(inode, folio, &end)) {
		vexfs_stop(handle);
		return -EAGAIN;
	}
	stop = vexfs_blocks_of(inode, end);
	for (block = first; block < stop && left && !error;) {
		struct vexfs_run run;
		u64 version;

		error = vexfs_content_fill(handle, inode, block, stop - block, true, &run, &version);
		if (!error && run.unwritten) {
			error = is_alone ? vexfs_content_become_written(handle, inode, block, run.length) :
					   vexfs_content_mark(handle, inode, block, run.length, false);
			left--;
		}
		block += run.length;
	}
	/* Also when only some blocks came about: those count as written, so the folio has to go there. */
	folio_mark_dirty(folio);
	if (vexfs_order_content(handle, inode, folio_pos(folio), end) && !error)
		error = -EROFS;
	folio_unlock(folio);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

int vexfs_store_begins(struct inode *inode, struct folio *folio)
{
	const u64 first = folio_pos(folio) >> inode->i_blkbits;
	int attempts = 0, error;
	loff_t end;

	for (;;) {
		if (!vexfs_lock_mapped(inode, folio, &end))
			return -EAGAIN;
		error = vexfs_content_is_written(inode, first, vexfs_blocks_of(inode, end));
		if (error == 1) {
			folio_mark_dirty(folio);
			return 0;
		}
		folio_unlock(folio);
		if (error)
			return error;
		do {
			error = vexfs_make_writable(inode, folio, false);
		} while (error == -ENOSPC && vexfs_retry_allocate(inode->i_sb, &attempts));
		if (error)
			return error;
	}
}

/*
 * Space of fallocate(2) has been promised: where no block is left for the node of an extent that becomes two, all of the extent is
 * written, while nobody else writes to the file. -EAGAIN: somebody does. The caller holds mmap_lock, which comes after i_rwsem.
 */
static int vexfs_store_alone(struct inode *inode, struct folio *folio)
{
	int error;

	if (!inode_trylock(inode)) {
		cond_resched();
		return -EAGAIN;
	}
	inode_dio_wait(inode);
	error = vexfs_make_writable(inode, folio, true);
	inode_unlock(inode);
	/* What is left of it is seen at the next fault. */
	return error ?: -EAGAIN;
}

static vm_fault_t vexfs_page_mkwrite(struct vm_fault *fault)
{
	struct inode *inode = file_inode(fault->vma->vm_file);
	struct folio *folio = page_folio(fault->page);
	int error;

	sb_start_pagefault(inode->i_sb);
	file_update_time(fault->vma->vm_file);
	filemap_invalidate_lock_shared(inode->i_mapping);
	error = vexfs_store_begins(inode, folio);
	if (error == -ENOSPC)
		error = vexfs_store_alone(inode, folio);
	if (!error) {
		vexfs_note_stores(inode, folio_pos(folio), folio_pos(folio) + folio_size(folio));
		folio_wait_stable(folio);
	}
	filemap_invalidate_unlock_shared(inode->i_mapping);
	sb_end_pagefault(inode->i_sb);
	if (!error)
		return VM_FAULT_LOCKED;
	return error == -EAGAIN ? VM_FAULT_NOPAGE : error == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct vexfs_map_operations = {
	.fault = vexfs_fault,
	.map_pages = vexfs_map_pages,
	.page_mkwrite = vexfs_page_mkwrite,
};

int vexfs_mmap(struct file *file, struct vm_area_struct *area)
{
	file_accessed(file);
	area->vm_ops = &vexfs_map_operations;
	return 0;
}
