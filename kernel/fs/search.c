// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VECTOR_SEARCH and BATCH_SEARCH: by the index, or an exact search over the rows in the page cache. For that a window of rows at a time: its pages are looked up and
 * held, then compared with the query inside of SIMD sections, in which nothing sleeps; the best are kept outside of them.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "../engine/glue.h"
#include "index.h"
#include "row_pages.h"
#include "trace.h"
#include "vector_calls.h"
#include "vector_set.h"
#include "vexfs_fs.h"

/* Row data whose pages are held at a time, unless a single row is larger: some sections, because each hold begins at what is in no cache. */
#define VEXFS_HELD_BYTES (4 * VX_SECTION_BYTES)

struct vexfs_search {
	struct file *file;
	const struct vexfs_set_layout *layout;
	struct vexfs_set_view view;
	struct vexfs_guide guide;
	struct vx_query *query;
	struct vx_topk *topk;
	/* A row that lies across pages is gathered here. */
	void *row;
	struct vexfs_row_pages held;
	/* Of the rows of one window: which slots, and their distances as bits. */
	u32 slots[VX_SECTION_ROWS];
	u32 distances[VX_SECTION_ROWS];
};

/* Queries of one call, and its answer: places of query i begin at i * k. */
struct vexfs_question {
	u32 dimensions;
	u32 search_type;
	u32 k;
	/* Candidates that an index looks at; 0: as the index says. */
	u32 ef;
	bool is_exact;
	u32 count;
	float *values;
	u32 *distances;
	u64 *ids;
	u32 *counts;
};

/* The query as a stored row would be, so that a row finds itself at distance 0. */
static int vexfs_prepare_query(struct vexfs_search *search, u32 search_type, float *values)
{
	const struct vexfs_set_layout *layout = search->layout;

	if (vx_all_finite(&vexfs_cpu, values, layout->dimensions) != layout->dimensions)
		return -EINVAL;
	if (layout->element_type != VX_FLOAT32) {
		if (vx_encode_rows(&vexfs_cpu, layout->element_type, layout->dimensions, values, 1, search->row, layout->row_bytes) != 1)
			return -EINVAL;
		vx_decode_rows(&vexfs_cpu, layout->element_type, layout->dimensions, search->row, layout->row_bytes, 1, values);
	}
	return vx_query_prepare(&vexfs_cpu, search->query, search_type, layout->element_type, layout->dimensions, values);
}

/* Lists the rows among slots from..from+count-1. Returns how many. */
static u32 vexfs_list_rows(struct vexfs_search *search, u32 from, u32 count)
{
	u32 listed = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		const u32 slot = from + i;

		if (search->view.live[slot / 64] >> (slot % 64) & 1)
			search->slots[listed++] = slot;
	}
	return listed;
}

/* How many rows from the listed one `at` on follow each other in `together` bytes; at least 1. `slots` NULL: all listed ones do. */
static u32 vexfs_run_of_rows(const struct vexfs_set_layout *layout, const u32 *slots, u32 at, u32 listed, size_t together)
{
	const u32 most = min_t(size_t, listed - at, (together - layout->row_bytes) / layout->stride + 1);
	u32 n = 1;

	if (!slots)
		return most;
	while (n < most && slots[at + n] == slots[at] + n)
		n++;
	return n;
}

/* Compares the rows in slots[0..listed-1], or with NULL those from `first` on. Inside a SIMD section: touches held pages only. */
static void vexfs_compare(struct vexfs_search *search, u32 first, const u32 *slots, u32 listed, u32 *distances)
{
	const struct vexfs_set_layout *layout = search->layout;
	u32 at, n;

	for (at = 0; at < listed; at += n) {
		const u64 from = layout->data_offset + (u64)(slots ? slots[at] : first + at) * layout->stride;
		size_t together;
		const void *rows = vexfs_row_pages_at(&search->held, from, &together);

		n = 1;
		if (together < layout->row_bytes) {
			vexfs_row_pages_copy(&search->held, from, search->row, layout->row_bytes);
			rows = search->row;
		} else {
			n = vexfs_run_of_rows(layout, slots, at, listed, together);
		}
		vx_distances(&vexfs_cpu_inside, search->query, rows, layout->stride, NULL, n, distances + at);
	}
}

static u32 vexfs_rows_in(const struct vexfs_set_layout *layout, u32 bytes)
{
	return clamp_t(u32, bytes / layout->stride, 1, VX_SECTION_ROWS);
}

static int vexfs_scan_window(struct vexfs_search *search, u32 from, u32 count)
{
	const struct vexfs_set_layout *layout = search->layout;
	const u32 section = vexfs_rows_in(layout, VX_SECTION_BYTES);
	const u32 *slots = search->view.live ? search->slots : NULL;
	const u32 listed = slots ? vexfs_list_rows(search, from, count) : count;
	u32 last = from + count - 1;
	u64 start, end;
	int error;
	u32 at;

	if (!listed)
		return 0;
	if (slots) {
		from = slots[0];
		last = slots[listed - 1];
	}
	start = layout->data_offset + (u64)from * layout->stride;
	end = layout->data_offset + (u64)last * layout->stride + layout->row_bytes;
	error = vexfs_row_pages_hold(&search->held, search->file, start, end - start);
	if (error)
		return error;
	for (at = 0; at < listed; at += section) {
		vexfs_simd_begin();
		vexfs_compare(search, from + at, slots ? slots + at : NULL, min(section, listed - at), search->distances + at);
		vexfs_simd_end();
	}
	vexfs_row_pages_release(&search->held);
	vx_topk_offer(search->topk, search->distances, search->view.ids, slots, slots ? 0 : from, listed);
	return 0;
}

