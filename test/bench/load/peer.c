// SPDX-License-Identifier: MIT
/*
 * The peer that the daemon is measured against: a low-level libfuse3 server in C, one thread, attributes never cached,
 * direct_io. It keeps one directory of empty files in memory beside the file `data`, whose reads are pread(2) from
 * BACKING, and answers the two ioctls of client.c with fixed results, touching no memory of the caller but the argument.
 *
 *   peer MOUNTPOINT BACKING
 */
#define FUSE_USE_VERSION 35
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../../kernel/include/uapi/vexfs.h"

#define DATA_INODE 2
#define FIRST_FILE 3
#define BUCKETS 65536
/* As the daemon is mounted for this measure: names are kept, attributes are not. */
#define ENTRY_SECONDS 86400.0
#define ATTRIBUTE_SECONDS 0.0

struct file {
	struct file *next_by_name, *next_by_inode;
	fuse_ino_t inode;
	uint64_t lookups;
	mode_t mode;
	nlink_t links;
	struct timespec time;
	char name[];
};

static struct file *by_name[BUCKETS], *by_inode[BUCKETS];
static fuse_ino_t next_inode = FIRST_FILE;
static struct timespec started;
static off_t data_size;
static int backing;

static size_t bucket_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash % BUCKETS;
}

static struct file **find_name(const char *name)
{
	struct file **at = &by_name[bucket_of(name)];

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next_by_name;
	return at;
}

static struct file **find_inode(fuse_ino_t inode)
{
	struct file **at = &by_inode[inode % BUCKETS];

	while (*at != NULL && (*at)->inode != inode)
		at = &(*at)->next_by_inode;
	return at;
}

/* The last name and the last lookup are gone. */
static void drop(struct file *file)
{
	if (file->links > 0 || file->lookups > 0)
		return;
	*find_inode(file->inode) = file->next_by_inode;
	free(file);
}

static int attributes_of(fuse_ino_t inode, struct stat *status)
{
	struct file *file;

	*status = (struct stat){ .st_ino = inode, .st_nlink = 1, .st_blksize = 4096 };
	status->st_atim = status->st_mtim = status->st_ctim = started;
	if (inode == FUSE_ROOT_ID) {
		status->st_mode = S_IFDIR | 0755;
		status->st_nlink = 2;
		return 0;
	}
	if (inode == DATA_INODE) {
		status->st_mode = S_IFREG | 0644;
		status->st_size = data_size;
		status->st_blocks = data_size / 512;
		return 0;
	}
	file = *find_inode(inode);
	if (file == NULL)
		return ENOENT;
	status->st_mode = file->mode;
	status->st_nlink = file->links;
	status->st_atim = status->st_mtim = status->st_ctim = file->time;
	return 0;
}

static struct fuse_entry_param entry_of(fuse_ino_t inode)
{
	struct fuse_entry_param entry = {
		.ino = inode,
		.generation = 1,
		.attr_timeout = ATTRIBUTE_SECONDS,
		.entry_timeout = ENTRY_SECONDS,
	};

	attributes_of(inode, &entry.attr);
	return entry;
}

static void peer_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .entry_timeout = ENTRY_SECONDS };
	struct file *file;

	(void)parent;
	if (strcmp(name, "data") == 0) {
		entry = entry_of(DATA_INODE);
	} else {
		file = *find_name(name);
		if (file != NULL) {
			file->lookups++;
			entry = entry_of(file->inode);
		}
	}
	fuse_reply_entry(request, &entry);
}

static void peer_forget(fuse_req_t request, fuse_ino_t inode, uint64_t count)
{
	struct file *file = *find_inode(inode);

	if (file != NULL) {
		file->lookups -= count;
		drop(file);
	}
	fuse_reply_none(request);
}

static void peer_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
	struct stat status;
	int error = attributes_of(inode, &status);

	(void)info;
	if (error != 0)
		fuse_reply_err(request, error);
	else
		fuse_reply_attr(request, &status, ATTRIBUTE_SECONDS);
}

static void peer_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
	(void)inode;
	info->direct_io = 1;
	fuse_reply_open(request, info);
}

static void peer_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *info)
{
	static char buffer[1 << 20];
	ssize_t got;

	(void)info;
	if (inode != DATA_INODE) {
		fuse_reply_buf(request, NULL, 0);
		return;
	}
	got = pread(backing, buffer, size < sizeof(buffer) ? size : sizeof(buffer), offset);
	if (got < 0)
		fuse_reply_err(request, errno);
	else
		fuse_reply_buf(request, buffer, (size_t)got);
}

static void peer_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
			struct fuse_file_info *info)
{
	struct file **place = find_name(name), *file;
	struct fuse_entry_param entry;

	(void)parent;
	if (*place != NULL) {
		fuse_reply_err(request, EEXIST);
		return;
	}
	file = calloc(1, sizeof(*file) + strlen(name) + 1);
	if (file == NULL) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	strcpy(file->name, name);
	file->inode = next_inode++;
	file->lookups = 1;
	file->links = 1;
	file->mode = mode;
	clock_gettime(CLOCK_REALTIME, &file->time);
	*place = file;
	*find_inode(file->inode) = file;
	entry = entry_of(file->inode);
	info->direct_io = 1;
	fuse_reply_create(request, &entry, info);
}

static void peer_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct file **place = find_name(name), *file = *place;

	(void)parent;
	if (file == NULL) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	*place = file->next_by_name;
	file->links = 0;
	drop(file);
	fuse_reply_err(request, 0);
}

static void peer_ioctl(fuse_req_t request, fuse_ino_t inode, unsigned int command, void *argument,
		       struct fuse_file_info *info, unsigned int flags, const void *in, size_t in_size, size_t out_size)
{
	struct vexfs_vector_file_info meta = { .dimensions = 4, .element_type = VEXFS_ELEMENT_FLOAT32 };
	struct vexfs_vector_search_request search;

	(void)inode;
	(void)argument;
	(void)info;
	(void)flags;
	(void)out_size;
	if (command == VEXFS_IOC_GET_VECTOR_META) {
		fuse_reply_ioctl(request, 0, &meta, sizeof(meta));
	} else if (command == VEXFS_IOC_VECTOR_SEARCH && in_size == sizeof(search)) {
		memcpy(&search, in, sizeof(search));
		search.result_count = 1;
		fuse_reply_ioctl(request, 0, &search, sizeof(search));
	} else {
		fuse_reply_err(request, ENOTTY);
	}
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = peer_lookup,
	.forget = peer_forget,
	.getattr = peer_getattr,
	.open = peer_open,
	.read = peer_read,
	.create = peer_create,
	.unlink = peer_unlink,
	.ioctl = peer_ioctl,
};

int main(int argc, char **argv)
{
	char *words[] = { argv[0], "-ofsname=vexfs-bench-peer,default_permissions" };
	struct fuse_args arguments = FUSE_ARGS_INIT(2, words);
	struct fuse_session *session;
	struct stat status;
	int result;

	if (argc != 3)
		errx(2, "usage: peer MOUNTPOINT BACKING");
	backing = open(argv[2], O_RDONLY);
	if (backing < 0 || fstat(backing, &status) != 0)
		err(1, "%s", argv[2]);
	data_size = status.st_size;
	clock_gettime(CLOCK_REALTIME, &started);
	session = fuse_session_new(&arguments, &operations, sizeof(operations), NULL);
	if (session == NULL || fuse_set_signal_handlers(session) != 0 || fuse_session_mount(session, argv[1]) != 0)
		errx(1, "cannot mount on %s", argv[1]);
	result = fuse_session_loop(session);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return result == 0 ? 0 : 1;
}
