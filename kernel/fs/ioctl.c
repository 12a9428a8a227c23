// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The ioctls: who may call what, with arguments of which size. */
#include <linux/fsnotify.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "index.h"
#include "trim.h"
#include "vector_calls.h"
#include "vector_set.h"
#include "vexfs_fs.h"

static struct vexfs_set *vexfs_readable_set(struct file *file, int *ticket)
{
	if (!(file->f_mode & FMODE_READ))
		return ERR_PTR(-EBADF);
	return vexfs_set_enter(file_inode(file), ticket);
}

/* What is left of a call whose argument, `size` bytes, is in memory of ours. */
typedef int vexfs_call(struct file *file, void *argument, size_t size);

/* Runs what changes a file, where that is allowed. */
static int vexfs_change_file(struct file *file, void *argument, size_t size, vexfs_call *change)
{
	int error;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	error = mnt_want_write_file(file);
	if (error)
		return error;
	error = IS_IMMUTABLE(file_inode(file)) ? -EPERM : change(file, argument, size);
	mnt_drop_write_file(file);
	return error;
}

static int vexfs_set_meta(struct file *file, void *argument, size_t size)
{
	return vexfs_set_define(file, argument);
}

static int vexfs_insert(struct file *file, void *argument, size_t size)
{
	return vexfs_batch_insert(file, argument);
}

static int vexfs_delete_one(struct file *file, void *argument, size_t size)
{
	return vexfs_delete_embedding(file, argument);
}

static int vexfs_delete_many(struct file *file, void *argument, size_t size)
{
	return vexfs_batch_delete(file, argument);
}

int vexfs_call_changed(struct file *file)
{
	fsnotify_modify(file);
	if (!(file->f_flags & O_DSYNC) && !IS_SYNC(file_inode(file)))
		return 0;
	return vfs_fsync(file, !(file->f_flags & __O_SYNC));
}

static int vexfs_get_meta(struct file *file, void __user *argument)
{
	struct vexfs_vector_file_info info = {};
	const struct vexfs_set *set;
	int ticket;

	if (fault_in_writeable(argument, sizeof(info)))
		return -EFAULT;
	set = vexfs_readable_set(file, &ticket);
	if (IS_ERR(set))
		return PTR_ERR(set);
	info.dimensions = set->layout.dimensions;
	info.element_type = set->layout.element_type;
	info.vector_count = min_t(u64, READ_ONCE(set->live_rows), U32_MAX);
	info.storage_format = VEXFS_STORAGE_DENSE;
	info.data_offset = set->layout.data_offset;
	info.compression_type = VEXFS_COMPRESS_NONE;
	info.alignment_bytes = set->layout.alignment;
	vexfs_set_leave(ticket);
	return copy_to_user(argument, &info, sizeof(info)) ? -EFAULT : 0;
}

static int vexfs_call_search(struct file *file, void *argument, size_t size)
{
	const struct vexfs_vector_search_request *request = argument;
	int error = file->f_mode & FMODE_READ ? vexfs_search(file, argument) : -EBADF;

	if (!error)
		vexfs_index_if_wanted(file, request->search_type);
	return error;
}

static int vexfs_call_batch_search(struct file *file, void *argument, size_t size)
{
	const struct vexfs_batch_search *call = argument;
	int error = file->f_mode & FMODE_READ ? vexfs_batch_search(file, call) : -EBADF;

	if (!error && !(call->flags & VEXFS_SEARCH_FLAG_EXACT))
		vexfs_index_if_wanted(file, call->search_type);
	return error;
}

static int vexfs_call_get(struct file *file, void *argument, size_t size)
{
	return file->f_mode & FMODE_READ ? vexfs_get_row(file, argument, size) : -EBADF;
}

static int vexfs_add(struct file *file, void *argument, size_t size)
{
	return vexfs_add_embedding(file, argument, size);
}

static int vexfs_call_add(struct file *file, void *argument, size_t size)
{
	return vexfs_change_file(file, argument, size, vexfs_add);
}

static int vexfs_update(struct file *file, void *argument, size_t size)
{
	return vexfs_update_embedding(file, argument, size);
}

