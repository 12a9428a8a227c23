/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Nodes of extent trees, and the way from a root to an extent. The caller keeps others from changing the tree. */
#ifndef VEXFS_EXTENT_TREE_H
#define VEXFS_EXTENT_TREE_H

#include <linux/jbd2.h>
#include "vexfs_fs.h"

/* A leaf's entry and an index node's have the same size; what moves entries about need not know which it moves. */
union vexfs_extent_entry {
	struct vexfs_extent extent;
	struct vexfs_extent_index index;
};
static_assert(sizeof(struct vexfs_extent) == sizeof(struct vexfs_extent_index));

struct vexfs_step {
	/* NULL: the root, which lies in the inode. */
	struct buffer_head *bh;
	struct vexfs_extent_header *header;
	/* Which entry the way leads through; in the leaf the last that begins at or below what is looked for, or -1. */
	int at;
};

struct vexfs_path {
	/* From the root, 0, to the leaf. */
	struct vexfs_step step[VEXFS_MAX_TREE_DEPTH + 1];
	u32 leaf;
	/* The leaf holds what lies from `low` on and below `high`. */
	u64 low;
	u64 high;
};

static inline u32 vexfs_node_count(const struct vexfs_extent_header *header)
{
	return le16_to_cpu(header->count);
}

static inline u32 vexfs_node_depth(const struct vexfs_extent_header *header)
{
	return le16_to_cpu(header->depth);
}

static inline union vexfs_extent_entry *vexfs_node_entry(const struct vexfs_extent_header *header, u32 at)
{
	return (union vexfs_extent_entry *)(header + 1) + at;
}

static inline u64 vexfs_entry_logical(const struct vexfs_extent_header *header, u32 at)
{
	return le64_to_cpu(vexfs_node_entry(header, at)->extent.logical);
}

/* extents.c */
int vexfs_descend(const struct vexfs_tree *tree, u64 logical, struct vexfs_path *path);
/* On to the extent before the one that the path leads to. 1: it was the first. */
int vexfs_step_back(const struct vexfs_tree *tree, struct vexfs_path *path);
void vexfs_path_release(struct vexfs_path *path);

/*
 * extent_tree.c: entries come and go. What may fail for want of blocks comes first, in vexfs_prepare(): after it a change
 * fails only when the journal has ended.
 */
struct vexfs_spare_nodes {
	u64 blocks[VEXFS_MAX_TREE_DEPTH + 1];
	u32 count;
};
/* Makes the path ready to be changed; with `spare` also for one more entry in its leaf. */
int vexfs_prepare(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path, struct vexfs_spare_nodes *spare);
/* Puts an entry behind the one that the path leads to, after vexfs_prepare() with `spare`; the path is of no use then. */
int vexfs_add_entry(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path, struct vexfs_spare_nodes *spare,
		    const union vexfs_extent_entry *entry);
/* Takes away the entry that the path leads to, with the nodes that are empty then. */
int vexfs_drop_entry(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path);
/* The entries of the node below the root move into the root, which leads to no other and has room for them. */
int vexfs_pull_up(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path);
/*
 * The first entry of the node at `level` begins later than before. Its key follows: were it left behind, an extent put into
 * the node before could reach past it.
 */
int vexfs_raise_key(handle_t *handle, struct vexfs_tree *tree, struct vexfs_path *path, u32 level);
/* A node's bytes have changed. */
int vexfs_node_changed(handle_t *handle, struct vexfs_tree *tree, struct vexfs_step *step);

#endif
