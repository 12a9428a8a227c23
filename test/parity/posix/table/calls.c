/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

long ask(const void *context)
{
	const struct asked *asked = context;
	return asked->call->call(asked->path);
}

/* ---- looking ---- */

static long call_stat(const char *path)
{
	struct stat stat_;
	long result = outcome(stat(path, &stat_));
	return result < 0 ? result : (long)stat_.st_mode;
}

static long call_lstat(const char *path)
{
	struct stat stat_;
	long result = outcome(lstat(path, &stat_));
	return result < 0 ? result : (long)stat_.st_mode;
}

static long call_access_f(const char *path)
{
	return outcome(faccessat(AT_FDCWD, path, F_OK, 0));
}

static long call_access_r(const char *path)
{
	return outcome(access(path, R_OK));
}

static long call_access_w(const char *path)
{
	return outcome(access(path, W_OK));
}

static long call_access_x(const char *path)
{
	return outcome(access(path, X_OK));
}

static long call_readlink(const char *path)
{
	char target[5000];
	return outcome(readlink(path, target, sizeof target));
}

static long call_statfs(const char *path)
{
	struct statfs about;
	return outcome(statfs(path, &about));
}

static long call_chdir(const char *path)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long result = outcome(chdir(path));
	if (result == 0 && fchdir(here) != 0)
		result = -ENOTRECOVERABLE;
	close(here);
	return result;
}

static long call_list(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return -(long)errno;
	DIR *dir = fdopendir(fd);
	long count = 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static long call_getxattr(const char *path)
{
	char value[16];
	return outcome(getxattr(path, "user.none", value, sizeof value));
}

static long call_listxattr(const char *path)
{
	char names[256];
	return outcome(listxattr(path, names, sizeof names));
}

static long call_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (path == NULL || strlen(path) >= sizeof address.sun_path)
		return 0;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, path);
	long result = outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
	close(fd);
	return result;
}

static long call_handle(const char *path)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount;
	return outcome(name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0));
}

#define OPENING(name, flags)                                      \
	static long call_open_##name(const char *path)            \
	{                                                         \
		return opened(open(path, (flags) | O_NONBLOCK, 0666)); \
	}

OPENING(r, O_RDONLY)
OPENING(w, O_WRONLY)
OPENING(trunc, O_RDWR | O_TRUNC)
OPENING(directory, O_RDONLY | O_DIRECTORY)
OPENING(nofollow, O_RDONLY | O_NOFOLLOW)
OPENING(path, O_PATH)
OPENING(path_nofollow, O_PATH | O_NOFOLLOW)
OPENING(tmpfile, O_TMPFILE | O_RDWR)
OPENING(creat, O_WRONLY | O_CREAT)
OPENING(excl, O_WRONLY | O_CREAT | O_EXCL)
OPENING(creat_directory, O_RDONLY | O_CREAT | O_DIRECTORY)

const struct path_call looking_calls[] = {
	{ "stat", call_stat },
	{ "lstat", call_lstat },
	{ "access F", call_access_f },
	{ "access R", call_access_r },
	{ "access W", call_access_w },
	{ "access X", call_access_x },
	{ "readlink", call_readlink },
	{ "statfs", call_statfs },
	{ "chdir", call_chdir },
	{ "list", call_list },
	{ "getxattr", call_getxattr },
	{ "listxattr", call_listxattr },
	{ "connect", call_connect },
	{ "name_to_handle_at", call_handle },
	{ "open R", call_open_r },
	{ "open W", call_open_w },
	{ "open DIRECTORY", call_open_directory },
	{ "open NOFOLLOW", call_open_nofollow },
	{ "open PATH", call_open_path },
	{ "open PATH|NOFOLLOW", call_open_path_nofollow },
	{ "open TMPFILE", call_open_tmpfile },
	{ NULL, NULL },
};

/* ---- changing ---- */

static long call_chmod(const char *path)
{
	return outcome(chmod(path, 0711));
}

static long call_chown(const char *path)
{
	return outcome(chown(path, (uid_t)-1, OWNER_ID));
}

static long call_chown_nothing(const char *path)
{
	return outcome(chown(path, (uid_t)-1, (gid_t)-1));
}

static long call_lchown(const char *path)
{
	return outcome(lchown(path, OTHER_ID, (gid_t)-1));
}

static long call_truncate(const char *path)
{
	return outcome(truncate(path, 3));
}

static long call_truncate_negative(const char *path)
{
	return outcome(truncate(path, -1));
}

static long call_times_now(const char *path)
{
	return outcome(utimensat(AT_FDCWD, path, NULL, 0));
}

static const struct timespec given_times[2] = { { 1000000123, 4 }, { 1000000567, 8 } };

static long call_times(const char *path)
{
	return outcome(utimensat(AT_FDCWD, path, given_times, 0));
}

static long call_times_nofollow(const char *path)
{
	return outcome(utimensat(AT_FDCWD, path, given_times, AT_SYMLINK_NOFOLLOW));
}

static long call_rmdir(const char *path)
{
	return outcome(rmdir(path));
}

