// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The worker of a mount, which brings indexes up to date: a round of one, then one of the next. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "../engine/glue.h"
#include "compat_shrinker.h"
#include "index.h"

struct vexfs_indexing {
	struct super_block *sb;
	struct workqueue_struct *queue;
	struct work_struct work;
	/* Looks whether a volume that was frozen is thawed. */
	struct delayed_work thaw;
	/* Inside of all locks. */
	spinlock_t lock;
	struct list_head all;
	/* Indexes that may have something to do. */
	struct list_head awake;
	bool is_stopped;
	/* What its indexes take, and may take. */
	struct vx_alloc memory;
	atomic64_t used;
	u64 most;
	u32 above;
	struct shrinker *shrinker;
};

static void *vexfs_index_alloc_memory(void *context, size_t bytes)
{
	struct vexfs_indexing *indexing = context;
	void *memory = NULL;

	if (bytes <= S64_MAX / 2 && atomic64_add_return(bytes, &indexing->used) <= READ_ONCE(indexing->most))
		memory = vexfs_table_memory.alloc(vexfs_table_memory.context, bytes);
	else if (bytes > S64_MAX / 2)
		return NULL;
	if (!memory)
		atomic64_sub(bytes, &indexing->used);
	return memory;
}

static void vexfs_index_free_memory(void *context, void *memory, size_t bytes)
{
	struct vexfs_indexing *indexing = context;

	if (!memory)
		return;
	vexfs_table_memory.free(vexfs_table_memory.context, memory, bytes);
	atomic64_sub(bytes, &indexing->used);
}

const struct vx_alloc *vexfs_index_memory(const struct vexfs_volume *volume)
{
	return &volume->indexing->memory;
}

u64 vexfs_index_room(const struct vexfs_volume *volume)
{
	const u64 most = READ_ONCE(volume->indexing->most);
	const u64 used = atomic64_read(&volume->indexing->used);

	return most - min(most, used);
}

void vexfs_indexing_configure(struct vexfs_volume *volume, u64 memory, u32 above)
{
	WRITE_ONCE(volume->indexing->most, memory ? min_t(u64, memory, S64_MAX) : (u64)totalram_pages() / 2 * PAGE_SIZE);
	WRITE_ONCE(volume->indexing->above, above);
}

u32 vexfs_index_above(const struct vexfs_volume *volume)
{
	return READ_ONCE(volume->indexing->above);
}

/* The caller holds vexfs_indexing.lock. */
static void vexfs_wake_listed(struct vexfs_index *index)
{
	struct vexfs_indexing *indexing = index->volume->indexing;

	if (indexing->is_stopped || list_empty(&index->all))
		return;
	if (list_empty(&index->awake))
		list_add_tail(&index->awake, &indexing->awake);
	queue_work(indexing->queue, &indexing->work);
}

void vexfs_index_wake(struct vexfs_index *index)
{
	struct vexfs_indexing *indexing = index->volume->indexing;

	spin_lock(&indexing->lock);
	vexfs_wake_listed(index);
	spin_unlock(&indexing->lock);
}

void vexfs_index_enlist(struct vexfs_index *index)
{
	struct vexfs_indexing *indexing = index->volume->indexing;

	spin_lock(&indexing->lock);
	list_add_tail(&index->all, &indexing->all);
	spin_unlock(&indexing->lock);
	vexfs_index_wake(index);
}

void vexfs_index_delist(struct vexfs_index *index)
{
	struct vexfs_indexing *indexing = index->volume->indexing;

	spin_lock(&indexing->lock);
	list_del_init(&index->all);
	list_del_init(&index->awake);
	spin_unlock(&indexing->lock);
}

/* What the next round is to take. */
struct vexfs_round {
	struct vexfs_graph *graph;
	u64 slots;
	u32 count;
	/* Rows that stood there when the index was made are, or may be, among them. */
	bool is_scan;
	struct vx_change changes[VX_ROUND_CHANGES];
};

/* One round by this thread: how many changes it took, or a negative errno. */
static s64 vexfs_run_round(const struct vexfs_index *index, struct inode *inode, const struct vexfs_round *round)
{
	struct vx_index *vx = round->graph->vx;
	struct vx_rows rows;
	struct vexfs_row_source *source = vexfs_row_source_make(inode, &index->layout, round->slots, &rows);
	s64 taken;
	int more;

	if (!source)
		return -ENOMEM;
	taken = vx_index_begin(vx, &rows, round->changes, round->count, 1);
	if (taken > 0) {
		while ((more = vx_index_phase(vx)) > 0) {
			vx_index_work(vx, 0);
			cond_resched();
		}
		if (more < 0)
			taken = more;
	}
	vexfs_row_source_free(source);
	return taken;
}

