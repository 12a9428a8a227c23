// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Extents put into a tree, marked as written or not, and taken out. */
#include "alloc.h"
#include "extent_tree.h"
#include "inode_write.h"
#include "transaction.h"

static struct vexfs_extent *vexfs_path_extent(const struct vexfs_path *path)
{
	const struct vexfs_step *leaf = &path->step[path->leaf];

	return leaf->at < 0 ? NULL : &vexfs_node_entry(leaf->header, leaf->at)->extent;
}

static u64 vexfs_extent_end(const struct vexfs_extent *extent)
{
	return le64_to_cpu(extent->logical) + le32_to_cpu(extent->length);
}

/*
 * Whether `second` goes on where `first` ends. Every group begins with blocks of its own, so that what follows on the
 * volume lies in the same group.
 */
static bool vexfs_goes_on(const struct vexfs_extent *first, const struct vexfs_extent *second)
{
	return vexfs_extent_end(first) == le64_to_cpu(second->logical) &&
	       le64_to_cpu(first->physical) + le32_to_cpu(first->length) == le64_to_cpu(second->physical) &&
	       first->flags == second->flags && le32_to_cpu(first->length) <= U32_MAX - le32_to_cpu(second->length);
}

/* Makes one of the extent of a path and the next in its leaf, where they go on in each other. */
static int vexfs_join_next(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path)
{
	struct vexfs_step *leaf = &path->step[path->leaf];
	struct vexfs_extent *extent = vexfs_path_extent(path);

	if (!extent || leaf->at + 1 >= (int)vexfs_node_count(leaf->header) || !vexfs_goes_on(extent, extent + 1))
		return 0;
	le32_add_cpu(&extent->length, le32_to_cpu(extent[1].length));
	leaf->at++;
	return vexfs_drop_entry(handle, tree, path);
}

/* Joins the extent that holds `logical` with its neighbours in the same leaf. */
static int vexfs_join(handle_t *handle, struct vexfs_tree *tree, u64 logical)
{
	struct vexfs_path path;
	int error = vexfs_descend(tree, logical, &path);

	if (!error)
		error = vexfs_prepare(handle, tree, &path, NULL);
	if (!error)
		error = vexfs_join_next(handle, tree, &path);
	vexfs_path_release(&path);
	if (error)
		return error;
	error = vexfs_descend(tree, logical, &path);
	if (!error && path.step[path.leaf].at > 0) {
		path.step[path.leaf].at--;
		error = vexfs_join_next(handle, tree, &path);
	}
	vexfs_path_release(&path);
	return error;
}

/* Inserts what fits into the leaf of `logical` at once: to its upper bound at most. */
static int vexfs_insert_piece(handle_t *handle, struct vexfs_tree *tree, const struct vexfs_extent *wanted, u64 *done)
{
	const u64 logical = le64_to_cpu(wanted->logical);
	union vexfs_extent_entry entry = { .extent = *wanted };
	struct vexfs_spare_nodes spare;
	struct vexfs_extent *extent;
	struct vexfs_path path;
	int error = vexfs_descend(tree, logical, &path);

	if (error)
		goto out;
	*done = min_t(u64, le32_to_cpu(wanted->length), path.high - logical);
	entry.extent.length = cpu_to_le32(*done);
	extent = vexfs_path_extent(&path);
	if (extent && vexfs_goes_on(extent, &entry.extent)) {
		error = vexfs_prepare(handle, tree, &path, NULL);
		if (error)
			goto out;
		le32_add_cpu(&extent->length, *done);
		error = vexfs_node_changed(handle, tree, &path.step[path.leaf]);
		if (!error)
			error = vexfs_join_next(handle, tree, &path);
		goto out;
	}
	error = vexfs_prepare(handle, tree, &path, &spare);
	if (!error)
		error = vexfs_add_entry(handle, tree, &path, &spare, &entry);
	if (!error) {
		vexfs_path_release(&path);
		return vexfs_join(handle, tree, logical);
	}
out:
	vexfs_path_release(&path);
	return error;
}

/* Maps a hole to blocks, which the caller has taken and counts. */
int vexfs_extents_insert(handle_t *handle, struct vexfs_tree *tree, u64 logical, u64 physical, u64 count,
			 bool unwritten)
{
	while (count) {
		const struct vexfs_extent wanted = {
			.logical = cpu_to_le64(logical),
			.physical = cpu_to_le64(physical),
			.length = cpu_to_le32(count),
			.flags = cpu_to_le32(unwritten ? VEXFS_EXTENT_UNWRITTEN : 0),
		};
		u64 done;
		int error = vexfs_insert_piece(handle, tree, &wanted, &done);

		if (error)
			return error;
		logical += done;
		physical += done;
		count -= done;
	}
	return 0;
}

