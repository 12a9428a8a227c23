// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Reading blocks of metadata: nothing of a block is used before its place, its sum and its content have been checked. */
#include <linux/jbd2.h>
#include "vexfs_fs.h"

enum vexfs_buffer_bits {
	/* The content was checked since it was read. */
	BH_VexfsChecked = BH_JBDPrivateStart,
};
BUFFER_FNS(VexfsChecked, vexfs_checked)

bool vexfs_is_checked(const struct buffer_head *bh)
{
	return buffer_vexfs_checked(bh);
}

void vexfs_mark_checked(struct buffer_head *bh)
{
	set_buffer_vexfs_checked(bh);
}

/* A block of the data area, as it is. */
struct buffer_head *vexfs_read_block(struct super_block *sb, u64 block)
{
	struct buffer_head *bh;

	if (!vexfs_in_data(&vexfs_volume(sb)->geometry, block, 1))
		return ERR_PTR(vexfs_damage(sb, "block %llu is named, which holds no data", block));
	bh = sb_bread(sb, block);
	return bh ?: ERR_PTR(-EIO);
}

/* False: the block is none of the kind, and given back. */
static bool vexfs_check_block(struct super_block *sb, struct buffer_head *bh, const struct vexfs_block_kind *kind)
{
	const struct vexfs_volume *volume = vexfs_volume(sb);
	__le32 sum;

	if (buffer_vexfs_checked(bh))
		return true;
	memcpy(&sum, bh->b_data + vexfs_sum_at(kind->what), sizeof(sum));
	if (le32_to_cpu(sum) != vexfs_block_sum(volume, bh->b_blocknr, bh->b_data, kind->what) || !kind->holds(volume, bh->b_data)) {
		brelse(bh);
		return false;
	}
	set_buffer_vexfs_checked(bh);
	return true;
}

struct buffer_head *vexfs_read_checked(struct super_block *sb, u64 block, const struct vexfs_block_kind *kind)
{
	struct buffer_head *bh = vexfs_read_block(sb, block);

	if (IS_ERR(bh) || vexfs_check_block(sb, bh, kind))
		return bh;
	return ERR_PTR(vexfs_damage(sb, "block %llu is no sound %s", block, kind->name));
}

struct buffer_head *vexfs_peek_checked(struct super_block *sb, u64 block, const struct vexfs_block_kind *kind)
{
	struct buffer_head *bh;

	if (!vexfs_in_data(&vexfs_volume(sb)->geometry, block, 1))
		return ERR_PTR(-EUCLEAN);
	bh = sb_bread(sb, block);
	if (!bh)
		return ERR_PTR(-EIO);
	return vexfs_check_block(sb, bh, kind) ? bh : ERR_PTR(-EUCLEAN);
}
