/* SPDX-License-Identifier: MIT */
/*
 * A systematic table of what system calls answer: each row is one call in one situation, asked as several users. A program
 * prints the same rows on any filesystem, so that two of them can be compared line by line.
 */
#ifndef VEXFS_POSIX_TABLE_H
#define VEXFS_POSIX_TABLE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ---- who asks (users.c) ---- */

/** Root; the owner of what a world holds; a user whose group, or one of whose further groups, is that of the owner; nobody. */
enum user { ROOT, OWNER, MEMBER, EXTRA, OTHER, USERS };

#define OWNER_ID 65501u
#define MEMBER_ID 65502u
#define EXTRA_ID 65503u
#define OTHER_ID 65504u

/** Becomes `user` for the calls that follow, with no more than his rights; root gets everything back. */
void become(enum user user);

/* ---- what is there (world.c) ---- */

struct entry {
	const char *path;
	/** As the first letter of `ls -l`: - d l p s c b. */
	char type;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	/** Of a symbolic link. */
	const char *target;
};

/** Files that a row starts with, parents before children; a path that ends in NULL is the end. */
struct world {
	const struct entry *entries;
	/** Names that calls may make, up to a NULL. */
	const char *const *more;
	/** Called as root when everything is there and before the times are set; may be NULL. */
	void (*prepare)(void);
	/** Called as root before everything is removed, as to take flags away; may be NULL. */
	void (*unprepare)(void);
	/** Whether moved access times are told. */
	bool atimes;
};

/** The world of most rows: a directory `d` with a file of each type, and a second directory `o`. */
extern const struct world everything;
/** The same with nothing but the file `d/f`, the empty directory `d/e` and the link `d/l`. */
extern const struct world small;

/** From here on the clock is set forward after a world is made: what a call then changes has another time. */
void world_own_clock(void);
/** A world stands ready, as new, and is the current directory. */
void world_begin(const struct world *world);
/** Removes the last world. */
void world_end(void);
/** Paths beyond those of the world that the calls of the next row might make; either may be NULL. */
void world_watch(const char *one, const char *two);
/** What has changed since world_begin(), in a form that does not depend on the filesystem; "" when nothing has. */
const char *world_changes(void);
/** The next world_begin() builds anew, although nothing seems to have changed. */
void world_spoil(void);

/* ---- what is told (rows.c) ---- */

/** Which sections are wanted; all when there are no words. */
void rows_select(int count, char **words);
bool rows_wanted(const char *section);
/** Rows and answers so far. */
void rows_total(unsigned long *rows, unsigned long *answers);

void row_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The answer of one user: minus an errno, or a result, and what it has changed. */
void row_answer(enum user user, long result, const char *changes);
void row_end(void);

/** minus errno when `result` is -1. */
long outcome(long result);
/** outcome() of what open(2) returned; the descriptor is closed again and counts as 0. */
long opened(int fd);

/** One call: returns as outcome() does. `context` is the caller's. */
typedef long call_fn(const void *context);

/** A whole row: `call` in a fresh world as each of `users` (a mask of bits). */
void row(const struct world *world, unsigned users, call_fn *call, const void *context, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#define BIT(user) (1u << (user))
#define ALL_USERS (BIT(USERS) - 1u)

/* ---- the sections ---- */

void section_paths(void);
void section_permissions(void);
void section_modes(void);
void section_owners(void);
void section_open(void);
void section_rename(void);
void section_times(void);
void section_creation(void);
void section_sizes(void);
void section_privileges(void);
void section_attributes(void);
void section_held(void);
void section_flags(void);
void section_frozen(void);
/** Asked of a volume that is mounted read-only, in the folder that section_frozen() has left. */
void section_read_only(void);

#endif
