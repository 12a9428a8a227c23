// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Removing names from a directory. A node that becomes empty is freed; one that becomes small is merged with a neighbour
 * below the same parent when both together fill at most half a block, so that a merged node is far from its next split.
 */
#include "alloc.h"
#include "dir_tree.h"
#include "inode_write.h"

struct vexfs_removal {
	struct vexfs_dir_path *path;
	/* Levels whose node is freed or merged; what lies above loses an entry at most. */
	u32 levels;
	/* By level the neighbour to merge with; NULL where the node becomes empty. */
	struct buffer_head *partner[VEXFS_MAX_TREE_DEPTH + 1];
	bool is_right[VEXFS_MAX_TREE_DEPTH + 1];
	/* Blocks to be freed at the end. */
	u64 freed[VEXFS_MAX_TREE_DEPTH + 2];
	u32 freed_count;
};

int vexfs_dir_remove_credits(const struct inode *dir)
{
	const u32 depth = min_t(u32, le32_to_cpu(vexfs_dir_root(dir)->depth), VEXFS_MAX_TREE_DEPTH);

	return (depth + 1) * (2 + VEXFS_FREE_CREDITS(1));
}

static u32 vexfs_fill(const struct buffer_head *node, u32 level)
{
	return level ? vexfs_dir_node_count(node) : vexfs_leaf_used(node);
}

/* What a node holds when the entry of the path is gone from it. */
static u32 vexfs_fill_without(const struct vexfs_dir_path *path, u32 level)
{
	const struct buffer_head *node = path->nodes[level];
	const u32 fill = vexfs_fill(node, level);

	if (level)
		return fill - 1;
	return fill - vexfs_record_size(vexfs_leaf_entry(node, path->indexes[0])->name_length) - sizeof(__le16);
}

/* A neighbour that cannot be read is none. */
static void vexfs_find_partner(struct inode *dir, struct vexfs_removal *removal, u32 level)
{
	const struct vexfs_dir_path *path = removal->path;
	const struct buffer_head *node = path->nodes[level], *parent = path->nodes[level + 1];
	const u32 capacity = level ? vexfs_inner_capacity(node) : vexfs_leaf_capacity(node);
	const u32 fill = vexfs_fill_without(path, level), index = path->indexes[level + 1];
	int side;

	if (fill >= capacity / 4)
		return;
	for (side = 1; side >= -1; side -= 2) {
		const u32 other = index + side;
		struct buffer_head *sibling;

		if ((side < 0 && index == 0) || other >= vexfs_dir_node_count(parent))
			continue;
		sibling = vexfs_dir_read_node(dir, le64_to_cpu(vexfs_inner_entries(parent)[other].child), level);
		if (IS_ERR(sibling))
			continue;
		if (sibling != node && fill + vexfs_fill(sibling, level) <= capacity / 2) {
			removal->partner[level] = sibling;
			removal->is_right[level] = side > 0;
			return;
		}
		brelse(sibling);
	}
}

static int vexfs_plan(handle_t *handle, struct inode *dir, struct vexfs_removal *removal)
{
	const struct vexfs_dir_path *path = removal->path;
	u32 level;
	int error = 0;

	for (level = 0; level < path->depth; level++) {
		if (vexfs_dir_node_count(path->nodes[level]) > 1) {
			vexfs_find_partner(dir, removal, level);
			if (!removal->partner[level])
				break;
		}
	}
	removal->levels = level;
	for (level = 0; level <= removal->levels && !error; level++) {
		error = vexfs_change(handle, path->nodes[level]);
		if (!error && removal->partner[level])
			error = vexfs_change(handle, removal->partner[level]);
	}
	return error;
}

static void vexfs_merge(struct vexfs_removal *removal, u32 level)
{
	struct vexfs_dir_path *path = removal->path;
	struct buffer_head *partner = removal->partner[level], *parent = path->nodes[level + 1];
	struct buffer_head *left = removal->is_right[level] ? path->nodes[level] : partner;
	struct buffer_head *right = removal->is_right[level] ? partner : path->nodes[level];
	const u32 right_index = path->indexes[level + 1] + (removal->is_right[level] ? 1 : 0);

	if (level == 0) {
		vexfs_leaf_move_tail(right, 0, left);
	} else {
		/* The key of a first entry is not looked at: behind others it is the one that the parent has. */
		vexfs_inner_entries(right)[0].cookie = vexfs_inner_entries(parent)[right_index].cookie;
		vexfs_inner_move_tail(right, 0, left);
	}
	removal->freed[removal->freed_count++] = right->b_blocknr;
	vexfs_inner_remove(parent, right_index);
	/* The path goes on through what is left. */
	path->nodes[level] = left;
	removal->partner[level] = right;
}

