// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The index of a set that is being loaded: what the header says of it, and what of the log its snapshot lacks. */
#include <linux/slab.h>
#include "../engine/glue.h"
#include "index.h"
#include "row_log.h"

/* What an inode of the header is to be: the index is a hint, so what is wrong here is no damage. */
static bool vexfs_read_graph_inode(struct inode *owner, u64 number, struct vexfs_inode *copy)
{
	if (!number || number == vexfs_info(owner)->vector_set || vexfs_peek_inode(owner->i_sb, number, copy))
		return false;
	return le32_to_cpu(copy->flags) & VEXFS_INODE_HIDDEN && S_ISREG(le16_to_cpu(copy->mode)) &&
	       le64_to_cpu(copy->parent) == owner->i_ino && le32_to_cpu(copy->owner_generation) == owner->i_generation;
}

bool vexfs_is_snapshot(struct inode *owner, u64 number)
{
	struct vexfs_inode copy;

	return vexfs_read_graph_inode(owner, number, &copy);
}

u64 vexfs_snapshot_blocks(struct inode *owner, u64 number)
{
	struct vexfs_inode copy;

	return vexfs_read_graph_inode(owner, number, &copy) ? le64_to_cpu(copy.blocks) : 0;
}

bool vexfs_read_snapshot_name(struct inode *inode, const struct vexfs_set_header *header, struct vexfs_snapshot *snapshot)
{
	struct vexfs_inode copy;

	*snapshot = (struct vexfs_snapshot){
		.number = le64_to_cpu(header->graph_inode),
		.bytes = le64_to_cpu(header->graph_bytes),
		.at.record = le64_to_cpu(header->graph_records),
		.at.slots = le32_to_cpu(header->graph_offset),
		.scan = le32_to_cpu(header->graph_scan),
	};
	return snapshot->number && header->graph_compactions == header->log_compactions &&
	       vexfs_read_graph_inode(inode, snapshot->number, &copy) && snapshot->bytes &&
	       snapshot->bytes <= le64_to_cpu(copy.size) &&
	       snapshot->at.record <= le64_to_cpu(header->log_blocks) * vexfs_records_per_block(inode->i_sb) +
					      le32_to_cpu(header->inline_records);
}

void vexfs_describe_index(struct vexfs_set_header *header, const struct vexfs_index_description *description)
{
	static const struct vexfs_index_description none;

	if (!description)
		description = &none;
	header->index_type = cpu_to_le32(description->type);
	header->index_metric = cpu_to_le32(description->metric);
	header->index_m = cpu_to_le32(description->m);
	header->index_ef_construction = cpu_to_le32(description->ef_construction);
	header->index_ef_search = cpu_to_le32(description->ef_search);
}

/* Whether the graph is one of these rows, with these parameters, at this place of the log. */
static bool vexfs_graph_fits(const struct vexfs_index *index, const struct vexfs_snapshot *snapshot,
			     const struct vx_index_info *facts)
{
	const struct vexfs_index_description *description = &index->description;
	const bool is_graph = description->type == VEXFS_INDEX_TYPE_GRAPH;

	return facts->params.type == (is_graph ? VX_GRAPH : VX_FLAT) && facts->params.metric == description->metric &&
	       facts->params.element == index->layout.element_type && facts->params.dims == index->layout.dimensions &&
	       (!is_graph || (facts->params.m == description->m &&
			      facts->params.ef_construction == description->ef_construction)) &&
	       facts->position == vexfs_pack_position(&snapshot->at);
}

static struct vexfs_graph *vexfs_open_graph(struct vexfs_index *index, struct inode *inode,
					    const struct vexfs_snapshot *snapshot, bool by_record,
					    struct vx_index_info *facts)
{
	struct vexfs_graph *graph = kzalloc(sizeof(*graph), GFP_KERNEL_ACCOUNT);

	if (!graph)
		return NULL;
	kref_init(&graph->count);
	graph->sb = inode->i_sb;
	if (!vexfs_snapshot_open(graph, inode, snapshot, by_record)) {
		vx_index_info(graph->vx, facts);
		if (vexfs_graph_fits(index, snapshot, facts))
			return graph;
	}
	memset(facts, 0, sizeof(*facts));
	vexfs_graph_put(graph);
	return NULL;
}

