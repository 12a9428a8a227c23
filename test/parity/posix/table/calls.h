/* SPDX-License-Identifier: MIT */
#ifndef VEXFS_POSIX_CALLS_H
#define VEXFS_POSIX_CALLS_H

#include "table.h"

/** A system call on one path; returns as outcome() does. */
struct path_call {
	const char *name;
	long (*call)(const char *path);
};

/** Calls that look at something, calls that change what is there, and calls that make something. */
extern const struct path_call looking_calls[];
extern const struct path_call changing_calls[];
extern const struct path_call making_calls[];

/** A path_call with its path, as the context of row(). */
struct asked {
	const struct path_call *call;
	const char *path;
};
long ask(const void *asked);

#endif
