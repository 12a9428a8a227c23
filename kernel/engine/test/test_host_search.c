// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The queries of a call: over rows in memory, and over rows in a mapped file that loses its pages. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "host_search.h"

#define DIMS 128u
#define ROWS 6000u
#define K 5u
#define QUERIES 3u

static struct vx_questions questions;
static struct vx_rows rows;
static float values[QUERIES * DIMS];
static float row[DIMS];
static vx_u32 distances[QUERIES * K], counts[QUERIES];
static vx_u64 ids[QUERIES * K], of_slots[ROWS];

/* Rows in a file of their own, mapped. */
static float *map_rows(int *fd)
{
	FILE *file = tmpfile();
	float *mapped;

	CHECK(file != NULL, "a file");
	*fd = fileno(file);
	CHECK(ftruncate(*fd, ROWS * DIMS * 4) == 0, "its size");
	mapped = mmap(NULL, ROWS * DIMS * 4, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	CHECK(mapped != MAP_FAILED, "its mapping");
	for (uint32_t i = 0; i < ROWS * DIMS; i++)
		mapped[i] = random_float();
	return mapped;
}

static struct vx_index *index_of(const float *mapped)
{
	const struct vx_index_params params = { .element = VX_FLOAT32, .dims = DIMS, .train_rows = 1024 };
	struct vx_index *index = vx_host_index_create(&params, VX_ISA_BEST, NULL);
	struct vx_change *changes = calloc(ROWS, sizeof(*changes));

	CHECK(index && changes, "memory");
	for (uint32_t i = 0; i < ROWS; i++)
		changes[i] = (struct vx_change){ .id = i, .slot = i, .op = VX_PUT };
	rows = (struct vx_rows){ .base = mapped, .stride = DIMS * 4, .slots = ROWS };
	CHECK_EQ(vx_index_apply(index, &rows, changes, ROWS, NULL), ROWS, "rows taken");
	free(changes);
	return index;
}

static vx_s64 ask(struct vx_index *index, const float *mapped)
{
	questions.index = index;
	memset(distances, 0xee, sizeof(distances));
	memset(ids, 0xee, sizeof(ids));
	memcpy(values, mapped, sizeof(values));
	return vx_host_search(&questions);
}

static void check_answers(void)
{
	for (uint32_t i = 0; i < QUERIES; i++) {
		CHECK_EQ(counts[i], K, "hits");
		CHECK(ids[i * K] == i && distances[i * K] == 0, "row %u finds row %" PRIu64 " first", i, ids[i * K]);
	}
}

static void before_us(int number)
{
	(void)number;
	_exit(7);
}

/* A SIGBUS that is no search's is for the handler that was there before, here one that exits with 7. */
static void check_others(const float *mapped, int fd)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		CHECK(ftruncate(fd, 0) == 0, "truncation");
		_exit(*(volatile const float *)mapped != 0 ? 1 : 2);
	}
	CHECK(waitpid(child, &status, 0) == child, "waitpid");
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %x", status);
}

int main(void)
{
	struct vx_index *index;
	float *mapped, *kept;
	int fd;

	printf("test_host_search\n");
	signal(SIGBUS, before_us);
	mapped = map_rows(&fd);
	kept = malloc(sizeof(values));
	CHECK(kept, "memory");
	memcpy(kept, mapped, sizeof(values));
	index = index_of(mapped);
	for (uint32_t i = 0; i < ROWS; i++)
		of_slots[i] = i;
	questions = (struct vx_questions){
		.cpu = vx_host_cpu(VX_ISA_BEST),
		.searcher = vx_host_searcher_create(),
		.query = vx_host_allocate(vx_query_bytes(DIMS)),
		.topk = vx_host_allocate(vx_topk_bytes(K)),
		.scratch = vx_host_allocate(VX_SCAN_SCRATCH_BYTES),
		.row = row,
		.values = values,
		.distances = distances,
		.ids = ids,
		.counts = counts,
		.search = { .rows = &rows, .ids = of_slots, .slots = ROWS, .k = K },
		.element = VX_FLOAT32,
		.dims = DIMS,
		.count = QUERIES,
	};
	TEST("all queries of a call are answered, by the index and without it");
	CHECK_EQ(ask(index, kept), K, "hits of the last");
	check_answers();
	CHECK_EQ(questions.path, VX_PATH_GRAPH, "path");
	CHECK_EQ(ask(NULL, kept), K, "hits of the last");
	check_answers();

	TEST("places past the count are zero");
	questions.search.slots = 2;
	CHECK_EQ(ask(NULL, kept), 2, "hits of the last");
	CHECK(ids[1 * K + 2] == 0 && distances[1 * K + 2] == 0 && ids[2 * K + 4] == 0, "a place past the count");
	questions.search.slots = ROWS;

	TEST("a query that no row could be is refused");
	kept[DIMS] = __builtin_inff();
	CHECK_EQ(ask(NULL, kept), -VX_EINVAL, "status");
	kept[DIMS] = mapped[DIMS];

	TEST("pages that cannot be read are an error, with and without an index, again and again");
	CHECK(ftruncate(fd, 4096) == 0, "truncation");
	for (int time = 0; time < 3; time++) {
		CHECK_EQ(ask(index, kept), -VX_EIO, "status");
		vx_searcher_destroy(questions.searcher);
		questions.searcher = vx_host_searcher_create();
		CHECK_EQ(ask(NULL, kept), -VX_EIO, "status");
	}

	TEST("pages that are back are read again");
	CHECK(ftruncate(fd, ROWS * DIMS * 4) == 0, "extension");
	memcpy(mapped, kept, sizeof(values));
	CHECK_EQ(ask(index, kept), K, "hits of the last");
	check_answers();

	TEST("a signal of somebody else is for the handler that was there before");
	check_others(mapped, fd);
	vx_searcher_destroy(questions.searcher);
	vx_index_destroy(index);
	free(kept);
	return 0;
}
