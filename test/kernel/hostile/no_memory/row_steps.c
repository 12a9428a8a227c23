// SPDX-License-Identifier: MIT
/* Every kind of call on rows and their index. */
#define _GNU_SOURCE
#include "no_memory.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vexfs.h>

#define DIMENSIONS 16
/* Enough for blocks of the row log when ids are far apart. */
#define ROWS 700
/* More than VEXFS_INDEX_LEAST_ROWS: searches go by the index. */
#define INDEXED_ROWS 4400
#define BATCH 8

static float values[INDEXED_ROWS * DIMENSIONS];
static __u64 ids[INDEXED_ROWS];

static long insert(__u32 count, __u64 first, __u64 spread, __u32 flags)
{
	struct vexfs_batch_insert_request request = {
		.vectors = values, .vector_count = count, .dimensions = DIMENSIONS, .vector_ids = ids, .flags = flags,
	};

	for (__u32 i = 0; i < count; i++)
		ids[i] = first + i * spread;
	return ioctl(fd, VEXFS_IOC_BATCH_INSERT, &request);
}

static void define(void)
{
	struct vexfs_vector_file_info info = { .dimensions = DIMENSIONS, .element_type = VEXFS_ELEMENT_FLOAT32 };

	if (ioctl(fd, VEXFS_IOC_SET_VECTOR_META, &info) != 0)
		fail("SET_VECTOR_META");
}

static void make_rows(const char *name, __u32 count)
{
	for (size_t i = 0; i < count * (size_t)DIMENSIONS; i++)
		values[i] = (float)(i * 7919 % 1009) / 8;
	open_it(name, O_RDWR | O_CREAT);
	define();
	if (count > 0 && insert(count, 1, 3, 0) != 0)
		fail("BATCH_INSERT");
}

static void empty_rows(void)
{
	make_rows("rows", 0);
}

static void rows(void)
{
	make_rows("rows", ROWS);
}

static void closed_rows(void)
{
	rows();
	put_away();
}

static void file_and_rows(void)
{
	closed_file();
	closed_rows();
}

static long manage(__u32 operation)
{
	struct vexfs_manage_index call = { .operation = operation };

	if (operation == VEXFS_INDEX_OP_CREATE) {
		call.type = VEXFS_INDEX_TYPE_GRAPH;
		call.m = 8;
		call.ef_construction = 40;
	}
	if (operation == VEXFS_INDEX_OP_TUNE)
		call.ef_search = 100;
	if (operation == VEXFS_INDEX_OP_INFO)
		call.sample = 5;
	return ioctl(fd, VEXFS_IOC_MANAGE_INDEX, &call);
}

static void indexed_rows(void)
{
	rows();
	if (manage(VEXFS_INDEX_OP_CREATE) != 0 || manage(VEXFS_INDEX_OP_WAIT) != 0)
		fail("MANAGE_INDEX");
}

void keep(void)
{
	make_rows("indexed", INDEXED_ROWS);
	if (manage(VEXFS_INDEX_OP_CREATE) != 0 || manage(VEXFS_INDEX_OP_WAIT) != 0)
		fail("MANAGE_INDEX");
	put_away();
}

static void kept(void)
{
	open_it("indexed", O_RDWR);
}

static long unlink_rows(void)
{
	return unlink("rows");
}

static long rename_over(void)
{
	return rename("file", "rows");
}

static long stat_rows(void)
{
	struct stat status;

	return stat("rows", &status);
}

static long set_meta(void)
{
	struct vexfs_vector_file_info info = {
		.dimensions = DIMENSIONS, .element_type = VEXFS_ELEMENT_FLOAT32, .data_offset = 128,
	};

	return ioctl(fd, VEXFS_IOC_SET_VECTOR_META, &info);
}

static long get_meta(void)
{
	struct vexfs_vector_file_info info;

	return ioctl(fd, VEXFS_IOC_GET_VECTOR_META, &info);
}

static long get_stats(void)
{
	struct vexfs_stats stats = { 0 };

	return ioctl(fd, VEXFS_IOC_GET_STATS, &stats);
}

static long insert_many(void)
{
	return insert(ROWS, 2, 2, 0);
}

static long insert_far(void)
{
	return insert(5, 1000003, 1000003, 0);
}

static long overwrite_rows(void)
{
	return insert(400, 1, 3, VEXFS_INSERT_OVERWRITE);
}

static long put(unsigned long command, __u64 id)
{
	struct vexfs_put_embedding call = {
		.id = id, .data = (uintptr_t)values, .data_size = DIMENSIONS * sizeof(float), .dimensions = DIMENSIONS,
	};

	return ioctl(fd, command, &call);
}

static long add_row(void)
{
	return put(VEXFS_IOC_ADD_EMBEDDING, 5000);
}

static long update_row(void)
{
	return put(VEXFS_IOC_UPDATE_EMBEDDING, 4);
}

static long delete_row(void)
{
	struct vexfs_delete_embedding call = { .id = 4 };

	return ioctl(fd, VEXFS_IOC_DELETE_EMBEDDING, &call);
}

static long delete_rows(void)
{
	struct vexfs_batch_delete call = { .ids = (uintptr_t)ids, .count = 300 };

	for (__u32 i = 0; i < call.count; i++)
		ids[i] = 1 + i * 3;
	return ioctl(fd, VEXFS_IOC_BATCH_DELETE, &call);
}

