// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Blocks of directory trees: what makes one sound, and the way from the root to the leaf of a cookie. */
#include <linux/math.h>
#include "vexfs_fs.h"

/* Cookies 0 to 2 and the largest belong to no entry. */
#define VEXFS_LOWEST_COOKIE 3
#define VEXFS_NO_COOKIE ((u64)S64_MAX)

static u16 vexfs_slot(const struct vexfs_directory_header *header, u32 index)
{
	return le16_to_cpu(((const __le16 *)(header + 1))[index]);
}

static bool vexfs_entry_holds(const struct vexfs_volume *volume, const struct vexfs_directory_entry *entry, u32 room)
{
	const u8 *name = vexfs_entry_name(entry);
	const u64 number = le64_to_cpu(entry->inode);

	if (room < sizeof(*entry) || entry->name_length == 0 ||
	    round_up(VEXFS_DIRECTORY_NAME_OFFSET + entry->name_length, 8) > room)
		return false;
	if (number == 0 || number > volume->geometry.inode_count || entry->type > 12)
		return false;
	return !memchr(name, 0, entry->name_length) && !memchr(name, '/', entry->name_length);
}

static bool vexfs_leaf_holds(const struct vexfs_volume *volume, const struct vexfs_directory_header *header)
{
	const u32 size = volume->geometry.block_size;
	const u32 count = le16_to_cpu(header->count);
	const u32 start = le32_to_cpu(header->data_start);
	u64 least = VEXFS_LOWEST_COOKIE;
	u32 i;

	if (count == 0 || start > size || start < sizeof(*header) + count * sizeof(__le16))
		return false;
	for (i = 0; i < count; i++) {
		const u32 at = vexfs_slot(header, i);
		const struct vexfs_directory_entry *entry = (const void *)header + at;
		u64 cookie;

		if (at < start || at >= size || at % 8 != 0 || !vexfs_entry_holds(volume, entry, size - at))
			return false;
		cookie = le64_to_cpu(entry->cookie);
		if (cookie < least || cookie >= VEXFS_NO_COOKIE)
			return false;
		least = cookie + 1;
	}
	return true;
}

static bool vexfs_inner_holds(const struct vexfs_volume *volume, const struct vexfs_directory_header *header)
{
	const struct vexfs_directory_index *index = (const void *)(header + 1);
	const u32 count = le16_to_cpu(header->count);
	u32 i;

	if (count == 0 || count > (volume->geometry.block_size - sizeof(*header)) / sizeof(*index))
		return false;
	for (i = 1; i < count; i++) {
		if (le64_to_cpu(index[i].cookie) >= VEXFS_NO_COOKIE ||
		    (i > 1 && le64_to_cpu(index[i].cookie) <= le64_to_cpu(index[i - 1].cookie)))
			return false;
	}
	return true;
}

static bool vexfs_directory_holds(const struct vexfs_volume *volume, const void *data)
{
	const struct vexfs_directory_header *header = data;

	if (le32_to_cpu(header->magic) != VEXFS_DIRECTORY_MAGIC || le16_to_cpu(header->level) > VEXFS_MAX_TREE_DEPTH)
		return false;
	return header->level ? vexfs_inner_holds(volume, header) : vexfs_leaf_holds(volume, header);
}

const struct vexfs_block_kind vexfs_directory_node = {
	.name = "node of a directory",
	.sum_at = offsetof(struct vexfs_directory_header, checksum),
	.holds = vexfs_directory_holds,
};

const struct vexfs_directory_entry *vexfs_leaf_entry(const struct buffer_head *leaf, u32 index)
{
	return (const void *)leaf->b_data + vexfs_slot((const void *)leaf->b_data, index);
}

/* The first entry whose cookie is not below the given one; the count when there is none. */
u32 vexfs_leaf_find(const struct buffer_head *leaf, u64 cookie)
{
	u32 from = 0, to = vexfs_leaf_count(leaf);

	while (from < to) {
		u32 middle = (from + to) / 2;

		if (le64_to_cpu(vexfs_leaf_entry(leaf, middle)->cookie) < cookie)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static u32 vexfs_find_below(const struct vexfs_directory_header *header, u64 cookie)
{
	const struct vexfs_directory_index *index = (const void *)(header + 1);
	u32 from = 0, to = le16_to_cpu(header->count) - 1;

	while (from < to) {
		u32 middle = (from + to + 1) / 2;

		if (le64_to_cpu(index[middle].cookie) <= cookie)
			from = middle;
		else
			to = middle - 1;
	}
	return from;
}

static struct buffer_head *vexfs_read_node(struct inode *dir, u64 block, u32 level)
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
	return ERR_PTR(vexfs_damage(dir->i_sb, "block %llu is not of directory %lu", block, dir->i_ino));
}

/* Entries of a leaf lie inside the range that the keys above give it, so that walking from leaf to leaf ends. */
static bool vexfs_is_within(const struct buffer_head *leaf, u64 low, u64 high)
{
	return le64_to_cpu(vexfs_leaf_entry(leaf, 0)->cookie) >= low &&
	       le64_to_cpu(vexfs_leaf_entry(leaf, vexfs_leaf_count(leaf) - 1)->cookie) < high;
}

struct buffer_head *vexfs_find_leaf(struct inode *dir, u64 cookie, u64 *end)
{
	const struct vexfs_directory_root *root = (const void *)vexfs_info(dir)->root;
	u32 level = le32_to_cpu(root->depth);
	u64 block = le64_to_cpu(root->block);
	u64 low = 0, high = VEXFS_NO_COOKIE;

	*end = high;
	if (block == 0)
		return NULL;
	if (level > VEXFS_MAX_TREE_DEPTH)
		return ERR_PTR(vexfs_damage(dir->i_sb, "directory %lu is too deep", dir->i_ino));
	for (;;) {
		struct buffer_head *bh = vexfs_read_node(dir, block, level);
		const struct vexfs_directory_header *header;
		const struct vexfs_directory_index *index;
		u32 i;

		if (IS_ERR(bh))
			return bh;
		if (level == 0) {
			*end = high;
			if (vexfs_is_within(bh, low, high))
				return bh;
			brelse(bh);
			break;
		}
		header = (const void *)bh->b_data;
		index = (const void *)(header + 1);
		i = vexfs_find_below(header, cookie);
		block = le64_to_cpu(index[i].child);
		if (i > 0)
			low = max(low, le64_to_cpu(index[i].cookie));
		if (i + 1 < le16_to_cpu(header->count))
			high = min(high, le64_to_cpu(index[i + 1].cookie));
		brelse(bh);
		if (low > cookie || high <= cookie)
			break;
		level--;
	}
	return ERR_PTR(vexfs_damage(dir->i_sb, "entries of directory %lu are out of order", dir->i_ino));
}
