/* SPDX-License-Identifier: MIT */
/* chmod(2) and chown(2): which bits and owners come out, who may, and what goes with a change of owner. */
#include "table.h"

#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static mode_t first_mode;
static uid_t first_uid;
static gid_t first_gid;

static void prepare(void)
{
	static const char *const paths[] = { "d/f", "d/e", "d/p" };
	for (size_t at = 0; at < 3; at++)
		if (chown(paths[at], first_uid, first_gid) != 0 || chmod(paths[at], first_mode) != 0)
			err(2, "preparing %s", paths[at]);
}

static const struct entry entries[] = {
	{ "d", 'd', 0755, OWNER_ID, OWNER_ID, NULL },
	{ "d/f", '-', 0644, 0, 0, NULL },
	{ "d/e", 'd', 0755, 0, 0, NULL },
	{ "d/p", 'p', 0644, 0, 0, NULL },
	{ "d/l", 'l', 0, OWNER_ID, OWNER_ID, "f" },
	{ NULL, 0, 0, 0, 0, NULL },
};
static const char *const no_names[] = { NULL };
static const struct world world = { entries, no_names, prepare, NULL, false };

struct change {
	const char *path;
	/** How: by path, by descriptor, or for lchown(2). */
	enum { BY_PATH, BY_DESCRIPTOR, NOT_FOLLOWED } way;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

static const char *const ways[] = { "", "f", "l" };

static long change_mode(const void *context)
{
	const struct change *change = context;
	if (change->way == BY_PATH)
		return outcome(chmod(change->path, change->mode));
	int fd = open(change->path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return 1;
	long result = outcome(fchmod(fd, change->mode));
	close(fd);
	return result;
}

static long change_owner(const void *context)
{
	const struct change *change = context;
	if (change->way == BY_PATH)
		return outcome(chown(change->path, change->uid, change->gid));
	if (change->way == NOT_FOLLOWED)
		return outcome(lchown(change->path, change->uid, change->gid));
	int fd = open(change->path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return 1;
	long result = outcome(fchown(fd, change->uid, change->gid));
	close(fd);
	return result;
}

static void start(mode_t mode, uid_t uid, gid_t gid)
{
	first_mode = mode;
	first_uid = uid;
	first_gid = gid;
	world_spoil();
}

void section_modes(void)
{
	static const mode_t modes[] = { 0000, 0777, 0644, 01777, 02755, 02644, 04755, 06755, 07777, 0200, 0170000 | 0600 };
	static const mode_t starts[] = { 0644, 06755, 01777, 02644 };
	static const struct {
		uid_t uid;
		gid_t gid;
	} owners[] = { { OWNER_ID, OWNER_ID }, { OWNER_ID, OTHER_ID }, { OTHER_ID, OWNER_ID }, { EXTRA_ID, OWNER_ID }, { 0, 0 } };
	static const char *const paths[] = { "d/f", "d/e", "d/p", "d/l" };
	if (!rows_wanted("modes"))
		return;
	for (size_t owner = 0; owner < sizeof owners / sizeof owners[0]; owner++) {
		for (size_t from = 0; from < sizeof starts / sizeof starts[0]; from++) {
			if (owner > 1 && from > 0)
				continue;
			start(starts[from], owners[owner].uid, owners[owner].gid);
			for (size_t path = 0; path < 4; path++) {
				for (size_t to = 0; to < sizeof modes / sizeof modes[0]; to++) {
					for (int way = BY_PATH; way <= BY_DESCRIPTOR; way++) {
						if (way == BY_DESCRIPTOR && (path > 1 || from > 1 || owner > 1))
							continue;
						const struct change change = { paths[path], way, modes[to], 0, 0 };
						row(&world, ALL_USERS, change_mode, &change,
						    "modes: %04o of %u:%u: %schmod %s %o", first_mode, first_uid, first_gid,
						    ways[way], paths[path], modes[to]);
					}
				}
			}
		}
	}
}

void section_owners(void)
{
	static const mode_t modes[] = { 0644, 0755, 04755, 02755, 02644, 06755, 06777, 06644, 07777, 04644 };
	static const uid_t uids[] = { (uid_t)-1, OWNER_ID, OTHER_ID, 0 };
	static const gid_t gids[] = { (gid_t)-1, OWNER_ID, MEMBER_ID, OTHER_ID };
	static const char *const paths[] = { "d/f", "d/e", "d/l" };
	static const struct {
		uid_t uid;
		gid_t gid;
	} owners[] = { { OWNER_ID, OWNER_ID }, { MEMBER_ID, MEMBER_ID }, { EXTRA_ID, EXTRA_ID } };
	if (!rows_wanted("owners"))
		return;
	for (size_t owner = 0; owner < 3; owner++) {
		for (size_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
			if (owner > 0 && modes[mode] != 06755)
				continue;
			start(modes[mode], owners[owner].uid, owners[owner].gid);
			for (size_t uid = 0; uid < 4; uid++) {
				for (size_t gid = 0; gid < 4; gid++) {
					for (size_t path = 0; path < 3; path++) {
						for (int way = BY_PATH; way <= NOT_FOLLOWED; way++) {
							bool is_link = path == 2;
							if (way != BY_PATH && !is_link && modes[mode] != 06755)
								continue;
							if (is_link && (way == BY_DESCRIPTOR || modes[mode] != 06755))
								continue;
							const struct change change = { paths[path], way, 0, uids[uid],
										       gids[gid] };
							row(&world, ALL_USERS, change_owner, &change,
							    "owners: %04o of %u:%u: %schown %s %d:%d", first_mode,
							    first_uid, first_gid, ways[way], paths[path], (int)uids[uid],
							    (int)gids[gid]);
						}
					}
				}
			}
		}
	}
}
