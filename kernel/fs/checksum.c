// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/crc32c.h>
#include "vexfs_fs.h"

u32 vexfs_sum(const struct vexfs_volume *volume, u64 number, const void *data, size_t bytes, size_t at)
{
	const __le64 prefix = cpu_to_le64(number);
	const __le32 zero = 0;
	u32 sum = crc32c(volume->seed, &prefix, sizeof(prefix));

	sum = crc32c(sum, data, at);
	sum = crc32c(sum, &zero, sizeof(zero));
	return crc32c(sum, data + at + sizeof(zero), bytes - at - sizeof(zero));
}

u32 vexfs_sum_beside(const struct vexfs_volume *volume, u64 number, const void *data, size_t bytes)
{
	const __le64 prefix = cpu_to_le64(number);

	return crc32c(crc32c(volume->seed, &prefix, sizeof(prefix)), data, bytes);
}

u32 vexfs_inode_sum(const struct vexfs_volume *volume, u64 number, const struct vexfs_inode *inode)
{
	const size_t at = offsetof(struct vexfs_inode, checksum);
	const __le64 prefix = cpu_to_le64(number);
	const __le32 zero = 0;
	u32 sum = crc32c(volume->seed, &prefix, sizeof(prefix));

	sum = crc32c(sum, &inode->generation, sizeof(inode->generation));
	sum = crc32c(sum, inode, at);
	return crc32c(sum, &zero, sizeof(zero));
}
