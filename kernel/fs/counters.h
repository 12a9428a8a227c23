/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What a volume counts from one mount to the next; sysfs.c shows it. */
#ifndef VEXFS_COUNTERS_H
#define VEXFS_COUNTERS_H

#include <linux/atomic.h>

struct vexfs_counters {
	/* Times that damage was met. */
	atomic64_t damages;
	atomic64_t searches;
	atomic64_t rows_scanned;
	atomic64_t insert_calls;
	atomic64_t rows_inserted;
	/* Rows that write(2) and truncate(2) made. */
	atomic64_t rows_adopted;
	atomic64_t compactions;
};

#endif
