// SPDX-License-Identifier: GPL-2.0 OR MIT
/* /dev/vss: one store of vectors for all who open it, until the module is unloaded. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "../engine/glue.h"
#include "store.h"

static uint capacity = 65536;
module_param(capacity, uint, 0444);
MODULE_PARM_DESC(capacity, "vectors that the device holds at most (1 to 16777216)");

static struct vss_store vss_store;

static long vss_add(struct file *file, const void __user *argument)
{
	struct vss_vector *vector = memdup_user(argument, sizeof(*vector));
	int error = -EBADF;

	if (IS_ERR(vector))
		return PTR_ERR(vector);
	if (file->f_mode & FMODE_WRITE)
		error = vss_store_add(&vss_store, vector);
	kfree(vector);
	return error;
}

static long vss_query(struct file *file, void __user *argument)
{
	struct vss_query *query = memdup_user(argument, sizeof(*query));
	int error = -EBADF;

	if (IS_ERR(query))
		return PTR_ERR(query);
	if (file->f_mode & FMODE_READ)
		error = vss_store_query(&vss_store, query);
	if (!error && copy_to_user(argument, query, sizeof(*query)))
		error = -EFAULT;
	kfree(query);
	return error;
}

static long vss_get_stats(struct file *file, void __user *argument)
{
	struct vss_stats stats;
	int error;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	error = vss_store_stats(&vss_store, &stats);
	if (error)
		return error;
	return copy_to_user(argument, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long vss_ioctl(struct file *file, unsigned int command, unsigned long value)
{
	void __user *argument = (void __user *)value;

	switch (command) {
	case VSS_ADD_VECTOR:
		return vss_add(file, argument);
	case VSS_QUERY_TOP_K:
		return vss_query(file, argument);
	case VSS_GET_STATS:
		return vss_get_stats(file, argument);
	}
	/* An argument that travels in is looked at before the command is. */
	if (_IOC_DIR(command) & _IOC_WRITE && fault_in_readable(argument, _IOC_SIZE(command)))
		return -EFAULT;
	return -ENOTTY;
}

static const struct file_operations vss_operations = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = vss_ioctl,
	/* No argument holds a pointer or depends on the size of one. */
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice vss_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vss",
	.fops = &vss_operations,
	.mode = 0600,
};

static int __init vss_init(void)
{
	int error = vexfs_engine_init();

	if (!error)
		error = vss_store_create(&vss_store, capacity);
	if (error)
		return error;
	error = misc_register(&vss_device);
	if (error)
		vss_store_destroy(&vss_store);
	return error;
}

static void __exit vss_exit(void)
{
	misc_deregister(&vss_device);
	vss_store_destroy(&vss_store);
}

module_init(vss_init);
module_exit(vss_exit);
MODULE_DESCRIPTION("/dev/vss: a small store of vectors in memory, nearest neighbours by ioctl(2)");
MODULE_LICENSE("Dual MIT/GPL");
