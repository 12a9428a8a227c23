// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Adding names to a directory: blocks for splits are taken, and journal access is had, before the first change. */
#include "alloc.h"
#include "dir_tree.h"
#include "inode_write.h"

#define VEXFS_MOST_SPLITS (VEXFS_MAX_TREE_DEPTH + 2)

struct vexfs_split {
	/* One for the leaf and each full node above it, and one more when the root is among them. */
	u32 count;
	u32 used;
	struct buffer_head *fresh[VEXFS_MOST_SPLITS];
};

int vexfs_dir_insert_credits(const struct inode *dir)
{
	const u32 depth = min_t(u32, le32_to_cpu(vexfs_dir_root(dir)->depth), VEXFS_MAX_TREE_DEPTH);

	return depth + 2 + (depth + 2) * (1 + VEXFS_ALLOCATE_CREDITS);
}

static u64 vexfs_dir_goal(const struct inode *dir, const struct vexfs_dir_path *path)
{
	return path->nodes[0] ? path->nodes[0]->b_blocknr + 1 : vexfs_goal(dir->i_sb, dir->i_ino);
}

static void vexfs_give_back(handle_t *handle, struct inode *dir, struct vexfs_split *split)
{
	u32 i;

	for (i = 0; i < split->count && split->fresh[i]; i++) {
		const u64 block = split->fresh[i]->b_blocknr;

		brelse(split->fresh[i]);
		if (vexfs_free(handle, dir->i_sb, block, 1) || vexfs_revoke(handle, dir->i_sb, block))
			vexfs_abort(handle, -EIO);
	}
}

static int vexfs_take_node(handle_t *handle, struct inode *dir, u64 goal, struct buffer_head **node)
{
	u64 block, count;
	int error = vexfs_allocate(handle, dir->i_sb, goal, 1, &block, &count);

	if (error)
		return error;
	*node = sb_getblk(dir->i_sb, block);
	error = *node ? vexfs_change_new(handle, *node) : -ENOMEM;
	if (!error)
		return 0;
	brelse(*node);
	*node = NULL;
	if (vexfs_free(handle, dir->i_sb, block, 1))
		vexfs_abort(handle, error);
	return error;
}

static int vexfs_take_nodes(handle_t *handle, struct inode *dir, u64 goal, struct vexfs_split *split)
{
	u32 i;
	int error = 0;

	for (i = 0; i < split->count && !error; i++) {
		error = vexfs_take_node(handle, dir, goal, &split->fresh[i]);
		if (!error)
			goal = split->fresh[i]->b_blocknr + 1;
	}
	if (error)
		vexfs_give_back(handle, dir, split);
	return error;
}

/* How many nodes of the path, from the leaf on, change when it is split. */
static u32 vexfs_changed_levels(const struct vexfs_dir_path *path)
{
	u32 level = 1;

	while (level <= path->depth && vexfs_dir_node_count(path->nodes[level]) >= vexfs_inner_capacity(path->nodes[level]))
		level++;
	return min(level + 1, path->depth + 1);
}

static u32 vexfs_count_splits(const struct vexfs_dir_path *path)
{
	u32 full = 1;

	while (full <= path->depth && vexfs_dir_node_count(path->nodes[full]) >= vexfs_inner_capacity(path->nodes[full]))
		full++;
	return full > path->depth ? full + 1 : full;
}

static struct buffer_head *vexfs_next_fresh(struct inode *dir, struct vexfs_split *split, u32 level)
{
	struct buffer_head *node = split->fresh[split->used++];

	vexfs_node_init(node, level, dir->i_ino);
	return node;
}

static void vexfs_split_leaf(struct inode *dir, struct vexfs_dir_path *path, struct vexfs_split *split,
			     const struct qstr *name, u64 number, umode_t mode)
{
	struct buffer_head *left = path->nodes[0], *right = vexfs_next_fresh(dir, split, 0);
	const u32 slot = path->indexes[0];
	const u32 cut = vexfs_leaf_cut(left, slot, name->len);

	if (slot < cut) {
		vexfs_leaf_move_tail(left, cut - 1, right);
		vexfs_leaf_insert(left, slot, path->cookie, name, number, mode);
	} else {
		vexfs_leaf_move_tail(left, cut, right);
		vexfs_leaf_insert(right, slot - cut, path->cookie, name, number, mode);
	}
}

