// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The life of an index, and how it learns of changes. */
#include <linux/slab.h>
#include "../engine/glue.h"
#include "index.h"
#include "row_log.h"

bool vexfs_index_is_possible(const struct vexfs_index_description *description)
{
	if (description->type != VEXFS_INDEX_TYPE_GRAPH &&
	    (description->type != VEXFS_INDEX_TYPE_FLAT || description->metric != VEXFS_SEARCH_COSINE))
		return false;
	return description->metric <= VEXFS_SEARCH_DOT_PRODUCT && description->m >= VX_MIN_M &&
	       description->m <= VX_MAX_M && description->ef_construction >= 1 &&
	       description->ef_construction <= VX_MAX_EF && description->ef_search >= 1 &&
	       description->ef_search <= VX_MAX_EF;
}

struct vexfs_index *vexfs_index_alloc(struct inode *inode, struct vexfs_set *set,
				      const struct vexfs_index_description *description)
{
	struct vexfs_index *index = kzalloc(sizeof(*index), GFP_KERNEL_ACCOUNT);

	if (!index)
		return NULL;
	kref_init(&index->count);
	index->volume = vexfs_volume(inode->i_sb);
	index->inode = inode;
	index->set = set;
	index->layout = set->layout;
	index->description = *description;
	INIT_LIST_HEAD(&index->all);
	INIT_LIST_HEAD(&index->awake);
	mutex_init(&index->builder);
	init_waitqueue_head(&index->waiters);
	return index;
}

static void vexfs_index_free(struct kref *count)
{
	struct vexfs_index *index = container_of(count, struct vexfs_index, count);

	vexfs_queue_free(&index->queue);
	vexfs_graph_put(index->graph);
	mutex_destroy(&index->builder);
	kfree(index);
}

void vexfs_index_put(struct vexfs_index *index)
{
	if (index)
		kref_put(&index->count, vexfs_index_free);
}

static void vexfs_graph_free(struct kref *count)
{
	struct vexfs_graph *graph = container_of(count, struct vexfs_graph, count);

	vx_index_destroy(graph->vx);
	iput(graph->pages);
	kfree(graph);
}

void vexfs_graph_put(struct vexfs_graph *graph)
{
	if (graph)
		kref_put(&graph->count, vexfs_graph_free);
}

struct vexfs_graph *vexfs_graph_make(struct vexfs_index *index)
{
	const struct vx_index_params params = {
		.metric = index->description.metric,
		.element = index->layout.element_type,
		.dims = index->layout.dimensions,
		.m = index->description.m,
		.ef_construction = index->description.ef_construction,
		.type = index->description.type == VEXFS_INDEX_TYPE_FLAT ? VX_FLAT : VX_GRAPH,
	};
	struct vexfs_graph *graph = kzalloc(sizeof(*graph), GFP_KERNEL_ACCOUNT);
	int error;

	if (!graph)
		return ERR_PTR(-ENOMEM);
	kref_init(&graph->count);
	graph->sb = index->volume->sb;
	graph->vx = vx_index_create(vexfs_index_memory(index->volume), &vexfs_cpu, &params, &error);
	if (graph->vx)
		return graph;
	kfree(graph);
	return ERR_PTR(error);
}

struct vexfs_graph *vexfs_index_start_over(struct vexfs_index *index, int error)
{
	struct vexfs_graph *graph = index->graph;

	index->graph = NULL;
	index->is_unloaded = false;
	WRITE_ONCE(index->set->is_unloaded, false);
	index->stored = (struct vexfs_snapshot){};
	memset(&index->facts, 0, sizeof(index->facts));
	index->unsaved = 0;
	index->save_at = 0;
	index->is_built = false;
	index->is_wanted = false;
	index->is_suspect = false;
	index->is_full = false;
	index->is_on_volume = false;
	index->error = error;
	vexfs_queue_reset(&index->queue, &index->set->log_end, 0, index->set->slots);
	return graph;
}

static struct vexfs_graph *vexfs_let_go(struct vexfs_index *index)
{
	struct vexfs_graph *graph = index->graph;

	index->graph = NULL;
	index->facts.memory_bytes = 0;
	index->is_unloaded = true;
	WRITE_ONCE(index->set->is_unloaded, true);
	return graph;
}

