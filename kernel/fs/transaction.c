// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include "trace.h"
#include "transaction.h"
#include "vexfs_fs.h"

handle_t *vexfs_start(struct super_block *sb, int credits)
{
	journal_t *journal = vexfs_volume(sb)->journal;

	if (sb_rdonly(sb) || !journal)
		return ERR_PTR(-EROFS);
	if (is_journal_aborted(journal)) {
		pr_err("vexfs (%s): the journal has ended: the volume is read-only now\n", sb->s_id);
		sb->s_flags |= SB_RDONLY;
		return ERR_PTR(-EROFS);
	}
	return jbd2__journal_start(journal, credits, 0, credits, GFP_NOFS, 0, 0);
}

handle_t *vexfs_start_surely(struct super_block *sb, int credits)
{
	handle_t *handle = vexfs_start(sb, credits);

	while (handle == ERR_PTR(-ENOMEM) && !fatal_signal_pending(current)) {
		memalloc_retry_wait(GFP_NOFS);
		handle = vexfs_start(sb, credits);
	}
	return handle;
}

int vexfs_stop(handle_t *handle)
{
	return jbd2_journal_stop(handle);
}

int vexfs_extend(handle_t *handle, int credits)
{
	const int left = jbd2_handle_buffer_credits(handle);

	if (left >= credits && handle->h_revoke_credits >= credits)
		return 0;
	return jbd2_journal_extend(handle, max(credits - left, 0), credits);
}

int vexfs_restart(handle_t *handle, int credits)
{
	return jbd2__journal_restart(handle, credits, credits, GFP_NOFS);
}

int vexfs_abort(handle_t *handle, int error)
{
	if (!is_handle_aborted(handle)) {
		const transaction_t *transaction = handle->h_transaction;

		trace_vexfs_transaction_error(transaction->t_journal->j_fs_dev->bd_dev, transaction->t_tid, error);
		jbd2_journal_abort(transaction->t_journal, error);
	}
	return error;
}

int vexfs_change(handle_t *handle, struct buffer_head *bh)
{
	return jbd2_journal_get_write_access(handle, bh);
}

int vexfs_change_new(handle_t *handle, struct buffer_head *bh)
{
	int error;

	lock_buffer(bh);
	error = jbd2_journal_get_create_access(handle, bh);
	if (!error) {
		/* Of what the block held before. */
		jbd2_journal_set_triggers(bh, NULL);
		memset(bh->b_data, 0, bh->b_size);
		set_buffer_uptodate(bh);
		vexfs_mark_checked(bh);
	}
	unlock_buffer(bh);
	return error;
}

int vexfs_changed(handle_t *handle, struct buffer_head *bh)
{
	int error = jbd2_journal_dirty_metadata(handle, bh);

	return error ? vexfs_abort(handle, error) : 0;
}

/* May be called under spinlocks. */
static void vexfs_seal_block(struct jbd2_buffer_trigger_type *trigger, struct buffer_head *bh, void *data, size_t size)
{
	const struct vexfs_seal *seal = container_of(trigger, struct vexfs_seal, trigger);
	const __le32 sum = cpu_to_le32(vexfs_block_sum(seal->volume, bh->b_blocknr, data, seal->what));

	memcpy(data + vexfs_sum_at(seal->what), &sum, sizeof(sum));
}

void vexfs_seals_init(struct vexfs_volume *volume)
{
	u32 what;

	for (what = 0; what < ARRAY_SIZE(volume->seals); what++) {
		volume->seals[what] = (struct vexfs_seal){
			.trigger.t_frozen = vexfs_seal_block,
			.volume = volume,
			.what = what,
		};
	}
}

int vexfs_changed_summed(handle_t *handle, struct super_block *sb, struct buffer_head *bh, enum vexfs_summed what)
{
	jbd2_journal_set_triggers(bh, &vexfs_volume(sb)->seals[what].trigger);
	return vexfs_changed(handle, bh);
}

int vexfs_revoke(handle_t *handle, struct super_block *sb, u64 block)
{
	int error = jbd2_journal_revoke(handle, block, sb_find_get_block(sb, block));

	return error ? vexfs_abort(handle, error) : 0;
}
