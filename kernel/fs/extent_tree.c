// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Extent trees changed: nodes that split, that grow out of the inode, and that go when they are empty. */
#include "alloc.h"
#include "extent_tree.h"
#include "transaction.h"

static bool vexfs_is_full(const struct vexfs_extent_header *header)
{
	return vexfs_node_count(header) >= le16_to_cpu(header->capacity);
}

static int vexfs_free_spare(handle_t *handle, struct vexfs_tree *tree, struct vexfs_spare_nodes *spare)
{
	int error = 0;

	while (spare->count && !error)
		error = vexfs_free(handle, tree->sb, spare->blocks[--spare->count], 1);
	return error;
}

/* Blocks for all nodes that one more entry in the leaf brings about: one for each full node from the leaf up. */
static int vexfs_take_spare(handle_t *handle, struct vexfs_tree *tree, const struct vexfs_path *path,
			    struct vexfs_spare_nodes *spare)
{
	int level;

	spare->count = 0;
	for (level = path->leaf; level >= 0 && vexfs_is_full(path->step[level].header); level--) {
		u64 *block = &spare->blocks[spare->count];
		u64 got;
		int error;

		if (level == 0 && vexfs_node_depth(path->step[0].header) == VEXFS_MAX_TREE_DEPTH)
			error = -EFBIG;
		else if (tree->kept)
			error = vexfs_take_kept(handle, tree->sb, tree->kept, block);
		else
			error = vexfs_allocate(handle, tree->sb, vexfs_goal(tree->sb, tree->owner), 1, block, &got);
		if (error) {
			vexfs_free_spare(handle, tree, spare);
			return error;
		}
		spare->count++;
	}
	return 0;
}

int vexfs_prepare(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path, struct vexfs_spare_nodes *spare)
{
	int error = 0;
	u32 level;

	for (level = 1; level <= path->leaf && !error; level++)
		error = vexfs_change(handle, path->step[level].bh);
	return !error && spare ? vexfs_take_spare(handle, tree, path, spare) : error;
}

int vexfs_node_changed(handle_t *handle, struct vexfs_tree *tree, struct vexfs_step *step)
{
	/* The sum of the inode covers the root. */
	return step->bh ? vexfs_changed_summed(handle, tree->sb, step->bh, VEXFS_SUMMED_EXTENTS) : 0;
}

/* An empty node in a block that vexfs_take_spare() took. */
static int vexfs_new_node(handle_t *handle, struct vexfs_tree *tree, u32 depth, struct vexfs_spare_nodes *spare,
			  struct vexfs_step *step)
{
	struct buffer_head *bh = sb_getblk(tree->sb, spare->blocks[spare->count - 1]);
	int error = bh ? vexfs_change_new(handle, bh) : -ENOMEM;

	if (error) {
		brelse(bh);
		return error;
	}
	spare->count--;
	tree->taken++;
	step->bh = bh;
	step->header = (void *)bh->b_data;
	step->header->magic = cpu_to_le16(VEXFS_EXTENT_MAGIC);
	step->header->capacity = cpu_to_le16(vexfs_node_capacity(&vexfs_volume(tree->sb)->geometry));
	step->header->depth = cpu_to_le16(depth);
	step->header->owner = cpu_to_le64(tree->owner);
	return 0;
}

static void vexfs_move_entries(struct vexfs_extent_header *from, u32 at, struct vexfs_extent_header *to)
{
	const u32 count = vexfs_node_count(from) - at;

	memcpy(vexfs_node_entry(to, 0), vexfs_node_entry(from, at), count * sizeof(union vexfs_extent_entry));
	memset(vexfs_node_entry(from, at), 0, count * sizeof(union vexfs_extent_entry));
	to->count = cpu_to_le16(count);
	from->count = cpu_to_le16(at);
}

static void vexfs_put_entry(struct vexfs_extent_header *header, u32 at, const union vexfs_extent_entry *entry)
{
	const u32 count = vexfs_node_count(header);

	memmove(vexfs_node_entry(header, at + 1), vexfs_node_entry(header, at), (count - at) * sizeof(*entry));
	*vexfs_node_entry(header, at) = *entry;
	header->count = cpu_to_le16(count + 1);
}

static union vexfs_extent_entry vexfs_entry_for(const struct vexfs_step *child)
{
	return (union vexfs_extent_entry){
		.index.logical = vexfs_node_entry(child->header, 0)->index.logical,
		.index.child = cpu_to_le64(child->bh->b_blocknr),
	};
}

/* The root's entries move into a block of their own, `down`, and the root gets one level more. */
static int vexfs_push_root_down(handle_t *handle, struct vexfs_tree *tree, struct vexfs_spare_nodes *spare,
				struct vexfs_step *down)
{
	struct vexfs_extent_header *root = tree->root;
	const u32 depth = vexfs_node_depth(root);
	int error = vexfs_new_node(handle, tree, depth, spare, down);

	if (error)
		return error;
	vexfs_move_entries(root, 0, down->header);
	root->depth = cpu_to_le16(depth + 1);
	root->count = cpu_to_le16(1);
	*vexfs_node_entry(root, 0) = vexfs_entry_for(down);
	return 0;
}

