// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Extent trees: which blocks of the volume hold which blocks of a file. */
#include "vexfs_fs.h"

#define VEXFS_NO_LIMIT U64_MAX

static u16 vexfs_entry_count(const struct vexfs_extent_header *header)
{
	return le16_to_cpu(header->count);
}

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
	const u32 count = vexfs_entry_count(header);

	if (le16_to_cpu(header->magic) != VEXFS_EXTENT_MAGIC || le16_to_cpu(header->capacity) != capacity ||
	    count > capacity || le16_to_cpu(header->depth) > VEXFS_MAX_TREE_DEPTH)
		return false;
	if (le16_to_cpu(header->depth) == 0)
		return vexfs_extents_hold(volume, (const void *)(header + 1), count);
	return count > 0 && vexfs_keys_hold((const void *)(header + 1), count);
}

static bool vexfs_block_holds(const struct vexfs_volume *volume, const void *data)
{
	const u32 room = volume->geometry.block_size - sizeof(struct vexfs_extent_header);

	return vexfs_entry_count(data) > 0 && vexfs_node_holds(volume, data, room / sizeof(struct vexfs_extent));
}

static const struct vexfs_block_kind vexfs_extent_node = {
	.name = "node of an extent tree",
	.sum_at = offsetof(struct vexfs_extent_header, checksum),
	.holds = vexfs_block_holds,
};

/* The last entry whose key is not above `logical`, or the first. */
static u32 vexfs_find_child(const struct vexfs_extent_index *index, u32 count, u64 logical)
{
	u32 from = 0, to = count - 1;

	while (from < to) {
		u32 middle = (from + to + 1) / 2;

		if (le64_to_cpu(index[middle].logical) <= logical)
			from = middle;
		else
			to = middle - 1;
	}
	return from;
}

/*
 * What a leaf says of `logical`; the leaf holds what lies from `low` on and below `high`. An extent that reaches out of
 * these bounds is damage: two leaves could then answer differently.
 */
static int vexfs_find_in_leaf(const struct vexfs_tree *tree, const struct vexfs_extent_header *header, u64 logical,
			      u64 low, u64 high, struct vexfs_run *run)
{
	const struct vexfs_extent *extents = (const void *)(header + 1);
	u32 from = 0, to = vexfs_entry_count(header);
	u64 start;

	while (from < to) {
		u32 middle = (from + to) / 2;

		if (le64_to_cpu(extents[middle].logical) + le32_to_cpu(extents[middle].length) <= logical)
			from = middle + 1;
		else
			to = middle;
	}
	run->physical = 0;
	run->unwritten = false;
	if (from == vexfs_entry_count(header)) {
		run->length = high - logical;
		return 0;
	}
	start = le64_to_cpu(extents[from].logical);
	run->length = le32_to_cpu(extents[from].length);
	if (start < low || start + run->length > high)
		return vexfs_damage(tree->sb, "extents of inode %llu lie in the wrong node", tree->owner);
	if (start > logical) {
		run->length = start - logical;
		return 0;
	}
	run->physical = le64_to_cpu(extents[from].physical) + (logical - start);
	run->length -= logical - start;
	run->unwritten = le32_to_cpu(extents[from].flags) & VEXFS_EXTENT_UNWRITTEN;
	return 0;
}

/* Finds what maps block `logical`, and how many of the `most` blocks from there on lie behind it. */
int vexfs_find_run(const struct vexfs_tree *tree, u64 logical, u64 most, struct vexfs_run *run)
{
	const struct vexfs_extent_header *header = tree->root;
	struct buffer_head *bh = NULL;
	u64 low = 0, high = VEXFS_NO_LIMIT;
	u16 depth;
	int error;

	if (!vexfs_node_holds(vexfs_volume(tree->sb), header, VEXFS_ROOT_EXTENTS) ||
	    le64_to_cpu(header->owner) != tree->owner)
		return vexfs_damage(tree->sb, "the extents of inode %llu", tree->owner);
	for (depth = le16_to_cpu(header->depth); depth > 0; depth--) {
		const struct vexfs_extent_index *index = (const void *)(header + 1);
		const u32 count = vexfs_entry_count(header);
		const u32 i = vexfs_find_child(index, count, logical);
		const u64 child = le64_to_cpu(index[i].child);

		if (i > 0)
			low = max(low, le64_to_cpu(index[i].logical));
		if (i + 1 < count)
			high = min(high, le64_to_cpu(index[i + 1].logical));
		brelse(bh);
		bh = vexfs_read_checked(tree->sb, child, &vexfs_extent_node);
		if (IS_ERR(bh))
			return PTR_ERR(bh);
		header = (const void *)bh->b_data;
		if (le16_to_cpu(header->magic) != VEXFS_EXTENT_MAGIC || le16_to_cpu(header->depth) != depth - 1 ||
		    le64_to_cpu(header->owner) != tree->owner || low > logical || high <= logical) {
			brelse(bh);
			return vexfs_damage(tree->sb, "the extents of inode %llu", tree->owner);
		}
	}
	error = vexfs_find_in_leaf(tree, header, logical, low, high, run);
	brelse(bh);
	run->length = min(run->length, most);
	return error;
}
