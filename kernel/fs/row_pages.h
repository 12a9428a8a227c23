/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Pages of a file's content, held while rows in them are read. */
#ifndef VEXFS_ROW_PAGES_H
#define VEXFS_ROW_PAGES_H

#include <linux/fs.h>
#include <linux/pagemap.h>

struct vexfs_row_pages {
	struct address_space *mapping;
	struct file_ra_state readahead;
	/* Byte of the file where the first held page begins. */
	u64 start;
	u32 count;
	u32 most;
	struct page **pages;
};

/* Room for any `bytes` that follow each other. 0 or -ENOMEM. */
int vexfs_row_pages_init(struct vexfs_row_pages *held, struct file *file, size_t bytes);
void vexfs_row_pages_end(struct vexfs_row_pages *held);

/* Holds the pages of [from, from + bytes), read from the disk when they are not in memory. 0 or a negative errno. Sleeps. */
int vexfs_row_pages_hold(struct vexfs_row_pages *held, struct file *file, u64 from, size_t bytes);
void vexfs_row_pages_release(struct vexfs_row_pages *held);

/* Bytes from `from` on that lie together, and where. `from` is inside what is held. */
static inline const void *vexfs_row_pages_at(const struct vexfs_row_pages *held, u64 from, size_t *together)
{
	const u64 at = from - held->start;

	*together = PAGE_SIZE - at % PAGE_SIZE;
	return page_address(held->pages[at / PAGE_SIZE]) + at % PAGE_SIZE;
}

/* Copies held bytes, which may lie in several pages. */
void vexfs_row_pages_copy(const struct vexfs_row_pages *held, u64 from, void *to, size_t bytes);

#endif
