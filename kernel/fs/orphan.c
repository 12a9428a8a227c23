// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The list of inodes with which recovery has to finish: in the superblock and the records, and the same in memory. */
#include <linux/slab.h>
#include <linux/xarray.h>
#include "alloc.h"
#include "inode_write.h"
#include "trace.h"
#include "vexfs_fs.h"

/* Outlives the inode when that cannot be finished with: it stays on the list for fsck. */
struct vexfs_orphan {
	struct list_head list;
	u64 number;
};

static int vexfs_set_orphan_head(handle_t *handle, struct vexfs_volume *volume, u64 number)
{
	struct vexfs_superblock *superblock;
	int error;

	mutex_lock(&volume->allocator_lock);
	superblock = vexfs_superblock_change(handle, volume);
	error = PTR_ERR_OR_ZERO(superblock);
	if (!error) {
		superblock->orphan_head = cpu_to_le64(number);
		error = vexfs_superblock_changed(handle, volume);
	}
	mutex_unlock(&volume->allocator_lock);
	return error;
}

/* Changes nothing else of the record: what is in memory goes there with vexfs_write_inode(). */
static int vexfs_set_orphan_next(handle_t *handle, struct vexfs_volume *volume, u64 number, u64 next)
{
	struct vexfs_inode *record;
	struct buffer_head *bh;
	u32 offset;
	int error;

	bh = sb_bread(volume->sb, vexfs_table_place(&volume->geometry, number, &offset));
	if (!bh)
		return -EIO;
	error = vexfs_change(handle, bh);
	if (!error) {
		record = (struct vexfs_inode *)(bh->b_data + offset);
		spin_lock(&volume->table_lock);
		record->orphan_next = cpu_to_le64(next);
		record->checksum = cpu_to_le32(vexfs_inode_sum(volume, number, record));
		spin_unlock(&volume->table_lock);
		error = vexfs_changed(handle, bh);
	}
	brelse(bh);
	return error;
}

static u64 vexfs_first_orphan(const struct vexfs_volume *volume)
{
	return list_empty(&volume->orphans) ? 0 : list_first_entry(&volume->orphans, struct vexfs_orphan, list)->number;
}

/*
 * The entry of an inode that was let go while it stood on the list: it is the inode's again. To enter it once more would lead the list back
 * to itself. The caller holds orphan_lock.
 */
static struct vexfs_orphan *vexfs_find_left_orphan(const struct vexfs_volume *volume, u64 number)
{
	struct vexfs_orphan *orphan;

	if (!volume->has_left_orphans)
		return NULL;
	list_for_each_entry(orphan, &volume->orphans, list) {
		if (orphan->number == number)
			return orphan;
	}
	return NULL;
}

int vexfs_orphan_add(handle_t *handle, struct inode *inode)
{
	struct vexfs_volume *volume = vexfs_volume(inode->i_sb);
	struct vexfs_inode_info *info = vexfs_info(inode);
	struct vexfs_orphan *orphan;
	int error = 0;

	mutex_lock(&volume->orphan_lock);
	if (!info->orphan)
		info->orphan = vexfs_find_left_orphan(volume, inode->i_ino);
	if (info->orphan)
		goto unlock;
	/* Who comes here has changed names already, or holds rows that nothing names yet: there is no way back. */
	orphan = kmalloc(sizeof(*orphan), GFP_NOFS | __GFP_NOFAIL);
	orphan->number = inode->i_ino;
	error = vexfs_set_orphan_next(handle, volume, orphan->number, vexfs_first_orphan(volume));
	if (!error)
		error = vexfs_set_orphan_head(handle, volume, orphan->number);
	if (error) {
		kfree(orphan);
		goto unlock;
	}
	list_add(&orphan->list, &volume->orphans);
	info->orphan = orphan;
	trace_vexfs_orphan_add(inode, inode->i_nlink);
unlock:
	mutex_unlock(&volume->orphan_lock);
	return error;
}

static int vexfs_unlink_orphan(handle_t *handle, struct vexfs_volume *volume, struct vexfs_orphan *orphan)
{
	const bool is_last = list_is_last(&orphan->list, &volume->orphans);
	const u64 next = is_last ? 0 : list_next_entry(orphan, list)->number;
	int error;

	if (list_is_first(&orphan->list, &volume->orphans))
		error = vexfs_set_orphan_head(handle, volume, next);
	else
		error = vexfs_set_orphan_next(handle, volume, list_prev_entry(orphan, list)->number, next);
	return error ?: vexfs_set_orphan_next(handle, volume, orphan->number, 0);
}