/* Rows that are cut off meanwhile are passed over: their pages are gone. */
static u64 vexfs_slots_left(const struct vexfs_search *search)
{
	return min(search->view.slots, vexfs_slots_in(search->layout, i_size_read(file_inode(search->file))));
}

static int vexfs_scan(struct vexfs_search *search)
{
	const u32 window = vexfs_rows_in(search->layout, VEXFS_HELD_BYTES);
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
	kvfree(search->view.live);
	vexfs_guide_end(&search->guide);
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
	if (vexfs_row_pages_init(&search->held, file, (size_t)vexfs_rows_in(layout, VEXFS_HELD_BYTES) * layout->stride) ||
	    !search->query || !search->topk || !search->row) {
		vexfs_search_free(search);
		return NULL;
	}
	return search;
}

/* Compares every row. How many were found, or a negative errno. */
static s64 vexfs_search_all(struct vexfs_search *search, struct vexfs_set *set, const struct vexfs_question *question, u32 i,
			    u64 *scanned)
{
	int error = 0;

	/* A guide, or the query before, has looked already. */
	if (!search->view.ids)
		error = vexfs_set_look(file_inode(search->file), set, &search->view);
	if (!error)
		error = vx_topk_init(search->topk, question->k);
	if (error)
		return error;
	atomic64_add(search->view.live_rows, &set->rows_scanned);
	atomic64_add(search->view.live_rows, &vexfs_volume(file_inode(search->file)->i_sb)->counters.rows_scanned);
	*scanned = search->view.live_rows;
	error = vexfs_scan(search);
	return error ?: (s64)vx_topk_finish(search->topk, question->distances + (size_t)i * question->k,
					    question->ids + (size_t)i * question->k, NULL);
}

/* By the index when that can be used, else by all rows: without memory for it too. */
static s64 vexfs_search_either(struct vexfs_search *search, struct vexfs_set *set, const struct vexfs_question *question,
			       u32 i, u64 *scanned)
{
	if (search->guide.graph) {
		const s64 found = vexfs_navigate(file_inode(search->file), &search->guide, &search->view, search->query,
						 question->k, question->ef, question->distances + (size_t)i * question->k,
						 question->ids + (size_t)i * question->k);

		if (found >= 0 || found == -EINTR || found == -EIO)
			return found;
	}
	return vexfs_search_all(search, set, question, i, scanned);
}

/* Counted when it begins, whatever comes of it. */
static s64 vexfs_search_one(struct vexfs_search *search, struct vexfs_set *set, const struct vexfs_question *question, u32 i)
{
	struct inode *inode = file_inode(search->file);
	const u64 start = trace_vexfs_search_enabled() ? ktime_get_ns() : 0;
	u64 scanned = 0;
	s64 found = vexfs_prepare_query(search, question->search_type,
					question->values + (size_t)i * question->dimensions);

	if (found)
		return found;
	atomic64_inc(&set->searches);
	atomic64_inc(&vexfs_volume(inode->i_sb)->counters.searches);
	found = vexfs_search_either(search, set, question, i, &scanned);
	trace_vexfs_search(inode, question->search_type, question->k, scanned, start ? ktime_get_ns() - start : 0,
			   found < 0 ? found : 0);
	return found;
}

