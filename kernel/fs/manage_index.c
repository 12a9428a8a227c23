// SPDX-License-Identifier: GPL-2.0 OR MIT
/* MANAGE_INDEX. What changes an index is for the owner of the file, as chmod(2) is. */
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <vexfs.h>
#include "hidden.h"
#include "index.h"
#include "inode_write.h"
#include "recycle.h"
#include "row_changes.h"

static bool vexfs_changes_index(u32 operation)
{
	return operation == VEXFS_INDEX_OP_CREATE || operation == VEXFS_INDEX_OP_TUNE ||
	       operation == VEXFS_INDEX_OP_REBUILD || operation == VEXFS_INDEX_OP_DROP;
}

/* What an operation does not read has to be 0. */
static int vexfs_check_fields(const struct vexfs_manage_index *call)
{
	struct vexfs_manage_index rest = *call;

	rest.operation = 0;
	switch (call->operation) {
	case VEXFS_INDEX_OP_CREATE:
		rest.type = 0;
		rest.metric = 0;
		rest.m = 0;
		rest.ef_construction = 0;
		rest.ef_search = 0;
		break;
	case VEXFS_INDEX_OP_TUNE:
		rest.ef_search = 0;
		rest.automatic_rows = 0;
		break;
	case VEXFS_INDEX_OP_INFO:
		rest.sample = 0;
		break;
	case VEXFS_INDEX_OP_WAIT:
	case VEXFS_INDEX_OP_VERIFY:
	case VEXFS_INDEX_OP_REBUILD:
	case VEXFS_INDEX_OP_DROP:
		break;
	default:
		return -EINVAL;
	}
	return memchr_inv(&rest, 0, sizeof(rest)) ? -EINVAL : 0;
}

/* What CREATE asks for, with defaults filled in. */
static void vexfs_read_description(const struct vexfs_manage_index *call, struct vexfs_index_description *description)
{
	*description = (struct vexfs_index_description){
		.type = call->type,
		.metric = call->metric,
		.m = call->m ?: VX_DEFAULT_M,
		.ef_construction = call->ef_construction ?: VX_DEFAULT_EF_CONSTRUCTION,
		.ef_search = call->ef_search ?: VX_DEFAULT_EF,
	};
}

/* Brings index fields of the header to `description`, NULL for none; `drops` the snapshot. The caller holds i_rwsem. */
static int vexfs_write_description(struct inode *inode, struct vexfs_set *set,
				   const struct vexfs_index_description *description, bool drops, u32 automatic)
{
	struct vexfs_set_header *header = (void *)set->header->b_data;
	struct inode *old = NULL;
	handle_t *handle;
	int error, stopped;

	handle = vexfs_start(inode->i_sb, 1 + VEXFS_INODE_CREDITS + (drops ? VEXFS_DISOWN_CREDITS : 0));
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_change(handle, set->header);
	if (!error && drops)
		error = vexfs_snapshot_unname(handle, inode, set, &old);
	if (!error) {
		vexfs_describe_index(header, description);
		if (automatic)
			header->index_automatic = cpu_to_le32(automatic);
		error = vexfs_set_header_changed(handle, inode, set->header);
	}
	if (!error) {
		vexfs_touch_ctime(inode);
		error = vexfs_write_inode(handle, inode);
	}
	stopped = vexfs_stop(handle);
	iput(old);
	return error ?: stopped;
}

static int vexfs_create_index(struct inode *inode, struct vexfs_set *set, const struct vexfs_manage_index *call)
{
	struct vexfs_index_description description;
	struct vexfs_index *index;
	int error;

	vexfs_read_description(call, &description);
	if (!vexfs_index_is_possible(&description))
		return -EINVAL;
	if (set->index)
		return -EEXIST;
	index = vexfs_index_alloc(inode, set, &description);
	if (!index)
		return -ENOMEM;
	error = vexfs_write_description(inode, set, &description, false, 0);
	if (error) {
		vexfs_index_put(index);
		return error;
	}
	mutex_lock(&vexfs_info(inode)->set_lock);
	vexfs_index_start_over(index, 0);
	set->index = index;
	vexfs_index_enlist(index);
	mutex_unlock(&vexfs_info(inode)->set_lock);
	return 0;
}