/* Makes two of an extent that reaches across `logical`. */
static int vexfs_split_extent(handle_t *handle, struct vexfs_tree *tree, u64 logical)
{
	union vexfs_extent_entry rear;
	struct vexfs_spare_nodes spare;
	struct vexfs_extent *extent;
	struct vexfs_path path;
	int error = vexfs_descend(tree, logical, &path);
	u64 front;

	extent = error ? NULL : vexfs_path_extent(&path);
	if (!extent || le64_to_cpu(extent->logical) == logical || vexfs_extent_end(extent) <= logical)
		goto out;
	error = vexfs_prepare(handle, tree, &path, &spare);
	if (error)
		goto out;
	front = logical - le64_to_cpu(extent->logical);
	rear.extent = *extent;
	rear.extent.logical = cpu_to_le64(logical);
	le64_add_cpu(&rear.extent.physical, front);
	le32_add_cpu(&rear.extent.length, -front);
	extent->length = cpu_to_le32(front);
	error = vexfs_add_entry(handle, tree, &path, &spare, &rear);
	/* When a new node took the rear, the front is still in this one; a root that was pushed down has no block. */
	if (!error && path.step[path.leaf].bh)
		error = vexfs_node_changed(handle, tree, &path.step[path.leaf]);
out:
	vexfs_path_release(&path);
	return error;
}

/* Marks the extent at `logical` where it is mapped; `next` is where to go on. */
static int vexfs_mark_extent(handle_t *handle, struct vexfs_tree *tree, u64 logical, __le32 flags, u64 *next)
{
	struct vexfs_extent *extent;
	struct vexfs_path path;
	struct vexfs_step *leaf;
	bool changed = false;
	int error = vexfs_descend(tree, logical, &path);

	if (error)
		goto out;
	leaf = &path.step[path.leaf];
	extent = vexfs_path_extent(&path);
	if (!extent || vexfs_extent_end(extent) <= logical) {
		*next = path.high;
		if (leaf->at + 1 < (int)vexfs_node_count(leaf->header))
			*next = vexfs_entry_logical(leaf->header, leaf->at + 1);
		goto out;
	}
	*next = vexfs_extent_end(extent);
	if (extent->flags == flags)
		goto out;
	error = vexfs_prepare(handle, tree, &path, NULL);
	if (!error) {
		extent->flags = flags;
		error = vexfs_node_changed(handle, tree, leaf);
		changed = true;
	}
out:
	vexfs_path_release(&path);
	return error ?: changed ? vexfs_join(handle, tree, logical) : 0;
}

static bool vexfs_is_marked(const struct vexfs_tree *tree, u64 logical, u64 count, bool unwritten, int *error)
{
	while (count) {
		struct vexfs_run run;

		*error = vexfs_find_run(tree, logical, count, &run);
		if (*error || (run.physical && run.unwritten != unwritten))
			return false;
		logical += run.length;
		count -= run.length;
	}
	return true;
}

/* Marks what is mapped of a range as written, or as unwritten. -ENOSPC: nothing is marked otherwise than before. */
int vexfs_extents_mark(handle_t *handle, struct vexfs_tree *tree, u64 logical, u64 count, bool unwritten)
{
	const __le32 flags = cpu_to_le32(unwritten ? VEXFS_EXTENT_UNWRITTEN : 0);
	const u64 end = logical + count;
	int error = 0;

	if (vexfs_is_marked(tree, logical, count, unwritten, &error) || error)
		return error;
	error = vexfs_split_extent(handle, tree, logical);
	if (!error)
		error = vexfs_split_extent(handle, tree, end);
	while (logical < end && !error)
		error = vexfs_mark_extent(handle, tree, logical, flags, &logical);
	return error;
}

/* Takes [start, end) out of the extent of a path, of which it is the beginning, the end or all. */
static int vexfs_cut_extent(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path, u64 start, u64 end)
{
	struct vexfs_step *leaf = &path->step[path->leaf];
	struct vexfs_extent *extent = vexfs_path_extent(path);
	const u64 cut = end - start;
	int error;

	if (cut == le32_to_cpu(extent->length))
		return vexfs_drop_entry(handle, tree, path);
	le32_add_cpu(&extent->length, -cut);
	if (start > le64_to_cpu(extent->logical))
		return vexfs_node_changed(handle, tree, leaf);
	le64_add_cpu(&extent->logical, cut);
	le64_add_cpu(&extent->physical, cut);
	error = vexfs_node_changed(handle, tree, leaf);
	return !error && leaf->at == 0 ? vexfs_raise_key(handle, tree, path, path->leaf) : error;
}

