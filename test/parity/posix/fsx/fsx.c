/* SPDX-License-Identifier: MIT */
/*
 * fsx FILE SEED STEPS [FIRST]: random reads, writes, stores through mappings, truncations, holes, allocations and copies
 * within one file, each compared with a copy in memory. With FIRST the steps before it were done by an earlier run and what
 * they left is checked: the same seed gives the same steps. Ends with 1 and a sentence when a byte differs.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST (1 << 20)
#define PAGE 4096

static uint8_t model[LARGEST + PAGE];
static uint8_t buffer[LARGEST + PAGE];
static off_t size;
static uint64_t state;
static const char *path;
static int fd;
static unsigned long step;
/** Whether the steps only change the copy: they have been done before. */
static bool replays;
static char what[256];

static uint32_t next(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below == 0 ? 0 : (uint32_t)((state >> 20) % below);
}

static void must(bool holds, const char *why)
{
	if (!holds)
		err(1, "step %lu, %s: %s", step, what, why);
}

static void compare(const uint8_t *seen, off_t from, size_t length)
{
	for (size_t at = 0; at < length; at++)
		if (seen[at] != model[from + (off_t)at])
			errx(1, "step %lu, %s: byte %lld is %u and not %u", step, what, (long long)from + (long long)at, seen[at],
			     model[from + (off_t)at]);
}

static void check_size(void)
{
	struct stat stat;
	must(fstat(fd, &stat) == 0, "fstat");
	if (stat.st_size != size)
		errx(1, "step %lu, %s: the size is %lld and not %lld", step, what, (long long)stat.st_size, (long long)size);
}

static void fill(size_t length)
{
	uint32_t value = next(256);
	for (size_t at = 0; at < length; at++)
		buffer[at] = (uint8_t)(value + at * 7 + (at >> 8));
}

/** What a truncation or a hole leaves is zeros, also where the file grows again. */
static void resize(off_t to)
{
	if (to < size)
		memset(model + to, 0, (size_t)(size - to));
	size = to;
}

static void range(off_t limit, off_t *from, size_t *length)
{
	*from = next((uint32_t)(limit > 0 ? limit : 1));
	*length = 1 + next(next(4) == 0 ? 200000 : 9000);
	/* Edges of blocks are where mistakes live. */
	if (next(4) == 0)
		*from &= ~(off_t)(PAGE - 1);
	if (next(4) == 0)
		*length = (*length + PAGE - 1) & ~(size_t)(PAGE - 1);
	if (*from + (off_t)*length > LARGEST)
		*length = (size_t)(LARGEST - *from);
}

static void do_read(bool direct)
{
	off_t from;
	size_t length;
	range(size + 5000 < LARGEST ? size + 5000 : LARGEST, &from, &length);
	snprintf(what, sizeof what, "read%s %zu at %lld", direct ? " direct" : "", length, (long long)from);
	if (replays)
		return;
	int by = direct ? open(path, O_RDONLY | O_DIRECT) : fd;
	must(by >= 0, "open");
	static uint8_t aligned[LARGEST + PAGE] __attribute__((aligned(PAGE)));
	if (direct) {
		from &= ~(off_t)(PAGE - 1);
		length = (length + PAGE - 1) & ~(size_t)(PAGE - 1);
	}
	ssize_t got = pread(by, aligned, length, from);
	must(got >= 0, "pread");
	off_t expected = from >= size ? 0 : size - from < (off_t)length ? size - from : (off_t)length;
	if (got != expected)
		errx(1, "step %lu, %s: %zd bytes and not %lld", step, what, got, (long long)expected);
	compare(aligned, from, (size_t)got);
	if (direct)
		close(by);
}

static void do_write(int way)
{
	static const char *const names[] = { "", " appending", " direct" };
	static uint8_t aligned[LARGEST + PAGE] __attribute__((aligned(PAGE)));
	off_t from;
	size_t length;
	range(LARGEST, &from, &length);
	if (way == 1)
		from = size;
	if (way == 2) {
		from &= ~(off_t)(PAGE - 1);
		length = (length + PAGE - 1) & ~(size_t)(PAGE - 1);
	}
	if (from + (off_t)length > LARGEST)
		length = (size_t)(LARGEST - from);
	if (way == 2)
		length &= ~(size_t)(PAGE - 1);
	fill(length);
	snprintf(what, sizeof what, "write%s %zu at %lld", names[way], length, (long long)from);
	if (length == 0)
		return;
	if (!replays) {
		memcpy(aligned, buffer, length);
		int by = way == 0 ? fd : open(path, O_WRONLY | (way == 1 ? O_APPEND : O_DIRECT));
		must(by >= 0, "open");
		for (size_t done = 0; done < length;) {
			ssize_t wrote = way == 1 ? write(by, aligned + done, length - done) :
						   pwrite(by, aligned + done, length - done, from + (off_t)done);
			must(wrote > 0, "write");
			done += (size_t)wrote;
		}
		if (way != 0)
			close(by);
	}
	memcpy(model + from, buffer, length);
	if (from + (off_t)length > size)
		size = from + (off_t)length;
}

