// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Changes inside one block of a directory tree. Records of removed names are zeroed and counted as garbage. */
#include <linux/math.h>
#include <linux/slab.h>
#include "dir_tree.h"

static struct vexfs_directory_header *vexfs_header(const struct buffer_head *node)
{
	return (struct vexfs_directory_header *)node->b_data;
}

static __le16 *vexfs_slots(const struct buffer_head *leaf)
{
	return (__le16 *)(vexfs_header(leaf) + 1);
}

void vexfs_node_init(struct buffer_head *node, u32 level, u64 owner)
{
	struct vexfs_directory_header *header = vexfs_header(node);

	header->magic = cpu_to_le32(VEXFS_DIRECTORY_MAGIC);
	header->level = cpu_to_le16(level);
	header->owner = cpu_to_le64(owner);
	header->data_start = cpu_to_le32(level ? 0 : node->b_size);
}

int vexfs_node_seal(handle_t *handle, struct super_block *sb, struct buffer_head *node)
{
	return vexfs_changed_summed(handle, sb, node, VEXFS_SUMMED_DIRECTORY);
}

u32 vexfs_record_size(u32 name_length)
{
	return round_up(VEXFS_DIRECTORY_NAME_OFFSET + name_length, 8);
}

static u32 vexfs_size_at(const struct buffer_head *leaf, u32 index)
{
	return vexfs_record_size(vexfs_leaf_entry(leaf, index)->name_length);
}

u32 vexfs_leaf_capacity(const struct buffer_head *leaf)
{
	return leaf->b_size - sizeof(struct vexfs_directory_header);
}

/* Bytes of the records and their slots. */
u32 vexfs_leaf_used(const struct buffer_head *leaf)
{
	const struct vexfs_directory_header *header = vexfs_header(leaf);

	return leaf->b_size - le32_to_cpu(header->data_start) - le32_to_cpu(header->garbage) +
	       vexfs_leaf_count(leaf) * sizeof(__le16);
}

bool vexfs_leaf_has_room(const struct buffer_head *leaf, u32 name_length)
{
	return vexfs_leaf_used(leaf) + vexfs_record_size(name_length) + sizeof(__le16) <= vexfs_leaf_capacity(leaf);
}

/* Moves the records together at the end of the block. */
static void vexfs_compact(struct buffer_head *leaf)
{
	struct vexfs_directory_header *header = vexfs_header(leaf);
	const u32 count = vexfs_leaf_count(leaf);
	/* In the middle of a change, which cannot be taken back any more. */
	u8 *scratch = kmalloc(leaf->b_size, GFP_NOFS | __GFP_NOFAIL);
	u32 start = leaf->b_size, slots = sizeof(*header) + count * sizeof(__le16), i;

	for (i = 0; i < count; i++) {
		const u32 size = vexfs_size_at(leaf, i);

		start -= size;
		memcpy(scratch + start, vexfs_leaf_entry(leaf, i), size);
		vexfs_slots(leaf)[i] = cpu_to_le16(start);
	}
	memcpy(leaf->b_data + start, scratch + start, leaf->b_size - start);
	memset(leaf->b_data + slots, 0, start - slots);
	header->data_start = cpu_to_le32(start);
	header->garbage = 0;
	kfree(scratch);
}

/* A slot at `index` and room for its record. */
static struct vexfs_directory_entry *vexfs_open_record(struct buffer_head *leaf, u32 index, u32 size)
{
	struct vexfs_directory_header *header = vexfs_header(leaf);
	const u32 count = vexfs_leaf_count(leaf);
	__le16 *slots = vexfs_slots(leaf);
	u32 start;

	if (le32_to_cpu(header->data_start) - (sizeof(*header) + count * sizeof(*slots)) < size + sizeof(*slots))
		vexfs_compact(leaf);
	start = le32_to_cpu(header->data_start) - size;
	memmove(slots + index + 1, slots + index, (count - index) * sizeof(*slots));
	slots[index] = cpu_to_le16(start);
	header->count = cpu_to_le16(count + 1);
	header->data_start = cpu_to_le32(start);
	return (void *)leaf->b_data + start;
}

