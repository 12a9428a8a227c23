// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VECTOR_SEARCH: exact search over the rows in the page cache. A window of rows at a time: its pages are looked up and
 * held, then compared with the query inside one SIMD section, in which nothing sleeps; the best are kept outside of it.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "engine.h"
#include "row_pages.h"
#include "trace.h"
#include "vector_calls.h"
#include "vector_set.h"
#include "vexfs_fs.h"

struct vexfs_search {
	struct file *file;
	const struct vexfs_set_layout *layout;
	struct vexfs_set_view view;
	struct vx_query *query;
	struct vx_topk *topk;
	/* A row that lies across pages is gathered here. */
	void *row;
	struct vexfs_row_pages held;
	/* Of the rows of one window: which slots, and their distances as bits. */
	u32 slots[VX_SECTION_ROWS];
	u32 distances[VX_SECTION_ROWS];
	/* Of the answer. */
	u32 *nearest;
	u64 *nearest_ids;
};

/* The query as a stored row would be, so that a row finds itself at distance 0. */
static int vexfs_copy_query(struct vexfs_search *search, const struct vexfs_vector_search_request *request)
{
	const struct vexfs_set_layout *layout = search->layout;
	const size_t bytes = layout->dimensions * sizeof(float);
	void *values = kvmalloc(bytes, GFP_KERNEL);
	int error = 0;

	if (!values)
		return -ENOMEM;
	if (copy_from_user(values, (const void __force __user *)request->query_vector, bytes))
		error = -EFAULT;
	else if (vx_all_finite(&vexfs_cpu, values, layout->dimensions) != layout->dimensions)
		error = -EINVAL;
	if (!error && layout->element_type != VX_FLOAT32) {
		if (vx_encode_rows(&vexfs_cpu, layout->element_type, layout->dimensions, values, 1, search->row, layout->row_bytes) != 1)
			error = -EINVAL;
		else
			vx_decode_rows(&vexfs_cpu, layout->element_type, layout->dimensions, search->row, layout->row_bytes, 1, values);
	}
	if (!error)
		error = vx_query_prepare(&vexfs_cpu, search->query, request->search_type, layout->element_type, layout->dimensions,
					 values);
	kvfree(values);
	return error;
}

/* Lists the rows among slots from..from+count-1. Returns how many. */
static u32 vexfs_list_rows(struct vexfs_search *search, u32 from, u32 count)
{
	u32 listed = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		const u32 slot = from + i;

		if (!search->view.live || search->view.live[slot / 64] >> (slot % 64) & 1)
			search->slots[listed++] = slot;
	}
	return listed;
}

/* How many of the listed rows from `at` on follow each other in `together` bytes; at least 1. */
static u32 vexfs_run_of_rows(const struct vexfs_search *search, u32 at, u32 listed, size_t together)
{
	const struct vexfs_set_layout *layout = search->layout;
	u32 n = 1;

	while (at + n < listed && search->slots[at + n] == search->slots[at] + n &&
	       (u64)n * layout->stride + layout->row_bytes <= together)
		n++;
	return n;
}

/* Inside a SIMD section: touches held pages only. */
static void vexfs_compare(struct vexfs_search *search, u32 listed)
{
	const struct vexfs_set_layout *layout = search->layout;
	u32 at, n;

	for (at = 0; at < listed; at += n) {
		const u64 from = layout->data_offset + (u64)search->slots[at] * layout->stride;
		size_t together;
		const void *rows = vexfs_row_pages_at(&search->held, from, &together);

		n = 1;
		if (together < layout->row_bytes) {
			vexfs_row_pages_copy(&search->held, from, search->row, layout->row_bytes);
			rows = search->row;
		} else {
			n = vexfs_run_of_rows(search, at, listed, together);
		}
		vx_distances(&vexfs_cpu_inside, search->query, rows, layout->stride, NULL, n, search->distances + at);
	}
}

static int vexfs_scan_window(struct vexfs_search *search, u32 from, u32 count)
{
	const struct vexfs_set_layout *layout = search->layout;
	const u32 listed = vexfs_list_rows(search, from, count);
	u64 first, end;
	int error;

	if (!listed)
		return 0;
	first = layout->data_offset + (u64)search->slots[0] * layout->stride;
	end = layout->data_offset + (u64)search->slots[listed - 1] * layout->stride + layout->row_bytes;
	error = vexfs_row_pages_hold(&search->held, search->file, first, end - first);
	if (error)
		return error;
	vexfs_simd_begin();
	vexfs_compare(search, listed);
	vexfs_simd_end();
	vexfs_row_pages_release(&search->held);
	vx_topk_offer(search->topk, search->distances, search->view.ids, search->slots, 0, listed);
	return 0;
}

static u32 vexfs_window_rows(const struct vexfs_set_layout *layout)
{
	return clamp_t(u32, VX_SECTION_BYTES / layout->stride, 1, VX_SECTION_ROWS);
}

/* Rows that are cut off meanwhile are passed over: their pages are gone. */
static u64 vexfs_slots_left(const struct vexfs_search *search)
{
	return min(search->view.slots, vexfs_slots_in(search->layout, i_size_read(file_inode(search->file))));
}