struct vexfs_graph *vexfs_index_unload(struct vexfs_index *index)
{
	if (!index->graph || index->is_on_volume || !index->stored.number || index->stored.scan || index->unsaved || index->error || index->is_busy ||
	    index->is_suspect || index->is_gone || index->queue.is_broken || vexfs_queue_length(&index->queue))
		return NULL;
	return vexfs_let_go(index);
}

struct vexfs_graph *vexfs_index_leave_memory(struct vexfs_index *index)
{
	const struct vexfs_log_position *at = &index->queue.at;

	if (!index->graph || !index->stored.number || index->stored.scan || index->unsaved || !index->queue.has_at ||
	    index->stored.at.record != at->record || index->stored.at.slots != at->slots)
		return NULL;
	return vexfs_let_go(index);
}

struct vexfs_graph *vexfs_index_end(struct vexfs_index *index)
{
	struct vexfs_graph *graph = index->graph;

	index->graph = NULL;
	index->is_unloaded = false;
	WRITE_ONCE(index->set->is_unloaded, false);
	WRITE_ONCE(index->is_gone, true);
	index->set->index = NULL;
	vexfs_index_delist(index);
	wake_up_all(&index->waiters);
	return graph;
}

bool vexfs_index_save_is_due(const struct vexfs_index *index)
{
	if (!index->queue.has_at || !index->unsaved || index->unsaved < index->save_at || !index->graph || index->is_on_volume ||
	    index->is_frozen)
		return false;
	if (sb_rdonly(index->volume->sb) || !index->volume->journal)
		return false;
	if (index->is_full)
		return true;
	if ((index->is_built || index->is_wanted) && !vexfs_queue_length(&index->queue))
		return true;
	return index->unsaved > max_t(u64, VEXFS_INDEX_LEAST_UNSAVED, index->set->live_rows / 4);
}

bool vexfs_index_is_idle(const struct vexfs_index *index)
{
	if (index->is_gone || index->error)
		return true;
	if (index->is_on_volume && !index->is_suspect && !index->queue.is_broken)
		return true;
	return !index->is_busy && !index->is_suspect && !index->queue.is_broken && !vexfs_queue_length(&index->queue) &&
	       !vexfs_index_save_is_due(index);
}

bool vexfs_index_is_current(struct inode *inode, const struct vexfs_set *set)
{
	const struct vexfs_index *index;
	bool is_current;

	mutex_lock(&vexfs_info(inode)->set_lock);
	index = set->index;
	is_current = !index || index->error || index->is_on_volume ||
		     ((index->graph || index->is_unloaded) && !index->is_busy && !index->is_suspect && !index->queue.is_broken &&
		      !vexfs_queue_length(&index->queue));
	mutex_unlock(&vexfs_info(inode)->set_lock);
	return is_current;
}

void vexfs_log_end(const struct super_block *sb, const struct vexfs_set_header *header, struct vexfs_log_position *end)
{
	const struct vexfs_log_record *records = (const void *)(header + 1);
	const u32 count = le32_to_cpu(header->inline_records);
	const u64 all = le64_to_cpu(header->log_blocks) * vexfs_records_per_block(sb) + count;

	end->record = all ? all - 1 : 0;
	/* Records move to a block when the next one comes: the newest is among those behind the header. */
	end->slots = count ? le64_to_cpu(records[count - 1].count) : 0;
}

void vexfs_index_follow(struct vexfs_set *set, const struct vexfs_records *records)
{
	struct vexfs_index *index = set->index;
	const u64 came = index ? index->queue.came : 0;
	u32 i;

	for (i = 0; i < records->count; i++) {
		set->log_end.record = set->appended_at + i;
		set->log_end.slots = le64_to_cpu(records->list[i].count) + (i ? 0 : set->appended_before);
		if (index)
			vexfs_queue_push(&index->queue, &records->list[i], &set->log_end, 0);
	}
	if (!index || !records->count)
		return;
	if (set->is_recycling)
		index->queue.own += index->queue.came - came;
	vexfs_index_wake(index);
}

void vexfs_index_log_is_new(const struct inode *inode, struct vexfs_set *set)
{
	struct vexfs_index *index = set->index;

	vexfs_log_end(inode->i_sb, (const void *)set->header->b_data, &set->log_end);
	if (!index)
		return;
	vexfs_queue_compacted(&index->queue, &set->log_end);
	/* The snapshot on the volume is of another log. */
	index->is_built = true;
	index->unsaved++;
	vexfs_index_wake(index);
}