static int vexfs_tune_index(struct inode *inode, struct vexfs_set *set, const struct vexfs_manage_index *call)
{
	static const struct vexfs_index_description none;
	struct vexfs_index_description description;
	int error;

	if ((!call->ef_search && !call->automatic_rows) || call->ef_search > VX_MAX_EF)
		return -EINVAL;
	if (call->ef_search && !set->index)
		return -ENOENT;
	description = set->index ? set->index->description : none;
	if (call->ef_search)
		description.ef_search = call->ef_search;
	error = vexfs_write_description(inode, set, &description, false, call->automatic_rows);
	if (error || !set->index)
		return error;
	mutex_lock(&vexfs_info(inode)->set_lock);
	set->index->description = description;
	mutex_unlock(&vexfs_info(inode)->set_lock);
	return 0;
}

static int vexfs_rebuild_index(struct inode *inode, struct vexfs_set *set)
{
	struct vexfs_graph *graph;

	if (!set->index)
		return -ENOENT;
	mutex_lock(&vexfs_info(inode)->set_lock);
	graph = vexfs_index_start_over(set->index, 0);
	vexfs_index_wake(set->index);
	mutex_unlock(&vexfs_info(inode)->set_lock);
	vexfs_graph_put(graph);
	return 0;
}

void vexfs_index_outdated(struct inode *inode, struct vexfs_set *set)
{
	/* Without it the snapshot misleads after a crash, which costs recall and nothing else. */
	vexfs_write_description(inode, set, &set->index->description, true, 0);
	vexfs_rebuild_index(inode, set);
}

static int vexfs_drop_index(struct inode *inode, struct vexfs_set *set)
{
	struct vexfs_index *index = set->index;
	struct vexfs_graph *graph;
	int error;

	if (!index)
		return -ENOENT;
	error = vexfs_write_description(inode, set, NULL, true, 0);
	if (error)
		return error;
	mutex_lock(&vexfs_info(inode)->set_lock);
	graph = vexfs_index_end(index);
	mutex_unlock(&vexfs_info(inode)->set_lock);
	vexfs_graph_put(graph);
	vexfs_index_put(index);
	return 0;
}

/* Rows from which on a search makes an index; 0: none does. */
static u32 vexfs_rows_wanted(struct inode *inode, const struct vexfs_set *set)
{
	const struct vexfs_set_header *header = (const void *)set->header->b_data;
	const u32 own = le32_to_cpu(READ_ONCE(header->index_automatic));
	const u32 rows = own ?: vexfs_index_above(vexfs_volume(inode->i_sb));

	return rows == VEXFS_INDEX_NEVER ? 0 : rows;
}

static bool vexfs_is_wanted(struct inode *inode, const struct vexfs_set *set)
{
	const u32 rows = vexfs_rows_wanted(inode, set);

	return rows && !READ_ONCE(set->index) && READ_ONCE(set->live_rows) >= rows;
}

void vexfs_index_if_wanted(struct file *file, u32 metric)
{
	const struct vexfs_manage_index call = { .type = VEXFS_INDEX_TYPE_GRAPH, .metric = metric };
	struct inode *inode = file_inode(file);
	struct vexfs_set *set;
	bool is_wanted;
	int ticket;

	set = vexfs_set_enter(inode, &ticket);
	if (IS_ERR(set))
		return;
	is_wanted = vexfs_is_wanted(inode, set);
	vexfs_set_leave(ticket);
	/* The search has its answer: on a volume that is frozen or read-only the next one asks again. */
	if (!is_wanted || !vexfs_background_begin(inode->i_sb))
		return;
	inode_lock(inode);
	set = vexfs_set_get(inode);
	if (!IS_ERR(set) && vexfs_is_wanted(inode, set))
		vexfs_create_index(inode, set, &call);
	inode_unlock(inode);
	vexfs_background_end(inode->i_sb);
}

