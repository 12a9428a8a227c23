/* SPDX-License-Identifier: MIT */
/*
 * table DIRECTORY [SECTION...]: prints the table as it comes out in an empty directory of the filesystem in question.
 * table --own-clock ...: the same where the clock may be set, and is coarser than a call: as on a kernel before 6.13.
 * table --freeze DIRECTORY, then, mounted read-only, table --frozen DIRECTORY: the part about such mounts.
 * Root only. The number of rows goes to stderr.
 */
#include "table.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void all_sections(void)
{
	section_paths();
	section_permissions();
	section_modes();
	section_owners();
	section_open();
	section_rename();
	section_times();
	section_creation();
	section_sizes();
	section_privileges();
	section_attributes();
	section_held();
	section_flags();
	world_end();
}

int main(int count, char **words)
{
	if (count > 2 && strcmp(words[1], "--own-clock") == 0) {
		world_own_clock();
		count--;
		words++;
	}
	bool freezes = count > 2 && strcmp(words[1], "--freeze") == 0;
	bool frozen = count > 2 && strcmp(words[1], "--frozen") == 0;
	int first = freezes || frozen ? 2 : 1;
	if (count <= first)
		errx(2, "usage: table [--freeze | --frozen] DIRECTORY [SECTION...]");
	if (geteuid() != 0)
		errx(2, "only root can ask as several users");
	if (chdir(words[first]) != 0)
		err(2, "%s", words[first]);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	rows_select(count - first - 1, words + first + 1);
	if (freezes)
		section_frozen();
	else if (frozen)
		section_read_only();
	else
		all_sections();
	unsigned long rows, answers;
	rows_total(&rows, &answers);
	fprintf(stderr, "%lu rows, %lu answers\n", rows, answers);
	return 0;
}
