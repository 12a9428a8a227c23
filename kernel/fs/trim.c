// SPDX-License-Identifier: GPL-2.0 OR MIT
/* FITRIM: tells the device of blocks that nothing is in. */
#include <linux/fs.h>
#include <linux/blkdev.h>
#include <linux/capability.h>
#include <linux/uaccess.h>
#include "alloc.h"
#include "trim.h"
#include "vexfs_fs.h"

struct vexfs_trim {
	/* In blocks. */
	u64 first;
	u64 end;
	u64 least;
	u64 trimmed;
};

/* A run of free blocks cannot be taken while the device forgets it: allocator_lock is held for that long. */
static int vexfs_trim_group(struct super_block *sb, u32 group, struct vexfs_trim *trim)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	const u64 start = vexfs_group_start(&volume->geometry, group);
	const u64 end = min(trim->end - start, vexfs_group_blocks(&volume->geometry, group));
	u32 from = trim->first > start ? trim->first - start : 0;

	while (from < end) {
		u32 bit, count;
		int error;

		mutex_lock(&volume->allocator_lock);
		error = vexfs_next_free_run(sb, group, from, end, &bit, &count);
		if (!error && count && count >= trim->least) {
			error = sb_issue_discard(sb, start + bit, count, GFP_NOFS, 0);
			trim->trimmed += error ? 0 : count;
		}
		mutex_unlock(&volume->allocator_lock);
		if (error || !count)
			return error;
		if (fatal_signal_pending(current))
			return -ERESTARTSYS;
		from = bit + count;
		cond_resched();
	}
	return 0;
}

static int vexfs_trim(struct super_block *sb, struct fstrim_range *range)
{
	const struct vexfs_geometry *geometry = &vexfs_volume(sb)->geometry;
	const u32 bits = geometry->block_bits;
	struct vexfs_trim trim = {
		.first = DIV_ROUND_UP_ULL(range->start, geometry->block_size),
		.least = max_t(u64, max_t(u64, range->minlen, bdev_discard_granularity(sb->s_bdev)) >> bits, 1),
	};
	u32 group;
	int error = 0;

	if (range->start >= geometry->total_blocks << bits || range->len < geometry->block_size ||
	    trim.least > geometry->blocks_per_group)
		return -EINVAL;
	trim.end = min(geometry->total_blocks, (range->start + min(range->len, U64_MAX - range->start)) >> bits);
	for (group = div_u64(trim.first, geometry->blocks_per_group);
	     group < geometry->group_count && vexfs_group_start(geometry, group) < trim.end && !error; group++)
		error = vexfs_trim_group(sb, group, &trim);
	range->len = trim.trimmed << bits;
	return error;
}

int vexfs_ioctl_trim(struct file *file, struct fstrim_range __user *argument)
{
	struct super_block *sb = file_inode(file)->i_sb;
	struct fstrim_range range;
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!bdev_max_discard_sectors(sb->s_bdev))
		return -EOPNOTSUPP;
	if (copy_from_user(&range, argument, sizeof(range)))
		return -EFAULT;
	if (sb_rdonly(sb) || !vexfs_volume(sb)->journal)
		return -EROFS;
	/* What was freed so far becomes free for good, so that it is trimmed too. */
	error = jbd2_journal_force_commit(vexfs_volume(sb)->journal);
	if (!error)
		error = vexfs_trim(sb, &range);
	if (error)
		return error;
	return copy_to_user(argument, &range, sizeof(range)) ? -EFAULT : 0;
}