/* Puts `entry` at `at` into a full node, whose rear entries move to a new one: `entry` is then what leads to that. */
static int vexfs_split(handle_t *handle, struct vexfs_tree *tree, struct vexfs_spare_nodes *spare,
		       struct vexfs_step *step, u32 at, union vexfs_extent_entry *entry)
{
	const u32 count = vexfs_node_count(step->header);
	/* Put behind its last entry a full node stays as it is: files grow at their end. */
	const u32 keep = at == count ? count : count / 2;
	struct vexfs_step right;
	int error = vexfs_new_node(handle, tree, vexfs_node_depth(step->header), spare, &right);

	if (error)
		return error;
	vexfs_move_entries(step->header, keep, right.header);
	if (at >= keep)
		vexfs_put_entry(right.header, at - keep, entry);
	else
		vexfs_put_entry(step->header, at, entry);
	*entry = vexfs_entry_for(&right);
	error = vexfs_node_changed(handle, tree, &right);
	brelse(right.bh);
	return error ?: vexfs_node_changed(handle, tree, step);
}

static int vexfs_add_above(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path,
			   struct vexfs_spare_nodes *spare, const union vexfs_extent_entry *entry)
{
	union vexfs_extent_entry added = *entry;
	u32 level = path->leaf;
	struct vexfs_step down;
	int error;

	for (; level > 0 && vexfs_is_full(path->step[level].header); level--) {
		error = vexfs_split(handle, tree, spare, &path->step[level], path->step[level].at + 1, &added);
		if (error)
			return error;
	}
	if (!vexfs_is_full(path->step[level].header)) {
		vexfs_put_entry(path->step[level].header, path->step[level].at + 1, &added);
		return vexfs_node_changed(handle, tree, &path->step[level]);
	}
	error = vexfs_push_root_down(handle, tree, spare, &down);
	if (error)
		return error;
	vexfs_put_entry(down.header, path->step[0].at + 1, &added);
	/* The first key of the root is not looked at, but may not be above its child's. */
	*vexfs_node_entry(tree->root, 0) = vexfs_entry_for(&down);
	error = vexfs_node_changed(handle, tree, &down);
	brelse(down.bh);
	return error;
}

int vexfs_add_entry(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path, struct vexfs_spare_nodes *spare,
		    const union vexfs_extent_entry *entry)
{
	int error = vexfs_add_above(handle, tree, path, spare, entry);

	return error ? vexfs_abort(handle, error) : 0;
}

int vexfs_raise_key(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path, u32 level)
{
	const __le64 first = vexfs_node_entry(path->step[level].header, 0)->index.logical;

	while (level-- > 0) {
		struct vexfs_step *above = &path->step[level];

		if (above->at == 0)
			continue;
		vexfs_node_entry(above->header, above->at)->index.logical = first;
		return vexfs_node_changed(handle, tree, above);
	}
	return 0;
}

static void vexfs_cut_entry(struct vexfs_step *step)
{
	const u32 count = vexfs_node_count(step->header) - 1;
	union vexfs_extent_entry *entry = vexfs_node_entry(step->header, step->at);

	memmove(entry, entry + 1, (count - step->at) * sizeof(*entry));
	memset(vexfs_node_entry(step->header, count), 0, sizeof(*entry));
	step->header->count = cpu_to_le16(count);
}

static int vexfs_free_node(handle_t *handle, struct vexfs_tree *tree, const struct vexfs_step *step)
{
	const u64 block = step->bh->b_blocknr;
	int error = vexfs_free(handle, tree->sb, block, 1);

	if (!error)
		error = vexfs_revoke(handle, tree->sb, block);
	if (error)
		return vexfs_abort(handle, error);
	tree->taken--;
	return 0;
}

int vexfs_pull_up(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path)
{
	const struct vexfs_extent_header *node = path->step[1].header;
	const u32 count = vexfs_node_count(node);
	struct vexfs_extent_header *root = tree->root;

	memcpy(vexfs_node_entry(root, 0), vexfs_node_entry(node, 0), count * sizeof(union vexfs_extent_entry));
	root->count = cpu_to_le16(count);
	root->depth = node->depth;
	return vexfs_free_node(handle, tree, &path->step[1]);
}

int vexfs_drop_entry(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path)
{
	u32 level = path->leaf;
	int error;

	/* Nodes without another entry go altogether. */
	for (; level > 0 && vexfs_node_count(path->step[level].header) == 1; level--) {
		error = vexfs_free_node(handle, tree, &path->step[level]);
		if (error)
			return error;
	}
	vexfs_cut_entry(&path->step[level]);
	if (level == 0 && vexfs_node_count(tree->root) == 0)
		((struct vexfs_extent_header *)tree->root)->depth = 0;
	error = vexfs_node_changed(handle, tree, &path->step[level]);
	if (!error && level > 0 && path->step[level].at == 0)
		error = vexfs_raise_key(handle, tree, path, level);
	return error;
}