static int vexfs_call_update(struct file *file, void *argument, size_t size)
{
	return vexfs_change_file(file, argument, size, vexfs_update);
}

static int vexfs_call_batch_get(struct file *file, void *argument, size_t size)
{
	return file->f_mode & FMODE_READ ? vexfs_batch_get(file, argument) : -EBADF;
}

static void vexfs_fill_index_stats(struct inode *inode, const struct vexfs_set *set, struct vexfs_stats *stats)
{
	mutex_lock(&vexfs_info(inode)->set_lock);
	if (set->index) {
		stats->indexed_rows = set->index->facts.rows;
		stats->flags = set->index->is_on_volume ? VEXFS_STATS_INDEX_ON_VOLUME : 0;
	}
	mutex_unlock(&vexfs_info(inode)->set_lock);
}

static void vexfs_fill_stats(struct inode *inode, const struct vexfs_set *set, struct vexfs_stats *stats)
{
	/* Beside a change the two may be of different moments. */
	stats->rows = READ_ONCE(set->live_rows);
	stats->slots = max(READ_ONCE(set->slots), stats->rows);
	stats->free_slots = stats->slots - stats->rows;
	stats->next_id = set->next_id;
	stats->matrix_bytes = stats->slots * set->layout.stride;
	stats->log_bytes = set->hidden_blocks << inode->i_blkbits;
	stats->log_records = set->log_records;
	stats->log_compactions = set->log_compactions;
	stats->searches = atomic64_read(&set->searches);
	stats->rows_scanned = atomic64_read(&set->rows_scanned);
	vexfs_fill_index_stats(inode, set, stats);
	stats->insert_calls = set->insert_calls;
	stats->rows_inserted = set->rows_inserted;
	stats->dimensions = set->layout.dimensions;
	stats->element_type = set->layout.element_type;
	stats->row_bytes = set->layout.row_bytes;
	stats->stride = set->layout.stride;
}

static int vexfs_call_stats(struct file *file, void *argument, size_t size)
{
	struct vexfs_stats *stats = argument;
	int ticket;
	const struct vexfs_set *set = vexfs_readable_set(file, &ticket);
	int error = 0;

	if (IS_ERR(set))
		return PTR_ERR(set);
	if (memchr_inv(stats, 0, sizeof(*stats)))
		error = -EINVAL;
	else
		vexfs_fill_stats(file_inode(file), set, stats);
	vexfs_set_leave(ticket);
	return error;
}

/* As long as the structures of most calls. */
#define VEXFS_SHORT_ARGUMENT 128

/* The argument of a call, in memory of ours: `bytes`, which is `few` when they are enough. */
struct vexfs_argument {
	void *bytes;
	u8 few[VEXFS_SHORT_ARGUMENT] __aligned(8);
};

static int vexfs_copy_argument(struct vexfs_argument *copy, const void __user *from, size_t size)
{
	if (size > sizeof(copy->few)) {
		copy->bytes = memdup_user(from, size);
		return PTR_ERR_OR_ZERO(copy->bytes);
	}
	copy->bytes = copy->few;
	return copy_from_user(copy->few, from, size) ? -EFAULT : 0;
}

static void vexfs_free_argument(struct vexfs_argument *copy)
{
	if (copy->bytes != copy->few)
		kfree(copy->bytes);
}

/* Runs a call whose argument travels in and out. */
static int vexfs_exchange(struct file *file, void __user *argument, size_t size, vexfs_call *call)
{
	struct vexfs_argument copy;
	int error = vexfs_copy_argument(&copy, argument, size);

	if (error)
		return error;
	error = call(file, copy.bytes, size);
	if (!error && copy_to_user(argument, copy.bytes, size))
		error = -EFAULT;
	vexfs_free_argument(&copy);
	return error;
}

/* The same for what may change a file. The way back is tried first: what has changed cannot be taken back. */
static int vexfs_exchange_change(struct file *file, void __user *argument, size_t size, vexfs_call *call)
{
	struct vexfs_argument copy;
	int error = vexfs_copy_argument(&copy, argument, size);

	if (error)
		return error;
	error = copy_to_user(argument, copy.bytes, size) ? -EFAULT : call(file, copy.bytes, size);
	if (!error && copy_to_user(argument, copy.bytes, size))
		error = -EFAULT;
	vexfs_free_argument(&copy);
	return error;
}

