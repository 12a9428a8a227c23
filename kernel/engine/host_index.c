// SPDX-License-Identifier: GPL-2.0 OR MIT
/* User space only: threads for a builder, snapshots in files. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "host_index.h"

/* fuse/engine/vector_index.ts writes and reads these structures byte by byte. */
_Static_assert(sizeof(struct vx_index_params) == 40 && offsetof(struct vx_index_params, train_rows) == 20 &&
		       offsetof(struct vx_index_params, seed) == 24 && offsetof(struct vx_index_params, type) == 32,
	       "struct vx_index_params is as vector_index.ts lays it out");
_Static_assert(sizeof(struct vx_rows) == 48 && offsetof(struct vx_rows, stride) == 8 &&
		       offsetof(struct vx_rows, slots) == 40,
	       "struct vx_rows is as vector_index.ts lays it out");
_Static_assert(sizeof(struct vx_change) == 16 && offsetof(struct vx_change, slot) == 8 &&
		       offsetof(struct vx_change, op) == 12,
	       "struct vx_change is as vector_index.ts lays it out");
_Static_assert(sizeof(struct vx_filter) == 48 && offsetof(struct vx_filter, slot_bits) == 16 &&
		       offsetof(struct vx_filter, id_bits_count) == 40,
	       "struct vx_filter is as vector_index.ts lays it out");
_Static_assert(sizeof(struct vx_search) == 80 && offsetof(struct vx_search, tail) == 40 &&
		       offsetof(struct vx_search, interrupt) == 48 && offsetof(struct vx_search, k) == 64 &&
		       offsetof(struct vx_search, flags) == 76,
	       "struct vx_search is as vector_index.ts lays it out");
_Static_assert(sizeof(struct vx_index_info) == 128 && offsetof(struct vx_index_info, rows) == 40 &&
		       offsetof(struct vx_index_info, position) == 72 &&
		       offsetof(struct vx_index_info, snapshot_bytes) == 112 &&
		       offsetof(struct vx_index_info, damaged) == 124,
	       "struct vx_index_info is as vector_index.ts lays it out");
_Static_assert(sizeof(struct vx_search_info) == 40 && offsetof(struct vx_search_info, path) == 24,
	       "struct vx_search_info is as vector_index.ts lays it out");

/* Threads wait here between the stages of a round. */
struct vx_crew {
	struct vx_index *index;
	pthread_mutex_t lock;
	pthread_cond_t begin, done;
	vx_u32 stage; /* counts up when there is work */
	vx_u32 working;
	int leaving;
};

struct vx_crew_member {
	struct vx_crew *crew;
	pthread_t thread;
	vx_u32 number;
};

static void *vx_crew_run(void *argument)
{
	struct vx_crew_member *member = argument;
	struct vx_crew *crew = member->crew;
	vx_u32 seen = 0;

	pthread_mutex_lock(&crew->lock);
	for (;;) {
		while (crew->stage == seen && !crew->leaving)
			pthread_cond_wait(&crew->begin, &crew->lock);
		if (crew->leaving)
			break;
		seen = crew->stage;
		pthread_mutex_unlock(&crew->lock);
		vx_index_work(crew->index, member->number);
		pthread_mutex_lock(&crew->lock);
		if (--crew->working == 0)
			pthread_cond_signal(&crew->done);
	}
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static void vx_crew_work(struct vx_crew *crew, vx_u32 members)
{
	pthread_mutex_lock(&crew->lock);
	crew->stage++;
	crew->working = members;
	pthread_cond_broadcast(&crew->begin);
	pthread_mutex_unlock(&crew->lock);
	vx_index_work(crew->index, 0);
	pthread_mutex_lock(&crew->lock);
	while (crew->working)
		pthread_cond_wait(&crew->done, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
}

vx_s64 vx_host_index_rounds(struct vx_index *index, const struct vx_rows *rows, const struct vx_change *changes,
			    size_t n, size_t least, vx_u32 threads, const volatile vx_u32 *interrupt)
{
	struct vx_crew crew = { .index = index };
	struct vx_crew_member members[VX_MAX_WORKERS];
	vx_u32 made = 0, i;
	size_t done = 0;
	vx_s64 error = 0;

	if (threads == 0 || threads > VX_MAX_WORKERS)
		return -VX_EINVAL;
	pthread_mutex_init(&crew.lock, NULL);
	pthread_cond_init(&crew.begin, NULL);
	pthread_cond_init(&crew.done, NULL);
	for (i = 1; i < threads; i++) {
		members[made] = (struct vx_crew_member){ .crew = &crew, .number = made + 1 };
		if (pthread_create(&members[made].thread, NULL, vx_crew_run, &members[made]))
			break;
		made++;
	}
	while (n - done >= least && !error) {
		vx_s64 taken = interrupt && *interrupt ? -VX_EINTR :
							 vx_index_begin(index, rows, changes + done, n - done, made + 1);
		int status = 1;

		while (taken > 0 && (status = vx_index_phase(index)) > 0)
			vx_crew_work(&crew, made);
		error = status < 0 ? status : taken < 0 ? taken : 0;
		if (!error)
			done += (size_t)taken;
	}
	pthread_mutex_lock(&crew.lock);
	crew.leaving = 1;
	pthread_cond_broadcast(&crew.begin);
	pthread_mutex_unlock(&crew.lock);
	for (i = 0; i < made; i++)
		pthread_join(members[i].thread, NULL);
	pthread_cond_destroy(&crew.done);
	pthread_cond_destroy(&crew.begin);
	pthread_mutex_destroy(&crew.lock);
	return done || !error ? (vx_s64)done : error;
}

vx_s64 vx_host_index_apply(struct vx_index *index, const struct vx_rows *rows, const struct vx_change *changes, size_t n,
			   vx_u32 threads, const volatile vx_u32 *interrupt)
{
	return vx_host_index_rounds(index, rows, changes, n, 1, threads, interrupt);
}

struct vx_file {
	int fd;
	off_t at;
};

static int vx_file_write(void *context, const void *data, size_t bytes)
{
	struct vx_file *file = context;

	while (bytes) {
		ssize_t written = pwrite(file->fd, data, bytes, file->at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -VX_EIO;
		data = (const char *)data + written;
		bytes -= (size_t)written;
		file->at += written;
	}
	return 0;
}

int vx_host_index_save(struct vx_index *index, int fd)
{
	struct vx_file file = { .fd = fd };

	return vx_index_save(index, vx_file_write, &file);
}

struct vx_index *vx_host_index_create(const struct vx_index_params *params, vx_u32 isa, int *error)
{
	const struct vx_cpu *cpu = vx_host_cpu(isa);

	if (cpu)
		return vx_index_create(vx_host_allocator(), cpu, params, error);
	if (error)
		*error = -VX_EINVAL;
	return NULL;
}

struct vx_index *vx_host_index_open(const void *bytes, vx_u64 size, vx_u32 isa, int *error)
{
	const struct vx_index_source source = { .bytes = bytes, .size = size };
	const struct vx_cpu *cpu = vx_host_cpu(isa);

	if (cpu)
		return vx_index_open(vx_host_allocator(), cpu, &source, error);
	if (error)
		*error = -VX_EINVAL;
	return NULL;
}

struct vx_searcher *vx_host_searcher_create(void)
{
	return vx_searcher_create(vx_host_allocator());
}
