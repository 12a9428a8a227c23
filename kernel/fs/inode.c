// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Inodes: from the table into memory. */
#include <linux/iversion.h>
#include <linux/posix_acl.h>
#include "content.h"
#include "vexfs_fs.h"

#define VEXFS_NANOSECONDS 1000000000u

static bool vexfs_inode_holds(const struct vexfs_inode *inode)
{
	const u16 mode = le16_to_cpu(inode->mode);
	const u64 size = le64_to_cpu(inode->size);

	if (le32_to_cpu(inode->atime_nsec) >= VEXFS_NANOSECONDS || le32_to_cpu(inode->mtime_nsec) >= VEXFS_NANOSECONDS ||
	    le32_to_cpu(inode->ctime_nsec) >= VEXFS_NANOSECONDS || le32_to_cpu(inode->btime_nsec) >= VEXFS_NANOSECONDS)
		return false;
	switch (mode & S_IFMT) {
	case S_IFREG:
		return size <= VEXFS_MAX_FILE_BYTES;
	case S_IFLNK:
		return size > 0 && size < PATH_MAX;
	case S_IFDIR:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return size == 0;
	default:
		return false;
	}
}

int vexfs_peek_inode(struct super_block *sb, u64 number, struct vexfs_inode *copy)
{
	struct buffer_head *bh;
	u64 block;
	u32 offset;
	int error = vexfs_inode_place(sb, number, &block, &offset);

	if (error)
		return error;
	bh = sb_bread(sb, block);
	if (!bh)
		return -EIO;
	spin_lock(&vexfs_volume(sb)->table_lock);
	memcpy(copy, bh->b_data + offset, sizeof(*copy));
	spin_unlock(&vexfs_volume(sb)->table_lock);
	brelse(bh);
	/* Zeros: its number was given back since, or has only just been taken. */
	if (!copy->mode)
		return -ENOENT;
	if (le32_to_cpu(copy->checksum) != vexfs_inode_sum(vexfs_volume(sb), number, copy) || !vexfs_inode_holds(copy))
		return vexfs_damage(sb, "inode %llu", number);
	return 0;
}

int vexfs_read_inode(struct super_block *sb, u64 number, struct vexfs_inode *copy)
{
	int error = vexfs_peek_inode(sb, number, copy);

	return error == -ENOENT ? vexfs_damage(sb, "inode %llu is named, which is not in use", number) : error;
}

/* An inode that belongs to the rows of `owner`. */
int vexfs_read_hidden(struct super_block *sb, u64 number, const struct inode *owner, struct vexfs_inode *copy)
{
	int error = vexfs_read_inode(sb, number, copy);

	if (error)
		return error;
	if (!(le32_to_cpu(copy->flags) & VEXFS_INODE_HIDDEN) || !S_ISREG(le16_to_cpu(copy->mode)) ||
	    le64_to_cpu(copy->parent) != owner->i_ino || le32_to_cpu(copy->owner_generation) != owner->i_generation)
		return vexfs_damage(sb, "inode %llu is no hidden inode of inode %llu", number, vexfs_ino(owner));
	return 0;
}

/* The flags of the inode as the VFS heeds them. */
void vexfs_set_vfs_flags(struct inode *inode)
{
	const u32 flags = vexfs_info(inode)->flags;
	unsigned int set = 0;

	if (flags & VEXFS_INODE_SYNC)
		set |= S_SYNC;
	if (flags & VEXFS_INODE_IMMUTABLE)
		set |= S_IMMUTABLE;
	if (flags & VEXFS_INODE_APPEND)
		set |= S_APPEND;
	if (flags & VEXFS_INODE_NOATIME)
		set |= S_NOATIME;
	inode_set_flags(inode, set, S_SYNC | S_IMMUTABLE | S_APPEND | S_NOATIME);
}

static struct timespec64 vexfs_time(__le64 seconds, __le32 nanoseconds)
{
	return (struct timespec64){ .tv_sec = (s64)le64_to_cpu(seconds), .tv_nsec = le32_to_cpu(nanoseconds) };
}

/* It may have been changed, and let go, by a transaction that is not committed yet. */
static void vexfs_init_tids(struct inode *inode)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	journal_t *journal = vexfs_volume(inode->i_sb)->journal;

	if (!journal)
		return;
	read_lock(&journal->j_state_lock);
	if (journal->j_running_transaction)
		info->sync_tid = journal->j_running_transaction->t_tid;
	else if (journal->j_committing_transaction)
		info->sync_tid = journal->j_committing_transaction->t_tid;
	else
		info->sync_tid = journal->j_commit_sequence;
	read_unlock(&journal->j_state_lock);
	info->datasync_tid = info->sync_tid;
}