/* The caller holds set_lock. Returns the graph that is no longer the index's. */
static struct vexfs_graph *vexfs_round_ended(struct vexfs_index *index, const struct vexfs_round *round, s64 taken,
					     const struct vx_index_info *facts)
{
	index->is_busy = false;
	if (index->is_gone || index->graph != round->graph)
		return NULL;
	/* What has all rows that stood there goes on without memory. */
	if (taken == -ENOMEM && !vexfs_queue_is_scanning(&index->queue) && !index->is_full) {
		index->is_full = true;
		return NULL;
	}
	/* Of a damaged snapshot nothing can be kept; what else fails, would again. */
	if (taken < 0)
		return vexfs_index_start_over(index, taken == -EUCLEAN ? 0 : -taken);
	vexfs_queue_take(&index->queue, round->changes, taken);
	index->unsaved += taken;
	if (round->is_scan && !vexfs_queue_is_scanning(&index->queue))
		index->is_built = true;
	index->facts = *facts;
	return NULL;
}

static void vexfs_take_round(struct vexfs_index *index, struct inode *inode, struct vexfs_round *round)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_graph *replaced;
	struct vx_index_info facts;
	s64 taken = vexfs_run_round(index, inode, round);

	vx_index_info(round->graph->vx, &facts);
	mutex_lock(&info->set_lock);
	replaced = vexfs_round_ended(index, round, taken, &facts);
	mutex_unlock(&info->set_lock);
	vexfs_graph_put(replaced);
	vexfs_graph_put(round->graph);
}

enum vexfs_step { VEXFS_STEP_NONE, VEXFS_STEP_MAKE, VEXFS_STEP_LOAD, VEXFS_STEP_SAVE, VEXFS_STEP_ROUND };

/* What is to be done next. The caller holds set_lock. */
static enum vexfs_step vexfs_choose_step(struct vexfs_index *index, struct vexfs_round *round, struct vexfs_graph **replaced)
{
	if (index->is_gone || index->error)
		return VEXFS_STEP_NONE;
	if (index->is_suspect || index->queue.is_broken) {
		const bool is_broken = index->queue.is_broken;

		*replaced = vexfs_index_start_over(index, is_broken ? ENOMEM : 0);
		return is_broken ? VEXFS_STEP_NONE : VEXFS_STEP_MAKE;
	}
	if (index->is_on_volume)
		return VEXFS_STEP_NONE;
	if (index->is_unloaded)
		return vexfs_queue_length(&index->queue) || index->unsaved ? VEXFS_STEP_LOAD : VEXFS_STEP_NONE;
	if (!index->graph)
		return VEXFS_STEP_MAKE;
	if (vexfs_index_save_is_due(index))
		return VEXFS_STEP_SAVE;
	if (index->is_full && index->is_frozen)
		return VEXFS_STEP_NONE;
	if (index->is_full) {
		*replaced = vexfs_index_leave_memory(index);
		if (*replaced)
			return VEXFS_STEP_LOAD;
		*replaced = vexfs_index_start_over(index, ENOMEM);
		return VEXFS_STEP_NONE;
	}
	round->slots = index->set->slots;
	/* To fill may end the scan: that what stood there has been taken is known only behind it. */
	round->is_scan = vexfs_queue_is_scanning(&index->queue);
	round->count = vexfs_queue_fill(&index->queue, round->changes, VX_ROUND_CHANGES, index->set->ids, round->slots);
	if (!round->count) {
		if (round->is_scan && index->unsaved)
			index->is_built = true;
		return vexfs_index_save_is_due(index) ? VEXFS_STEP_SAVE : VEXFS_STEP_NONE;
	}
	round->graph = vexfs_graph_get(index->graph);
	index->is_busy = true;
	return VEXFS_STEP_ROUND;
}

static void vexfs_make_graph(struct vexfs_index *index, struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_graph *graph = vexfs_graph_make(index);

	mutex_lock(&info->set_lock);
	if (IS_ERR(graph)) {
		if (!index->is_gone)
			index->error = -PTR_ERR(graph);
		graph = NULL;
	} else if (!index->is_gone && !index->graph && !index->error) {
		index->graph = graph;
		graph = NULL;
	}
	mutex_unlock(&info->set_lock);
	vexfs_graph_put(graph);
}

/* How often a frozen volume is asked whether it is thawed. */
#define VEXFS_THAW_DELAY (HZ / 2)

