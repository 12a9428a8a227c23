// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/mm.h>
#include <linux/slab.h>
#include "row_pages.h"

int vexfs_row_pages_init(struct vexfs_row_pages *held, struct file *file, size_t bytes)
{
	held->mapping = file->f_mapping;
	file_ra_state_init(&held->readahead, held->mapping);
	held->count = 0;
	held->most = bytes / PAGE_SIZE + 2;
	held->pages = kvmalloc_array(held->most, sizeof(*held->pages), GFP_KERNEL);
	return held->pages ? 0 : -ENOMEM;
}

void vexfs_row_pages_end(struct vexfs_row_pages *held)
{
	kvfree(held->pages);
}

static struct page *vexfs_take_page(struct vexfs_row_pages *held, struct file *file, pgoff_t index, u32 more)
{
	struct page *page = find_get_page(held->mapping, index);

	if (page && PageUptodate(page))
		return page;
	if (page)
		put_page(page);
	else
		page_cache_sync_readahead(held->mapping, &held->readahead, file, index, more);
	return read_mapping_page(held->mapping, index, file);
}

int vexfs_row_pages_hold(struct vexfs_row_pages *held, struct file *file, u64 from, size_t bytes)
{
	const pgoff_t first = from / PAGE_SIZE;
	const u32 wanted = (from + bytes - 1) / PAGE_SIZE - first + 1;

	if (WARN_ON_ONCE(wanted > held->most))
		return -EINVAL;
	held->start = (u64)first * PAGE_SIZE;
	for (held->count = 0; held->count < wanted; held->count++) {
		struct page *page = vexfs_take_page(held, file, first + held->count, wanted - held->count);

		if (IS_ERR(page)) {
			vexfs_row_pages_release(held);
			return PTR_ERR(page);
		}
		held->pages[held->count] = page;
	}
	return 0;
}

void vexfs_row_pages_release(struct vexfs_row_pages *held)
{
	while (held->count)
		put_page(held->pages[--held->count]);
}

void vexfs_row_pages_copy(const struct vexfs_row_pages *held, u64 from, void *to, size_t bytes)
{
	while (bytes) {
		size_t together;
		const void *at = vexfs_row_pages_at(held, from, &together);

		together = min(together, bytes);
		memcpy(to, at, together);
		from += together;
		to += together;
		bytes -= together;
	}
}
