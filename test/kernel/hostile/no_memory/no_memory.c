// SPDX-License-Identifier: MIT
/*
 * In each kind of call one allocation of memory fails after the other: no_memory DEVICE FOLDER FINE, in a guest whose kernel
 * injects faults. The first FINE allocations of a call fail each, then more and more are left out. Whatever fails must have
 * changed nothing, and nothing may go wrong afterwards. Prints "NAME: ALLOCATIONS, FAILURES" for each kind of call and a line
 * that begins with "!" for what is wrong. It is in C because the failure has to meet the one call and nothing of its caller.
 *
 * Source: Documentation/fault-injection/fault-injection.rst.
 */
#define _GNU_SOURCE
#include "no_memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define KNOBS "/sys/kernel/debug/"
/* No call allocates more often. */
#define MOST 20000
#define WORKING "work"
#define KEPT "kept"

static const char *device, *folder;
static int fine, nth_file = -1, folder_file = -1;

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(": %s\n", strerror(errno));
	fflush(stdout);
	_exit(1);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd) != 0)
		fail("%s", path);
}

/* Allocations of this program itself that must wait are left alone, but none of the kernel's. */
static void set_up(void)
{
	write_to(KNOBS "failslab/ignore-gfp-wait", "N");
	write_to(KNOBS "failslab/verbose", "0");
	write_to(KNOBS "fail_page_alloc/ignore-gfp-wait", "N");
	write_to(KNOBS "fail_page_alloc/ignore-gfp-highmem", "Y");
	write_to(KNOBS "fail_page_alloc/min-order", "0");
	write_to(KNOBS "fail_page_alloc/verbose", "0");
	write_to(KNOBS "fail_usercopy/verbose", "0");
	nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_file < 0)
		fail("fail-nth");
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		fail("mlockall");
}

static void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(nth_file, text, (size_t)length, 0) != length)
		fail("arming");
}

/* Whether the failure came. It may also come too late, in the question itself. */
static bool disarm(void)
{
	char text[16] = "";
	int left = pread(nth_file, text, sizeof(text) - 1, 0) <= 0 ? -1 : atoi(text);

	if (left > 0 && pwrite(nth_file, "0", 1, 0) < 0 && errno != EFAULT)
		fail("disarming");
	return left == 0;
}

static bool is_injected(int error)
{
	return error == ENOMEM || error == EFAULT;
}

static void enter(const char *name)
{
	if (fchdir(folder_file) != 0 || chdir(name) != 0)
		fail("entering %s", name);
}

static void drop_caches(void)
{
	sync();
	write_to("/proc/sys/vm/drop_caches", "3");
}

/* Tells of the first line that is another. */
static void tell_difference(const struct step *step, int nth, const char *before, const char *after)
{
	while (*before && *after) {
		const int one = (int)strcspn(before, "\n"), other = (int)strcspn(after, "\n");

		if (one != other || strncmp(before, after, (size_t)one) != 0) {
			printf("! %s, allocation %d: %.*s became %.*s\n", step->name, nth, one, before, other, after);
			return;
		}
		before += one + 1;
		after += other + 1;
	}
	printf("! %s, allocation %d: a name came or went\n", step->name, nth);
}

/*
 * Lets one allocation of the call fail. Whether it came to that. A copy from or to this program may be what fails; when that was
 * the answer of a call that is done already, it is done.
 */
static bool try_step(const struct step *step, int nth)
{
	char *before;
	int error;
	bool came;

	if (step->is_kept) {
		enter(KEPT);
	} else {
		enter(".");
		if (mkdir(WORKING, 0755) != 0)
			fail("mkdir for %s", step->name);
		enter(WORKING);
	}
	if (step->prepare)
		step->prepare();
	before = step->is_kept ? NULL : look();
	if (step->is_cold)
		drop_caches();
	arm(nth);
	error = step->call() < 0 ? errno : 0;
	came = disarm();
	if (error && !came)
		printf("! %s fails by itself: %s\n", step->name, strerror(error));
	else if (error && !is_injected(error))
		printf("! %s, allocation %d: %s\n", step->name, nth, strerror(error));
	if (before && error == ENOMEM && !step->is_piecemeal) {
		char *after = look();

		if (strcmp(before, after) != 0)
			tell_difference(step, nth, before, after);
		free(after);
	}
	free(before);
	put_away();
	if (!step->is_kept) {
		clear();
		enter(".");
		if (rmdir(WORKING) != 0)
			fail("rmdir after %s", step->name);
	}
	fflush(stdout);
	return came;
}

/* The next allocation that is to fail: each at first, later fewer. */
static int next_of(int nth)
{
	return nth < fine ? nth + 1 : nth + 1 + nth / 8;
}

static void tell(const char *name, int last, int failures)
{
	if (last >= MOST)
		printf("! %s: there is no end of its allocations\n", name);
	printf("%s: %d, %d\n", name, last, failures);
	fflush(stdout);
}

static void fail_step(const struct step *step)
{
	int nth = 1, last = 0, failures = 0;

	while (nth < MOST && try_step(step, nth)) {
		last = nth;
		failures++;
		nth = next_of(nth);
	}
	tell(step->name, nth < MOST ? last : MOST, failures);
}

static int mount_volume(void)
{
	return mount(device, folder, "vexfs", 0, NULL);
}

static int mount_read_only(void)
{
	return mount(device, folder, "vexfs", MS_RDONLY, NULL);
}

static int unmount(void)
{
	return umount2(folder, 0);
}

static int make_read_only(void)
{
	return mount("none", folder, NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

static int make_writable(void)
{
	return mount("none", folder, NULL, MS_REMOUNT, NULL);
}

/* A call that leaves things as they were when it fails; `undo` follows one that does not. */
static void fail_call(const char *name, int (*call)(void), int (*undo)(void))
{
	int nth = 1, last = 0, failures = 0;
	bool came = true;

	while (nth < MOST && came) {
		int error;

		arm(nth);
		error = call() < 0 ? errno : 0;
		came = disarm();
		if (error && (!came || !is_injected(error)))
			printf("! %s, allocation %d: %s\n", name, nth, strerror(error));
		if (!error && undo() != 0)
			fail("after %s, allocation %d", name, nth);
		if (came) {
			last = nth;
			failures++;
		}
		nth = next_of(nth);
	}
	tell(name, nth < MOST ? last : MOST, failures);
}

static void must(int result, const char *what)
{
	if (result != 0)
		fail("%s", what);
}

static void open_folder(void)
{
	folder_file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_file < 0)
		fail("%s", folder);
}

int main(int count, char *words[])
{
	if (count != 4)
		fail("usage: no_memory DEVICE FOLDER FINE");
	device = words[1];
	folder = words[2];
	fine = atoi(words[3]);
	set_up();
	must(mount_volume(), "mount");
	open_folder();
	enter(".");
	must(mkdir(KEPT, 0755), "mkdir");
	enter(KEPT);
	keep();
	for (size_t i = 0; i < file_step_count; i++)
		fail_step(&file_steps[i]);
	for (size_t i = 0; i < row_step_count; i++)
		fail_step(&row_steps[i]);
	must(chdir("/"), "chdir");
	close(folder_file);
	fail_call("remount read-only", make_read_only, make_writable);
	must(unmount(), "umount");
	fail_call("mount", mount_volume, unmount);
	fail_call("mount read-only", mount_read_only, unmount);
	must(mount_volume(), "mount");
	fail_call("umount", unmount, mount_volume);
	must(unmount(), "umount");
	return 0;
}