/* Frozen: what waits is saved after the thaw. On a volume that has become read-only no snapshot is due any more. */
static void vexfs_save_if_thawed(struct vexfs_index *index, struct inode *inode)
{
	struct vexfs_indexing *indexing = index->volume->indexing;
	struct vexfs_inode_info *info = vexfs_info(inode);

	if (vexfs_background_begin(inode->i_sb)) {
		vexfs_snapshot_save(index, inode);
		vexfs_background_end(inode->i_sb);
		return;
	}
	mutex_lock(&info->set_lock);
	index->is_frozen = true;
	mutex_unlock(&info->set_lock);
	spin_lock(&indexing->lock);
	if (!indexing->is_stopped)
		queue_delayed_work(indexing->queue, &indexing->thaw, VEXFS_THAW_DELAY);
	spin_unlock(&indexing->lock);
}

/* Every index that waits for the thaw tries again, and comes to wait again when it is too early. */
static void vexfs_look_for_thaw(struct work_struct *work)
{
	struct vexfs_indexing *indexing = container_of(to_delayed_work(work), struct vexfs_indexing, thaw);
	struct vexfs_index *index;

	spin_lock(&indexing->lock);
	list_for_each_entry(index, &indexing->all, all) {
		if (!READ_ONCE(index->is_frozen))
			continue;
		WRITE_ONCE(index->is_frozen, false);
		if (list_empty(&index->awake))
			list_add_tail(&index->awake, &indexing->awake);
	}
	if (!indexing->is_stopped)
		queue_work(indexing->queue, &indexing->work);
	spin_unlock(&indexing->lock);
}

/* The next step of an index; whether there is another. */
static bool vexfs_index_step(struct vexfs_index *index, struct inode *inode, struct vexfs_round *round)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_graph *replaced = NULL;
	enum vexfs_step step;

	mutex_lock(&index->builder);
	mutex_lock(&info->set_lock);
	step = vexfs_choose_step(index, round, &replaced);
	mutex_unlock(&info->set_lock);
	vexfs_graph_put(replaced);
	switch (step) {
	case VEXFS_STEP_MAKE:
		vexfs_make_graph(index, inode);
		break;
	case VEXFS_STEP_LOAD:
		vexfs_index_reload(index, inode);
		break;
	case VEXFS_STEP_SAVE:
		vexfs_save_if_thawed(index, inode);
		break;
	case VEXFS_STEP_ROUND:
		vexfs_take_round(index, inode, round);
		break;
	case VEXFS_STEP_NONE:
		break;
	}
	mutex_unlock(&index->builder);
	wake_up_all(&index->waiters);
	return step != VEXFS_STEP_NONE;
}

/* Holds an index and its inode; NULL when that is on its way out. The caller holds the lock of the list where it stood. */
static struct vexfs_index *vexfs_index_hold(struct vexfs_index *index, struct inode **inode)
{
	*inode = igrab(index->inode);
	if (!*inode)
		return NULL;
	kref_get(&index->count);
	return index;
}

/* The first index of a list whose inode is not on its way out, both held; NULL at the end. */
static struct vexfs_index *vexfs_take_awake(struct vexfs_indexing *indexing, struct inode **inode)
{
	struct vexfs_index *index = NULL;

	spin_lock(&indexing->lock);
	while (!index && !indexing->is_stopped && !list_empty(&indexing->awake)) {
		index = list_first_entry(&indexing->awake, struct vexfs_index, awake);
		list_del_init(&index->awake);
		index = vexfs_index_hold(index, inode);
	}
	spin_unlock(&indexing->lock);
	return index;
}

static void vexfs_indexing_work(struct work_struct *work)
{
	struct vexfs_indexing *indexing = container_of(work, struct vexfs_indexing, work);
	struct vexfs_round *round = kmalloc(sizeof(*round), GFP_KERNEL | __GFP_NOFAIL);
	struct vexfs_index *index;
	struct inode *inode;

	while ((index = vexfs_take_awake(indexing, &inode))) {
		if (vexfs_index_step(index, inode, round))
			vexfs_index_wake(index);
		vexfs_index_put(index);
		iput(inode);
		cond_resched();
	}
	kfree(round);
}

/* Pages of graphs that may be let go, now or when they are saved, at a guess: only the locks of each would tell. */
static unsigned long vexfs_count_unloadable(struct shrinker *shrinker, struct shrink_control *control)
{
	struct vexfs_indexing *indexing = vexfs_shrinker_context(shrinker);
	struct vexfs_index *index;
	u64 bytes = 0;

	spin_lock(&indexing->lock);
	list_for_each_entry(index, &indexing->all, all) {
		if (!READ_ONCE(index->is_on_volume))
			bytes += READ_ONCE(index->facts.memory_bytes);
	}
	spin_unlock(&indexing->lock);
	return bytes >> PAGE_SHIFT ?: SHRINK_EMPTY;
}

/*
 * The graph of an index that nobody works on now; what only has to be saved for that is, soon. Inside of vexfs_indexing.lock, which the
 * caller holds, the other locks may only be tried.
 */
