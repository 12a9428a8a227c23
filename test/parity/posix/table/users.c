/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <err.h>
#include <grp.h>
#include <unistd.h>

static const struct {
	uid_t uid;
	gid_t gid;
	gid_t further;
} ids[USERS] = {
	[ROOT] = { 0, 0, 0 },
	[OWNER] = { OWNER_ID, OWNER_ID, OWNER_ID },
	[MEMBER] = { MEMBER_ID, OWNER_ID, MEMBER_ID },
	[EXTRA] = { EXTRA_ID, EXTRA_ID, OWNER_ID },
	[OTHER] = { OTHER_ID, OTHER_ID, OTHER_ID },
};

/* The saved user id stays root's, which is the way back; a capability is effective for no other user meanwhile. */
void become(enum user user)
{
	if (setresuid(0, 0, 0) != 0)
		err(2, "becoming root");
	if (setgroups(1, &ids[user].further) != 0 || setresgid(ids[user].gid, ids[user].gid, 0) != 0)
		err(2, "changing groups");
	if (setresuid(ids[user].uid, ids[user].uid, 0) != 0)
		err(2, "becoming user %u", ids[user].uid);
}
