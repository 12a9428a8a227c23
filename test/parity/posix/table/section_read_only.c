/* SPDX-License-Identifier: MIT */
/* Every call on a volume that is mounted read-only: a first run leaves a world, the second asks in it. */
#include "calls.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FROZEN "frozen"

void section_frozen(void)
{
	if (mkdir(FROZEN, 0755) != 0 || chdir(FROZEN) != 0)
		err(2, "making %s", FROZEN);
	world_begin(&everything);
	if (chdir("../..") != 0)
		err(2, "leaving %s", FROZEN);
}

static void rows_of(const struct path_call *calls)
{
	static const char *const paths[] = { "d/f", "d/e", "d/n", "d/l", "d/k", "d/z", "d/p", "d/s", "d/c", "d/b", "d/new", "d/new/", "d" };
	for (const struct path_call *call = calls; call->name != NULL; call++) {
		for (size_t path = 0; path < sizeof paths / sizeof paths[0]; path++) {
			row_begin("read-only: %s %s", call->name, paths[path]);
			for (int user = 0; user < USERS; user++) {
				become((enum user)user);
				long result = call->call(paths[path]);
				become(ROOT);
				row_answer((enum user)user, result, "");
			}
			row_end();
		}
	}
}

void section_read_only(void)
{
	if (chdir(FROZEN "/world") != 0)
		err(2, "there is no %s: was the first run here?", FROZEN);
	rows_of(looking_calls);
	rows_of(changing_calls);
	rows_of(making_calls);
}
