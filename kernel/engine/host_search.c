// SPDX-License-Identifier: GPL-2.0 OR MIT
/* User space only: the queries of a call, over rows that are mapped from a device which may fail. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "host_search.h"

/* fuse/engine/questions.ts writes this structure byte by byte. */
_Static_assert(sizeof(struct vx_questions) == 192 && offsetof(struct vx_questions, values) == 56 &&
		       offsetof(struct vx_questions, search) == 88 && offsetof(struct vx_questions, metric) == 168 &&
		       offsetof(struct vx_questions, path) == 184,
	       "struct vx_questions is as questions.ts lays it out");

/* Where a thread goes when a mapped page cannot be read; NULL while it reads none. */
static __thread sigjmp_buf *vx_way_out;
static struct sigaction vx_before;

/* Every SIGBUS that is not ours is for who was asked before, or ends the process as it would have. */
static void vx_on_bus_error(int number, siginfo_t *info, void *context)
{
	if (vx_way_out)
		siglongjmp(*vx_way_out, 1);
	if (vx_before.sa_flags & SA_SIGINFO)
		vx_before.sa_sigaction(number, info, context);
	else if (vx_before.sa_handler != SIG_DFL && vx_before.sa_handler != SIG_IGN)
		vx_before.sa_handler(number);
	else
		sigaction(SIGBUS, &vx_before, NULL);
}

static void vx_catch_bus_errors(void)
{
	/* Left by a jump, so the signal must not be blocked meanwhile. */
	struct sigaction action = { .sa_sigaction = vx_on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, &vx_before);
}

/* The query is converted as a stored row would be, so that a row finds itself at distance 0 whatever its type. */
static int vx_question_prepare(const struct vx_questions *q, float *values)
{
	if (vx_all_finite(q->cpu, values, q->dims) != q->dims)
		return -VX_EINVAL;
	if (q->element != VX_FLOAT32) {
		const vx_u32 bytes = vx_row_bytes(q->element, q->dims);

		if (vx_encode_rows(q->cpu, q->element, q->dims, values, 1, q->row, bytes) != 1 ||
		    vx_decode_rows(q->cpu, q->element, q->dims, q->row, bytes, 1, values) != 0)
			return -VX_EINVAL;
	}
	return vx_query_prepare(q->cpu, q->query, q->metric, q->element, q->dims, values);
}

static vx_s64 vx_question_scan(const struct vx_questions *q, vx_u32 *distances, vx_u64 *ids)
{
	const struct vx_search *search = &q->search;
	const struct vx_scan scan = {
		.rows = search->rows->base,
		.stride = search->rows->stride,
		.ids = search->ids,
		.live = search->live,
		.interrupt = search->interrupt,
		.scratch = q->scratch,
		.n = search->slots,
	};

	return vx_search_exact(q->cpu, q->query, &scan, search->k, q->topk, distances, ids, NULL);
}

static vx_s64 vx_question_answer(struct vx_questions *q, vx_u32 i)
{
	const vx_u32 k = q->search.k;
	vx_u32 *distances = q->distances + (size_t)i * k;
	vx_u64 *ids = q->ids + (size_t)i * k;
	struct vx_search_info info;
	vx_s64 found;

	if (q->search.interrupt && *q->search.interrupt)
		return -VX_EINTR;
	found = vx_question_prepare(q, q->values + (size_t)i * q->dims);
	if (found)
		return found;
	if (q->index) {
		found = vx_index_search(q->index, q->searcher, &q->search, distances, ids, NULL);
		vx_searcher_info(q->searcher, &info);
		if (info.path > q->path)
			q->path = (vx_u32)info.path;
	} else {
		found = vx_question_scan(q, distances, ids);
	}
	if (found < 0)
		return found;
	memset(distances + found, 0, (k - (size_t)found) * sizeof(*distances));
	memset(ids + found, 0, (k - (size_t)found) * sizeof(*ids));
	q->counts[i] = (vx_u32)found;
	return found;
}

static pthread_once_t vx_once = PTHREAD_ONCE_INIT;

vx_s64 vx_host_search(struct vx_questions *questions)
{
	/* Both live in memory: they are read after a jump. */
	volatile vx_s64 found = 0;
	volatile vx_u32 i;
	sigjmp_buf way_out;

	pthread_once(&vx_once, vx_catch_bus_errors);
	questions->search.query = questions->query;
	questions->path = VX_PATH_GRAPH;
	if (sigsetjmp(way_out, 0)) {
		vx_way_out = NULL;
		return -VX_EIO;
	}
	vx_way_out = &way_out;
	for (i = 0; i < questions->count && found >= 0; i++)
		found = vx_question_answer(questions, i);
	vx_way_out = NULL;
	return found;
}

vx_s64 vx_host_recall(struct vx_questions *q, vx_u32 sample)
{
	sigjmp_buf way_out;
	vx_s64 recall;

	pthread_once(&vx_once, vx_catch_bus_errors);
	if (sigsetjmp(way_out, 0)) {
		vx_way_out = NULL;
		return -VX_EIO;
	}
	vx_way_out = &way_out;
	recall = vx_index_recall(q->index, q->searcher, &q->search, q->query, q->values, sample);
	vx_way_out = NULL;
	return recall;
}
