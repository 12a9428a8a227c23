// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Extent trees: which blocks of the volume hold which blocks of a file. */
#include "extent_tree.h"

static bool vexfs_extents_hold(const struct vexfs_volume *volume, const struct vexfs_extent *extent, u32 count)
{
	u64 end = 0;

	for (; count; count--, extent++) {
		u64 logical = le64_to_cpu(extent->logical);
		u32 length = le32_to_cpu(extent->length);

		if (logical < end || logical > VEXFS_MAX_FILE_BYTES ||
		    !vexfs_in_data(&volume->geometry, le64_to_cpu(extent->physical), length))
			return false;
		end = logical + length;
	}
	return true;
}

/* The key of the first entry is not looked at; the others rise. */
static bool vexfs_keys_hold(const struct vexfs_extent_index *index, u32 count)
{
	u32 i;

	for (i = 2; i < count; i++) {
		if (le64_to_cpu(index[i].logical) <= le64_to_cpu(index[i - 1].logical))
			return false;
	}
	return true;
}

static bool vexfs_node_holds(const struct vexfs_volume *volume, const struct vexfs_extent_header *header, u32 capacity)
{
	const u32 count = vexfs_node_count(header);

	if (le16_to_cpu(header->magic) != VEXFS_EXTENT_MAGIC || le16_to_cpu(header->capacity) != capacity ||
	    count > capacity || vexfs_node_depth(header) > VEXFS_MAX_TREE_DEPTH)
		return false;
	if (vexfs_node_depth(header) == 0)
		return vexfs_extents_hold(volume, (const void *)(header + 1), count);
	return count > 0 && vexfs_keys_hold((const void *)(header + 1), count);
}

static bool vexfs_block_holds(const struct vexfs_volume *volume, const void *data)
{
	return vexfs_node_count(data) > 0 && vexfs_node_holds(volume, data, vexfs_node_capacity(&volume->geometry));
}

static const struct vexfs_block_kind vexfs_extent_node = {
	.name = "node of an extent tree",
	.what = VEXFS_SUMMED_EXTENTS,
	.holds = vexfs_block_holds,
};

/* The last entry whose key is not above `logical`, or the first. */
static u32 vexfs_find_child(const struct vexfs_extent_header *header, u64 logical)
{
	u32 from = 0, to = vexfs_node_count(header) - 1;

	while (from < to) {
		u32 middle = (from + to + 1) / 2;

		if (vexfs_entry_logical(header, middle) <= logical)
			from = middle;
		else
			to = middle - 1;
	}
	return from;
}

/* The last extent that begins at or below `logical`, or -1. */
static int vexfs_find_extent(const struct vexfs_extent_header *header, u64 logical)
{
	int from = -1, to = (int)vexfs_node_count(header) - 1;

	while (from < to) {
		int middle = (from + to + 1) / 2;

		if (vexfs_entry_logical(header, middle) <= logical)
			from = middle;
		else
			to = middle - 1;
	}
	return from;
}

void vexfs_path_release(struct vexfs_path *path)
{
	u32 level;

	for (level = 1; level <= path->leaf; level++) {
		brelse(path->step[level].bh);
		path->step[level].bh = NULL;
	}
	path->leaf = 0;
}

static int vexfs_tree_damage(const struct vexfs_tree *tree)
{
	return tree->is_hint ? -EUCLEAN : vexfs_damage(tree->sb, "the extents of inode %llu", tree->owner);
}

/* From the entry of the path's last step to the child below it. */
static int vexfs_step_down(const struct vexfs_tree *tree, struct vexfs_path *path)
{
	const struct vexfs_step *above = &path->step[path->leaf];
	const union vexfs_extent_entry *entry = vexfs_node_entry(above->header, above->at);
	struct vexfs_step *step = &path->step[path->leaf + 1];
	struct buffer_head *bh;

	if (above->at > 0)
		path->low = max(path->low, le64_to_cpu(entry->index.logical));
	if (above->at + 1 < (int)vexfs_node_count(above->header))
		path->high = min(path->high, vexfs_entry_logical(above->header, above->at + 1));
	if (tree->is_hint)
		bh = vexfs_peek_checked(tree->sb, le64_to_cpu(entry->index.child), &vexfs_extent_node);
	else
		bh = vexfs_read_checked(tree->sb, le64_to_cpu(entry->index.child), &vexfs_extent_node);
	if (IS_ERR(bh))
		return PTR_ERR(bh);
	step->bh = bh;
	step->header = (void *)bh->b_data;
	path->leaf++;
	if (le16_to_cpu(step->header->magic) != VEXFS_EXTENT_MAGIC || le64_to_cpu(step->header->owner) != tree->owner ||
	    vexfs_node_depth(step->header) != vexfs_node_depth(above->header) - 1 || path->low >= path->high)
		return vexfs_tree_damage(tree);
	return 0;
}

