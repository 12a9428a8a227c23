// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The ioctls: who may call what, with arguments of which size. */
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "vector_calls.h"
#include "vector_set.h"
#include "vexfs_fs.h"

static struct vexfs_set *vexfs_readable_set(struct file *file)
{
	if (!(file->f_mode & FMODE_READ))
		return ERR_PTR(-EBADF);
	return vexfs_set_get(file_inode(file));
}

/* Volumes are mounted read-only. */
static int vexfs_change(struct file *file)
{
	return file->f_mode & FMODE_WRITE ? -EROFS : -EBADF;
}

static int vexfs_get_meta(struct file *file, void __user *argument)
{
	struct vexfs_vector_file_info info = {};
	const struct vexfs_set *set;

	if (fault_in_writeable(argument, sizeof(info)))
		return -EFAULT;
	set = vexfs_readable_set(file);
	if (IS_ERR(set))
		return PTR_ERR(set);
	info.dimensions = set->dimensions;
	info.element_type = set->element_type;
	info.vector_count = min_t(u64, set->live_rows, U32_MAX);
	info.storage_format = VEXFS_STORAGE_DENSE;
	info.data_offset = set->data_offset;
	info.compression_type = VEXFS_COMPRESS_NONE;
	info.alignment_bytes = set->alignment;
	return copy_to_user(argument, &info, sizeof(info)) ? -EFAULT : 0;
}

static int vexfs_call_search(struct file *file, void *argument, size_t size)
{
	struct vexfs_set *set = vexfs_readable_set(file);

	return IS_ERR(set) ? PTR_ERR(set) : vexfs_search(file, set, argument);
}

static int vexfs_call_get(struct file *file, void *argument, size_t size)
{
	struct vexfs_set *set = vexfs_readable_set(file);

	return IS_ERR(set) ? PTR_ERR(set) : vexfs_get_row(file, set, argument, size);
}

static int vexfs_call_stats(struct file *file, void *argument, size_t size)
{
	struct vexfs_set *set = vexfs_readable_set(file);
	struct vexfs_stats *stats = argument;

	if (IS_ERR(set))
		return PTR_ERR(set);
	if (memchr_inv(stats, 0, sizeof(*stats)))
		return -EINVAL;
	stats->rows = set->live_rows;
	stats->slots = set->slots;
	stats->free_slots = set->slots - set->live_rows;
	stats->next_id = set->next_id;
	stats->matrix_bytes = set->slots * set->stride;
	stats->log_bytes = set->hidden_blocks << file_inode(file)->i_blkbits;
	stats->log_records = set->log_records;
	stats->log_compactions = set->log_compactions;
	stats->searches = atomic64_read(&set->searches);
	stats->rows_scanned = atomic64_read(&set->rows_scanned);
	stats->dimensions = set->dimensions;
	stats->element_type = set->element_type;
	stats->row_bytes = set->row_bytes;
	stats->stride = set->stride;
	return 0;
}

/* Runs a call whose argument travels in and out. */
static int vexfs_exchange(struct file *file, void __user *argument, size_t size,
			  int (*call)(struct file *file, void *argument, size_t size))
{
	void *copy = memdup_user(argument, size);
	int error;

	if (IS_ERR(copy))
		return PTR_ERR(copy);
	error = call(file, copy, size);
	if (!error && copy_to_user(argument, copy, size))
		error = -EFAULT;
	kfree(copy);
	return error;
}

/* An argument that travels in is looked at before the command is. */
static int vexfs_refuse(unsigned int command, const void __user *argument)
{
	if (_IOC_DIR(command) & _IOC_WRITE && fault_in_readable(argument, _IOC_SIZE(command)))
		return -EFAULT;
	return -ENOTTY;
}

static bool vexfs_is_get_embedding(unsigned int command)
{
	const size_t size = _IOC_SIZE(command);

	return _IOC_NR(command) == VEXFS_NR_GET_EMBEDDING && _IOC_DIR(command) == (_IOC_READ | _IOC_WRITE) &&
	       size >= sizeof(struct vexfs_get_embedding) &&
	       size <= sizeof(struct vexfs_get_embedding) + VEXFS_MAX_INLINE_BYTES;
}

long vexfs_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	void __user *argument = (void __user *)value;

	if (_IOC_TYPE(command) != VEXFS_IOC_MAGIC)
		return -ENOTTY;
	if (vexfs_is_get_embedding(command))
		return vexfs_exchange(file, argument, _IOC_SIZE(command), vexfs_call_get);
	switch (command) {
	case VEXFS_IOC_GET_VECTOR_META:
		return vexfs_get_meta(file, argument);
	case VEXFS_IOC_VECTOR_SEARCH:
		return vexfs_exchange(file, argument, _IOC_SIZE(command), vexfs_call_search);
	case VEXFS_IOC_GET_STATS:
		return vexfs_exchange(file, argument, _IOC_SIZE(command), vexfs_call_stats);
	case VEXFS_IOC_SET_VECTOR_META:
	case VEXFS_IOC_BATCH_INSERT:
		if (fault_in_readable(argument, _IOC_SIZE(command)))
			return -EFAULT;
		return vexfs_change(file);
	default:
		return vexfs_refuse(command, argument);
	}
}
