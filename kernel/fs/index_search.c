// SPDX-License-Identifier: GPL-2.0 OR MIT
/* A search by the index: which graph, and what that has not taken yet, as they are at one moment; then the engine's search over rows in the page cache. */
#include <linux/mm.h>
#include <linux/slab.h>
#include "../engine/glue.h"
#include "index.h"

/* Memory of searches that are over, for the next. */
static struct vx_searcher *vexfs_searchers[16];

static struct vx_searcher *vexfs_take_searcher(void)
{
	struct vx_searcher *searcher;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(vexfs_searchers); i++) {
		searcher = xchg(&vexfs_searchers[i], NULL);
		if (searcher)
			return searcher;
	}
	return vx_searcher_create(&vexfs_table_memory);
}

static void vexfs_give_searcher(struct vx_searcher *searcher)
{
	u32 i;

	for (i = 0; searcher && i < ARRAY_SIZE(vexfs_searchers); i++) {
		if (!cmpxchg(&vexfs_searchers[i], NULL, searcher))
			return;
	}
	vx_searcher_destroy(searcher);
}

void vexfs_searchers_free(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(vexfs_searchers); i++)
		vx_searcher_destroy(xchg(&vexfs_searchers[i], NULL));
}

/* The caller holds set_lock. */
static bool vexfs_is_guide(const struct vexfs_index *index, u32 metric, u32 k)
{
	return index && !index->error && !index->is_suspect && !index->queue.is_broken && index->graph &&
	       index->description.metric == metric && k <= VEXFS_INDEX_MOST_RESULTS && index->facts.generation &&
	       index->facts.rows >= VEXFS_INDEX_LEAST_ROWS && vexfs_queue_rows(&index->queue) <= VEXFS_INDEX_MOST_BEHIND;
}

int vexfs_guide_find(struct inode *inode, struct vexfs_set *set, u32 metric, u32 k, struct vexfs_guide *guide,
		     struct vexfs_set_view *view)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_index *index;
	u64 *live = NULL;
	u64 words = 0, rows = 0;
	struct vx_ids_info ids;

	memset(guide, 0, sizeof(*guide));
	for (;;) {
		if (mutex_lock_killable(&info->set_lock)) {
			kvfree(live);
			kvfree(guide->tail);
			guide->tail = NULL;
			return -EINTR;
		}
		index = set->index;
		if (!vexfs_is_guide(index, metric, k)) {
			mutex_unlock(&info->set_lock);
			kvfree(live);
			return 0;
		}
		vx_ids_info(set->ids, &ids);
		if (words >= DIV_ROUND_UP_ULL(ids.slots, 64) && rows >= vexfs_queue_rows(&index->queue))
			break;
		/* Some more than there are now: rows may be coming. */
		words = DIV_ROUND_UP_ULL(ids.slots, 64) + 16;
		rows = vexfs_queue_rows(&index->queue) + 256;
		mutex_unlock(&info->set_lock);
		kvfree(live);
		kvfree(guide->tail);
		live = kvmalloc_array(words, sizeof(*live), GFP_KERNEL);
		guide->tail = kvmalloc_array(rows, sizeof(*guide->tail), GFP_KERNEL);
		if (!live || !guide->tail) {
			kvfree(live);
			return -ENOMEM;
		}
	}
	vx_ids_snapshot_live(set->ids, live, DIV_ROUND_UP_ULL(ids.slots, 64));
	vexfs_queue_slots(&index->queue, guide->tail);
	guide->tail_count = vexfs_queue_rows(&index->queue);
	guide->graph = vexfs_graph_get(index->graph);
	guide->index = index;
	kref_get(&index->count);
	guide->ef = index->description.ef_search;
	mutex_unlock(&info->set_lock);
	view->ids = (const u64 *)(unsigned long)ids.ids;
	view->live = live;
	view->slots = ids.slots;
	view->live_rows = ids.rows;
	return 0;
}

