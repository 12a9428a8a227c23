// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Changes that the VFS knows nothing of: by workers, and by calls on descriptors that cannot write. A freeze keeps them out as it does writers; a
 * remount to read-only looks for descriptors that can write alone, and keeps them out here.
 */
#include "vexfs_fs.h"

bool vexfs_background_begin(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	if (!down_read_trylock(&volume->background))
		return false;
	if (!sb_rdonly(sb) && sb_start_write_trylock(sb))
		return true;
	up_read(&volume->background);
	return false;
}

void vexfs_background_end(struct super_block *sb)
{
	sb_end_write(sb);
	up_read(&vexfs_volume(sb)->background);
}
