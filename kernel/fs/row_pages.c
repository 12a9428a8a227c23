// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/mm.h>
#include <linux/slab.h>
#include "compat_folio_batch.h"
#include "row_pages.h"

int vexfs_row_pages_init(struct vexfs_row_pages *held, struct file *file, size_t bytes)
{
	held->mapping = file->f_mapping;
	file_ra_state_init(&held->readahead, held->mapping);
	held->count = 0;
	held->folio_count = 0;
	held->most = bytes / PAGE_SIZE + 2;
	held->pages = kvmalloc_array(held->most, sizeof(*held->pages), GFP_KERNEL);
	held->folios = kvmalloc_array(held->most, sizeof(*held->folios), GFP_KERNEL);
	if (held->pages && held->folios)
		return 0;
	vexfs_row_pages_end(held);
	return -ENOMEM;
}

void vexfs_row_pages_end(struct vexfs_row_pages *held)
{
	kvfree(held->pages);
	kvfree(held->folios);
	held->pages = NULL;
	held->folios = NULL;
}

/* Takes over a reference to `folio`: holds the page `index`, which is in it, and all behind that are wanted. */
static void vexfs_keep_folio(struct vexfs_row_pages *held, struct folio *folio, pgoff_t index, u32 wanted)
{
	const pgoff_t end = folio->index + folio_nr_pages(folio);

	held->folios[held->folio_count++] = folio;
	for (; index < end && held->count < wanted; index++)
		held->pages[held->count++] = folio_address(folio) + (index - folio->index) * PAGE_SIZE;
}

/* Holds what is in memory and up to date, up to the first page that is not. */
static void vexfs_hold_cached(struct vexfs_row_pages *held, pgoff_t first, u32 wanted)
{
	pgoff_t next = first + held->count;
	const pgoff_t last = first + wanted - 1;
	struct folio_batch batch;
	bool has_gap = false;
	u32 i;

	while (held->count < wanted && !has_gap) {
		folio_batch_init(&batch);
		if (!filemap_get_folios(held->mapping, &next, last, &batch))
			break;
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];

			has_gap |= folio->index > first + held->count || !folio_test_uptodate(folio);
			if (has_gap)
				folio_put(folio);
			else
				vexfs_keep_folio(held, folio, first + held->count, wanted);
		}
	}
}

int vexfs_row_pages_hold(struct vexfs_row_pages *held, struct file *file, u64 from, size_t bytes)
{
	const pgoff_t first = from / PAGE_SIZE;
	const u32 wanted = (from + bytes - 1) / PAGE_SIZE - first + 1;

	if (WARN_ON_ONCE(wanted > held->most))
		return -EINVAL;
	held->start = (u64)first * PAGE_SIZE;
	vexfs_hold_cached(held, first, wanted);
	while (held->count < wanted) {
		const pgoff_t index = first + held->count;
		struct folio *folio;

		page_cache_sync_readahead(held->mapping, &held->readahead, file, index, wanted - held->count);
		folio = read_mapping_folio(held->mapping, index, file);
		if (IS_ERR(folio)) {
			vexfs_row_pages_release(held);
			return PTR_ERR(folio);
		}
		vexfs_keep_folio(held, folio, index, wanted);
		vexfs_hold_cached(held, first, wanted);
	}
	return 0;
}

void vexfs_row_pages_release(struct vexfs_row_pages *held)
{
	while (held->folio_count)
		folio_put(held->folios[--held->folio_count]);
	held->count = 0;
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