static long call_unlink(const char *path)
{
	return outcome(unlink(path));
}

static long call_link_from(const char *path)
{
	return outcome(link(path, "d/new"));
}

static long call_link_from_follow(const char *path)
{
	return outcome(linkat(AT_FDCWD, path, AT_FDCWD, "d/new", AT_SYMLINK_FOLLOW));
}

static long call_rename_from(const char *path)
{
	return outcome(rename(path, "d/new"));
}

static long call_rename_away(const char *path)
{
	return outcome(rename(path, "o/new"));
}

static long call_rename_over_file(const char *path)
{
	return outcome(rename(path, "d/g"));
}

static long call_exchange(const char *path)
{
	return outcome(renameat2(AT_FDCWD, path, AT_FDCWD, "d/g", RENAME_EXCHANGE));
}

static long call_setxattr(const char *path)
{
	return outcome(setxattr(path, "user.some", "value", 5, 0));
}

static long call_lsetxattr_trusted(const char *path)
{
	return outcome(lsetxattr(path, "trusted.some", "value", 5, 0));
}

static long call_removexattr(const char *path)
{
	return outcome(removexattr(path, "user.none"));
}

const struct path_call changing_calls[] = {
	{ "chmod", call_chmod },
	{ "chown group", call_chown },
	{ "chown nothing", call_chown_nothing },
	{ "lchown user", call_lchown },
	{ "truncate", call_truncate },
	{ "truncate -1", call_truncate_negative },
	{ "utimensat NULL", call_times_now },
	{ "utimensat", call_times },
	{ "utimensat NOFOLLOW", call_times_nofollow },
	{ "open TRUNC", call_open_trunc },
	{ "rmdir", call_rmdir },
	{ "unlink", call_unlink },
	{ "link from", call_link_from },
	{ "link FOLLOW from", call_link_from_follow },
	{ "rename from", call_rename_from },
	{ "rename away", call_rename_away },
	{ "rename over file", call_rename_over_file },
	{ "exchange with file", call_exchange },
	{ "setxattr", call_setxattr },
	{ "lsetxattr trusted", call_lsetxattr_trusted },
	{ "removexattr", call_removexattr },
	{ NULL, NULL },
};

/* ---- making ---- */

static long call_mkdir(const char *path)
{
	return outcome(mkdir(path, 0777));
}

static long call_mkfifo(const char *path)
{
	return outcome(mknod(path, S_IFIFO | 0666, 0));
}

static long call_mknod_file(const char *path)
{
	return outcome(mknod(path, S_IFREG | 0666, 0));
}

static long call_mknod_socket(const char *path)
{
	return outcome(mknod(path, S_IFSOCK | 0666, 0));
}

static long call_mknod_char(const char *path)
{
	return outcome(mknod(path, S_IFCHR | 0666, makedev(1, 3)));
}

static long call_mknod_block(const char *path)
{
	return outcome(mknod(path, S_IFBLK | 0666, makedev(4095, 1048575)));
}

static long call_mknod_directory(const char *path)
{
	return outcome(mknod(path, S_IFDIR | 0777, 0));
}

static long call_mknod_untyped(const char *path)
{
	return outcome(mknod(path, 0666, 0));
}

static long call_symlink(const char *path)
{
	return outcome(symlink("some/target", path));
}

static long call_link_to(const char *path)
{
	return outcome(link("d/f", path));
}

static long call_rename_file_to(const char *path)
{
	return outcome(rename("d/f", path));
}

static long call_rename_dir_to(const char *path)
{
	return outcome(rename("d/n", path));
}

static long call_noreplace_to(const char *path)
{
	return outcome(renameat2(AT_FDCWD, "d/f", AT_FDCWD, path, RENAME_NOREPLACE));
}

static long call_exchange_to(const char *path)
{
	return outcome(renameat2(AT_FDCWD, "d/n", AT_FDCWD, path, RENAME_EXCHANGE));
}

static long call_bind(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (path == NULL || strlen(path) >= sizeof address.sun_path)
		return 0;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, path);
	long result = outcome(bind(fd, (struct sockaddr *)&address, sizeof address));
	close(fd);
	return result;
}

const struct path_call making_calls[] = {
	{ "open CREAT", call_open_creat },
	{ "open CREAT|EXCL", call_open_excl },
	{ "open CREAT|DIRECTORY", call_open_creat_directory },
	{ "mkdir", call_mkdir },
	{ "mkfifo", call_mkfifo },
	{ "mknod file", call_mknod_file },
	{ "mknod socket", call_mknod_socket },
	{ "mknod char", call_mknod_char },
	{ "mknod block", call_mknod_block },
	{ "mknod directory", call_mknod_directory },
	{ "mknod 0", call_mknod_untyped },
	{ "symlink", call_symlink },
	{ "link to", call_link_to },
	{ "rename file to", call_rename_file_to },
	{ "rename dir to", call_rename_dir_to },
	{ "NOREPLACE file to", call_noreplace_to },
	{ "EXCHANGE dir with", call_exchange_to },
	{ "bind", call_bind },
	{ NULL, NULL },
};
