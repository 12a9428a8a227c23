/* SPDX-License-Identifier: MIT */
#ifndef NO_MEMORY_H
#define NO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A system call that allocates memory in the kernel. The working directory is a new folder, or for `kept` that of keep(). */
struct step {
	const char *name;
	/* What is there before; NULL: nothing. */
	void (*prepare)(void);
	/* The one system call: -1 with errno when it fails. */
	long (*call)(void);
	/* Inodes, pages and graphs are to be read again. */
	bool is_cold;
	/* It works on files that stay, and changes nothing. */
	bool is_kept;
	/* What it has done of a range when memory ends stays done, as on ext4. */
	bool is_piecemeal;
};

extern const struct step file_steps[], row_steps[];
extern const size_t file_step_count, row_step_count;

/* Makes the files of `kept` steps. */
void keep(void);

#define FILE_BYTES 100000
#define MAPPED 65536

/* What a step has opened, -1: nothing, and mapped of it, MAPPED bytes or NULL; bytes for it to read and write. */
extern int fd;
extern char *map;
extern char bytes[FILE_BYTES];
void open_it(const char *name, int flags);
void put_away(void);
void write_bytes(size_t length, off_t at);
/* `file`, of FILE_BYTES bytes: open, or closed again. */
void file(void);
void closed_file(void);

/* All about the working directory and what is in it, as text that the caller frees. Access times are left out. */
char *look(void);
/* Removes everything in the working directory. */
void clear(void);

/* Ends the program. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