/* All queries over the rows as they are at one moment. */
static int vexfs_search_set(struct vexfs_search *search, struct vexfs_set *set, const struct vexfs_question *question)
{
	int error = 0;
	u32 i;

	if (!question->is_exact)
		error = vexfs_guide_find(file_inode(search->file), set, question->search_type, question->k, &search->guide,
					 &search->view);
	if (error && error != -ENOMEM)
		return error;
	for (i = 0; i < question->count; i++) {
		const s64 found = vexfs_search_one(search, set, question, i);

		if (found < 0)
			return found;
		question->counts[i] = found;
		if (signal_pending(current) && i + 1 < question->count)
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* Looks at the rows, inside of a section. -ESTALE: the file has got another layout since. */
static int vexfs_find_nearest(struct file *file, const struct vexfs_set_layout *layout, u64 serial,
			      const struct vexfs_question *question)
{
	struct vexfs_search *search = vexfs_search_alloc(file, layout, question->k);
	struct vexfs_set *set;
	int ticket, error;

	if (!search)
		return -ENOMEM;
	set = vexfs_set_enter(file_inode(file), &ticket);
	error = PTR_ERR_OR_ZERO(set);
	if (!error) {
		error = set->serial == serial ? vexfs_search_set(search, set, question) : -ESTALE;
		vexfs_set_leave(ticket);
	}
	vexfs_search_free(search);
	return error;
}

static int vexfs_check_question(const struct vexfs_set_layout *layout, const struct vexfs_question *question)
{
	if (question->dimensions != layout->dimensions || question->search_type > VEXFS_SEARCH_DOT_PRODUCT ||
	    question->k == 0 || question->count == 0 || question->ef > VX_MAX_EF)
		return -EINVAL;
	/* Neither product overflows: every factor is bounded. */
	if (question->k > VEXFS_MAX_K || question->count > VEXFS_MAX_ROWS_PER_CALL ||
	    (u64)question->count * question->dimensions * sizeof(float) > VEXFS_MAX_BYTES_PER_CALL ||
	    (u64)question->count * question->k * (sizeof(u32) + sizeof(u64)) > VEXFS_MAX_BYTES_PER_CALL)
		return -E2BIG;
	return 0;
}

static void *vexfs_call_memory(size_t count, size_t size)
{
	return kvmalloc_array(count, size, GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
}

/* Room for the answer, and the queries copied: before the rows are looked at. */
static int vexfs_question_begin(struct vexfs_question *question, const void __user *queries)
{
	const size_t values = (size_t)question->count * question->dimensions;
	const size_t places = (size_t)question->count * question->k;

	question->values = vexfs_call_memory(values, sizeof(*question->values));
	question->distances = vexfs_call_memory(places, sizeof(*question->distances));
	question->ids = vexfs_call_memory(places, sizeof(*question->ids));
	question->counts = vexfs_call_memory(question->count, sizeof(*question->counts));
	if (!question->values || !question->distances || !question->ids || !question->counts)
		return -ENOMEM;
	return copy_from_user(question->values, queries, values * sizeof(*question->values)) ? -EFAULT : 0;
}

static void vexfs_question_end(struct vexfs_question *question)
{
	kvfree(question->values);
	kvfree(question->distances);
	kvfree(question->ids);
	kvfree(question->counts);
	question->values = NULL;
	question->distances = NULL;
	question->ids = NULL;
	question->counts = NULL;
}

/* The question with its answer; the caller ends it. -EFAULT without `has_buffers`. */
static int vexfs_ask_once(struct file *file, struct vexfs_question *question, const void __user *queries, bool has_buffers)
{
	struct vexfs_set_layout layout;
	u64 serial;
	int error = vexfs_set_describe(file_inode(file), &layout, &serial);

	if (!error)
		error = vexfs_check_question(&layout, question);
	if (!error && !has_buffers)
		error = -EFAULT;
	if (!error)
		error = vexfs_question_begin(question, queries);
	return error ?: vexfs_find_nearest(file, &layout, serial, question);
}

static int vexfs_ask(struct file *file, struct vexfs_question *question, const void __user *queries, bool has_buffers)
{
	int error;

	if (!question->is_exact)
		vexfs_index_load_again(file_inode(file));
	error = vexfs_ask_once(file, question, queries, has_buffers);
	while (error == -ESTALE && !signal_pending(current)) {
		vexfs_question_end(question);
		error = vexfs_ask_once(file, question, queries, has_buffers);
	}
	return error == -ESTALE ? -EINTR : error;
}

int vexfs_search(struct file *file, struct vexfs_vector_search_request *request)
{
	struct vexfs_question question = {
		.dimensions = request->dimensions,
		.search_type = request->search_type,
		.k = request->k,
		.count = 1,
	};
	int error = vexfs_ask(file, &question, (const void __force __user *)request->query_vector,
			      request->query_vector && request->results && request->result_ids);

	if (!error) {
		const u32 count = question.counts[0];

		if (copy_to_user((void __force __user *)request->results, question.distances, count * sizeof(u32)) ||
		    copy_to_user((void __force __user *)request->result_ids, question.ids, count * sizeof(u64)))
			error = -EFAULT;
		request->result_count = count;
	}
	vexfs_question_end(&question);
	return error;
}

int vexfs_batch_search(struct file *file, const struct vexfs_batch_search *call)
{
	struct vexfs_question question = {
		.dimensions = call->dimensions,
		.search_type = call->search_type,
		.k = call->k,
		.ef = call->ef,
		.is_exact = call->flags & VEXFS_SEARCH_FLAG_EXACT,
		/* What is not allowed is none, for the order of checks. */
		.count = call->flags & ~VEXFS_SEARCH_FLAG_EXACT || call->reserved ? 0 : call->count,
	};
	const size_t places = (size_t)call->count * call->k;
	int error = vexfs_ask(file, &question, u64_to_user_ptr(call->queries),
			      call->queries && call->results && call->result_ids && call->result_counts);

	if (!error && (copy_to_user(u64_to_user_ptr(call->results), question.distances, places * sizeof(u32)) ||
		       copy_to_user(u64_to_user_ptr(call->result_ids), question.ids, places * sizeof(u64)) ||
		       copy_to_user(u64_to_user_ptr(call->result_counts), question.counts, call->count * sizeof(u32))))
		error = -EFAULT;
	vexfs_question_end(&question);
	return error;
}
