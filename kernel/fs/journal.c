// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The journal, by jbd2: replay, and open while a volume is mounted for writing. */
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/pagemap.h>
#include "alloc.h"
#include "compat_jbd2.h"
#include "vexfs_fs.h"

#define VEXFS_JOURNAL_INCOMPAT (JBD2_FEATURE_INCOMPAT_REVOKE | JBD2_FEATURE_INCOMPAT_64BIT | JBD2_FEATURE_INCOMPAT_CSUM_V3)

static u32 vexfs_journal_sum(const journal_superblock_t *journal)
{
	const size_t at = offsetof(journal_superblock_t, s_checksum);
	const __be32 zero = 0;
	u32 sum = crc32c(~0, journal, at);

	sum = crc32c(sum, &zero, sizeof(zero));
	return crc32c(sum, (const void *)journal + at + sizeof(zero), sizeof(*journal) - at - sizeof(zero));
}

/* Exactly the journal that the format allows: jbd2 knows many more. */
static int vexfs_check_journal(struct super_block *sb, const journal_superblock_t *journal)
{
	const struct vexfs_geometry *geometry = &vexfs_volume(sb)->geometry;
	const u32 start = be32_to_cpu(journal->s_start);
	const u32 length = be32_to_cpu(journal->s_maxlen);

	if (be32_to_cpu(journal->s_header.h_magic) != JBD2_MAGIC_NUMBER ||
	    be32_to_cpu(journal->s_header.h_blocktype) != JBD2_SUPERBLOCK_V2)
		return vexfs_damage(sb, "the journal has no superblock");
	if (be32_to_cpu(journal->s_feature_incompat) != VEXFS_JOURNAL_INCOMPAT || journal->s_feature_ro_compat ||
	    journal->s_feature_compat || journal->s_checksum_type != JBD2_CRC32C_CHKSUM) {
		pr_err("vexfs (%s): the journal has features that VexFS does not use\n", sb->s_id);
		return -EOPNOTSUPP;
	}
	if (be32_to_cpu(journal->s_checksum) != vexfs_journal_sum(journal) ||
	    be32_to_cpu(journal->s_blocksize) != geometry->block_size || length != geometry->journal_blocks ||
	    be32_to_cpu(journal->s_first) != 1 || start >= length)
		return vexfs_damage(sb, "the superblock of the journal");
	return 0;
}

/* jbd2 counts from the beginning of a device that is all journal; here the journal lies amid the volume. */
static int vexfs_journal_bmap(journal_t *journal, sector_t *block)
{
	*block += journal->j_blk_offset;
	return 0;
}

/* Dirty content that a transaction has made reachable is written before it commits. */
static int vexfs_submit_content(struct jbd2_inode *inode)
{
	loff_t first, last;

	if (!vexfs_ordered_range(inode, &first, &last))
		return 0;
	return filemap_fdatawrite_range(inode->i_vfs_inode->i_mapping, first, last);
}

/*
 * jbd2 up to 6.5 marks the buffer of a superblock that it has checked and sets up nothing from one that is marked, not even
 * the sums: the second journal_t over a buffer that stayed in memory, after a replay, would divide by zero.
 */
static void vexfs_forget_journal_check(struct super_block *sb)
{
	struct buffer_head *bh = sb_find_get_block(sb, vexfs_volume(sb)->geometry.journal_start);

	if (bh)
		clear_buffer_verified(bh);
	brelse(bh);
}

/* Replays what is in the journal. */
static journal_t *vexfs_load_journal(struct super_block *sb)
{
	const struct vexfs_geometry *geometry = &vexfs_volume(sb)->geometry;
	journal_t *journal;
	int error;

	vexfs_forget_journal_check(sb);
	journal = jbd2_journal_init_dev(sb->s_bdev, sb->s_bdev, geometry->journal_start, geometry->journal_blocks,
					geometry->block_size);
	if (IS_ERR_OR_NULL(journal))
		return journal ?: ERR_PTR(-ENOMEM);
	journal->j_bmap = vexfs_journal_bmap;
	journal->j_private = sb;
	journal->j_submit_inode_data_buffers = vexfs_submit_content;
	journal->j_finish_inode_data_buffers = jbd2_journal_finish_inode_data_buffers;
	/* As the daemon: what is a second old survives a crash, whichever of the two has mounted the volume. */
	journal->j_commit_interval = HZ;
	write_lock(&journal->j_state_lock);
	journal->j_flags |= JBD2_BARRIER;
	write_unlock(&journal->j_state_lock);
	error = jbd2_journal_load(journal);
	if (!error)
		return journal;
	jbd2_journal_destroy(journal);
	return ERR_PTR(error);
}

static int vexfs_flush_journal(journal_t *journal)
{
	int error;

	jbd2_journal_lock_updates(journal);
	error = jbd2_journal_flush(journal, 0);
	jbd2_journal_unlock_updates(journal);
	return error;
}

static int vexfs_run_journal(struct super_block *sb)
{
	journal_t *journal = vexfs_load_journal(sb);
	int error;

	if (IS_ERR(journal))
		return PTR_ERR(journal);
	if (jbd2_journal_errno(journal))
		pr_warn("vexfs (%s): the journal was ended by error %d\n", sb->s_id, jbd2_journal_errno(journal));
	error = vexfs_flush_journal(journal);
	if (jbd2_journal_destroy(journal) < 0 && !error)
		error = -EIO;
	return error;
}

int vexfs_open_journal(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	journal_t *journal = vexfs_load_journal(sb);

	if (IS_ERR(journal))
		return PTR_ERR(journal);
	if (jbd2_journal_errno(journal)) {
		WRITE_ONCE(volume->damaged, true);
		jbd2_journal_clear_err(journal);
		jbd2_journal_ack_err(journal);
	}
	volume->forgotten_tid = journal->j_commit_sequence;
	volume->journal = journal;
	return 0;
}

int vexfs_empty_journal(struct super_block *sb)
{
	vexfs_note_damage(sb);
	return vexfs_flush_journal(vexfs_volume(sb)->journal);
}

void vexfs_close_journal(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	if (!volume->journal)
		return;
	vexfs_note_damage(sb);
	if (jbd2_journal_destroy(volume->journal) < 0)
		pr_err("vexfs (%s): not everything could be written: the journal is left for the next mount\n", sb->s_id);
	volume->journal = NULL;
}

int vexfs_replay(struct super_block *sb)
{
	struct buffer_head *bh = sb_bread(sb, vexfs_volume(sb)->geometry.journal_start);
	const journal_superblock_t *journal;
	bool dirty;
	int error;

	if (!bh)
		return -EIO;
	journal = (const void *)bh->b_data;
	error = vexfs_check_journal(sb, journal);
	dirty = !error && journal->s_start != 0;
	brelse(bh);
	if (!dirty)
		return error;
	if (bdev_read_only(sb->s_bdev)) {
		pr_err("vexfs (%s): the journal has to be replayed and the device cannot be written: mount it elsewhere first, or with noload\n",
		       sb->s_id);
		return -EROFS;
	}
	pr_info("vexfs (%s): replaying the journal\n", sb->s_id);
	return vexfs_run_journal(sb);
}
