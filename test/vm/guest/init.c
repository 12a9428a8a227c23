// SPDX-License-Identifier: MIT
/*
 * Process 1 of a guest. The root is the host's, read-only; everything that is written goes to a tmpfs on $VEXFS_BASE or,
 * through a second mount, to a folder of the host. Under User-mode Linux the root is a hostfs from the beginning, and
 * $VEXFS_EXCHANGE that folder; with $VEXFS_HOST=9p this is /init of an initramfs, which loads the drivers that
 * /modules/list names and mounts "root" and "exchange" of the emulated machine. The folder holds
 *   libraries in: kernel modules to load first, one path a line, which stay
 *   modules   in: kernel modules to load, and to unload in the end
 *   program   in: the program and its words, each ended by NUL
 *   output    out: what the program printed
 *   status    out: how it ended; missing when the guest did not get there
 *   dmesg     out: the kernel's log
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_WORDS 64
#define MOST_MODULES 32
#define LOG_BYTES (1 << 20)
#define SYSLOG_ACTION_READ_ALL 3
#define KMEMLEAK "/sys/kernel/debug/kmemleak"
/* Younger memory counts as in use. */
#define KMEMLEAK_SECONDS 6
#define NINE_P "trans=virtio,version=9p2000.L,msize=512000"

static char base[256];
static char exchange[512];
static char status[1024];

static void note(const char *format, ...)
{
	size_t used = strlen(status);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(status + used, sizeof(status) - used, format, arguments);
	va_end(arguments);
}

static void must_mount(const char *source, const char *target, const char *type, const char *options)
{
	mkdir(target, 0755);
	if (mount(source, target, type, 0, options) != 0 && errno != EBUSY)
		note("mount %s: %s\n", target, strerror(errno));
}

static void write_file(const char *name, const char *bytes, size_t length)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", exchange, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	while (fd >= 0 && length > 0) {
		ssize_t done = write(fd, bytes, length);

		if (done <= 0)
			break;
		bytes += done;
		length -= (size_t)done;
	}
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static size_t read_path(const char *path, char *bytes, size_t room)
{
	size_t length = 0;
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && length < room - 1) {
		ssize_t done = read(fd, bytes + length, room - 1 - length);

		if (done <= 0)
			break;
		length += (size_t)done;
	}
	if (fd >= 0)
		close(fd);
	bytes[length] = 0;
	return length;
}

static size_t read_file(const char *name, char *bytes, size_t room)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", exchange, name);
	return read_path(path, bytes, room);
}

static int load_modules(char *names[], char *list);

/* From the initramfs to the root of the host, which hardly changes meanwhile. */
static void enter_host(void)
{
	static char list[4096];
	char *names[MOST_MODULES];
	int fd = open("/modules/list", O_RDONLY);
	ssize_t length = fd < 0 ? 0 : read(fd, list, sizeof(list) - 1);

	if (fd >= 0)
		close(fd);
	list[length > 0 ? length : 0] = 0;
	load_modules(names, list);
	if (mount("root", "/root", "9p", MS_RDONLY, NINE_P ",cache=loose") != 0)
		note("mount /root: %s\n", strerror(errno));
	if (chdir("/root") != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0)
		note("enter the host's root: %s\n", strerror(errno));
}

static void make_folders(const char *host)
{
	char path[600];

	must_mount("proc", "/proc", "proc", NULL);
	must_mount("sysfs", "/sys", "sysfs", NULL);
	must_mount("devtmpfs", "/dev", "devtmpfs", NULL);
	/* Not every kernel has it. */
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	/* The disk has one name in all guests. */
	if (access("/dev/vda", F_OK) == 0 && symlink("vda", "/dev/ubda") != 0)
		note("/dev/ubda: %s\n", strerror(errno));
	must_mount("tmpfs", base, "tmpfs", "mode=1777");
	snprintf(path, sizeof(path), "%s/tmp", base);
	mkdir(path, 01777);
	setenv("TMPDIR", path, 1);
	snprintf(path, sizeof(path), "%s/volume", base);
	mkdir(path, 0755);
	snprintf(exchange, sizeof(exchange), "%s/exchange", base);
	if (host)
		must_mount("exchange", exchange, "hostfs", host);
	else
		must_mount("exchange", exchange, "9p", NINE_P);
}

