// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Rows one by one out of the page cache. A row inside of one page is read where it lies, and the page held; one that lies across pages
 * is gathered. Every time the engine asks, the caller may be told of a signal.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "index.h"

struct vexfs_row_source {
	struct address_space *mapping;
	struct vexfs_set_layout layout;
	/* A kernel thread has no signals. */
	bool is_interruptible;
	struct folio *held[VX_ROWS_AT_ONCE];
	/* For rows across pages, when they can be. */
	void *gathered;
};

static struct folio *vexfs_row_folio(struct vexfs_row_source *source, u64 from)
{
	return read_mapping_folio(source->mapping, from / PAGE_SIZE, NULL);
}

static void *vexfs_folio_byte(struct folio *folio, u64 from)
{
	return folio_address(folio) + (from - folio_pos(folio));
}

static int vexfs_gather_row(struct vexfs_row_source *source, u64 from, void *to)
{
	size_t left = source->layout.row_bytes;

	while (left) {
		const size_t piece = min_t(size_t, left, PAGE_SIZE - from % PAGE_SIZE);
		struct folio *folio = vexfs_row_folio(source, from);

		if (IS_ERR(folio))
			return PTR_ERR(folio);
		memcpy(to, vexfs_folio_byte(folio, from), piece);
		folio_put(folio);
		to += piece;
		from += piece;
		left -= piece;
	}
	return 0;
}

static void vexfs_rows_let_go(struct vexfs_row_source *source, u32 n)
{
	while (n--) {
		if (source->held[n])
			folio_put(source->held[n]);
		source->held[n] = NULL;
	}
}

/* What stands for a row inside of one page that is no more. */
static const u8 vexfs_no_row[PAGE_SIZE] __aligned(64);

/*
 * The builder may ask for rows that were cut off, because it does not know of it yet. A page that it brought into the cache behind the end of
 * the file would hide from all readers what an insertion writes there past the cache: who inserts after a cut waits for sections to end
 * first, and in those that begin later the file is as short as it is. Inside of a section.
 */
static int vexfs_row_get(struct vexfs_row_source *source, u32 slot, u32 place, const void **row)
{
	const struct vexfs_set_layout *layout = &source->layout;
	const u64 from = layout->data_offset + (u64)slot * layout->stride;
	const bool is_gone = from + layout->row_bytes > i_size_read(source->mapping->host);
	struct folio *folio;

	if (from % PAGE_SIZE + layout->row_bytes > PAGE_SIZE) {
		*row = source->gathered + (size_t)place * layout->row_bytes;
		if (!is_gone)
			return vexfs_gather_row(source, from, (void *)*row);
		memset((void *)*row, 0, layout->row_bytes);
		return 0;
	}
	if (is_gone) {
		*row = vexfs_no_row;
		return 0;
	}
	folio = vexfs_row_folio(source, from);
	if (IS_ERR(folio))
		return PTR_ERR(folio);
	source->held[place] = folio;
	*row = vexfs_folio_byte(folio, from);
	return 0;
}

static int vexfs_rows_get(void *context, const vx_u32 *slots, vx_u32 n, const void **rows)
{
	struct vexfs_row_source *source = context;
	int ticket, error = 0;
	u32 i;

	cond_resched();
	if (source->is_interruptible && signal_pending(current))
		return -EINTR;
	ticket = vexfs_section_enter();
	for (i = 0; i < n && !error; i++) {
		error = vexfs_row_get(source, slots[i], i, &rows[i]);
		if (error)
			vexfs_rows_let_go(source, i);
	}
	vexfs_set_leave(ticket);
	return error;
}

static void vexfs_rows_put(void *context, const void *const *rows, vx_u32 n)
{
	vexfs_rows_let_go(context, n);
}

struct vexfs_row_source *vexfs_row_source_make(struct inode *inode, const struct vexfs_set_layout *layout, u64 slots,
					       struct vx_rows *rows)
{
	/* Whole rows in a page, and the first of a page where it begins. */
	const bool is_whole = PAGE_SIZE % layout->stride == 0 && layout->data_offset % layout->stride == 0;
	struct vexfs_row_source *source = kzalloc(sizeof(*source), GFP_KERNEL);

	if (!source)
		return NULL;
	source->mapping = inode->i_mapping;
	source->layout = *layout;
	source->is_interruptible = !(current->flags & PF_KTHREAD);
	if (!is_whole)
		source->gathered = kvmalloc_array(VX_ROWS_AT_ONCE, layout->row_bytes, GFP_KERNEL);
	if (!is_whole && !source->gathered) {
		kfree(source);
		return NULL;
	}
	*rows = (struct vx_rows){
		.stride = layout->stride,
		.get = vexfs_rows_get,
		.put = vexfs_rows_put,
		.context = source,
		.slots = min_t(u64, slots, U32_MAX),
	};
	return source;
}

void vexfs_row_source_free(struct vexfs_row_source *source)
{
	if (source)
		kvfree(source->gathered);
	kfree(source);
}