void vexfs_leaf_insert(struct buffer_head *leaf, u32 index, u64 cookie, const struct qstr *name, u64 number, umode_t mode)
{
	const u32 size = vexfs_record_size(name->len);
	struct vexfs_directory_entry *entry = vexfs_open_record(leaf, index, size);

	memset(entry, 0, size);
	entry->cookie = cpu_to_le64(cookie);
	entry->inode = cpu_to_le64(number);
	entry->type = (mode & S_IFMT) >> 12;
	entry->name_length = name->len;
	memcpy((u8 *)entry + VEXFS_DIRECTORY_NAME_OFFSET, name->name, name->len);
}

void vexfs_leaf_remove(struct buffer_head *leaf, u32 index)
{
	struct vexfs_directory_header *header = vexfs_header(leaf);
	const u32 size = vexfs_size_at(leaf, index), count = vexfs_leaf_count(leaf);
	__le16 *slots = vexfs_slots(leaf);
	const u32 at = le16_to_cpu(slots[index]);

	memset(leaf->b_data + at, 0, size);
	if (at == le32_to_cpu(header->data_start))
		header->data_start = cpu_to_le32(at + size);
	else
		le32_add_cpu(&header->garbage, size);
	memmove(slots + index, slots + index + 1, (count - index - 1) * sizeof(*slots));
	header->count = cpu_to_le16(count - 1);
}

void vexfs_leaf_move_tail(struct buffer_head *source, u32 from, struct buffer_head *target)
{
	const u32 count = vexfs_leaf_count(source);
	u32 i;

	for (i = from; i < count; i++) {
		const u32 size = vexfs_size_at(source, i);

		memcpy(vexfs_open_record(target, vexfs_leaf_count(target), size), vexfs_leaf_entry(source, i), size);
	}
	vexfs_header(source)->count = cpu_to_le16(from);
	vexfs_compact(source);
}

/* A leaf has room for three of the largest records at least, so that neither side is empty or too full. */
u32 vexfs_leaf_cut(const struct buffer_head *leaf, u32 index, u32 name_length)
{
	const u32 count = vexfs_leaf_count(leaf);
	const u32 size = vexfs_record_size(name_length) + sizeof(__le16);
	const u32 half = (vexfs_leaf_used(leaf) + size) / 2;
	u32 kept, sum = 0;

	for (kept = 0; kept < count; kept++) {
		if (kept == index)
			sum += size;
		else
			sum += vexfs_size_at(leaf, kept < index ? kept : kept - 1) + sizeof(__le16);
		if (sum >= half)
			return kept + 1;
	}
	return count;
}

u32 vexfs_inner_capacity(const struct buffer_head *node)
{
	return (node->b_size - sizeof(struct vexfs_directory_header)) / sizeof(struct vexfs_directory_index);
}

void vexfs_inner_insert(struct buffer_head *node, u32 index, u64 cookie, u64 child)
{
	struct vexfs_directory_index *entries = vexfs_inner_entries(node);
	const u32 count = vexfs_dir_node_count(node);

	memmove(entries + index + 1, entries + index, (count - index) * sizeof(*entries));
	entries[index] = (struct vexfs_directory_index){ .cookie = cpu_to_le64(cookie), .child = cpu_to_le64(child) };
	vexfs_header(node)->count = cpu_to_le16(count + 1);
}

void vexfs_inner_remove(struct buffer_head *node, u32 index)
{
	struct vexfs_directory_index *entries = vexfs_inner_entries(node);
	const u32 count = vexfs_dir_node_count(node);

	memmove(entries + index, entries + index + 1, (count - index - 1) * sizeof(*entries));
	memset(entries + count - 1, 0, sizeof(*entries));
	vexfs_header(node)->count = cpu_to_le16(count - 1);
}

void vexfs_inner_move_tail(struct buffer_head *source, u32 from, struct buffer_head *target)
{
	struct vexfs_directory_index *entries = vexfs_inner_entries(source);
	const u32 moved = vexfs_dir_node_count(source) - from, count = vexfs_dir_node_count(target);

	memcpy(vexfs_inner_entries(target) + count, entries + from, moved * sizeof(*entries));
	memset(entries + from, 0, moved * sizeof(*entries));
	vexfs_header(target)->count = cpu_to_le16(count + moved);
	vexfs_header(source)->count = cpu_to_le16(from);
}