static void do_map(bool store)
{
	off_t from;
	size_t length;
	if (size == 0)
		return;
	range(size, &from, &length);
	if (from + (off_t)length > size)
		length = (size_t)(size - from);
	fill(length);
	bool syncs = next(2) == 0;
	snprintf(what, sizeof what, "%s %zu at %lld", store ? "store" : "load", length, (long long)from);
	if (!replays) {
		off_t start = from & ~(off_t)(PAGE - 1);
		size_t span = (size_t)(from - start) + length;
		uint8_t *memory = mmap(NULL, span, PROT_READ | (store ? PROT_WRITE : 0), MAP_SHARED, fd, start);
		must(memory != MAP_FAILED, "mmap");
		compare(memory + (from - start), from, length);
		if (store) {
			memcpy(memory + (from - start), buffer, length);
			if (syncs)
				must(msync(memory, span, MS_SYNC) == 0, "msync");
		}
		/* Behind the end of the file a page reads as zeros. */
		size_t rest = (PAGE - span % PAGE) % PAGE;
		if (from + (off_t)length == size)
			for (size_t at = 0; at < rest; at++)
				must(memory[span + at] == 0, "the page behind the end is not zero");
		munmap(memory, span);
	}
	if (store)
		memcpy(model + from, buffer, length);
}

static void do_truncate(void)
{
	off_t to = next(3) == 0 ? size - next((uint32_t)(size > 0 ? size : 1)) : (off_t)next(LARGEST);
	bool by_path = next(2) == 0;
	snprintf(what, sizeof what, "truncate %lld to %lld", (long long)size, (long long)to);
	if (!replays)
		must((by_path ? truncate(path, to) : ftruncate(fd, to)) == 0, "truncate");
	resize(to);
}

static void do_allocate(void)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
				     FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE };
	off_t from;
	size_t length;
	int mode = modes[next(5)];
	range(LARGEST, &from, &length);
	if (length == 0)
		return;
	snprintf(what, sizeof what, "fallocate %d %zu at %lld", mode, length, (long long)from);
	if (!replays)
		must(fallocate(fd, mode, from, (off_t)length) == 0, "fallocate");
	off_t end = from + (off_t)length;
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0 && from < size)
		memset(model + from, 0, (size_t)((end < size ? end : size) - from));
	if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && end > size)
		resize(end);
}

static void do_copy(void)
{
	off_t from, to = next(LARGEST);
	size_t length;
	if (size == 0)
		return;
	range(size, &from, &length);
	if (from + (off_t)length > size)
		length = (size_t)(size - from);
	if (to + (off_t)length > LARGEST)
		length = (size_t)(LARGEST - to);
	bool overlap = from < to + (off_t)length && to < from + (off_t)length;
	snprintf(what, sizeof what, "copy %zu from %lld to %lld", length, (long long)from, (long long)to);
	if (length == 0 || overlap)
		return;
	if (!replays) {
		off_t in = from, out = to;
		for (size_t done = 0; done < length;) {
			ssize_t copied = copy_file_range(fd, &in, fd, &out, length - done, 0);
			must(copied > 0, "copy_file_range");
			done += (size_t)copied;
		}
	}
	memcpy(model + to, model + from, length);
	if (to + (off_t)length > size)
		size = to + (off_t)length;
}

/* What lseek(2) calls a hole has to read as zeros. */
static void do_seek(void)
{
	off_t from = next((uint32_t)(size > 0 ? size : 1));
	snprintf(what, sizeof what, "seek from %lld", (long long)from);
	if (replays || size == 0)
		return;
	off_t data = lseek(fd, from, SEEK_DATA);
	must(data >= from || (data == -1 && errno == ENXIO), "SEEK_DATA");
	off_t end = data == -1 ? size : data;
	for (off_t at = from; at < end; at++)
		must(model[at] == 0, "there is data in a hole");
	off_t hole = lseek(fd, from, SEEK_HOLE);
	must(hole >= from && hole <= size, "SEEK_HOLE");
}

static void do_reopen(void)
{
	bool syncs = next(2) == 0;
	bool drops = next(2) == 0;
	snprintf(what, sizeof what, "reopen%s%s", syncs ? ", fsync" : "", drops ? ", cache dropped" : "");
	if (replays)
		return;
	if (syncs)
		must(fsync(fd) == 0, "fsync");
	if (drops)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	fd = open(path, O_RDWR);
	must(fd >= 0, "open");
}

static void check_all(const char *when)
{
	snprintf(what, sizeof what, "%s", when);
	check_size();
	must(pread(fd, buffer, LARGEST, 0) == size, "pread");
	compare(buffer, 0, (size_t)size);
}

static void one_step(void)
{
	switch (next(20)) {
	case 0:
	case 1:
	case 2:
		do_read(false);
		break;
	case 3:
		do_read(true);
		break;
	case 4:
	case 5:
	case 6:
		do_write(0);
		break;
	case 7:
		do_write(1);
		break;
	case 8:
		do_write(2);
		break;
	case 9:
	case 10:
		do_map(false);
		break;
	case 11:
	case 12:
	case 13:
		do_map(true);
		break;
	case 14:
		do_truncate();
		break;
	case 15:
	case 16:
		do_allocate();
		break;
	case 17:
		do_copy();
		break;
	case 18:
		do_seek();
		break;
	default:
		do_reopen();
	}
	if (!replays)
		check_size();
}

int main(int count, char **words)
{
	if (count < 4)
		errx(2, "usage: fsx FILE SEED STEPS [FIRST]");
	path = words[1];
	state = strtoull(words[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
	unsigned long steps = strtoul(words[3], NULL, 10);
	unsigned long first = count > 4 ? strtoul(words[4], NULL, 10) : 0;
	fd = open(path, O_RDWR | (first == 0 ? O_CREAT | O_EXCL : 0), 0644);
	if (fd < 0)
		err(2, "%s", path);
	replays = true;
	for (step = 0; step < first + steps; step++) {
		if (step == first) {
			replays = false;
			check_all("what the steps before have left");
		}
		one_step();
	}
	check_all("the end");
	return 0;
}