/* Fills the argument in. */
static int vexfs_fill_index_info(struct inode *inode, struct vexfs_set *set, struct vexfs_manage_index *call)
{
	const struct vexfs_set_header *header = (const void *)set->header->b_data;
	struct vexfs_snapshot snapshot;
	struct vexfs_index *index;

	*call = (struct vexfs_manage_index){
		.operation = call->operation,
		.sample = call->sample,
		.recall = VEXFS_RECALL_UNKNOWN,
		.automatic_rows = le32_to_cpu(header->index_automatic),
		.rows = READ_ONCE(set->live_rows),
	};
	if (mutex_lock_killable(&vexfs_info(inode)->set_lock))
		return -EINTR;
	index = set->index;
	if (index) {
		call->type = index->description.type;
		call->metric = index->description.metric;
		call->m = index->description.m;
		call->ef_construction = index->description.ef_construction;
		call->ef_search = index->description.ef_search;
		call->state = index->error ? VEXFS_INDEX_STATE_RESTING :
			      index->is_on_volume ? VEXFS_INDEX_STATE_ON_VOLUME :
			      index->is_busy || vexfs_queue_length(&index->queue) ? VEXFS_INDEX_STATE_BEHIND :
										   VEXFS_INDEX_STATE_READY;
		call->error = index->is_on_volume ? ENOMEM : index->error;
		call->levels = index->graph || index->is_unloaded ? index->facts.top_level + 1 : 0;
		call->indexed_rows = index->facts.rows;
		call->lag = vexfs_queue_length(&index->queue);
		call->memory_bytes = index->facts.memory_bytes;
		call->generation = index->facts.generation;
		call->searches = atomic64_read(&index->searches);
		call->log_position = vexfs_pack_position(&set->log_end);
	}
	mutex_unlock(&vexfs_info(inode)->set_lock);
	if (index && vexfs_read_snapshot_name(inode, header, &snapshot)) {
		call->snapshot_bytes = snapshot.bytes;
		call->snapshot_position = vexfs_pack_position(&snapshot.at);
	}
	return 0;
}

static int vexfs_change_index(struct file *file, struct vexfs_manage_index *call)
{
	struct inode *inode = file_inode(file);
	struct vexfs_set *set;
	int error;

	inode_lock(inode);
	set = vexfs_set_get(inode);
	error = PTR_ERR_OR_ZERO(set);
	if (!error)
		error = vexfs_check_fields(call);
	if (!error) {
		switch (call->operation) {
		case VEXFS_INDEX_OP_CREATE:
			error = vexfs_create_index(inode, set, call);
			break;
		case VEXFS_INDEX_OP_TUNE:
			error = vexfs_tune_index(inode, set, call);
			break;
		case VEXFS_INDEX_OP_REBUILD:
			error = vexfs_rebuild_index(inode, set);
			break;
		default:
			error = vexfs_drop_index(inode, set);
		}
	}
	if (!error)
		error = vexfs_fill_index_info(inode, set, call);
	inode_unlock(inode);
	return error;
}

/* Changes as mounts, flags and owners allow it, whatever the descriptor is open for. */
static int vexfs_change_allowed(struct file *file, struct vexfs_manage_index *call)
{
	struct inode *inode = file_inode(file);
	int error = mnt_want_write_file(file);

	if (error)
		return error;
	if (IS_IMMUTABLE(inode) || !vexfs_is_owner_or_capable(file, inode))
		error = -EPERM;
	else
		error = vexfs_change_index(file, call);
	mnt_drop_write_file(file);
	return error;
}

/* Changes of an index that had come when a call began to wait for it, and those that calls had made. */
struct vexfs_awaited_changes {
	u64 came;
	u64 of_calls;
};

/*
 * Whether an index has taken these, and others have changed more meanwhile: for those, and for what follows when nothing is left, there
 * would be no end to waiting. The caller holds set_lock.
 */
static bool vexfs_index_is_outrun(const struct vexfs_index *index, const struct vexfs_awaited_changes *awaited)
{
	const struct vexfs_queue *queue = &index->queue;

	return !index->is_gone && !index->error && !index->is_suspect && !queue->is_broken && !vexfs_queue_is_scanning(queue) &&
	       vexfs_queue_taken(queue) >= awaited->came && queue->came - queue->own != awaited->of_calls;
}

/* Until there is nothing to do for the index: 0, -ENOENT when it is dropped, or what keeps it from going on. 1: it is outrun. */
static int vexfs_wait_until_idle(struct inode *inode, struct vexfs_index *index, const struct vexfs_awaited_changes *awaited)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	bool is_idle, is_outrun;
	int error = 0;

	add_wait_queue(&index->waiters, &wait);
	vexfs_index_wake(index);
	for (;;) {
		mutex_lock(&info->set_lock);
		is_outrun = vexfs_index_is_outrun(index, awaited);
		is_idle = vexfs_index_is_idle(index);
		if (is_idle) {
			error = index->is_gone ? -ENOENT : -index->error;
			if (!error && index->is_on_volume && vexfs_queue_length(&index->queue))
				error = -ENOMEM;
		}
		mutex_unlock(&info->set_lock);
		if (is_idle && error)
			break;
		if (is_outrun)
			error = 1;
		if (is_idle || is_outrun)
			break;
		if (signal_pending(current)) {
			error = -EINTR;
			break;
		}
		wait_woken(&wait, TASK_INTERRUPTIBLE, MAX_SCHEDULE_TIMEOUT);
	}
	remove_wait_queue(&index->waiters, &wait);
	return error;
}

