// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Inodes: from memory into the table, and when that is durable. */
#include <linux/blkdev.h>
#include "inode_write.h"
#include "vexfs_fs.h"

void vexfs_count_blocks(struct inode *inode, s32 blocks)
{
	if (blocks > 0)
		inode_add_bytes(inode, (loff_t)blocks << inode->i_blkbits);
	else
		inode_sub_bytes(inode, (loff_t)-blocks << inode->i_blkbits);
	if (S_ISDIR(inode->i_mode))
		i_size_write(inode, (loff_t)inode->i_blocks << SECTOR_SHIFT);
}

static void vexfs_put_time(struct timespec64 time, __le64 *seconds, __le32 *nanoseconds)
{
	*seconds = cpu_to_le64(time.tv_sec);
	*nanoseconds = cpu_to_le32(time.tv_nsec);
}

/* The orphan list and owners of hidden inodes stand in the record alone and stay. */
static void vexfs_fill_record(const struct inode *inode, struct vexfs_inode *record)
{
	const struct vexfs_inode_info *info = vexfs_info(inode);
	const u32 block_bits = inode->i_blkbits;

	record->mode = cpu_to_le16(inode->i_mode);
	record->links = cpu_to_le32(inode->i_nlink);
	record->uid = cpu_to_le32(i_uid_read(inode));
	record->gid = cpu_to_le32(i_gid_read(inode));
	record->size = cpu_to_le64(info->disk_size);
	record->blocks = cpu_to_le64((u64)inode->i_blocks >> (block_bits - SECTOR_SHIFT));
	vexfs_put_time(vexfs_inode_atime(inode), &record->atime, &record->atime_nsec);
	vexfs_put_time(vexfs_inode_mtime(inode), &record->mtime, &record->mtime_nsec);
	vexfs_put_time(vexfs_inode_ctime(inode), &record->ctime, &record->ctime_nsec);
	vexfs_put_time(info->btime, &record->btime, &record->btime_nsec);
	record->flags = cpu_to_le32(info->flags);
	record->generation = cpu_to_le32(inode->i_generation);
	record->rdev = cpu_to_le32(S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode) ? new_encode_dev(inode->i_rdev) : 0);
	record->vector_set = cpu_to_le64(info->vector_set);
	record->xattr_block = cpu_to_le64(info->xattr_block);
	record->parent = cpu_to_le64(S_ISDIR(inode->i_mode) || info->flags & VEXFS_INODE_HIDDEN ? info->parent : 0);
	memcpy(record->root, info->root, sizeof(record->root));
}

/* Whether fdatasync(2) has to wait for the change too. */
static bool vexfs_changes_content(const struct vexfs_inode *before, const struct vexfs_inode *after)
{
	return before->size != after->size || before->blocks != after->blocks ||
	       before->vector_set != after->vector_set || memcmp(before->root, after->root, sizeof(after->root));
}

void vexfs_content_needs(handle_t *handle, struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);

	info->sync_tid = handle->h_transaction->t_tid;
	info->datasync_tid = info->sync_tid;
}

int vexfs_write_inode(handle_t *handle, struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_volume *volume = vexfs_volume(inode->i_sb);
	struct vexfs_inode before, *record;
	struct buffer_head *bh;
	u32 offset;
	int error;

	bh = sb_bread(inode->i_sb, vexfs_table_place(&volume->geometry, inode->i_ino, &offset));
	if (!bh)
		return -EIO;
	error = vexfs_change(handle, bh);
	if (error)
		goto done;
	record = (struct vexfs_inode *)(bh->b_data + offset);
	down_read(&info->extents_lock);
	spin_lock(&volume->table_lock);
	before = *record;
	vexfs_fill_record(inode, record);
	record->checksum = cpu_to_le32(vexfs_inode_sum(volume, inode->i_ino, record));
	info->sync_tid = handle->h_transaction->t_tid;
	if (vexfs_changes_content(&before, record))
		info->datasync_tid = info->sync_tid;
	spin_unlock(&volume->table_lock);
	up_read(&info->extents_lock);
	error = vexfs_changed(handle, bh);
done:
	brelse(bh);
	return error;
}

void vexfs_dirty_inode(struct inode *inode, int flags)
{
	handle_t *handle = vexfs_start(inode->i_sb, VEXFS_INODE_CREDITS);

	if (IS_ERR(handle))
		return;
	vexfs_write_inode(handle, inode);
	vexfs_stop(handle);
}

/* Inodes are in the journal as soon as they are dirty: there is only its commit to wait for. */
int vexfs_write_vfs_inode(struct inode *inode, struct writeback_control *control)
{
	if (current->flags & PF_MEMALLOC || sb_rdonly(inode->i_sb))
		return 0;
	/* sync(2) commits once, in sync_fs(). */
	if (control->sync_mode != WB_SYNC_ALL || control->for_sync)
		return 0;
	return vexfs_commit_inode(inode, false);
}

int vexfs_commit_inode(struct inode *inode, bool datasync)
{
	const struct vexfs_inode_info *info = vexfs_info(inode);
	journal_t *journal = vexfs_volume(inode->i_sb)->journal;
	const tid_t tid = datasync ? info->datasync_tid : info->sync_tid;
	bool has_flushed;
	int error;

	if (!journal)
		return 0;
	/* Not what the VFS says: damage may have made the volume read-only since, and what was changed before is to be durable all the same. */
	if (is_journal_aborted(journal))
		return -EROFS;
	has_flushed = jbd2_trans_will_send_data_barrier(journal, tid);
	error = jbd2_complete_transaction(journal, tid);
	if (!error && !has_flushed)
		error = blkdev_issue_flush(inode->i_sb->s_bdev);
	return error;
}
