// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What is said when a volume contradicts itself. */
#include "trace.h"
#include "vexfs_fs.h"

int vexfs_damage(struct super_block *sb, const char *format, ...)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	struct va_format message;
	va_list arguments;

	va_start(arguments, format);
	message.fmt = format;
	message.va = &arguments;
	pr_warn_ratelimited("vexfs (%s): damaged: %pV: run fsck.vexfs\n", sb->s_id, &message);
	va_end(arguments);
	trace_vexfs_damage(sb);
	if (volume)
		atomic64_inc(&volume->counters.damages);
	if (!volume || !volume->journal)
		return -EUCLEAN;
	WRITE_ONCE(volume->damaged, true);
	if (volume->errors == VEXFS_ERRORS_PANIC)
		panic("vexfs (%s): damaged, and mounted with errors=panic\n", sb->s_id);
	if (volume->errors == VEXFS_ERRORS_READ_ONLY && !sb_rdonly(sb)) {
		pr_err("vexfs (%s): nothing is written any more\n", sb->s_id);
		WRITE_ONCE(volume->is_given_up, true);
		sb->s_flags |= SB_RDONLY;
	}
	return -EUCLEAN;
}
