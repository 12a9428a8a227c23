/* SPDX-License-Identifier: MIT */
/* What every load generator shares: a clock, and an end with a sentence when a call fails. */
#ifndef VEXFS_BENCH_CLOCK_H
#define VEXFS_BENCH_CLOCK_H

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The result of a load generator: seconds, the only line on stdout. */
static inline void print_seconds(double seconds)
{
	printf("%.9f\n", seconds);
}

/* A positive decimal argument; ends the program when it is none. */
static inline size_t count_of(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value == 0)
		errx(2, "'%s' is not a positive number", text);
	return value;
}

#endif