int vexfs_orphan_remove(handle_t *handle, struct inode *inode)
{
	struct vexfs_volume *volume = vexfs_volume(inode->i_sb);
	struct vexfs_inode_info *info = vexfs_info(inode);
	int error = 0;

	mutex_lock(&volume->orphan_lock);
	if (info->orphan) {
		error = vexfs_unlink_orphan(handle, volume, info->orphan);
		if (error) {
			vexfs_abort(handle, error);
		} else {
			list_del(&info->orphan->list);
			kfree(info->orphan);
			info->orphan = NULL;
			trace_vexfs_orphan_remove(inode, inode->i_nlink);
		}
	}
	mutex_unlock(&volume->orphan_lock);
	return error;
}

void vexfs_orphan_leave(struct inode *inode)
{
	struct vexfs_volume *volume = vexfs_volume(inode->i_sb);
	struct vexfs_inode_info *info = vexfs_info(inode);

	if (!info->orphan)
		return;
	mutex_lock(&volume->orphan_lock);
	volume->has_left_orphans = true;
	info->orphan = NULL;
	mutex_unlock(&volume->orphan_lock);
}

/* The next of the list, if its inode can stand there. `numbers`: those before it. */
static int vexfs_load_orphan(struct vexfs_volume *volume, struct xarray *numbers, u64 *number)
{
	struct vexfs_orphan *orphan;
	struct vexfs_inode record;
	int error = vexfs_read_inode(volume->sb, *number, &record);

	if (!error && (le32_to_cpu(record.flags) & VEXFS_INODE_HIDDEN))
		error = vexfs_damage(volume->sb, "hidden inode %llu is on the orphan list", *number);
	if (!error)
		error = xa_insert(numbers, *number, xa_mk_value(0), GFP_KERNEL);
	if (error == -EBUSY)
		error = vexfs_damage(volume->sb, "the orphan list leads back to inode %llu", *number);
	if (error)
		return error;
	orphan = kmalloc(sizeof(*orphan), GFP_KERNEL);
	if (!orphan)
		return -ENOMEM;
	orphan->number = *number;
	list_add_tail(&orphan->list, &volume->orphans);
	*number = le64_to_cpu(record.orphan_next);
	return 0;
}

/* The list ends before an inode that cannot stand there: the rest is left to fsck. */
static int vexfs_load_orphans(struct vexfs_volume *volume)
{
	u64 number = le64_to_cpu(volume->superblock->orphan_head);
	DEFINE_XARRAY(numbers);
	int error = 0;

	while (number && !error)
		error = vexfs_load_orphan(volume, &numbers, &number);
	xa_destroy(&numbers);
	return error;
}

void vexfs_forget_orphans(struct super_block *sb)
{
	struct vexfs_orphan *orphan, *next;

	list_for_each_entry_safe(orphan, next, &vexfs_volume(sb)->orphans, list)
		kfree(orphan);
	INIT_LIST_HEAD(&vexfs_volume(sb)->orphans);
}

int vexfs_finish_orphans(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	struct vexfs_orphan *orphan, *next;
	u32 deleted = 0, cut = 0;
	int error = vexfs_load_orphans(volume);

	if (error && error != -EUCLEAN)
		return error;
	/* Finishing with one takes nothing but itself off the list. */
	list_for_each_entry_safe(orphan, next, &volume->orphans, list) {
		struct inode *inode = vexfs_iget(sb, orphan->number);

		if (IS_ERR(inode)) {
			if (PTR_ERR(inode) != -EUCLEAN)
				return PTR_ERR(inode);
			volume->has_left_orphans = true;
			continue;
		}
		vexfs_info(inode)->orphan = orphan;
		if (inode->i_nlink) {
			vexfs_cut_orphan(inode);
			cut++;
		} else {
			deleted++;
		}
		iput(inode);
	}
	if (deleted || cut)
		pr_info("vexfs (%s): %u deletions and %u truncations finished\n", sb->s_id, deleted, cut);
	return 0;
}
