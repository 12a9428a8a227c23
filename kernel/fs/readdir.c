// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Listing a directory. The position of an entry is its cookie; positions 0 and 1 are "." and "..". */
#include "inode_write.h"
#include "vector_calls.h"
#include "vexfs_fs.h"

#define VEXFS_FIRST_POSITION 3

static bool vexfs_emit_dots(struct inode *dir, struct dir_context *context)
{
	if (context->pos == 0) {
		if (!dir_emit(context, ".", 1, dir->i_ino, DT_DIR))
			return false;
		context->pos = 1;
	}
	if (context->pos == 1) {
		if (!dir_emit(context, "..", 2, vexfs_info(dir)->parent, DT_DIR))
			return false;
		context->pos = 2;
	}
	if (context->pos < VEXFS_FIRST_POSITION)
		context->pos = VEXFS_FIRST_POSITION;
	return true;
}

/* Emits what a leaf holds from the position on; false when the caller's buffer is full. */
static bool vexfs_emit_leaf(const struct buffer_head *leaf, struct dir_context *context)
{
	u32 i;

	for (i = vexfs_leaf_find(leaf, context->pos); i < vexfs_leaf_count(leaf); i++) {
		const struct vexfs_directory_entry *entry = vexfs_leaf_entry(leaf, i);

		context->pos = le64_to_cpu(entry->cookie);
		if (!dir_emit(context, vexfs_entry_name(entry), entry->name_length, le64_to_cpu(entry->inode),
			      entry->type))
			return false;
		context->pos++;
	}
	return true;
}

static int vexfs_iterate(struct file *file, struct dir_context *context)
{
	struct inode *dir = file_inode(file);

	if (context->pos < 0)
		return -EINVAL;
	if (!vexfs_emit_dots(dir, context))
		return 0;
	while (context->pos < S64_MAX) {
		u64 end;
		struct buffer_head *leaf = vexfs_find_leaf(dir, context->pos, &end);
		bool more;

		if (IS_ERR(leaf))
			return PTR_ERR(leaf);
		more = !leaf || vexfs_emit_leaf(leaf, context);
		brelse(leaf);
		if (!more)
			return 0;
		context->pos = end;
		if (fatal_signal_pending(current))
			return -ERESTARTSYS;
		cond_resched();
	}
	return 0;
}

static loff_t vexfs_dir_llseek(struct file *file, loff_t offset, int whence)
{
	return generic_file_llseek_size(file, offset, whence, S64_MAX, S64_MAX);
}

static int vexfs_sync_directory(struct file *file, loff_t start, loff_t end, int datasync)
{
	return vexfs_commit_inode(file_inode(file), datasync);
}

const struct file_operations vexfs_directory_operations = {
	.llseek = vexfs_dir_llseek,
	.read = generic_read_dir,
	.iterate_shared = vexfs_iterate,
	.fsync = vexfs_sync_directory,
	.unlocked_ioctl = vexfs_ioctl,
};
