// SPDX-License-Identifier: MIT
/* Every kind of call that files, folders and attributes take. */
#define _GNU_SOURCE
#include "no_memory.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Blocks with holes between them: the tree of extents has nodes. */
static void sparse(void)
{
	open_it("file", O_RDWR | O_CREAT);
	for (int i = 0; i < 300; i++)
		write_bytes(5, i * 8192L);
}

static void closed_sparse(void)
{
	sparse();
	put_away();
}

static void new_file(void)
{
	open_it("file", O_RDWR | O_CREAT);
}

static void names(void)
{
	char name[256];

	for (int i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "%0150d", i);
		open_it(name, O_WRONLY | O_CREAT);
		put_away();
	}
}

static void made_folder(void)
{
	if (mkdir("made", 0755) != 0)
		fail("mkdir");
}

static void file_and_folder(void)
{
	closed_file();
	made_folder();
}

static void attribute(void)
{
	file();
	if (fsetxattr(fd, "user.one", "first", 5, 0) != 0)
		fail("setxattr");
}

static void link_text(char *target)
{
	for (int i = 0; i < 60; i++)
		memcpy(target + i * 7L, "target/", 8);
}

static void made_symlink(void)
{
	char target[512];

	link_text(target);
	if (symlink(target, "symlink") != 0)
		fail("symlink");
}

static void map_it(void)
{
	map = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (map == MAP_FAILED)
		fail("mmap");
}

/* Locked memory would be there at once. */
static void mapped(void (*make)(void))
{
	if (munlockall() != 0 || mlockall(MCL_CURRENT) != 0)
		fail("mlockall");
	make();
	map_it();
}

static void mapped_file(void)
{
	mapped(file);
}

static void mapped_sparse(void)
{
	mapped(sparse);
}

static void stored(void)
{
	mapped(file);
	memset(map, 9, MAPPED);
}

static void unsynced(void)
{
	file();
	write_bytes(5000, 200000);
}

static void tmpfile_open(void)
{
	open_it(".", O_TMPFILE | O_RDWR);
	write_bytes(5000, 0);
}

static long create(void)
{
	return fd = open("new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static long make_folder(void)
{
	return mkdir("made", 0755);
}

static long make_symlink(void)
{
	char target[512];

	link_text(target);
	return symlink(target, "symlink");
}

static long make_pipe(void)
{
	return mknod("pipe", S_IFIFO | 0644, 0);
}

static long link_it(void)
{
	return link("file", "other");
}

static long unlink_file(void)
{
	return unlink("file");
}

static long remove_folder(void)
{
	return rmdir("made");
}

static long rename_it(void)
{
	return rename("file", "other");
}

static long exchange(void)
{
	return renameat2(AT_FDCWD, "file", AT_FDCWD, "made", RENAME_EXCHANGE);
}

static long open_tmpfile(void)
{
	return fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static long link_tmpfile(void)
{
	return linkat(fd, "", AT_FDCWD, "linked", AT_EMPTY_PATH);
}

static long write_front(void)
{
	return pwrite(fd, bytes, 60000, 10);
}

static long append(void)
{
	return pwrite(fd, bytes, 60000, FILE_BYTES);
}

static long write_holes(void)
{
	return pwrite(fd, bytes, 60000, 700000);
}

static long populate(void)
{
	return madvise(map, MAPPED, MADV_POPULATE_WRITE);
}

static long sync_mapping(void)
{
	return msync(map, MAPPED, MS_SYNC);
}

static long read_it(void)
{
	return pread(fd, bytes, sizeof(bytes), 0);
}

static long seek_hole(void)
{
	return lseek(fd, 0, SEEK_HOLE);
}

static long cut_off(void)
{
	return truncate("file", 300001);
}

static long grow(void)
{
	return truncate("file", 3000000);
}

static long reserve(void)
{
	return fallocate(fd, FALLOC_FL_KEEP_SIZE, 4096 * 3 + 5, 50000);
}

static long punch(void)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096 * 3 + 5, 50000);
}

static long zero(void)
{
	return fallocate(fd, FALLOC_FL_ZERO_RANGE, 4096 * 3 + 5, 50000);
}

static long sync_file(void)
{
	return fsync(fd);
}

static long sync_volume(void)
{
	return syncfs(fd);
}

static long set_attribute(void)
{
	return fsetxattr(fd, "user.one", bytes, 900, 0);
}

static long get_attribute(void)
{
	return getxattr("file", "user.one", bytes, sizeof(bytes));
}

static long list_attributes(void)
{
	return listxattr("file", bytes, sizeof(bytes));
}

static long remove_attribute(void)
{
	return removexattr("file", "user.one");
}

static long change_mode(void)
{
	return chmod("file", 0600);
}

static long set_times(void)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };

	return utimensat(AT_FDCWD, "file", times, 0);
}

static long list(void)
{
	return syscall(SYS_getdents64, fd, bytes, sizeof(bytes));
}

static void names_opened(void)
{
	names();
	open_it(".", O_RDONLY | O_DIRECTORY);
}

static long read_symlink(void)
{
	return readlink("symlink", bytes, sizeof(bytes));
}

static long stat_volume(void)
{
	struct statfs status;

	return statfs(".", &status);
}

const struct step file_steps[] = {
	{ "create", NULL, create },
	{ "create among many", names, create, .is_cold = true },
	{ "mkdir", NULL, make_folder },
	{ "symlink", NULL, make_symlink },
	{ "mknod", NULL, make_pipe },
	{ "link", closed_file, link_it },
	{ "unlink", closed_file, unlink_file },
	{ "unlink cold", closed_sparse, unlink_file, .is_cold = true },
	{ "rmdir", made_folder, remove_folder },
	{ "rename", closed_file, rename_it },
	{ "exchange", file_and_folder, exchange },
	{ "tmpfile", NULL, open_tmpfile },
	{ "link tmpfile", tmpfile_open, link_tmpfile },
	{ "write a new file", new_file, write_front },
	{ "append", file, append, .is_cold = true },
	{ "overwrite", file, write_front, .is_cold = true },
	{ "write into holes", sparse, write_holes },
	{ "fault pages in", mapped_file, populate, .is_cold = true },
	{ "fault holes in", mapped_sparse, populate },
	{ "msync", stored, sync_mapping },
	{ "read", file, read_it, .is_cold = true },
	{ "seek", sparse, seek_hole },
	{ "cut off", closed_sparse, cut_off, .is_cold = true },
	{ "grow", closed_file, grow },
	{ "fallocate", sparse, reserve, .is_piecemeal = true },
	{ "punch", file, punch, .is_piecemeal = true },
	{ "zero", file, zero, .is_piecemeal = true },
	{ "fsync", unsynced, sync_file },
	{ "syncfs", unsynced, sync_volume },
	{ "set an attribute", file, set_attribute },
	{ "replace an attribute", attribute, set_attribute, .is_cold = true },
	{ "get an attribute", attribute, get_attribute, .is_cold = true },
	{ "list attributes", attribute, list_attributes, .is_cold = true },
	{ "remove an attribute", attribute, remove_attribute, .is_cold = true },
	{ "chmod", closed_file, change_mode, .is_cold = true },
	{ "utimes", closed_file, set_times, .is_cold = true },
	{ "list", names_opened, list, .is_cold = true },
	{ "readlink", made_symlink, read_symlink, .is_cold = true },
	{ "statfs", NULL, stat_volume },
};

const size_t file_step_count = sizeof(file_steps) / sizeof(file_steps[0]);