/* Hands the fresh node on the right of each split to the node above, which may have to be split too. */
static void vexfs_split_path(struct inode *dir, struct vexfs_dir_path *path, struct vexfs_split *split)
{
	struct vexfs_directory_root *root = vexfs_dir_root(dir);
	struct buffer_head *left, *right = split->fresh[0], *top;
	u64 key = le64_to_cpu(vexfs_leaf_entry(right, 0)->cookie);
	u32 level;

	for (level = 1; level <= path->depth; level++) {
		const u64 child = right->b_blocknr;
		const u32 at = path->indexes[level] + 1;
		u32 middle;

		left = path->nodes[level];
		middle = vexfs_inner_capacity(left) / 2;
		if (vexfs_dir_node_count(left) < vexfs_inner_capacity(left)) {
			vexfs_inner_insert(left, at, key, child);
			return;
		}
		right = vexfs_next_fresh(dir, split, level);
		vexfs_inner_move_tail(left, middle, right);
		if (at <= middle)
			vexfs_inner_insert(left, at, key, child);
		else
			vexfs_inner_insert(right, at - middle, key, child);
		key = le64_to_cpu(vexfs_inner_entries(right)[0].cookie);
	}
	top = vexfs_next_fresh(dir, split, path->depth + 1);
	vexfs_inner_insert(top, 0, 0, path->nodes[path->depth]->b_blocknr);
	vexfs_inner_insert(top, 1, key, right->b_blocknr);
	root->block = cpu_to_le64(top->b_blocknr);
	root->depth = cpu_to_le32(path->depth + 1);
}

static int vexfs_seal_all(handle_t *handle, struct inode *dir, struct buffer_head **nodes, u32 count)
{
	int error = 0;
	u32 i;

	for (i = 0; i < count && !error; i++)
		error = vexfs_node_seal(handle, dir->i_sb, nodes[i]);
	return error;
}

/* Changes `levels` nodes of the path and takes the fresh ones that `split` asks for. */
static int vexfs_prepare_nodes(handle_t *handle, struct inode *dir, struct vexfs_dir_path *path, u32 levels,
			 struct vexfs_split *split)
{
	int error = 0;
	u32 i;

	for (i = 0; i < levels && !error; i++)
		error = vexfs_change(handle, path->nodes[i]);
	return error ?: vexfs_take_nodes(handle, dir, vexfs_dir_goal(dir, path), split);
}

static int vexfs_insert_at(handle_t *handle, struct inode *dir, struct vexfs_dir_path *path, const struct qstr *name,
			   u64 number, umode_t mode)
{
	struct vexfs_directory_root *root = vexfs_dir_root(dir);
	struct vexfs_split split = {};
	u32 levels, i;
	int error;

	if (path->nodes[0] && vexfs_leaf_has_room(path->nodes[0], name->len)) {
		levels = 1;
	} else if (path->nodes[0]) {
		levels = vexfs_changed_levels(path);
		split.count = vexfs_count_splits(path);
		if (split.count > path->depth + 1 && path->depth == VEXFS_MAX_TREE_DEPTH)
			return -ENOSPC;
	} else {
		levels = 0;
		split.count = 1;
	}
	error = vexfs_prepare_nodes(handle, dir, path, levels, &split);
	if (error)
		return error;
	if (levels && !split.count) {
		vexfs_leaf_insert(path->nodes[0], path->indexes[0], path->cookie, name, number, mode);
	} else if (levels) {
		vexfs_split_leaf(dir, path, &split, name, number, mode);
		vexfs_split_path(dir, path, &split);
	} else {
		vexfs_leaf_insert(vexfs_next_fresh(dir, &split, 0), 0, path->cookie, name, number, mode);
		root->block = cpu_to_le64(split.fresh[0]->b_blocknr);
		root->depth = 0;
	}
	le64_add_cpu(&root->entries, 1);
	vexfs_count_blocks(dir, split.count);
	error = vexfs_seal_all(handle, dir, path->nodes, levels);
	if (!error)
		error = vexfs_seal_all(handle, dir, split.fresh, split.count);
	for (i = 0; i < split.count; i++)
		brelse(split.fresh[i]);
	return error;
}

int vexfs_dir_insert(handle_t *handle, struct inode *dir, const struct qstr *name, u64 number, umode_t mode)
{
	struct vexfs_dir_path path;
	int error = vexfs_dir_seek(dir, name, &path);

	if (error > 0)
		error = -EEXIST;
	else if (!error && path.cookie == 0)
		error = -ENOSPC;
	if (!error)
		error = vexfs_insert_at(handle, dir, &path, name, number, mode);
	vexfs_dir_release(&path);
	return error;
}

int vexfs_dir_replace(handle_t *handle, struct inode *dir, const struct qstr *name, u64 number, umode_t mode)
{
	struct vexfs_directory_entry *entry;
	struct vexfs_dir_path path;
	int error = vexfs_dir_seek(dir, name, &path);

	if (error >= 0)
		error = error ? vexfs_change(handle, path.nodes[0]) : -ENOENT;
	if (!error) {
		entry = (struct vexfs_directory_entry *)vexfs_leaf_entry(path.nodes[0], path.indexes[0]);
		entry->inode = cpu_to_le64(number);
		entry->type = (mode & S_IFMT) >> 12;
		error = vexfs_node_seal(handle, dir->i_sb, path.nodes[0]);
	}
	vexfs_dir_release(&path);
	return error;
}