static void vexfs_fill_inode(struct inode *inode, const struct vexfs_inode *from)
{
	struct vexfs_inode_info *info = vexfs_info(inode);
	const u32 block_bits = vexfs_volume(inode->i_sb)->geometry.block_bits;

	inode->i_mode = le16_to_cpu(from->mode);
	i_uid_write(inode, le32_to_cpu(from->uid));
	i_gid_write(inode, le32_to_cpu(from->gid));
	set_nlink(inode, le32_to_cpu(from->links));
	inode->i_generation = le32_to_cpu(from->generation);
	inode->i_blocks = le64_to_cpu(from->blocks) << (block_bits - SECTOR_SHIFT);
	/* A directory has no bytes; what it takes on the volume is shown instead. */
	i_size_write(inode, S_ISDIR(inode->i_mode) ? (loff_t)(le64_to_cpu(from->blocks) << block_bits) :
						     (loff_t)le64_to_cpu(from->size));
	vexfs_set_times(inode, vexfs_time(from->atime, from->atime_nsec), vexfs_time(from->mtime, from->mtime_nsec),
			vexfs_time(from->ctime, from->ctime_nsec));
	info->disk_size = le64_to_cpu(from->size);
	info->btime = vexfs_time(from->btime, from->btime_nsec);
	info->flags = le32_to_cpu(from->flags);
	info->xattr_block = le64_to_cpu(from->xattr_block);
	info->vector_set = S_ISREG(inode->i_mode) ? le64_to_cpu(from->vector_set) : 0;
	info->parent = le64_to_cpu(from->parent);
	memcpy(info->root, from->root, sizeof(from->root));
	info->root[sizeof(from->root)] = 0;
	vexfs_set_vfs_flags(inode);
	vexfs_init_tids(inode);
}

void vexfs_set_operations(struct inode *inode, u32 rdev)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &vexfs_file_inode_operations;
		inode->i_fop = &vexfs_file_operations;
		inode->i_mapping->a_ops = &vexfs_content_operations;
		mapping_set_large_folios(inode->i_mapping);
		break;
	case S_IFDIR:
		inode->i_op = &vexfs_directory_inode_operations;
		inode->i_fop = &vexfs_directory_operations;
		break;
	case S_IFLNK:
		inode->i_op = &vexfs_symlink_inode_operations;
		break;
	default:
		inode->i_op = &vexfs_special_inode_operations;
		init_special_inode(inode, inode->i_mode, new_decode_dev(rdev));
	}
}

/* Nothing may name a hidden inode. */
static int vexfs_read_named(struct super_block *sb, u64 number, struct vexfs_inode *copy)
{
	int error = vexfs_read_inode(sb, number, copy);

	if (!error && (le32_to_cpu(copy->flags) & VEXFS_INODE_HIDDEN))
		error = vexfs_damage(sb, "inode %llu is hidden and named all the same", number);
	return error;
}

static int vexfs_read_if_there(struct super_block *sb, u64 number, struct vexfs_inode *copy)
{
	int error = vexfs_peek_inode(sb, number, copy);

	return error == -ENOENT || (!error && (le32_to_cpu(copy->flags) & VEXFS_INODE_HIDDEN)) ? -ESTALE : error;
}

/* A visible inode, by `read` when it is not in memory. */
static struct inode *vexfs_get_inode(struct super_block *sb, u64 number,
				     int (*read)(struct super_block *, u64, struct vexfs_inode *))
{
	struct vexfs_inode copy;
	struct inode *inode = iget_locked(sb, number);
	int error;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(vexfs_inode_state(inode) & I_NEW))
		return inode;
	error = read(sb, number, &copy);
	if (error) {
		iget_failed(inode);
		return ERR_PTR(error);
	}
	vexfs_fill_inode(inode, &copy);
	vexfs_set_operations(inode, le32_to_cpu(copy.rdev));
	unlock_new_inode(inode);
	return inode;
}

struct inode *vexfs_iget(struct super_block *sb, u64 number)
{
	return vexfs_get_inode(sb, number, vexfs_read_named);
}

static bool vexfs_is_creating(struct super_block *sb, u64 number)
{
	const struct inode *inode;
	bool is_creating;

	rcu_read_lock();
	inode = find_inode_by_ino_rcu(sb, number);
	is_creating = inode && (vexfs_inode_state(inode) & I_CREATING);
	rcu_read_unlock();
	return is_creating;
}

/* An inode whose number is just being given out is not there yet; iget_locked() has one answer for it and for no memory. */
struct inode *vexfs_iget_if_there(struct super_block *sb, u64 number)
{
	struct inode *inode = vexfs_get_inode(sb, number, vexfs_read_if_there);

	if (inode != ERR_PTR(-ENOMEM))
		return inode;
	if (vexfs_is_creating(sb, number))
		return ERR_PTR(-ESTALE);
	/* It may have been, and be there now. Without memory there is none the second time either. */
	return vexfs_get_inode(sb, number, vexfs_read_if_there);
}
