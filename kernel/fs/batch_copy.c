// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "../engine/glue.h"
#include "batch.h"
#include "caller_ids.h"

/* Bytes of rows that are copied at a time. */
#define VEXFS_COPY_BYTES (1u << 20)

static void *vexfs_alloc_large(u64 bytes)
{
	return kvmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

/* A piece of rows as the caller has them into the matrix. 1: a value that cannot be stored. */
static int vexfs_convert(const struct vexfs_set_layout *layout, const void *values, u32 rows, void *to)
{
	return vx_encode_rows(&vexfs_cpu, layout->element_type, layout->dimensions, values, rows, to, layout->stride) != rows;
}

static bool vexfs_is_packed(const struct vexfs_set_layout *layout)
{
	return layout->element_type == VX_FLOAT32 && layout->stride == layout->row_bytes;
}

/* Every byte is copied before contents are judged: a wild pointer comes before a bad value, wherever both are. */
static int vexfs_copy_values(struct vexfs_batch *batch, const void __user *from)
{
	const struct vexfs_set_layout *layout = &batch->layout;
	const size_t row_bytes = layout->dimensions * sizeof(float);
	const u32 piece = max_t(u32, VEXFS_COPY_BYTES / row_bytes, 1);
	const bool packed = vexfs_is_packed(layout);
	void *bounce = packed ? NULL : vexfs_alloc_large(piece * row_bytes);
	u32 done, rows;
	int error = 0;
	bool bad = false;

	if (!packed && !bounce)
		return -ENOMEM;
	for (done = 0; done < batch->rows && !error; done += rows) {
		void *to = batch->data + (u64)done * layout->stride;
		void *values = bounce ?: to;

		rows = min(piece, batch->rows - done);
		if (copy_from_user(values, from + (u64)done * row_bytes, rows * row_bytes))
			error = -EFAULT;
		else if (signal_pending(current))
			error = -EINTR;
		else if (!bad && packed)
			bad = vx_all_finite(&vexfs_cpu, to, (size_t)rows * layout->dimensions) !=
			      (size_t)rows * layout->dimensions;
		else if (!bad)
			bad = vexfs_convert(layout, values, rows, to);
		cond_resched();
	}
	kvfree(bounce);
	return error ?: bad;
}

int vexfs_batch_copy(struct vexfs_batch *batch, struct inode *inode, const struct vexfs_batch_insert_request *request)
{
	int bad;

	batch->rows = request->vector_count;
	batch->flags = request->flags;
	batch->data = vexfs_alloc_large((u64)batch->rows * batch->layout.stride);
	if (!batch->data)
		return -ENOMEM;
	bad = vexfs_copy_values(batch, (const void __force __user *)request->vectors);
	if (bad < 0)
		return bad;
	if (request->vector_ids) {
		u64 *ids = vexfs_ids_copy((const void __force __user *)request->vector_ids, batch->rows);

		if (IS_ERR(ids))
			return PTR_ERR(ids);
		batch->ids = ids;
	}
	if (bad)
		return -EINVAL;
	return batch->ids ? vexfs_ids_check(inode, batch->ids, batch->rows) : 0;
}

void vexfs_batch_free(struct vexfs_batch *batch)
{
	kvfree(batch->data);
	kvfree(batch->ids);
	kvfree(batch->slots);
	kvfree(batch->old);
}
