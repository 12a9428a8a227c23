// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What is said when a volume contradicts itself. */
#include "vexfs_fs.h"

int vexfs_damage(struct super_block *sb, const char *format, ...)
{
	struct va_format message;
	va_list arguments;

	va_start(arguments, format);
	message.fmt = format;
	message.va = &arguments;
	pr_warn_ratelimited("vexfs (%s): damaged: %pV: run fsck.vexfs\n", sb->s_id, &message);
	va_end(arguments);
	return -EUCLEAN;
}