static long get_row(void)
{
	struct vexfs_get_embedding call = { .id = 4, .data = (uintptr_t)bytes, .data_size = sizeof(bytes) };

	return ioctl(fd, VEXFS_IOC_GET_EMBEDDING, &call);
}

static long get_rows(void)
{
	struct vexfs_batch_get call = {
		.ids = (uintptr_t)ids, .data = (uintptr_t)bytes, .data_size = sizeof(bytes), .count = 300,
		.dimensions = DIMENSIONS,
	};

	for (__u32 i = 0; i < call.count; i++)
		ids[i] = 1 + i * 3;
	return ioctl(fd, VEXFS_IOC_BATCH_GET, &call);
}

static long search(__u32 k)
{
	static float distances[ROWS];
	struct vexfs_vector_search_request call = {
		.query_vector = values, .dimensions = DIMENSIONS, .k = k, .results = distances, .result_ids = ids,
	};

	return ioctl(fd, VEXFS_IOC_VECTOR_SEARCH, &call);
}

static long search_few(void)
{
	return search(10);
}

static long search_many(void)
{
	return search(100);
}

static long search_batch(void)
{
	static float distances[BATCH * 10];
	static __u32 counts[BATCH];
	struct vexfs_batch_search call = {
		.queries = (uintptr_t)values, .results = (uintptr_t)distances, .result_ids = (uintptr_t)ids,
		.result_counts = (uintptr_t)counts, .count = BATCH, .dimensions = DIMENSIONS, .k = 10,
	};

	return ioctl(fd, VEXFS_IOC_BATCH_SEARCH, &call);
}

static long index_create(void)
{
	return manage(VEXFS_INDEX_OP_CREATE);
}

static long index_tune(void)
{
	return manage(VEXFS_INDEX_OP_TUNE);
}

static long index_wait(void)
{
	return manage(VEXFS_INDEX_OP_WAIT);
}

static long index_verify(void)
{
	return manage(VEXFS_INDEX_OP_VERIFY);
}

static long index_rebuild(void)
{
	return manage(VEXFS_INDEX_OP_REBUILD);
}

static long index_drop(void)
{
	return manage(VEXFS_INDEX_OP_DROP);
}

static long index_info(void)
{
	return manage(VEXFS_INDEX_OP_INFO);
}

static long append_rows(void)
{
	return pwrite(fd, bytes, 64 * 30, 64 * ROWS);
}

static long write_rows(void)
{
	return pwrite(fd, bytes, 64 * 30, 64 * 10);
}

static long grow_rows(void)
{
	return ftruncate(fd, 64 * 2 * ROWS);
}

static long cut_off_rows(void)
{
	return ftruncate(fd, 64 * 100);
}

const struct step row_steps[] = {
	{ "unlink rows", closed_rows, unlink_rows, .is_cold = true },
	{ "rename over", file_and_rows, rename_over, .is_cold = true },
	{ "stat", closed_rows, stat_rows, .is_cold = true },
	{ "SET_VECTOR_META", file, set_meta },
	{ "GET_VECTOR_META", rows, get_meta, .is_cold = true },
	{ "GET_STATS", rows, get_stats, .is_cold = true },
	{ "BATCH_INSERT first", empty_rows, insert_many },
	{ "BATCH_INSERT cold", rows, insert_far, .is_cold = true },
	{ "BATCH_INSERT overwriting", rows, overwrite_rows, .is_cold = true },
	{ "BATCH_INSERT indexed", indexed_rows, insert_far, .is_cold = true },
	{ "ADD_EMBEDDING", rows, add_row },
	{ "UPDATE_EMBEDDING", indexed_rows, update_row },
	{ "DELETE_EMBEDDING", indexed_rows, delete_row },
	{ "BATCH_DELETE", rows, delete_rows },
	{ "BATCH_DELETE indexed", indexed_rows, delete_rows, .is_cold = true },
	{ "GET_EMBEDDING", rows, get_row, .is_cold = true },
	{ "BATCH_GET", rows, get_rows, .is_cold = true },
	{ "VECTOR_SEARCH", rows, search_many, .is_cold = true },
	{ "VECTOR_SEARCH by index", kept, search_few, .is_kept = true },
	{ "VECTOR_SEARCH by index cold", kept, search_few, .is_cold = true, .is_kept = true },
	{ "BATCH_SEARCH by index", kept, search_batch, .is_kept = true },
	{ "BATCH_SEARCH by index cold", kept, search_batch, .is_cold = true, .is_kept = true },
	{ "INFO with recall", kept, index_info, .is_kept = true },
	{ "VERIFY", kept, index_verify, .is_cold = true, .is_kept = true },
	{ "CREATE", rows, index_create },
	{ "TUNE", indexed_rows, index_tune },
	{ "WAIT", indexed_rows, index_wait, .is_cold = true },
	{ "REBUILD", indexed_rows, index_rebuild },
	{ "DROP", indexed_rows, index_drop, .is_cold = true },
	{ "append rows", rows, append_rows },
	{ "overwrite rows", indexed_rows, write_rows },
	{ "grow rows", rows, grow_rows },
	{ "cut off rows", rows, cut_off_rows, .is_cold = true },
};

const size_t row_step_count = sizeof(row_steps) / sizeof(row_steps[0]);
