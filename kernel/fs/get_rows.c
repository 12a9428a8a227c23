// SPDX-License-Identifier: GPL-2.0 OR MIT
/* BATCH_GET: many rows, as they are stored or as float32, gathered in memory of ours and then copied out. */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "../engine/glue.h"
#include "caller_ids.h"
#include "row_pages.h"
#include "vector_calls.h"
#include "vector_set.h"
#include "vexfs_fs.h"

/* Ids that are looked up before others may run. */
#define VEXFS_FIND_PIECE 16384

struct vexfs_gathered {
	struct vexfs_set_layout layout;
	u32 count;
	/* Of a vector as it is delivered. */
	u32 bytes;
	bool is_converted;
	u64 *ids;
	u32 *slots;
	/* count * bytes, NULL when only the rest is wanted. */
	void *vectors;
	/* A row that is to be converted. */
	void *row;
};

static void vexfs_gathered_free(struct vexfs_gathered *all)
{
	vexfs_engine_free(all->row);
	kvfree(all->vectors);
	kvfree(all->slots);
	kvfree(all->ids);
}

static int vexfs_check_get(struct vexfs_gathered *all, const struct vexfs_batch_get *call)
{
	const struct vexfs_set_layout *layout = &all->layout;
	const u32 wanted = call->element_type ?: layout->element_type;
	const u64 count = call->count;

	all->count = count;
	all->is_converted = wanted != layout->element_type;
	all->bytes = all->is_converted ? layout->dimensions * (u32)sizeof(float) : layout->row_bytes;
	if (!count || call->dimensions != layout->dimensions || (all->is_converted && wanted != VX_FLOAT32) ||
	    call->flags & ~VEXFS_GET_MISSING_OK || memchr_inv(call->reserved, 0, sizeof(call->reserved)) ||
	    (call->data_size && call->data_size < count * all->bytes))
		return -EINVAL;
	if (count > VEXFS_MAX_ROWS_PER_CALL || count * max(all->bytes, layout->row_bytes) > VEXFS_MAX_BYTES_PER_CALL)
		return -E2BIG;
	return call->ids && (call->data || !call->data_size) ? 0 : -EFAULT;
}

static int vexfs_prepare_get(struct vexfs_gathered *all, const struct vexfs_batch_get *call)
{
	all->ids = vexfs_ids_copy(u64_to_user_ptr(call->ids), all->count);
	if (IS_ERR(all->ids)) {
		int error = PTR_ERR(all->ids);

		all->ids = NULL;
		return error;
	}
	all->slots = kvmalloc_array(all->count, sizeof(*all->slots), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!all->slots)
		return -ENOMEM;
	if (!call->data_size)
		return 0;
	all->vectors = kvmalloc((u64)all->count * all->bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (all->is_converted)
		all->row = vexfs_engine_alloc(all->layout.row_bytes);
	return all->vectors && (all->row || !all->is_converted) ? 0 : -ENOMEM;
}

/* All of them as they are at one moment. */
static int vexfs_find_rows(struct inode *inode, const struct vexfs_set *set, struct vexfs_gathered *all, bool missing_ok)
{
	u32 at, n, found = 0;

	if (mutex_lock_killable(&vexfs_info(inode)->set_lock))
		return -EINTR;
	for (at = 0; at < all->count; at += n) {
		n = min_t(u32, all->count - at, VEXFS_FIND_PIECE);
		found += vx_ids_find_batch(set->ids, all->ids + at, n, all->slots + at);
		cond_resched();
	}
	mutex_unlock(&vexfs_info(inode)->set_lock);
	return found == all->count || missing_ok ? 0 : -ENOENT;
}

static int vexfs_gather_row(struct vexfs_gathered *all, struct vexfs_row_pages *held, struct file *file, u32 i)
{
	const struct vexfs_set_layout *layout = &all->layout;
	void *to = all->vectors + (u64)i * all->bytes;
	u64 from;
	int error;

	if (all->slots[i] == VX_NO_SLOT) {
		memset(to, 0, all->bytes);
		return 0;
	}
	from = layout->data_offset + (u64)all->slots[i] * layout->stride;
	error = vexfs_row_pages_hold(held, file, from, layout->row_bytes);
	if (error)
		return error;
	vexfs_row_pages_copy(held, from, all->is_converted ? all->row : to, layout->row_bytes);
	vexfs_row_pages_release(held);
	if (all->is_converted)
		vx_decode_rows(&vexfs_cpu, layout->element_type, layout->dimensions, all->row, layout->row_bytes, 1, to);
	return 0;
}

static int vexfs_gather_rows(struct vexfs_gathered *all, struct file *file)
{
	struct vexfs_row_pages held;
	int error = vexfs_row_pages_init(&held, file, all->layout.row_bytes);
	u32 i;

	for (i = 0; i < all->count && !error; i++) {
		error = signal_pending(current) ? -EINTR : vexfs_gather_row(all, &held, file, i);
		cond_resched();
	}
	vexfs_row_pages_end(&held);
	return error;
}

/* Inside of one section: no place of a row that is found takes another before its end. */
static int vexfs_gather(struct vexfs_gathered *all, struct file *file, u64 serial, u32 flags)
{
	struct inode *inode = file_inode(file);
	int ticket, error;
	const struct vexfs_set *set = vexfs_set_enter(inode, &ticket);

	if (IS_ERR(set))
		return PTR_ERR(set);
	/* The file has got another layout since there was made room. */
	error = set->serial == serial ? vexfs_find_rows(inode, set, all, flags & VEXFS_GET_MISSING_OK) : -EINVAL;
	if (!error && all->vectors)
		error = vexfs_gather_rows(all, file);
	vexfs_set_leave(ticket);
	return error;
}

static int vexfs_hand_out(const struct vexfs_gathered *all, const struct vexfs_batch_get *call)
{
	u8 *found;
	u32 i;
	int error = 0;

	if (all->vectors && copy_to_user(u64_to_user_ptr(call->data), all->vectors, (u64)all->count * all->bytes))
		return -EFAULT;
	if (!call->found)
		return 0;
	found = kvmalloc(all->count, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!found)
		return -ENOMEM;
	for (i = 0; i < all->count; i++)
		found[i] = all->slots[i] != VX_NO_SLOT;
	if (copy_to_user(u64_to_user_ptr(call->found), found, all->count))
		error = -EFAULT;
	kvfree(found);
	return error;
}

int vexfs_batch_get(struct file *file, struct vexfs_batch_get *call)
{
	struct vexfs_gathered all = {};
	u64 serial;
	int error = vexfs_set_describe(file_inode(file), &all.layout, &serial);

	if (!error)
		error = vexfs_check_get(&all, call);
	if (error)
		return error;
	error = vexfs_prepare_get(&all, call);
	if (!error)
		error = vexfs_gather(&all, file, serial, call->flags);
	if (!error)
		error = vexfs_hand_out(&all, call);
	if (!error) {
		call->data_size = (u64)all.count * all.bytes;
		call->element_type = all.is_converted ? VX_FLOAT32 : all.layout.element_type;
	}
	vexfs_gathered_free(&all);
	return error;
}
