/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Rows and snapshots in the extents of a volume, in user space. No part of the kernel module. */
#ifndef VX_HOST_ROWS_H
#define VX_HOST_ROWS_H

#include "host_index.h"

/* Bytes of a file that lie together: from byte `offset` of the file at byte `position` of the device, or a hole (-1). */
struct vx_run {
	vx_u64 offset;
	vx_s64 position;
	vx_u64 bytes;
};

/* What lies where: runs in the order of the file, without gaps. It stays unchanged as long as somebody reads by it. */
struct vx_extents {
	vx_s32 fd;
	vx_u32 count;
	vx_u64 first;     /* byte of the file where slot 0 begins */
	vx_u64 stride;    /* bytes from slot to slot */
	vx_u32 row_bytes; /* of a row, without padding */
	vx_u32 slots;
	struct vx_run runs[];
};

/*
 * Rows that are read from the device as they are asked for: a sector that fails is -EIO and not a signal, whatever the
 * size of blocks. Several threads may share them. `out` is valid as long as `extents` is.
 */
void vx_host_rows(const struct vx_extents *extents, struct vx_rows *out);

/* Reads the row of one slot. 0 or a negative errno. */
int vx_host_row(const struct vx_extents *extents, vx_u32 slot, void *row);

/*
 * vx_host_index_apply() for a log that comes piece by piece: unless `last` is set a round that could take more than
 * is left is not begun, so that rounds do not depend on the pieces. Returns how many changes were taken.
 */
vx_s64 vx_host_index_follow(struct vx_index *index, const struct vx_extents *extents, const struct vx_change *changes,
			    size_t n, vx_u32 last, vx_u32 threads, const volatile vx_u32 *interrupt);

/* Saves into the runs, without syncing them. 0 or a negative errno; -ENOSPC when they are too short. */
int vx_host_index_save_to(struct vx_index *index, const struct vx_extents *extents);

/* Opens the snapshot in the runs, `size` bytes, to be read as a whole or by_record; `extents` stays until the index is destroyed. */
struct vx_index *vx_host_index_open_at(const struct vx_extents *extents, vx_u64 size, vx_u32 by_record, vx_u32 isa, int *error);

#endif
