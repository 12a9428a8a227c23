// SPDX-License-Identifier: GPL-2.0 OR MIT
/* ADD_EMBEDDING and UPDATE_EMBEDDING: batches of one row, whose vector may be in the type of the file and in the argument itself. */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "../engine/glue.h"
#include "batch.h"
#include "vector_calls.h"
#include "vexfs_fs.h"

static u32 vexfs_type_of(const struct vexfs_set_layout *layout, const struct vexfs_put_embedding *call)
{
	return call->element_type ?: layout->element_type;
}

static int vexfs_check_put(const struct vexfs_set_layout *layout, const struct vexfs_put_embedding *call, size_t size,
			   bool is_update)
{
	const u32 type = vexfs_type_of(layout, call);
	const u32 bytes = type == VX_FLOAT32 ? layout->dimensions * (u32)sizeof(float) : layout->row_bytes;

	if ((is_update && call->id == VX_NO_ID) || (type != layout->element_type && type != VX_FLOAT32) ||
	    call->dimensions != layout->dimensions || call->data_size != bytes || (!call->data && bytes > size - sizeof(*call)) || call->flags ||
	    memchr_inv(call->reserved, 0, sizeof(call->reserved)))
		return -EINVAL;
	return 0;
}

/* Whether bytes are a row as a conversion would leave one: numbers that are finite, zeros behind the last component. */
static bool vexfs_is_row(const struct vexfs_set_layout *layout, const void *row)
{
	const __le16 *halves = row;
	const u8 *last = row + layout->row_bytes - 1;
	u32 i;

	switch (layout->element_type) {
	case VX_FLOAT16:
		for (i = 0; i < layout->dimensions; i++) {
			/* All bits of the exponent: infinite, or no number. */
			if ((le16_to_cpu(halves[i]) & 0x7c00) == 0x7c00)
				return false;
		}
		return true;
	case VX_BINARY:
		return layout->dimensions % 8 == 0 || !(*last & (0xff >> layout->dimensions % 8));
	default:
		return true;
	}
}

/* The vector, in memory of ours, as the matrix takes it. */
static int vexfs_take_vector(struct vexfs_batch *batch, u32 type, const void *vector)
{
	const struct vexfs_set_layout *layout = &batch->layout;

	if (type == VX_FLOAT32)
		return vx_encode_rows(&vexfs_cpu, layout->element_type, layout->dimensions, vector, 1, batch->data,
				      layout->stride) == 1 ? 0 : -EINVAL;
	if (!vexfs_is_row(layout, vector))
		return -EINVAL;
	memcpy(batch->data, vector, layout->row_bytes);
	memset(batch->data + layout->row_bytes, 0, layout->stride - layout->row_bytes);
	return 0;
}

/* One row from the argument, or from the caller's memory that this names. */
static int vexfs_copy_put(struct vexfs_batch *batch, const struct vexfs_put_embedding *call)
{
	const u32 type = vexfs_type_of(&batch->layout, call);
	void *copy = NULL;
	int error = 0;

	batch->rows = 1;
	batch->data = kvmalloc(batch->layout.stride, GFP_KERNEL_ACCOUNT);
	if (!batch->data)
		return -ENOMEM;
	if (call->data) {
		copy = kvmalloc(call->data_size, GFP_KERNEL_ACCOUNT);
		if (!copy)
			return -ENOMEM;
		if (copy_from_user(copy, u64_to_user_ptr(call->data), call->data_size))
			error = -EFAULT;
	}
	if (!error)
		error = vexfs_take_vector(batch, type, copy ?: call + 1);
	kvfree(copy);
	if (error || call->id == VX_NO_ID)
		return error;
	batch->ids = kmemdup(&call->id, sizeof(call->id), GFP_KERNEL_ACCOUNT);
	return batch->ids ? 0 : -ENOMEM;
}

static int vexfs_put_row(struct file *file, struct vexfs_put_embedding *call, size_t size, bool is_update)
{
	struct vexfs_batch batch = {
		.flags = is_update ? VEXFS_INSERT_OVERWRITE : VEXFS_INSERT_APPEND,
		.must_exist = is_update,
	};
	int error = vexfs_set_describe(file_inode(file), &batch.layout, &batch.serial);

	if (!error)
		error = vexfs_check_put(&batch.layout, call, size, is_update);
	if (error)
		return error;
	error = vexfs_copy_put(&batch, call);
	if (!error)
		error = vexfs_batch_store(file, &batch);
	if (!error) {
		call->id = batch.first_id;
		call->slot = batch.slots[0];
	}
	vexfs_batch_free(&batch);
	return error ?: vexfs_call_changed(file);
}

int vexfs_add_embedding(struct file *file, struct vexfs_put_embedding *call, size_t size)
{
	return vexfs_put_row(file, call, size, false);
}

int vexfs_update_embedding(struct file *file, struct vexfs_put_embedding *call, size_t size)
{
	return IS_APPEND(file_inode(file)) ? -EPERM : vexfs_put_row(file, call, size, true);
}
