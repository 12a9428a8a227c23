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

size_t vexfs_sum_at(enum vexfs_summed what)
{
	static const size_t places[] = {
		[VEXFS_SUMMED_DIRECTORY] = offsetof(struct vexfs_directory_header, checksum),
		[VEXFS_SUMMED_EXTENTS] = offsetof(struct vexfs_extent_header, checksum),
		[VEXFS_SUMMED_ATTRIBUTES] = offsetof(struct vexfs_xattr_header, checksum),
		[VEXFS_SUMMED_SET] = offsetof(struct vexfs_set_header, checksum),
		[VEXFS_SUMMED_LOG] = offsetof(struct vexfs_log_header, checksum),
	};

	return places[what];
}

u32 vexfs_block_sum(const struct vexfs_volume *volume, u64 number, const void *data, enum vexfs_summed what)
{
	return vexfs_sum(volume, number, data, volume->geometry.block_size, vexfs_sum_at(what));
}

u32 vexfs_inode_sum(const struct vexfs_volume *volume, u64 number, const struct vexfs_inode *inode)
{
	const struct {
		__le64 number;
		__le32 generation;
	} __packed prefix = { cpu_to_le64(number), inode->generation };
	const __le32 zero = 0;
	u32 sum = crc32c(volume->seed, &prefix, sizeof(prefix));

	sum = crc32c(sum, inode, offsetof(struct vexfs_inode, checksum));
	return crc32c(sum, &zero, sizeof(zero));
}
