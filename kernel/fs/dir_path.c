// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The way from the root of a directory to a cookie or a name. */
#include "dir_tree.h"

#define VEXFS_HASH_MASK (U64_MAX >> 8)

struct buffer_head *vexfs_dir_read_node(struct inode *dir, u64 block, u32 level)
{
	struct buffer_head *bh = vexfs_read_checked(dir->i_sb, block, &vexfs_directory_node);
	const struct vexfs_directory_header *header;

	if (IS_ERR(bh))
		return bh;
	header = (const void *)bh->b_data;
	if (le32_to_cpu(header->magic) == VEXFS_DIRECTORY_MAGIC && le16_to_cpu(header->level) == level &&
	    le64_to_cpu(header->owner) == dir->i_ino)
		return bh;
	brelse(bh);
	return ERR_PTR(vexfs_damage(dir->i_sb, "block %llu is not of directory %llu", block, vexfs_ino(dir)));
}

void vexfs_dir_release(struct vexfs_dir_path *path)
{
	u32 level;

	for (level = 0; level < ARRAY_SIZE(path->nodes); level++) {
		brelse(path->nodes[level]);
		path->nodes[level] = NULL;
	}
}

/* Entries of a leaf lie inside the range that the keys above give it, so that walking from leaf to leaf ends. */
static bool vexfs_is_within(const struct buffer_head *leaf, u64 low, u64 high)
{
	return le64_to_cpu(vexfs_leaf_entry(leaf, 0)->cookie) >= low &&
	       le64_to_cpu(vexfs_leaf_entry(leaf, vexfs_leaf_count(leaf) - 1)->cookie) < high;
}

static int vexfs_walk_down(struct inode *dir, u64 cookie, u64 block, struct vexfs_dir_path *path)
{
	u64 low = 0, high = VEXFS_NO_COOKIE;
	u32 level;

	for (level = path->depth;; level--) {
		struct buffer_head *bh = vexfs_dir_read_node(dir, block, level);
		const struct vexfs_directory_index *index;
		u32 i;

		if (IS_ERR(bh))
			return PTR_ERR(bh);
		path->nodes[level] = bh;
		if (level == 0)
			break;
		index = vexfs_inner_entries(bh);
		i = path->indexes[level] = vexfs_inner_find(bh, cookie);
		block = le64_to_cpu(index[i].child);
		if (i > 0)
			low = max(low, le64_to_cpu(index[i].cookie));
		if (i + 1 < vexfs_dir_node_count(bh))
			high = min(high, le64_to_cpu(index[i + 1].cookie));
		if (low > cookie || high <= cookie)
			return vexfs_damage(dir->i_sb, "keys of directory %llu are out of order", vexfs_ino(dir));
	}
	if (!vexfs_is_within(path->nodes[0], low, high))
		return vexfs_damage(dir->i_sb, "entries of directory %llu are out of order", vexfs_ino(dir));
	path->indexes[0] = vexfs_leaf_find(path->nodes[0], cookie);
	path->end = high;
	return 0;
}

int vexfs_dir_descend(struct inode *dir, u64 cookie, struct vexfs_dir_path *path)
{
	const struct vexfs_directory_root *root = vexfs_dir_root(dir);

	memset(path, 0, sizeof(*path));
	path->depth = le32_to_cpu(root->depth);
	path->end = VEXFS_NO_COOKIE;
	if (root->block == 0)
		return 0;
	if (path->depth > VEXFS_MAX_TREE_DEPTH)
		return vexfs_damage(dir->i_sb, "directory %llu is too deep", vexfs_ino(dir));
	return vexfs_walk_down(dir, cookie, le64_to_cpu(root->block), path);
}

struct buffer_head *vexfs_find_leaf(struct inode *dir, u64 cookie, u64 *end)
{
	struct vexfs_dir_path path;
	struct buffer_head *leaf;
	int error = vexfs_dir_descend(dir, cookie, &path);

	leaf = path.nodes[0];
	path.nodes[0] = NULL;
	*end = path.end;
	vexfs_dir_release(&path);
	if (!error)
		return leaf;
	brelse(leaf);
	return ERR_PTR(error);
}

/* The lowest cookie that a name can have. */
static u64 vexfs_name_cookie(const struct super_block *sb, const struct qstr *name)
{
	return (siphash(name->name, name->len, &vexfs_volume(sb)->hash_key) & VEXFS_HASH_MASK) << VEXFS_ORDINAL_BITS;
}

/* 1: the entry stands in the leaf; 0: not there, and `*spare` is the lowest cookie not met; 2: look in the next leaf. */
static int vexfs_scan_leaf(const struct qstr *name, u64 last, struct vexfs_dir_path *path, u64 *spare)
{
	const struct buffer_head *leaf = path->nodes[0];
	u32 i;

	for (i = path->indexes[0]; i < vexfs_leaf_count(leaf); i++) {
		const struct vexfs_directory_entry *entry = vexfs_leaf_entry(leaf, i);
		const u64 cookie = le64_to_cpu(entry->cookie);

		if (cookie > last)
			return 0;
		if (entry->name_length == name->len && !memcmp(vexfs_entry_name(entry), name->name, name->len)) {
			path->indexes[0] = i;
			path->cookie = cookie;
			return 1;
		}
		if (cookie == *spare)
			*spare = cookie + 1;
	}
	return path->end > last ? 0 : 2;
}

int vexfs_dir_seek(struct inode *dir, const struct qstr *name, struct vexfs_dir_path *path)
{
	const u64 first = vexfs_name_cookie(dir->i_sb, name);
	const u64 last = first | ((1 << VEXFS_ORDINAL_BITS) - 1);
	u64 spare = max_t(u64, first, VEXFS_LOWEST_COOKIE), from = first;
	int found, error;

	for (;;) {
		error = vexfs_dir_descend(dir, from, path);
		if (error)
			return error;
		found = path->nodes[0] ? vexfs_scan_leaf(name, last, path, &spare) : 0;
		if (found == 1)
			return 1;
		if (found == 0)
			break;
		from = path->end;
		vexfs_dir_release(path);
	}
	if (spare > last || spare == VEXFS_NO_COOKIE) {
		path->cookie = 0;
		return 0;
	}
	/* The place of the new cookie may be in another leaf than the last one looked at. */
	vexfs_dir_release(path);
	error = vexfs_dir_descend(dir, spare, path);
	path->cookie = spare;
	return error;
}