struct vexfs_index *vexfs_index_load(struct inode *inode, struct vexfs_set *set)
{
	const struct vexfs_set_header *header = (const void *)set->header->b_data;
	const struct vexfs_index_description description = {
		.type = le32_to_cpu(header->index_type),
		.metric = le32_to_cpu(header->index_metric),
		.m = le32_to_cpu(header->index_m),
		.ef_construction = le32_to_cpu(header->index_ef_construction),
		.ef_search = le32_to_cpu(header->index_ef_search),
	};
	struct vexfs_snapshot snapshot;
	struct vexfs_index *index;
	bool by_record;

	vexfs_log_end(inode->i_sb, header, &set->log_end);
	if (!vexfs_index_is_possible(&description))
		return NULL;
	index = vexfs_index_alloc(inode, set, &description);
	if (!index)
		return ERR_PTR(-ENOMEM);
	if (!vexfs_read_snapshot_name(inode, header, &snapshot))
		return index;
	/* What cannot be in memory as a whole is read by record; where rows that stood there are missing, it is not begun with. */
	by_record = snapshot.bytes > vexfs_index_room(index->volume);
	if (by_record && snapshot.scan)
		index->error = ENOMEM;
	else
		index->graph = vexfs_open_graph(index, inode, &snapshot, by_record, &index->facts);
	if (index->graph) {
		index->is_on_volume = by_record;
		index->opened_at = snapshot.at;
		index->stored = snapshot;
		vexfs_queue_reset(&index->queue, &snapshot.at, snapshot.scan, snapshot.scan ? set->slots : 0);
	}
	return index;
}

void vexfs_index_reload(struct vexfs_index *index, struct inode *inode)
{
	struct mutex *lock = &vexfs_info(inode)->set_lock;
	struct vexfs_graph *graph, *replaced = NULL;
	struct vexfs_snapshot stored;
	struct vx_index_info facts;
	bool is_unloaded, by_record;

	mutex_lock(lock);
	is_unloaded = !index->is_gone && index->is_unloaded;
	stored = index->stored;
	by_record = index->is_full;
	mutex_unlock(lock);
	if (!is_unloaded)
		return;
	by_record |= stored.bytes > vexfs_index_room(index->volume);
	graph = vexfs_open_graph(index, inode, &stored, by_record, &facts);
	mutex_lock(lock);
	if (!index->is_gone && index->is_unloaded) {
		if (graph) {
			index->graph = graph;
			index->facts = facts;
			index->is_unloaded = false;
			WRITE_ONCE(index->set->is_unloaded, false);
			index->is_full = false;
			index->is_on_volume = by_record;
			graph = NULL;
		} else {
			replaced = vexfs_index_start_over(index, by_record ? ENOMEM : 0);
			vexfs_index_wake(index);
		}
	}
	mutex_unlock(lock);
	vexfs_graph_put(graph);
	vexfs_graph_put(replaced);
}

void vexfs_index_load_again(struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_index *index = NULL;
	int ticket;
	struct vexfs_set *set = vexfs_set_enter(inode, &ticket);

	if (IS_ERR(set))
		return;
	if (READ_ONCE(set->is_unloaded)) {
		mutex_lock(&info->set_lock);
		index = set->index;
		if (index)
			kref_get(&index->count);
		mutex_unlock(&info->set_lock);
	}
	vexfs_set_leave(ticket);
	if (!index)
		return;
	/* Who is interrupted compares every row. */
	if (!mutex_lock_killable(&index->builder)) {
		vexfs_index_reload(index, inode);
		mutex_unlock(&index->builder);
	}
	vexfs_index_put(index);
}

void vexfs_index_replay(struct vexfs_index *index, u64 number, const struct vexfs_log_record *record)
{
	struct vexfs_queue *queue = &index->queue;
	const struct vexfs_log_position end = { .record = number, .slots = le64_to_cpu(record->count) };
	const bool is_truncation = le32_to_cpu(record->type) == VEXFS_RECORD_TRUNCATE;
	u32 taken = 0;

	/* Without a snapshot it begins with the rows that there are. */
	if (!index->graph)
		return;
	if (number < index->opened_at.record)
		taken = end.slots;
	else if (number == index->opened_at.record)
		taken = min(end.slots, index->opened_at.slots);
	if (taken < end.slots || (is_truncation && number >= index->opened_at.record))
		vexfs_queue_push(queue, record, &end, taken);
	else if (!is_truncation && le32_to_cpu(record->type) != VEXFS_RECORD_DELETE)
		queue->high = max_t(u64, queue->high, (u64)le32_to_cpu(record->slot) + end.slots);
}

void vexfs_index_loaded(struct vexfs_index *index)
{
	if (!index->graph || index->queue.is_broken)
		vexfs_graph_put(vexfs_index_start_over(index, index->error));
}
