/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Taking and giving back blocks and inode numbers. allocator_lock is taken inside, below handles and folio locks. */
#ifndef VEXFS_ALLOC_H
#define VEXFS_ALLOC_H

#include "transaction.h"

struct vexfs_group_descriptor;
struct vexfs_superblock;
struct vexfs_volume;

/* Bitmap, descriptor, superblock. */
#define VEXFS_ALLOCATE_CREDITS 3
/* The same: a range lies in one group, as every extent does. */
#define VEXFS_FREE_CREDITS(count) 3
/* The block of the table more. */
#define VEXFS_TAKE_INODE_CREDITS 4
#define VEXFS_GIVE_INODE_CREDITS 4

/*
 * 1 to `wanted` blocks of one group that lie together, from `goal` on if it is free. -ENOSPC: none is left for this
 * caller (see vexfs_retry_allocate()); -EUCLEAN. Nothing has changed after an error, unless the journal has ended.
 */
int vexfs_allocate(handle_t *handle, struct super_block *sb, u64 goal, u64 wanted, u64 *start, u64 *count);
/*
 * Gives back blocks of one group; -EUCLEAN when some are free already or cannot be freed. They are taken again only
 * when the transaction of the handle is committed. A block of metadata is revoked too, by the caller.
 */
int vexfs_free(handle_t *handle, struct super_block *sb, u64 start, u64 count);
/* The next blocks of a group from `from` on that could be taken, before `end`; *count 0: none. The caller holds allocator_lock. */
int vexfs_next_free_run(struct super_block *sb, u32 group, u32 from, u32 end, u32 *bit, u32 *count);
/*
 * After -ENOSPC, with no handle open: true when a commit has made freed blocks available, so that trying again may help.
 * *attempts begins at 0.
 */
bool vexfs_retry_allocate(struct super_block *sb, int *attempts);
/* Whether so little is free that what is under way may find nothing in the end. */
bool vexfs_is_nearly_full(const struct super_block *sb);
/*
 * Finds blocks as vexfs_allocate() does and keeps them from others in memory alone, for content that is written before
 * anything names it. Then they are given back, or become the volume's inside a handle: -EUCLEAN leaves them kept.
 */
int vexfs_reserve(struct super_block *sb, u64 goal, u64 wanted, u64 *start, u64 *count);
void vexfs_unreserve(struct super_block *sb, u64 start, u64 count);
int vexfs_take_reserved(handle_t *handle, struct super_block *sb, u64 start, u64 count);
/* Runs that vexfs_reserve() found. */
struct vexfs_kept_run {
	u64 start;
	u64 count;
};
struct vexfs_kept_runs {
	struct vexfs_kept_run *runs;
	u32 count;
};
/* Takes the last block of the last run that has one. -ENOSPC: none has. */
int vexfs_take_kept(handle_t *handle, struct super_block *sb, struct vexfs_kept_runs *kept, u64 *block);
/* Where the blocks of an inode are looked for first. */
u64 vexfs_goal(const struct super_block *sb, u64 inode);

/* inode_alloc.c: a number near `group`, its record in the table zeros. -ENOSPC, -EUCLEAN. */
int vexfs_take_inode(handle_t *handle, struct super_block *sb, u32 group, bool is_directory, u64 *number);
/* Frees a number and zeroes its record. */
int vexfs_give_inode(handle_t *handle, struct super_block *sb, u64 number, bool is_directory);
/* A group for a new directory: its parent's, but those of the root are spread. */
u32 vexfs_group_for_directory(struct super_block *sb, u64 parent);

/* group_memory.c: what is remembered of groups while the volume is mounted for writing. */
struct vexfs_group_memory {
	/* Blocks that are free on the volume and must not be taken yet; NULL for none. */
	unsigned long *held;
	u32 held_count;
	/* Nothing below can be taken. */
	u32 first_block;
	u32 first_inode;
};
int vexfs_group_memory_init(struct vexfs_volume *volume);
void vexfs_group_memory_free(struct vexfs_volume *volume);
/* The caller of these holds allocator_lock. Keeps blocks from being taken, and lets them go. */
void vexfs_keep(struct vexfs_volume *volume, u64 start, u32 count);
void vexfs_keep_no_more(struct vexfs_volume *volume, u64 start, u32 count);
/* Holds blocks that the transaction `tid` freed. */
void vexfs_hold(struct vexfs_volume *volume, u64 start, u32 count, tid_t tid);
/* Lets go of what committed transactions freed. */
void vexfs_release_held(struct vexfs_volume *volume);

/* superblock.c: the caller holds allocator_lock; between the two the fields are changed. */
struct vexfs_superblock *vexfs_superblock_change(handle_t *handle, struct vexfs_volume *volume);
int vexfs_superblock_changed(handle_t *handle, struct vexfs_volume *volume);
/* The mark of damage, and time and count of a mount, each in a transaction of its own. */
void vexfs_note_damage(struct super_block *sb);
int vexfs_note_mount(struct super_block *sb);
/* Seals a descriptor whose block is being changed. */
void vexfs_seal_descriptor(const struct vexfs_volume *volume, u32 group, struct vexfs_group_descriptor *descriptor);

#endif
