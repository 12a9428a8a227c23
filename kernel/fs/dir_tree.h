/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The tree of a directory while it is walked and changed. The caller holds i_rwsem of the directory. */
#ifndef VEXFS_DIR_TREE_H
#define VEXFS_DIR_TREE_H

#include "transaction.h"
#include "vexfs_fs.h"

/* Cookies 0 to 2 and the largest belong to no entry. */
#define VEXFS_LOWEST_COOKIE 3
#define VEXFS_NO_COOKIE ((u64)S64_MAX)
#define VEXFS_ORDINAL_BITS 7

/* The way from the root to an entry: nodes[0] is the leaf, nodes[depth] the root. */
struct vexfs_dir_path {
	u32 depth;
	/* Held, NULL behind `depth`; all NULL in an empty directory. */
	struct buffer_head *nodes[VEXFS_MAX_TREE_DEPTH + 1];
	/* Place in each node: below it the node one level down; in the leaf the entry, or where it would be. */
	u32 indexes[VEXFS_MAX_TREE_DEPTH + 1];
	/* Lowest cookie behind the leaf. */
	u64 end;
	/* Of the entry found, or for the name to be made; 0: no cookie is left for it. */
	u64 cookie;
};

/* dir_path.c */
int vexfs_dir_descend(struct inode *dir, u64 cookie, struct vexfs_dir_path *path);
/* 1: the path leads to the name; 0: to where it is to be inserted; a negative errno. vexfs_dir_release() in any case. */
int vexfs_dir_seek(struct inode *dir, const struct qstr *name, struct vexfs_dir_path *path);
void vexfs_dir_release(struct vexfs_dir_path *path);
struct buffer_head *vexfs_dir_read_node(struct inode *dir, u64 block, u32 level);

/*
 * dir_insert.c, dir_remove.c: the caller writes the inode of the directory in the same handle. After an error nothing has
 * changed, unless the journal has ended. Credits are for the tree as it is now.
 */
int vexfs_dir_insert_credits(const struct inode *dir);
/* -EEXIST; -ENOSPC, also when 128 names with the same hash are there. */
int vexfs_dir_insert(handle_t *handle, struct inode *dir, const struct qstr *name, u64 number, umode_t mode);
int vexfs_dir_remove_credits(const struct inode *dir);
/* -ENOENT */
int vexfs_dir_remove(handle_t *handle, struct inode *dir, const struct qstr *name);
/* Lets a name lead elsewhere: 1 block. Its cookie stays. -ENOENT */
int vexfs_dir_replace(handle_t *handle, struct inode *dir, const struct qstr *name, u64 number, umode_t mode);

/* dir_node.c */
u32 vexfs_dir_node_count(const struct buffer_head *node);
struct vexfs_directory_index *vexfs_inner_entries(const struct buffer_head *node);
u32 vexfs_inner_find(const struct buffer_head *node, u64 cookie);

/* dir_change.c: changes inside one node; vexfs_node_seal() follows. There is room, and indexes are in range. */
void vexfs_node_init(struct buffer_head *node, u32 level, u64 owner);
int vexfs_node_seal(handle_t *handle, struct super_block *sb, struct buffer_head *node);
u32 vexfs_leaf_capacity(const struct buffer_head *leaf);
u32 vexfs_leaf_used(const struct buffer_head *leaf);
u32 vexfs_record_size(u32 name_length);
bool vexfs_leaf_has_room(const struct buffer_head *leaf, u32 name_length);
void vexfs_leaf_insert(struct buffer_head *leaf, u32 index, u64 cookie, const struct qstr *name, u64 number, umode_t mode);
void vexfs_leaf_remove(struct buffer_head *leaf, u32 index);
/* Entries from `from` on go to the end of `target`. */
void vexfs_leaf_move_tail(struct buffer_head *source, u32 from, struct buffer_head *target);
/* How many entries of a full leaf, the new one at `index` among them, stay when it is split. */
u32 vexfs_leaf_cut(const struct buffer_head *leaf, u32 index, u32 name_length);
u32 vexfs_inner_capacity(const struct buffer_head *node);
void vexfs_inner_insert(struct buffer_head *node, u32 index, u64 cookie, u64 child);
void vexfs_inner_remove(struct buffer_head *node, u32 index);
void vexfs_inner_move_tail(struct buffer_head *source, u32 from, struct buffer_head *target);

static inline struct vexfs_directory_root *vexfs_dir_root(const struct inode *dir)
{
	return (struct vexfs_directory_root *)vexfs_info(dir)->root;
}

#endif
