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
	/* Pages that there is room for; folios are no more than that. */
	u32 most;
	/* Where each held page lies, and what holds them: a folio has one page or more. */
	const void **pages;
	u32 folio_count;
	struct folio **folios;
};

/* Room for any `bytes` that follow each other. 0 or -ENOMEM. */
int vexfs_row_pages_init(struct vexfs_row_pages *held, struct file *file, size_t bytes);
void vexfs_row_pages_end(struct vexfs_row_pages *held);

/* Holds the pages of [from, from + bytes), read from the disk when they are not in memory. 0 or a negative errno. Sleeps. */
int vexfs_row_pages_hold(struct vexfs_row_pages *held, struct file *file, u64 from, size_t bytes);
void vexfs_row_pages_release(struct vexfs_row_pages *held);

/*
 * Where the held byte `from` lies, and in *together how many lie behind it without a gap: pages that were read in one go
 * often follow each other in memory too.
 */
static inline const void *vexfs_row_pages_at(const struct vexfs_row_pages *held, u64 from, size_t *together)
{
	const u64 at = from - held->start;
	u32 last = at / PAGE_SIZE;
	const void *address = held->pages[last];
	const void *end = address + PAGE_SIZE;

	address += at % PAGE_SIZE;
	while (++last < held->count && held->pages[last] == end)
		end += PAGE_SIZE;
	*together = end - address;
	return address;
}

/* Copies held bytes, which may lie in several pages. */
void vexfs_row_pages_copy(const struct vexfs_row_pages *held, u64 from, void *to, size_t bytes);

#endif