static struct vexfs_graph *vexfs_try_unload(struct vexfs_index *index, unsigned long *pages)
{
	struct mutex *lock = &vexfs_info(index->inode)->set_lock;
	const u64 bytes = READ_ONCE(index->facts.memory_bytes);
	struct vexfs_graph *graph = NULL;

	if (!mutex_trylock(&index->builder))
		return NULL;
	if (mutex_trylock(lock)) {
		graph = vexfs_index_unload(index);
		if (!graph && index->unsaved && !index->is_on_volume) {
			index->is_wanted = true;
			vexfs_wake_listed(index);
		}
		mutex_unlock(lock);
	}
	mutex_unlock(&index->builder);
	*pages = graph ? bytes >> PAGE_SHIFT : 0;
	return graph;
}

static unsigned long vexfs_unload(struct shrinker *shrinker, struct shrink_control *control)
{
	struct vexfs_indexing *indexing = vexfs_shrinker_context(shrinker);
	unsigned long freed = 0;

	while (freed < control->nr_to_scan) {
		struct vexfs_graph *graph = NULL;
		struct vexfs_index *index;
		unsigned long pages;

		/* An index is not freed while it is on the list, and its inode neither. */
		spin_lock(&indexing->lock);
		list_for_each_entry(index, &indexing->all, all) {
			graph = vexfs_try_unload(index, &pages);
			if (graph)
				break;
		}
		/* Those that were loaded first are asked first: round and round. */
		if (graph)
			list_move_tail(&index->all, &indexing->all);
		spin_unlock(&indexing->lock);
		if (!graph)
			break;
		freed += pages;
		vexfs_graph_put(graph);
	}
	return freed ?: SHRINK_STOP;
}

int vexfs_indexing_start(struct vexfs_volume *volume)
{
	struct vexfs_indexing *indexing = kzalloc(sizeof(*indexing), GFP_KERNEL);

	if (!indexing)
		return -ENOMEM;
	indexing->sb = volume->sb;
	spin_lock_init(&indexing->lock);
	INIT_LIST_HEAD(&indexing->all);
	INIT_LIST_HEAD(&indexing->awake);
	INIT_WORK(&indexing->work, vexfs_indexing_work);
	INIT_DELAYED_WORK(&indexing->thaw, vexfs_look_for_thaw);
	indexing->queue = alloc_workqueue("vexfs_index", WQ_UNBOUND, 1);
	if (!indexing->queue) {
		kfree(indexing);
		return -ENOMEM;
	}
	indexing->memory = (struct vx_alloc){
		.alloc = vexfs_index_alloc_memory,
		.free = vexfs_index_free_memory,
		.context = indexing,
	};
	indexing->shrinker = vexfs_shrinker_start("vexfs_index", vexfs_count_unloadable, vexfs_unload, indexing);
	if (!indexing->shrinker) {
		destroy_workqueue(indexing->queue);
		kfree(indexing);
		return -ENOMEM;
	}
	volume->indexing = indexing;
	return 0;
}

/* The next index in the order in which they were loaded, with its inode. */
static struct vexfs_index *vexfs_take_loaded(struct vexfs_indexing *indexing, struct inode **inode)
{
	struct vexfs_index *index = NULL;

	spin_lock(&indexing->lock);
	while (!index && !list_empty(&indexing->all)) {
		index = list_first_entry(&indexing->all, struct vexfs_index, all);
		list_del_init(&index->all);
		index = vexfs_index_hold(index, inode);
	}
	spin_unlock(&indexing->lock);
	return index;
}

void vexfs_indexing_stop(struct vexfs_volume *volume)
{
	struct vexfs_indexing *indexing = volume->indexing;
	struct vexfs_index *index;
	struct inode *inode;

	if (!indexing)
		return;
	spin_lock(&indexing->lock);
	indexing->is_stopped = true;
	spin_unlock(&indexing->lock);
	cancel_delayed_work_sync(&indexing->thaw);
	cancel_work_sync(&indexing->work);
	while ((index = vexfs_take_loaded(indexing, &inode))) {
		mutex_lock(&index->builder);
		if (READ_ONCE(index->unsaved) && !READ_ONCE(index->is_on_volume))
			vexfs_index_reload(index, inode);
		if (!sb_rdonly(indexing->sb) && volume->journal && READ_ONCE(index->unsaved) &&
		    !READ_ONCE(index->is_on_volume) && inode->i_nlink)
			vexfs_snapshot_save(index, inode);
		mutex_unlock(&index->builder);
		vexfs_index_put(index);
		iput(inode);
	}
}

void vexfs_indexing_free(struct vexfs_volume *volume)
{
	if (!volume->indexing)
		return;
	vexfs_shrinker_stop(volume->indexing->shrinker);
	destroy_workqueue(volume->indexing->queue);
	kfree(volume->indexing);
	volume->indexing = NULL;
}
