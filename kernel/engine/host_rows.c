// SPDX-License-Identifier: GPL-2.0 OR MIT
/* User space only: rows and snapshots in the extents of a volume. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_rows.h"

/* fuse/engine/extents.ts writes this structure byte by byte. */
_Static_assert(sizeof(struct vx_run) == 24 && sizeof(struct vx_extents) == 32 &&
		       offsetof(struct vx_extents, first) == 8 && offsetof(struct vx_extents, row_bytes) == 24 &&
		       offsetof(struct vx_extents, runs) == 32,
	       "struct vx_extents is as extents.ts lays it out");

#define VX_ENOSPC 28

/* The run that holds a byte of the file, or NULL. */
static const struct vx_run *vx_run_of(const struct vx_extents *extents, vx_u64 offset)
{
	vx_u32 low = 0, high = extents->count;

	while (low < high) {
		const vx_u32 middle = low + (high - low) / 2;
		const struct vx_run *run = &extents->runs[middle];

		if (offset < run->offset)
			high = middle;
		else if (offset - run->offset >= run->bytes)
			low = middle + 1;
		else
			return run;
	}
	return NULL;
}

static int vx_transfer(int fd, void *data, size_t bytes, off_t at, int writing)
{
	while (bytes) {
		const ssize_t done = writing ? pwrite(fd, data, bytes, at) : pread(fd, data, bytes, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -VX_EIO;
		data = (char *)data + done;
		bytes -= (size_t)done;
		at += done;
	}
	return 0;
}

static int vx_extents_copy(const struct vx_extents *extents, vx_u64 offset, void *data, size_t bytes, int writing)
{
	while (bytes) {
		const struct vx_run *run = vx_run_of(extents, offset);
		vx_u64 piece;
		int error = 0;

		if (!run)
			return writing ? -VX_ENOSPC : -VX_EIO;
		piece = run->bytes - (offset - run->offset);
		if (piece > bytes)
			piece = bytes;
		if (run->position >= 0)
			error = vx_transfer(extents->fd, data, (size_t)piece,
					    (off_t)run->position + (off_t)(offset - run->offset), writing);
		else if (writing)
			error = -VX_EINVAL;
		else
			memset(data, 0, (size_t)piece);
		if (error)
			return error;
		data = (char *)data + piece;
		bytes -= (size_t)piece;
		offset += piece;
	}
	return 0;
}

/* Rows that follow each other are read at once. */
static int vx_rows_get(void *context, const vx_u32 *slots, vx_u32 n, const void **rows)
{
	const struct vx_extents *extents = context;
	char *memory = malloc((size_t)n * extents->stride);
	vx_u32 i, next;

	if (!memory)
		return -VX_ENOMEM;
	for (i = 0; i < n; i = next) {
		int error;

		for (next = i + 1; next < n && slots[next] == slots[next - 1] + 1;)
			next++;
		error = vx_extents_copy(extents, extents->first + slots[i] * extents->stride,
					memory + i * extents->stride,
					(next - i - 1) * extents->stride + extents->row_bytes, 0);
		if (error) {
			free(memory);
			return error;
		}
	}
	for (i = 0; i < n; i++)
		rows[i] = memory + i * extents->stride;
	return 0;
}

static void vx_rows_put(void *context, const void *const *rows, vx_u32 n)
{
	(void)context;
	(void)n;
	free((void *)(uintptr_t)rows[0]);
}

void vx_host_rows(const struct vx_extents *extents, struct vx_rows *out)
{
	*out = (struct vx_rows){
		.stride = extents->stride,
		.get = vx_rows_get,
		.put = vx_rows_put,
		.context = (void *)(uintptr_t)extents,
		.slots = extents->slots,
	};
}

int vx_host_row(const struct vx_extents *extents, vx_u32 slot, void *row)
{
	if (slot >= extents->slots)
		return -VX_EINVAL;
	return vx_extents_copy(extents, extents->first + slot * extents->stride, row, extents->row_bytes, 0);
}

vx_s64 vx_host_index_follow(struct vx_index *index, const struct vx_extents *extents, const struct vx_change *changes,
			    size_t n, vx_u32 last, vx_u32 threads, const volatile vx_u32 *interrupt)
{
	struct vx_rows rows;

	vx_host_rows(extents, &rows);
	return vx_host_index_rounds(index, &rows, changes, n, last ? 1 : VX_ROUND_CHANGES, threads, interrupt);
}

struct vx_place {
	const struct vx_extents *extents;
	vx_u64 at;
};

static int vx_place_write(void *context, const void *data, size_t bytes)
{
	struct vx_place *place = context;
	const int error = vx_extents_copy(place->extents, place->at, (void *)(uintptr_t)data, bytes, 1);

	place->at += bytes;
	return error;
}

int vx_host_index_save_to(struct vx_index *index, const struct vx_extents *extents)
{
	struct vx_place place = { .extents = extents };

	return vx_index_save(index, vx_place_write, &place);
}

static int vx_place_read(void *context, vx_u64 offset, void *data, size_t bytes)
{
	return vx_extents_copy(context, offset, data, bytes, 0);
}

struct vx_index *vx_host_index_open_at(const struct vx_extents *extents, vx_u64 size, vx_u32 by_record, vx_u32 isa, int *error)
{
	const struct vx_index_source source = {
		.size = size,
		.read = vx_place_read,
		.context = (void *)(uintptr_t)extents,
		.by_record = by_record,
	};
	const struct vx_cpu *cpu = vx_host_cpu(isa);

	if (cpu)
		return vx_index_open(vx_host_allocator(), cpu, &source, error);
	if (error)
		*error = -VX_EINVAL;
	return NULL;
}