/* An empty root goes; one with a single child gives way to it, as far down as the path knows the nodes. */
static void vexfs_shrink_root(struct inode *dir, struct vexfs_removal *removal)
{
	struct vexfs_directory_root *root = vexfs_dir_root(dir);
	const struct vexfs_dir_path *path = removal->path;
	u32 level = path->depth;

	if (vexfs_dir_node_count(path->nodes[level]) == 0) {
		removal->freed[removal->freed_count++] = path->nodes[level]->b_blocknr;
		root->block = 0;
		root->depth = 0;
		return;
	}
	while (level > 0 && vexfs_dir_node_count(path->nodes[level]) == 1) {
		const u64 child = le64_to_cpu(vexfs_inner_entries(path->nodes[level])[0].child);

		removal->freed[removal->freed_count++] = path->nodes[level]->b_blocknr;
		level--;
		root->block = cpu_to_le64(child);
		root->depth = cpu_to_le32(level);
		if (path->nodes[level]->b_blocknr != child)
			return;
	}
}

static bool vexfs_is_freed(const struct vexfs_removal *removal, u64 block)
{
	u32 i;

	for (i = 0; i < removal->freed_count; i++) {
		if (removal->freed[i] == block)
			return true;
	}
	return false;
}

/* Seals the nodes that stay and frees the others; an error ends the journal. */
static int vexfs_finish_removal(handle_t *handle, struct inode *dir, struct vexfs_removal *removal)
{
	const struct vexfs_dir_path *path = removal->path;
	u32 level, i;
	int error = 0;

	for (level = 0; level <= removal->levels && !error; level++) {
		if (!vexfs_is_freed(removal, path->nodes[level]->b_blocknr))
			error = vexfs_node_seal(handle, dir->i_sb, path->nodes[level]);
	}
	for (i = 0; i < removal->freed_count && !error; i++) {
		error = vexfs_free(handle, dir->i_sb, removal->freed[i], 1);
		if (!error)
			error = vexfs_revoke(handle, dir->i_sb, removal->freed[i]);
	}
	if (error)
		return vexfs_abort(handle, error);
	vexfs_count_blocks(dir, -(s32)removal->freed_count);
	return 0;
}

static int vexfs_remove_at(handle_t *handle, struct inode *dir, struct vexfs_removal *removal)
{
	struct vexfs_dir_path *path = removal->path;
	struct vexfs_directory_root *root = vexfs_dir_root(dir);
	u32 level;
	int error = vexfs_plan(handle, dir, removal);

	if (error)
		return error;
	vexfs_leaf_remove(path->nodes[0], path->indexes[0]);
	for (level = 0; level < removal->levels; level++) {
		if (removal->partner[level]) {
			vexfs_merge(removal, level);
		} else {
			removal->freed[removal->freed_count++] = path->nodes[level]->b_blocknr;
			vexfs_inner_remove(path->nodes[level + 1], path->indexes[level + 1]);
		}
	}
	if (removal->levels == path->depth)
		vexfs_shrink_root(dir, removal);
	if (root->entries)
		le64_add_cpu(&root->entries, -1);
	return vexfs_finish_removal(handle, dir, removal);
}

int vexfs_dir_remove(handle_t *handle, struct inode *dir, const struct qstr *name)
{
	struct vexfs_dir_path path;
	struct vexfs_removal removal = { .path = &path };
	int error = vexfs_dir_seek(dir, name, &path);
	u32 level;

	if (error >= 0)
		error = error ? vexfs_remove_at(handle, dir, &removal) : -ENOENT;
	for (level = 0; level < ARRAY_SIZE(removal.partner); level++)
		brelse(removal.partner[level]);
	vexfs_dir_release(&path);
	return error;
}
