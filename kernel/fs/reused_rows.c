// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/uio.h>
#include "batch.h"
#include "content.h"
#include "file_size.h"

/* How many rows from `row` on go to slots that follow each other. */
static u32 vexfs_run_of_slots(const struct vexfs_batch *batch, u32 row)
{
	u32 n = 1;

	while (row + n < batch->reused && batch->slots[row + n] == batch->slots[row] + n)
		n++;
	return n;
}

static int vexfs_write_rows(struct file *file, const struct vexfs_batch *batch, u32 row, u32 rows)
{
	const struct vexfs_set_layout *layout = &batch->layout;
	struct kvec piece = {
		.iov_base = batch->data + (u64)row * layout->stride,
		.iov_len = (size_t)rows * layout->stride,
	};
	struct iov_iter from;
	struct kiocb iocb;
	ssize_t written;

	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = vexfs_slot_offset(layout, batch->slots[row]);
	iocb.ki_flags &= ~(IOCB_APPEND | IOCB_DIRECT);
	iov_iter_kvec(&from, ITER_SOURCE, &piece, 1, piece.iov_len);
	written = vexfs_write_pages(&iocb, &from);
	if (written < 0)
		return written;
	return written == piece.iov_len ? 0 : -EIO;
}

int vexfs_store_reused(struct file *file, const struct vexfs_batch *batch)
{
	u32 row, n;

	for (row = 0; row < batch->reused; row += n) {
		int error;

		n = vexfs_run_of_slots(batch, row);
		error = vexfs_write_rows(file, batch, row, n);
		if (error)
			return error;
	}
	return 0;
}

int vexfs_order_reused(handle_t *handle, struct inode *inode, const struct vexfs_batch *batch)
{
	const struct vexfs_set_layout *layout = &batch->layout;

	if (!batch->reused)
		return 0;
	return vexfs_order_content(handle, inode, vexfs_slot_offset(layout, batch->slots[0]),
				   vexfs_slot_offset(layout, (u64)batch->slots[batch->reused - 1] + 1));
}
