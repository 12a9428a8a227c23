// SPDX-License-Identifier: GPL-2.0 OR MIT
/* GET_EMBEDDING: one row, as it is stored or as float32. */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "../engine/glue.h"
#include "row_pages.h"
#include "vector_calls.h"
#include "vector_set.h"
#include "vexfs_fs.h"

/* Reads the row of a slot into memory of the engine. */
static void *vexfs_read_row(struct file *file, const struct vexfs_set_layout *layout, u32 slot)
{
	const u64 from = layout->data_offset + (u64)slot * layout->stride;
	struct vexfs_row_pages held;
	void *row = vexfs_engine_alloc(layout->row_bytes);
	int error;

	if (!row)
		return ERR_PTR(-ENOMEM);
	error = vexfs_row_pages_init(&held, file, layout->row_bytes);
	if (!error)
		error = vexfs_row_pages_hold(&held, file, from, layout->row_bytes);
	if (!error) {
		vexfs_row_pages_copy(&held, from, row, layout->row_bytes);
		vexfs_row_pages_release(&held);
	}
	vexfs_row_pages_end(&held);
	if (!error)
		return row;
	vexfs_engine_free(row);
	return ERR_PTR(error);
}

static void *vexfs_as_float32(const struct vexfs_set_layout *layout, void *row)
{
	void *values = vexfs_engine_alloc(layout->dimensions * sizeof(float));

	if (values)
		vx_decode_rows(&vexfs_cpu, layout->element_type, layout->dimensions, row, layout->row_bytes, 1, values);
	vexfs_engine_free(row);
	return values ?: ERR_PTR(-ENOMEM);
}

static int vexfs_deliver(const struct vexfs_set_layout *layout, struct vexfs_get_embedding *call, void *row)
{
	int error = 0;

	if (call->element_type != layout->element_type)
		row = vexfs_as_float32(layout, row);
	if (IS_ERR(row))
		return PTR_ERR(row);
	if (!call->data)
		memcpy(call + 1, row, call->data_size);
	else if (copy_to_user(u64_to_user_ptr(call->data), row, call->data_size))
		error = -EFAULT;
	vexfs_engine_free(row);
	return error;
}

/* Finds the row, and reads it when there is room for it: *row is NULL otherwise. Inside of a section. */
static int vexfs_take_row(struct file *file, struct vexfs_set *set, struct vexfs_get_embedding *call, size_t size,
			  void **row)
{
	const struct vexfs_set_layout *layout = &set->layout;
	const u32 wanted = call->element_type ?: layout->element_type;
	const u32 needed = wanted == layout->element_type ? layout->row_bytes : layout->dimensions * (u32)sizeof(float);
	const u32 room = call->data_size;
	u32 slot;

	if ((wanted != layout->element_type && wanted != VX_FLOAT32) || call->flags ||
	    memchr_inv(call->reserved, 0, sizeof(call->reserved)) || (!call->data && room > size - sizeof(*call)) ||
	    (room && room < needed))
		return -EINVAL;
	if (mutex_lock_killable(&vexfs_info(file_inode(file))->set_lock))
		return -EINTR;
	vx_ids_find_batch(set->ids, &call->id, 1, &slot);
	mutex_unlock(&vexfs_info(file_inode(file))->set_lock);
	if (slot == VX_NO_SLOT)
		return -ENOENT;
	call->data_size = needed;
	call->element_type = wanted;
	call->dimensions = layout->dimensions;
	call->slot = slot;
	*row = room ? vexfs_read_row(file, layout, slot) : NULL;
	return PTR_ERR_OR_ZERO(*row);
}

int vexfs_get_row(struct file *file, struct vexfs_get_embedding *call, size_t size)
{
	struct vexfs_set_layout layout;
	void *row;
	int ticket, error;
	struct vexfs_set *set = vexfs_set_enter(file_inode(file), &ticket);

	if (IS_ERR(set))
		return PTR_ERR(set);
	layout = set->layout;
	error = vexfs_take_row(file, set, call, size, &row);
	vexfs_set_leave(ticket);
	if (error || !row)
		return error;
	memset(call + 1, 0, size - sizeof(*call));
	return vexfs_deliver(&layout, call, row);
}
