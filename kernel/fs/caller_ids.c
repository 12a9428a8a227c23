// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "../engine/glue.h"
#include "caller_ids.h"
#include "vector_set.h"

u64 *vexfs_ids_copy(const void __user *from, u32 count)
{
	u64 *ids = kvmalloc_array(count, sizeof(*ids), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!ids)
		return ERR_PTR(-ENOMEM);
	if (!copy_from_user(ids, from, (size_t)count * sizeof(*ids)))
		return ids;
	kvfree(ids);
	return ERR_PTR(-EFAULT);
}

/* 0, or -EINVAL when an id stands there twice. */
static int vexfs_check_twice(struct inode *inode, const u64 *ids, u32 count, void *scratch)
{
	int ticket, error = 0;
	const struct vexfs_set *set = vexfs_set_enter(inode, &ticket);

	if (IS_ERR(set))
		return PTR_ERR(set);
	if (vx_ids_find_duplicate(set->ids, ids, count, scratch) != count)
		error = -EINVAL;
	vexfs_set_leave(ticket);
	return error;
}

int vexfs_ids_check(struct inode *inode, const u64 *ids, u32 count)
{
	void *scratch;
	u32 i;
	int error;

	for (i = 0; i < count; i++) {
		if (ids[i] == VX_NO_ID)
			return -EINVAL;
	}
	if (count == 1)
		return 0;
	scratch = kvmalloc(vx_ids_duplicate_bytes(count), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!scratch)
		return -ENOMEM;
	error = vexfs_check_twice(inode, ids, count, scratch);
	kvfree(scratch);
	return error;
}