/* After a search: a snapshot that turned out to be damaged is given up, and what was read of one takes memory. */
static void vexfs_look_at_graph(struct inode *inode, struct vexfs_guide *guide)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_index *index = guide->index;
	struct vx_index_info facts;
	bool is_suspect;

	vx_index_info(guide->graph->vx, &facts);
	is_suspect = facts.damaged || READ_ONCE(guide->graph->is_lost);
	if (!is_suspect && facts.memory_bytes == READ_ONCE(index->facts.memory_bytes))
		return;
	mutex_lock(&info->set_lock);
	if (!index->is_gone && index->graph == guide->graph) {
		index->facts.memory_bytes = facts.memory_bytes;
		if (is_suspect) {
			index->is_suspect = true;
			vexfs_index_wake(index);
		}
	}
	mutex_unlock(&info->set_lock);
}

s64 vexfs_navigate(struct inode *inode, struct vexfs_guide *guide, const struct vexfs_set_view *view,
		   const struct vx_query *query, u32 k, u32 ef, u32 *distances, u64 *ids)
{
	struct vx_rows rows;
	const struct vx_search search = {
		.query = query,
		.rows = &rows,
		.ids = view->ids,
		.live = view->live,
		.tail = guide->tail,
		.tail_count = guide->tail_count,
		.slots = view->slots,
		.k = k,
		.ef = ef ?: guide->ef,
	};
	struct vexfs_row_source *source = vexfs_row_source_make(inode, &guide->index->layout, view->slots, &rows);
	struct vx_searcher *searcher = vexfs_take_searcher();
	s64 found = -ENOMEM;

	if (source && searcher) {
		found = vx_index_search(guide->graph->vx, searcher, &search, distances, ids, NULL);
		vexfs_look_at_graph(inode, guide);
		if (found >= 0)
			atomic64_inc(&guide->index->searches);
	}
	vexfs_give_searcher(searcher);
	vexfs_row_source_free(source);
	return found;
}

/* Over what a guide shows. */
static s64 vexfs_guide_recall(struct inode *inode, struct vexfs_guide *guide, const struct vexfs_set_view *view, u32 sample)
{
	const struct vexfs_set_layout *layout = &guide->index->layout;
	struct vx_rows rows;
	const struct vx_search search = {
		.rows = &rows,
		.ids = view->ids,
		.live = view->live,
		.tail = guide->tail,
		.tail_count = guide->tail_count,
		.slots = view->slots,
		.ef = guide->ef,
	};
	struct vexfs_row_source *source = vexfs_row_source_make(inode, layout, view->slots, &rows);
	struct vx_searcher *searcher = vexfs_take_searcher();
	void *query = vexfs_engine_alloc(vx_query_bytes(layout->dimensions));
	float *values = vexfs_engine_alloc(layout->dimensions * sizeof(*values));
	s64 recall = -ENOMEM;

	if (source && searcher && query && values)
		recall = vx_index_recall(guide->graph->vx, searcher, &search, query, values, sample);
	vexfs_engine_free(values);
	vexfs_engine_free(query);
	vexfs_give_searcher(searcher);
	vexfs_row_source_free(source);
	return recall;
}

s64 vexfs_measure_recall(struct inode *inode, struct vexfs_set *set, u32 sample)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_set_view view = {};
	struct vexfs_guide guide;
	u32 metric = 0;
	bool has_index;
	s64 recall;

	if (mutex_lock_killable(&info->set_lock))
		return -EINTR;
	has_index = set->index;
	if (has_index)
		metric = set->index->description.metric;
	mutex_unlock(&info->set_lock);
	if (!has_index)
		return VEXFS_RECALL_UNKNOWN;
	recall = vexfs_guide_find(inode, set, metric, 1, &guide, &view);
	if (!recall)
		recall = guide.graph ? vexfs_guide_recall(inode, &guide, &view, sample) : VEXFS_RECALL_UNIT;
	kvfree(view.live);
	vexfs_guide_end(&guide);
	return recall;
}

void vexfs_guide_end(struct vexfs_guide *guide)
{
	vexfs_graph_put(guide->graph);
	vexfs_index_put(guide->index);
	kvfree(guide->tail);
}