/* Says `what` to kmemleak; false where the kernel does not look for leaks. */
static bool tell_kmemleak(const char *what)
{
	int fd = open(KMEMLEAK, O_WRONLY);
	bool told = fd >= 0 && write(fd, what, strlen(what)) > 0;

	if (fd >= 0)
		close(fd);
	return told;
}

/* A first scan takes for lost what only a register pointed to, or what has changed since. */
static void report_leaks(void)
{
	static char report[1 << 16];
	size_t length;
	FILE *log;

	tell_kmemleak("scan");
	tell_kmemleak("scan");
	length = read_path(KMEMLEAK, report, sizeof(report));
	log = length > 0 ? fopen("/dev/kmsg", "w") : NULL;
	for (char *line = strtok(report, "\n"); log && line; line = strtok(NULL, "\n")) {
		fprintf(log, "%s\n", line);
		fflush(log);
	}
	if (log)
		fclose(log);
	tell_kmemleak("clear");
}

static int load_modules(char *names[], char *list)
{
	int count = 0;

	for (char *name = strtok(list, "\n"); name && count < MOST_MODULES; name = strtok(NULL, "\n")) {
		int fd = open(name, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
			note("module %s: %s\n", name, strerror(errno));
		else
			names[count++] = name;
		if (fd >= 0)
			close(fd);
	}
	return count;
}

/* Nothing may still hold a module when the program has ended. */
static void unload_modules(char *names[], int count)
{
	while (count-- > 0) {
		char *name = strrchr(names[count], '/') + 1;
		char *end = strstr(name, ".ko");

		*end = 0;
		for (char *at = name; *at; at++)
			if (*at == '-')
				*at = '_';
		if (syscall(SYS_delete_module, name, O_NONBLOCK) != 0)
			note("module %s cannot be unloaded: %s\n", name, strerror(errno));
	}
}

static void run_program(char *bytes, size_t length)
{
	char *words[MOST_WORDS + 1];
	int count = 0, ended = 0;
	char path[600];
	pid_t child;

	for (char *word = bytes; word < bytes + length && count < MOST_WORDS; word += strlen(word) + 1)
		words[count++] = word;
	words[count] = NULL;
	snprintf(path, sizeof(path), "%s/output", exchange);
	child = fork();
	if (child == 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
		int nothing = open("/dev/null", O_RDONLY);

		setsid();
		dup2(nothing, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		execv(words[0], words);
		_exit(127);
	}
	for (;;) {
		pid_t pid = wait(&ended);

		if (pid == child || (pid < 0 && errno == ECHILD))
			break;
	}
	if (WIFSIGNALED(ended))
		note("signal %d\n", WTERMSIG(ended));
	else
		note("exit %d\n", WEXITSTATUS(ended));
	/* What the program left running goes with it. */
	kill(-1, SIGKILL);
	while (wait(NULL) > 0)
		;
}

int main(void)
{
	static char list[4096], program[65536];
	char *log = malloc(LOG_BYTES);
	const char *host = getenv("VEXFS_EXCHANGE");
	char *names[MOST_MODULES];
	char path[600];
	size_t length;
	bool checks_leaks;
	int count;

	if (getenv("VEXFS_HOST"))
		enter_host();
	snprintf(base, sizeof(base), "%s", getenv("VEXFS_BASE") ? getenv("VEXFS_BASE") : "/mnt");
	make_folders(host);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", base, 1);
	setenv("VEXFS_EXCHANGE", exchange, 1);
	read_file("libraries", list, sizeof(list));
	load_modules(names, list);
	read_file("modules", list, sizeof(list));
	count = load_modules(names, list);
	length = read_file("program", program, sizeof(program));
	checks_leaks = tell_kmemleak("clear");
	run_program(program, length);
	snprintf(path, sizeof(path), "%s/volume", base);
	if (umount2(path, 0) == 0)
		note("the program left the volume mounted\n");
	if (checks_leaks) {
		sleep(KMEMLEAK_SECONDS);
		report_leaks();
	}
	unload_modules(names, count);
	if (checks_leaks)
		report_leaks();
	if (log) {
		int bytes = klogctl(SYSLOG_ACTION_READ_ALL, log, LOG_BYTES);

		if (bytes > 0)
			write_file("dmesg", log, (size_t)bytes);
	}
	write_file("status", status, strlen(status));
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
