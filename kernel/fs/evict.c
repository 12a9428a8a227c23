// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The end of inodes: out of memory, and off the volume when nothing leads to them any more. */
#include <linux/pagemap.h>
#include "alloc.h"
#include "content_blocks.h"
#include "file_size.h"
#include "freed_slots.h"
#include "inode_write.h"
#include "row_changes.h"
#include "vector_set.h"
#include "vexfs_fs.h"

static bool vexfs_has_extents(const struct inode *inode)
{
	const struct vexfs_extent_header *header = (const void *)vexfs_info(inode)->root;

	if (S_ISDIR(inode->i_mode))
		return ((const struct vexfs_directory_root *)header)->block != 0;
	if (S_ISLNK(inode->i_mode) && i_size_read(inode) <= sizeof_field(struct vexfs_inode, root))
		return false;
	return header->count != 0;
}

static int vexfs_free_attributes(handle_t *handle, struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	int error;

	if (info->xattr_block == 0)
		return 0;
	error = vexfs_free(handle, inode->i_sb, info->xattr_block, 1);
	if (!error)
		error = vexfs_revoke(handle, inode->i_sb, info->xattr_block);
	info->xattr_block = 0;
	return error;
}

/* The inode itself, when its content is gone. */
static int vexfs_free_record(struct inode *inode)
{
	handle_t *handle = vexfs_start(inode->i_sb, VEXFS_FREE_CREDITS(1) + VEXFS_ORPHAN_CREDITS + VEXFS_GIVE_INODE_CREDITS);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	error = vexfs_free_attributes(handle, inode);
	if (!error)
		error = vexfs_orphan_remove(handle, inode);
	if (!error) {
		error = vexfs_give_inode(handle, inode->i_sb, inode->i_ino, S_ISDIR(inode->i_mode));
		/* Off the list and still there: nobody would look for it. */
		if (error)
			vexfs_abort(handle, error);
	}
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

/* What fails here leaves the inode on the orphan list, for the next mount or for fsck. */
static void vexfs_delete_inode(struct inode *inode)
{
	int error = 0;

	sb_start_intwrite(inode->i_sb);
	if (!S_ISDIR(inode->i_mode) && vexfs_has_extents(inode))
		error = vexfs_content_remove(inode, 0, VEXFS_NO_BLOCK);
	/* A directory that is deleted is empty, or it is damaged. */
	if (!error && !vexfs_has_extents(inode) && !vexfs_set_delete(inode))
		vexfs_free_record(inode);
	sb_end_intwrite(inode->i_sb);
}

void vexfs_cut_orphan(struct inode *inode)
{
	if (S_ISREG(inode->i_mode))
		vexfs_truncate(inode);
}

void vexfs_evict_inode(struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_volume *volume = vexfs_volume(inode->i_sb);

	truncate_inode_pages_final(&inode->i_data);
	/* Without links and not on the list: damage, which is not made worse. */
	if (!inode->i_nlink && info->orphan && !is_bad_inode(inode) && !sb_rdonly(inode->i_sb))
		vexfs_delete_inode(inode);
	vexfs_orphan_leave(inode);
	clear_inode(inode);
	if (volume->journal)
		jbd2_journal_release_jbd_inode(volume->journal, &info->jinode);
	if (info->set)
		vexfs_freed_forget(volume, info->set);
	vexfs_set_free(info->set);
	info->set = NULL;
}