/* The same, and until the space of rows that are gone is given back, which changes rows in turn. */
static int vexfs_wait_for_index(struct inode *inode, struct vexfs_index *index)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_awaited_changes awaited;
	int error;

	mutex_lock(&info->set_lock);
	awaited.came = index->queue.came;
	awaited.of_calls = index->queue.came - index->queue.own;
	mutex_unlock(&info->set_lock);
	do {
		error = vexfs_wait_until_idle(inode, index, &awaited);
		if (error)
			return min(error, 0);
		error = vexfs_recycle_settle(inode);
	} while (error == 1);
	return error;
}

static int vexfs_verify_index(struct inode *inode, struct vexfs_index *index)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_graph *graph = NULL, *replaced = NULL;
	int error;

	if (mutex_lock_interruptible(&index->builder))
		return -EINTR;
	vexfs_index_reload(index, inode);
	mutex_lock(&info->set_lock);
	error = index->is_gone ? -ENOENT : -index->error;
	if (!error && index->graph)
		graph = vexfs_graph_get(index->graph);
	mutex_unlock(&info->set_lock);
	if (graph)
		error = vx_index_verify(graph->vx);
	if (error == -EUCLEAN) {
		mutex_lock(&info->set_lock);
		if (!index->is_gone && index->graph == graph) {
			replaced = vexfs_index_start_over(index, 0);
			vexfs_index_wake(index);
		}
		mutex_unlock(&info->set_lock);
	}
	mutex_unlock(&index->builder);
	vexfs_graph_put(replaced);
	vexfs_graph_put(graph);
	return error;
}

/* Holds the index of a file: it may take long, and the set may be replaced meanwhile. */
static struct vexfs_index *vexfs_hold_index(struct inode *inode, const struct vexfs_manage_index *call)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_index *index = NULL;
	int ticket, error;
	struct vexfs_set *set = vexfs_set_enter(inode, &ticket);

	if (IS_ERR(set))
		return ERR_CAST(set);
	error = vexfs_check_fields(call);
	if (!error && call->operation != VEXFS_INDEX_OP_INFO) {
		mutex_lock(&info->set_lock);
		index = set->index;
		if (index)
			kref_get(&index->count);
		mutex_unlock(&info->set_lock);
		error = index ? 0 : -ENOENT;
	}
	vexfs_set_leave(ticket);
	return error ? ERR_PTR(error) : index;
}

static int vexfs_read_index(struct file *file, struct vexfs_manage_index *call)
{
	struct inode *inode = file_inode(file);
	struct vexfs_index *index;
	struct vexfs_set *set;
	s64 recall = VEXFS_RECALL_UNKNOWN;
	int ticket, error = 0;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	index = vexfs_hold_index(inode, call);
	if (IS_ERR(index))
		return PTR_ERR(index);
	if (call->operation == VEXFS_INDEX_OP_WAIT)
		error = vexfs_wait_for_index(inode, index);
	else if (call->operation == VEXFS_INDEX_OP_VERIFY)
		error = vexfs_verify_index(inode, index);
	vexfs_index_put(index);
	if (error)
		return error;
	if (call->sample > VEXFS_MAX_RECALL_SAMPLE)
		return -E2BIG;
	if (call->sample)
		vexfs_index_load_again(inode);
	set = vexfs_set_enter(inode, &ticket);
	if (IS_ERR(set))
		return PTR_ERR(set);
	if (call->sample)
		recall = vexfs_measure_recall(inode, set, call->sample);
	error = recall < 0 ? recall : vexfs_fill_index_info(inode, set, call);
	if (!error)
		call->recall = recall;
	vexfs_set_leave(ticket);
	return error;
}

int vexfs_manage(struct file *file, void *argument, size_t size)
{
	struct vexfs_manage_index *call = argument;

	return vexfs_changes_index(call->operation) ? vexfs_change_allowed(file, call) : vexfs_read_index(file, call);
}