/* Runs a call that changes a file, and whose argument travels in. */
static int vexfs_take(struct file *file, const void __user *argument, size_t size, vexfs_call *change)
{
	struct vexfs_argument copy;
	int error = vexfs_copy_argument(&copy, argument, size);

	if (error)
		return error;
	error = vexfs_change_file(file, copy.bytes, size, change);
	vexfs_free_argument(&copy);
	return error;
}

/* An argument that travels in is looked at before the command is. */
static int vexfs_refuse(unsigned int command, const void __user *argument)
{
	if (_IOC_DIR(command) & _IOC_WRITE && fault_in_readable(argument, _IOC_SIZE(command)))
		return -EFAULT;
	return -ENOTTY;
}

/* Whether it is the command of this number and structure, with an inline vector of any length behind that. */
static bool vexfs_is_inline(unsigned int command, u32 number, size_t least)
{
	const size_t size = _IOC_SIZE(command);

	return _IOC_NR(command) == number && _IOC_DIR(command) == (_IOC_READ | _IOC_WRITE) && size >= least &&
	       size <= least + VEXFS_MAX_INLINE_BYTES;
}

long vexfs_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	void __user *argument = (void __user *)value;

	if (command == FITRIM)
		return vexfs_ioctl_trim(file, argument);
	if (command == FS_IOC_GETVERSION)
		return put_user(file_inode(file)->i_generation, (int __user *)argument);
	if (_IOC_TYPE(command) != VEXFS_IOC_MAGIC)
		return -ENOTTY;
	if (vexfs_is_inline(command, VEXFS_NR_GET_EMBEDDING, sizeof(struct vexfs_get_embedding)))
		return vexfs_exchange(file, argument, _IOC_SIZE(command), vexfs_call_get);
	if (vexfs_is_inline(command, VEXFS_NR_ADD_EMBEDDING, sizeof(struct vexfs_put_embedding)))
		return vexfs_exchange_change(file, argument, _IOC_SIZE(command), vexfs_call_add);
	if (vexfs_is_inline(command, VEXFS_NR_UPDATE_EMBEDDING, sizeof(struct vexfs_put_embedding)))
		return vexfs_exchange_change(file, argument, _IOC_SIZE(command), vexfs_call_update);
	switch (command) {
	case VEXFS_IOC_BATCH_GET:
		return vexfs_exchange(file, argument, _IOC_SIZE(command), vexfs_call_batch_get);
	case VEXFS_IOC_GET_VECTOR_META:
		return vexfs_get_meta(file, argument);
	case VEXFS_IOC_VECTOR_SEARCH:
		return vexfs_exchange(file, argument, _IOC_SIZE(command), vexfs_call_search);
	case VEXFS_IOC_GET_STATS:
		return vexfs_exchange(file, argument, _IOC_SIZE(command), vexfs_call_stats);
	case VEXFS_IOC_SET_VECTOR_META:
		return vexfs_take(file, argument, _IOC_SIZE(command), vexfs_set_meta);
	case VEXFS_IOC_BATCH_INSERT:
		return vexfs_take(file, argument, _IOC_SIZE(command), vexfs_insert);
	case VEXFS_IOC_MANAGE_INDEX:
		return vexfs_exchange_change(file, argument, _IOC_SIZE(command), vexfs_manage);
	case VEXFS_IOC_BATCH_SEARCH:
		return vexfs_exchange(file, argument, _IOC_SIZE(command), vexfs_call_batch_search);
	case VEXFS_IOC_DELETE_EMBEDDING:
		return vexfs_take(file, argument, _IOC_SIZE(command), vexfs_delete_one);
	case VEXFS_IOC_BATCH_DELETE:
		return vexfs_take(file, argument, _IOC_SIZE(command), vexfs_delete_many);
	default:
		return vexfs_refuse(command, argument);
	}
}
