/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER 1024

static const char letters[USERS + 1] = "romex";
static char title[2048];
static char answers[USERS][ANSWER];
static bool asked[USERS];
static unsigned long row_count, answer_count;
static char **selected;
static int selected_count;

void rows_select(int count, char **words)
{
	selected = words;
	selected_count = count;
}

bool rows_wanted(const char *section)
{
	for (int i = 0; i < selected_count; i++)
		if (strcmp(selected[i], section) == 0)
			return true;
	return selected_count == 0;
}

void rows_total(unsigned long *rows, unsigned long *all)
{
	*rows = row_count;
	*all = answer_count;
}

static void begin(const char *format, va_list words)
{
	vsnprintf(title, sizeof title, format, words);
	memset(asked, 0, sizeof asked);
}

void row_begin(const char *format, ...)
{
	va_list words;
	va_start(words, format);
	begin(format, words);
	va_end(words);
}

void row_answer(enum user user, long result, const char *changes)
{
	char *at = answers[user];
	asked[user] = true;
	answer_count++;
	if (result < 0)
		snprintf(at, ANSWER, "%s", strerrorname_np((int)-result) ?: "an unknown errno");
	else if (result > 0)
		snprintf(at, ANSWER, "%ld", result);
	else
		snprintf(at, ANSWER, "ok");
	size_t used = strlen(at);
	snprintf(at + used, ANSWER - used, "%s", changes);
}

/* Users with the same answer stand together: "ro ok d:mc | mex EACCES"; all of them are "*". */
void row_end(void)
{
	bool told[USERS] = { false };
	unsigned total = 0;
	for (int user = 0; user < USERS; user++)
		total += asked[user];
	printf("%s\t", title);
	const char *between = "";
	for (int user = 0; user < USERS; user++) {
		if (!asked[user] || told[user])
			continue;
		char group[USERS + 1];
		unsigned count = 0;
		for (int same = user; same < USERS; same++) {
			if (!asked[same] || told[same] || strcmp(answers[user], answers[same]) != 0)
				continue;
			told[same] = true;
			group[count++] = letters[same];
		}
		group[count] = '\0';
		printf("%s%s %s", between, count == total ? "*" : group, answers[user]);
		between = " | ";
	}
	putchar('\n');
	row_count++;
}

long outcome(long result)
{
	return result == -1 ? -(long)errno : result;
}

long opened(int fd)
{
	if (fd < 0)
		return -(long)errno;
	close(fd);
	return 0;
}

void row(const struct world *world, unsigned users, call_fn *call, const void *context, const char *format, ...)
{
	va_list words;
	va_start(words, format);
	begin(format, words);
	va_end(words);
	for (int user = 0; user < USERS; user++) {
		if ((users & BIT(user)) == 0)
			continue;
		world_begin(world);
		become((enum user)user);
		long result = call(context);
		become(ROOT);
		row_answer((enum user)user, result, world_changes());
	}
	world_watch(NULL, NULL);
	row_end();
}