/* Credits that freeing a piece of one extent may need, with all nodes above it; the record of the inode follows. */
static int vexfs_remove_credits(const struct vexfs_path *path, u64 blocks)
{
	return VEXFS_FREE_CREDITS(blocks) + path->leaf * (1 + VEXFS_FREE_CREDITS(1)) + VEXFS_INODE_CREDITS;
}

/*
 * Frees the blocks [first, end) from the end backwards, a piece of an extent at a time. 1: the handle has no credits left,
 * and all is sound; to be called again in another. -ENOSPC: an extent has to become two and there is no block for its node.
 */
int vexfs_extents_remove(handle_t *handle, struct vexfs_tree *tree, u64 first, u64 end)
{
	for (;;) {
		struct vexfs_extent *extent;
		struct vexfs_path path;
		u64 from, to, start;
		int error = vexfs_descend(tree, end - 1, &path);

		if (!error && path.step[path.leaf].at < 0)
			error = vexfs_step_back(tree, &path);
		extent = error ? NULL : vexfs_path_extent(&path);
		if (!extent || vexfs_extent_end(extent) <= first) {
			vexfs_path_release(&path);
			return min(error, 0);
		}
		start = le64_to_cpu(extent->logical);
		from = max(start, first);
		to = min(vexfs_extent_end(extent), end);
		error = vexfs_extend(handle, vexfs_remove_credits(&path, to - from));
		if (!error && from > start && to < vexfs_extent_end(extent)) {
			vexfs_path_release(&path);
			error = vexfs_extend(handle, vexfs_extents_credits(tree) + VEXFS_INODE_CREDITS);
			if (!error)
				error = vexfs_split_extent(handle, tree, to);
			if (error)
				return error;
			continue;
		}
		if (!error)
			error = vexfs_prepare(handle, tree, &path, NULL);
		if (!error)
			error = vexfs_free(handle, tree->sb, le64_to_cpu(extent->physical) + (from - start), to - from);
		if (!error) {
			tree->taken -= to - from;
			error = vexfs_cut_extent(handle, tree, &path, from, to);
		}
		vexfs_path_release(&path);
		if (error)
			return error;
	}
}

/*
 * Moves the entries of the only node below the root into the root where they fit: a tree that has become small gives its blocks back. 1: the
 * handle has no credits left, and all is sound; to be called again in another.
 */
int vexfs_extents_pull_up(handle_t *handle, struct vexfs_tree *tree)
{
	struct vexfs_path path;
	int error = 0;

	while (!error && vexfs_node_depth(tree->root) && vexfs_node_count(tree->root) == 1) {
		bool fits;

		error = vexfs_descend(tree, 0, &path);
		fits = !error && vexfs_node_count(path.step[1].header) <= le16_to_cpu(((struct vexfs_extent_header *)tree->root)->capacity);
		if (fits)
			error = vexfs_extend(handle, vexfs_remove_credits(&path, 0));
		if (fits && !error)
			error = vexfs_pull_up(handle, tree, &path);
		vexfs_path_release(&path);
		if (!fits)
			break;
	}
	return error;
}

/* The whole extent that holds `logical`; -EUCLEAN when none does. */
int vexfs_extent_around(const struct vexfs_tree *tree, u64 logical, u64 *from, u64 *to, u64 *physical)
{
	struct vexfs_extent *extent;
	struct vexfs_path path;
	int error = vexfs_descend(tree, logical, &path);

	extent = error ? NULL : vexfs_path_extent(&path);
	if (extent && vexfs_extent_end(extent) > logical) {
		*from = le64_to_cpu(extent->logical);
		*to = vexfs_extent_end(extent);
		*physical = le64_to_cpu(extent->physical);
	} else if (!error) {
		error = vexfs_damage(tree->sb, "inode %llu has lost block %llu", tree->owner, logical);
	}
	vexfs_path_release(&path);
	return error;
}

/* Credits of one insertion: at each level a node and its new half, for one level more than there is now. */
int vexfs_extents_credits(const struct vexfs_tree *tree)
{
	const struct vexfs_extent_header *root = tree->root;
	const u32 levels = min_t(u32, vexfs_node_depth(root), VEXFS_MAX_TREE_DEPTH) + 2;

	return levels * (2 + VEXFS_ALLOCATE_CREDITS);
}