static int vexfs_scan(struct vexfs_search *search)
{
	const u32 window = vexfs_window_rows(search->layout);
	u64 from, slots;

	for (from = 0; (slots = vexfs_slots_left(search)) > from; from += window) {
		int error;

		if (signal_pending(current))
			return -EINTR;
		error = vexfs_scan_window(search, from, min_t(u64, window, slots - from));
		if (error)
			return error;
		cond_resched();
	}
	return 0;
}

static void vexfs_search_free(struct vexfs_search *search)
{
	vexfs_engine_free(search->query);
	vexfs_engine_free(search->topk);
	vexfs_engine_free(search->row);
	kvfree(search->nearest);
	kvfree(search->nearest_ids);
	kvfree(search->view.live);
	vexfs_row_pages_end(&search->held);
	kvfree(search);
}

static struct vexfs_search *vexfs_search_alloc(struct file *file, const struct vexfs_set_layout *layout, u32 k)
{
	struct vexfs_search *search = kvzalloc(sizeof(*search), GFP_KERNEL);

	if (!search)
		return NULL;
	search->file = file;
	search->layout = layout;
	search->query = vexfs_engine_alloc(vx_query_bytes(layout->dimensions));
	search->topk = vexfs_engine_alloc(vx_topk_bytes(k));
	search->row = vexfs_engine_alloc(layout->row_bytes);
	search->nearest = kvmalloc_array(k, sizeof(*search->nearest), GFP_KERNEL);
	search->nearest_ids = kvmalloc_array(k, sizeof(*search->nearest_ids), GFP_KERNEL);
	if (vexfs_row_pages_init(&search->held, file, (size_t)vexfs_window_rows(layout) * layout->stride) ||
	    !search->query || !search->topk || !search->row || !search->nearest || !search->nearest_ids) {
		vexfs_search_free(search);
		return NULL;
	}
	return search;
}

/* Counted when it begins, whatever comes of it. */
static int vexfs_scan_counted(struct vexfs_search *search, struct vexfs_set *set,
			      const struct vexfs_vector_search_request *request)
{
	struct inode *inode = file_inode(search->file);
	struct vexfs_counters *counters = &vexfs_volume(inode->i_sb)->counters;
	const u64 rows = search->view.live_rows;
	const u64 start = trace_vexfs_search_enabled() ? ktime_get_ns() : 0;
	int error;

	atomic64_inc(&set->searches);
	atomic64_add(rows, &set->rows_scanned);
	atomic64_inc(&counters->searches);
	atomic64_add(rows, &counters->rows_scanned);
	error = vexfs_scan(search);
	trace_vexfs_search(inode, request->search_type, request->k, rows, start ? ktime_get_ns() - start : 0, error);
	return error;
}

/* Looks at the rows, inside of a section. -ESTALE: the file has got another layout since. */
static int vexfs_find_nearest(struct vexfs_search *search, u64 serial,
			      const struct vexfs_vector_search_request *request, u32 *count)
{
	struct inode *inode = file_inode(search->file);
	int ticket, error;
	struct vexfs_set *set = vexfs_set_enter(inode, &ticket);

	if (IS_ERR(set))
		return PTR_ERR(set);
	error = set->serial == serial ? vexfs_set_look(inode, set, &search->view) : -ESTALE;
	if (!error)
		error = vexfs_scan_counted(search, set, request);
	if (!error)
		*count = vx_topk_finish(search->topk, search->nearest, search->nearest_ids, NULL);
	vexfs_set_leave(ticket);
	return error;
}

static int vexfs_answer(const struct vexfs_search *search, struct vexfs_vector_search_request *request, u32 count)
{
	if (copy_to_user((void __force __user *)request->results, search->nearest, count * sizeof(*search->nearest)) ||
	    copy_to_user((void __force __user *)request->result_ids, search->nearest_ids,
			 count * sizeof(*search->nearest_ids)))
		return -EFAULT;
	request->result_count = count;
	return 0;
}

static int vexfs_check_search(const struct vexfs_set_layout *layout, const struct vexfs_vector_search_request *request)
{
	if (request->dimensions != layout->dimensions || request->search_type > VEXFS_SEARCH_DOT_PRODUCT || request->k == 0)
		return -EINVAL;
	if (request->k > VEXFS_MAX_K)
		return -E2BIG;
	return request->query_vector && request->results && request->result_ids ? 0 : -EFAULT;
}

/* The query is copied before the rows are looked at, and the answer after it. */
static int vexfs_search_once(struct file *file, struct vexfs_vector_search_request *request)
{
	struct vexfs_set_layout layout;
	struct vexfs_search *search;
	u32 count;
	u64 serial;
	int error = vexfs_set_describe(file_inode(file), &layout, &serial);

	if (!error)
		error = vexfs_check_search(&layout, request);
	if (error)
		return error;
	search = vexfs_search_alloc(file, &layout, request->k);
	if (!search)
		return -ENOMEM;
	error = vexfs_copy_query(search, request);
	if (!error)
		error = vx_topk_init(search->topk, request->k);
	if (!error)
		error = vexfs_find_nearest(search, serial, request, &count);
	if (!error)
		error = vexfs_answer(search, request, count);
	vexfs_search_free(search);
	return error;
}

int vexfs_search(struct file *file, struct vexfs_vector_search_request *request)
{
	int error;

	do
		error = vexfs_search_once(file, request);
	while (error == -ESTALE && !signal_pending(current));
	return error == -ESTALE ? -EINTR : error;
}
