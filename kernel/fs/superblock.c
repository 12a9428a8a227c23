// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The counts and marks of block 0, changed in transactions. */
#include <linux/ktime.h>
#include "alloc.h"
#include "vexfs_fs.h"

struct vexfs_superblock *vexfs_superblock_change(handle_t *handle, struct vexfs_volume *volume)
{
	int error = vexfs_change(handle, volume->superblock_bh);

	return error ? ERR_PTR(error) : (struct vexfs_superblock *)volume->superblock_bh->b_data;
}

int vexfs_superblock_changed(handle_t *handle, struct vexfs_volume *volume)
{
	struct vexfs_superblock *superblock = (struct vexfs_superblock *)volume->superblock_bh->b_data;

	superblock->write_time = cpu_to_le64(ktime_get_real_seconds());
	if (READ_ONCE(volume->damaged))
		superblock->state |= cpu_to_le32(VEXFS_STATE_ERRORS);
	superblock->checksum = cpu_to_le32(vexfs_sum(volume, 0, superblock, sizeof(*superblock),
						     offsetof(struct vexfs_superblock, checksum)));
	return vexfs_changed(handle, volume->superblock_bh);
}

static int vexfs_update(struct vexfs_volume *volume, bool is_mount)
{
	struct vexfs_superblock *superblock;
	/* Not vexfs_start(): damage may have made the volume read-only, and is noted all the same. */
	handle_t *handle = jbd2_journal_start(volume->journal, 1);
	int error, stopped;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	mutex_lock(&volume->allocator_lock);
	superblock = vexfs_superblock_change(handle, volume);
	error = PTR_ERR_OR_ZERO(superblock);
	if (!error && is_mount) {
		superblock->mount_time = cpu_to_le64(ktime_get_real_seconds());
		le32_add_cpu(&superblock->mount_count, 1);
	}
	if (!error)
		error = vexfs_superblock_changed(handle, volume);
	mutex_unlock(&volume->allocator_lock);
	stopped = vexfs_stop(handle);
	return error ?: stopped;
}

int vexfs_note_mount(struct super_block *sb)
{
	return vexfs_update(vexfs_volume(sb), true);
}

void vexfs_note_damage(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	if (READ_ONCE(volume->damaged) && !(le32_to_cpu(volume->superblock->state) & VEXFS_STATE_ERRORS))
		vexfs_update(volume, false);
}

void vexfs_seal_descriptor(const struct vexfs_volume *volume, u32 group, struct vexfs_group_descriptor *descriptor)
{
	descriptor->checksum = cpu_to_le32(vexfs_sum(volume, group, descriptor, sizeof(*descriptor),
						     offsetof(struct vexfs_group_descriptor, checksum)));
}