/* An extent that reaches out of the bounds of its leaf is damage: two leaves could then answer differently. */
static int vexfs_check_bounds(const struct vexfs_tree *tree, const struct vexfs_path *path)
{
	const struct vexfs_extent_header *header = path->step[path->leaf].header;
	const u32 count = vexfs_node_count(header);
	const struct vexfs_extent *last;

	if (count == 0)
		return 0;
	last = &vexfs_node_entry(header, count - 1)->extent;
	if (vexfs_entry_logical(header, 0) < path->low ||
	    le64_to_cpu(last->logical) + le32_to_cpu(last->length) > path->high)
		return tree->is_hint ? -EUCLEAN : vexfs_damage(tree->sb, "extents of inode %llu lie in the wrong node", tree->owner);
	return 0;
}

/* Finds the leaf of `logical`. The path is to be released, also after an error. */
int vexfs_descend(const struct vexfs_tree *tree, u64 logical, struct vexfs_path *path)
{
	struct vexfs_extent_header *header = tree->root;
	int error;

	path->leaf = 0;
	path->low = 0;
	path->high = U64_MAX;
	path->step[0] = (struct vexfs_step){ .header = header };
	if (!vexfs_node_holds(vexfs_volume(tree->sb), header, VEXFS_ROOT_EXTENTS) ||
	    le64_to_cpu(header->owner) != tree->owner)
		return vexfs_tree_damage(tree);
	while (vexfs_node_depth(header) > 0) {
		path->step[path->leaf].at = vexfs_find_child(header, logical);
		error = vexfs_step_down(tree, path);
		if (error)
			return error;
		header = path->step[path->leaf].header;
	}
	path->step[path->leaf].at = vexfs_find_extent(header, logical);
	return vexfs_check_bounds(tree, path);
}

int vexfs_step_back(const struct vexfs_tree *tree, struct vexfs_path *path)
{
	u64 before;
	int error;

	if (path->step[path->leaf].at > 0) {
		path->step[path->leaf].at--;
		return 0;
	}
	if (path->low == 0)
		return 1;
	/* The leaf before holds what ends at or below this one's lowest block. */
	before = path->low - 1;
	vexfs_path_release(path);
	error = vexfs_descend(tree, before, path);
	if (!error && path->step[path->leaf].at < 0)
		error = vexfs_tree_damage(tree);
	return error;
}

/* Finds what maps block `logical`, and how many of the `most` blocks from there on lie behind it. */
int vexfs_find_run(const struct vexfs_tree *tree, u64 logical, u64 most, struct vexfs_run *run)
{
	struct vexfs_path path;
	int error = vexfs_descend(tree, logical, &path);

	if (!error) {
		const struct vexfs_step *leaf = &path.step[path.leaf];
		const struct vexfs_extent *extent =
			leaf->at < 0 ? NULL : &vexfs_node_entry(leaf->header, leaf->at)->extent;
		const u64 start = extent ? le64_to_cpu(extent->logical) : 0;

		run->physical = 0;
		run->unwritten = false;
		if (extent && logical - start < le32_to_cpu(extent->length)) {
			run->physical = le64_to_cpu(extent->physical) + (logical - start);
			run->length = le32_to_cpu(extent->length) - (logical - start);
			run->unwritten = le32_to_cpu(extent->flags) & VEXFS_EXTENT_UNWRITTEN;
		} else if (leaf->at + 1 < (int)vexfs_node_count(leaf->header)) {
			run->length = vexfs_entry_logical(leaf->header, leaf->at + 1) - logical;
		} else {
			run->length = path.high - logical;
		}
		run->length = min(run->length, most);
	}
	vexfs_path_release(&path);
	return error;
}
