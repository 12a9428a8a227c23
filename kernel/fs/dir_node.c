// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Blocks of directory trees: what makes one sound, and what is where in it. */
#include <linux/math.h>
#include "dir_tree.h"

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
	u64 taken = le32_to_cpu(header->garbage);
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
		taken += vexfs_record_size(entry->name_length);
	}
	return taken == size - start;
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
	.what = VEXFS_SUMMED_DIRECTORY,
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

u32 vexfs_dir_node_count(const struct buffer_head *node)
{
	return le16_to_cpu(((const struct vexfs_directory_header *)node->b_data)->count);
}

struct vexfs_directory_index *vexfs_inner_entries(const struct buffer_head *node)
{
	return (void *)node->b_data + sizeof(struct vexfs_directory_header);
}

/* The child that a cookie belongs to. */
u32 vexfs_inner_find(const struct buffer_head *node, u64 cookie)
{
	const struct vexfs_directory_index *index = vexfs_inner_entries(node);
	u32 from = 0, to = vexfs_dir_node_count(node) - 1;

	while (from < to) {
		u32 middle = (from + to + 1) / 2;

		if (le64_to_cpu(index[middle].cookie) <= cookie)
			from = middle;
		else
			to = middle - 1;
	}
	return from;
}
