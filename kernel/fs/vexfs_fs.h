/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the files of the module share: the volume and the inode in memory, and who offers what.
 *
 * Locks, outermost first: what the VFS takes (s_umount, i_rwsem of directories before files), jbd2 handle, folio lock,
 * vexfs_inode_info.extents_lock,
 * vexfs_volume.orphan_lock, vexfs_volume.allocator_lock, vexfs_volume.table_lock (a spinlock).
 * vexfs_inode_info.set_lock is taken outside of handles; pages of the content and metadata blocks are read under it.
 */
#ifndef VEXFS_FS_H
#define VEXFS_FS_H

#include <linux/buffer_head.h>
#include <linux/fs.h>
#include <linux/fs_parser.h>
#include <linux/jbd2.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/siphash.h>
#include <vexfs_disk.h>
#include "compat.h"
#include "counters.h"

#define VEXFS_MAX_FILE_BYTES (1LL << 52)
#define VEXFS_MAX_LINKS 65000
#define VEXFS_ROOT_EXTENTS 3

struct vexfs_set;
struct vexfs_orphan;
struct vexfs_recycler;
struct vexfs_shown;
struct vexfs_indexing;

/* Where everything lies on a volume; nothing of it changes while the volume is mounted. */
struct vexfs_geometry {
	u64 total_blocks;
	u64 inode_count;
	u64 journal_start;
	u32 journal_blocks;
	u32 block_size;
	u32 block_bits;
	u32 blocks_per_group;
	u32 inodes_per_group;
	u32 inodes_per_block;
	u32 group_count;
	u32 table_blocks;
	u32 descriptor_blocks;
};

/* What is done when damage is found; a journal that cannot go on always ends writing. */
enum vexfs_errors { VEXFS_ERRORS_CONTINUE, VEXFS_ERRORS_READ_ONLY, VEXFS_ERRORS_PANIC };

struct vexfs_group_memory;

/* Blocks that a checksum lies inside of, by what they hold. */
enum vexfs_summed {
	VEXFS_SUMMED_DIRECTORY,
	VEXFS_SUMMED_EXTENTS,
	VEXFS_SUMMED_ATTRIBUTES,
	VEXFS_SUMMED_SET,
	VEXFS_SUMMED_LOG,
	VEXFS_SUMMED_KINDS,
};

/* What the journal calls before it takes a block of a kind. */
struct vexfs_seal {
	struct jbd2_buffer_trigger_type trigger;
	const struct vexfs_volume *volume;
	enum vexfs_summed what;
};

struct vexfs_volume {
	struct super_block *sb;
	struct vexfs_geometry geometry;
	/* crc32c(~0, uuid), where every checksum begins. */
	u32 seed;
	siphash_key_t hash_key;
	/* Block 0, as the journal left it. */
	struct buffer_head *superblock_bh;
	const struct vexfs_superblock *superblock;
	bool noload;
	enum vexfs_errors errors;
	/* As the mount option says; 0: nothing. */
	u64 vector_memory;
	/* Damage was found and STATE_ERRORS is to be set in the superblock. */
	bool damaged;
	/* NULL until the volume was mounted for writing. */
	journal_t *journal;
	struct vexfs_seal seals[VEXFS_SUMMED_KINDS];
	/* Descriptors, bitmaps, the superblock, and the three below. */
	struct mutex allocator_lock;
	struct vexfs_group_memory *groups;
	/* Blocks freed by transactions that may not be committed yet, oldest first, and how many. */
	struct list_head freed;
	u64 freed_blocks;
	/* The newest transaction whose freed slots were forgotten with the set they belong to; see vexfs_freed_forget(). */
	tid_t forgotten_tid;
	/* Each inode record in the buffers of the table is read and written whole under it. */
	spinlock_t table_lock;
	/* The orphan list of the volume, the first one first. */
	struct mutex orphan_lock;
	struct list_head orphans;
	/* Some entry may be of an inode that is not in memory, because what was to be done with it failed. */
	bool has_left_orphans;
	/* Damage has ended writing, until the next mount. */
	bool is_given_up;
	/* NULL until the volume was mounted for writing. */
	struct vexfs_recycler *recycler;
	struct vexfs_counters counters;
	/* Its folder in sysfs. */
	struct vexfs_shown *shown;
	/* Held for writing while the volume becomes read-only; see vexfs_background_begin(). */
	struct rw_semaphore background;
	/* Brings indexes up to date, on volumes that are read-only too. */
	struct vexfs_indexing *indexing;
};

struct vexfs_inode_info {
	/* Extents, directory root or short target, checked when the inode was read. */
	u8 root[sizeof_field(struct vexfs_inode, root) + 1] __aligned(8);
	u64 xattr_block;
	u64 vector_set;
	u64 parent;
	u32 flags;
	struct timespec64 btime;
	/* Its entry of vexfs_volume.orphans, under orphan_lock; NULL when it is not there. */
	struct vexfs_orphan *orphan;
	/* Transactions that changed it last: in any way, and in a way that reading the content needs. */
	tid_t sync_tid;
	tid_t datasync_tid;
	/* Dirty content that a commit waits for. */
	struct jbd2_inode jinode;
	/* The extent tree, root and nodes: below handles and folio locks. */
	struct rw_semaphore extents_lock;
	/* Rises with every change of the tree. */
	u64 extents_version;
	/* The block of attributes: below handles. */
	struct rw_semaphore xattr_lock;
	/* The size in the record: of a regular file it follows i_size when the blocks are there. */
	loff_t disk_size;
	/* Why bytes that are in the page cache could not be published: during a write, under i_rwsem; else 0. */
	int write_error;
	struct mutex set_lock;
	/* Blocks of the hidden inodes, plus one; 0 until somebody asked. */
	u64 hidden_blocks;
	/* Where stores through mappings may have changed rows that no index has been told of, under i_lock; stored_to 0: nowhere. */
	loff_t stored_from;
	loff_t stored_to;
	/* The rows, loaded by the first call that needs them; published with release, freed with the inode. */
	struct vexfs_set *set;
	struct inode vfs;
};

static inline struct vexfs_inode_info *vexfs_info(const struct inode *inode)
{
	return container_of(inode, struct vexfs_inode_info, vfs);
}

static inline struct vexfs_volume *vexfs_volume(const struct super_block *sb)
{
	return sb->s_fs_info;
}

/* super.c, mount.c */
extern const struct super_operations vexfs_super_operations;
extern const struct fs_parameter_spec vexfs_parameters[];
int vexfs_init_context(struct fs_context *context);
void vexfs_volume_free(struct super_block *sb);

/*
 * damage.c: tells of damage once in a while, does what the option errors= says, and returns -EUCLEAN. The mark in the
 * superblock follows with the next change of it.
 */
__printf(2, 3) int vexfs_damage(struct super_block *sb, const char *format, ...);

/*
 * background.c: around changes on behalf of nobody who was let in as a writer. False while the volume is frozen, or is or becomes read-only. Outside of
 * all locks but the builder mutex of an index.
 */
bool vexfs_background_begin(struct super_block *sb);
void vexfs_background_end(struct super_block *sb);

/* geometry.c */
int vexfs_geometry_init(struct vexfs_geometry *geometry, const struct vexfs_superblock *superblock);
u64 vexfs_group_start(const struct vexfs_geometry *geometry, u32 group);
u64 vexfs_group_blocks(const struct vexfs_geometry *geometry, u32 group);
/* Blocks of fixed metadata at the front of a group. */
u32 vexfs_fixed_blocks(const struct vexfs_geometry *geometry, u32 group);
u64 vexfs_group_bitmaps(const struct vexfs_geometry *geometry, u32 group);
/* Where the record of an inode lies; `number` is in range. */
u64 vexfs_table_place(const struct vexfs_geometry *geometry, u64 number, u32 *offset);
bool vexfs_in_data(const struct vexfs_geometry *geometry, u64 block, u64 length);

/* checksum.c: `at` is where the sum lies inside what it covers; that of `beside` lies elsewhere. */
u32 vexfs_sum(const struct vexfs_volume *volume, u64 number, const void *data, size_t bytes, size_t at);
u32 vexfs_sum_beside(const struct vexfs_volume *volume, u64 number, const void *data, size_t bytes);
u32 vexfs_inode_sum(const struct vexfs_volume *volume, u64 number, const struct vexfs_inode *inode);

size_t vexfs_sum_at(enum vexfs_summed what);
u32 vexfs_block_sum(const struct vexfs_volume *volume, u64 number, const void *data, enum vexfs_summed what);

/* block.c */
bool vexfs_is_checked(const struct buffer_head *bh);
void vexfs_mark_checked(struct buffer_head *bh);
struct vexfs_block_kind {
	const char *name;
	enum vexfs_summed what;
	/* Whether the content holds together; called once for each buffer, after the checksum. */
	bool (*holds)(const struct vexfs_volume *volume, const void *data);
};
struct buffer_head *vexfs_read_block(struct super_block *sb, u64 block);
struct buffer_head *vexfs_read_checked(struct super_block *sb, u64 block, const struct vexfs_block_kind *kind);
/* The same where a block that is none of the kind is -EUCLEAN and no damage. */
struct buffer_head *vexfs_peek_checked(struct super_block *sb, u64 block, const struct vexfs_block_kind *kind);

/* block_io.c: whole blocks from `physical` on, memory of kmalloc(). Returns when the device has answered. */
int vexfs_block_io(struct super_block *sb, blk_opf_t operation, u64 physical, void *memory, size_t bytes);

/* group.c: the caller holds allocator_lock. Both return a held buffer, checked, or ERR_PTR. */
struct buffer_head *vexfs_read_descriptor(struct super_block *sb, u32 group, struct vexfs_group_descriptor **descriptor);
struct buffer_head *vexfs_read_bitmap(struct super_block *sb, u64 block, u32 sum);
/* Where the record of an inode in use lies; takes allocator_lock. */
int vexfs_inode_place(struct super_block *sb, u64 number, u64 *block, u32 *offset);

/* inode.c: both copy an inode in use, after every check that needs nothing but itself. None is -ENOENT of the first, damage to the second. */
int vexfs_peek_inode(struct super_block *sb, u64 number, struct vexfs_inode *copy);
int vexfs_read_inode(struct super_block *sb, u64 number, struct vexfs_inode *copy);
int vexfs_read_hidden(struct super_block *sb, u64 number, const struct inode *owner, struct vexfs_inode *copy);
/* The operations for the type of an inode; `rdev` as in the record. */
void vexfs_set_operations(struct inode *inode, u32 rdev);
/* A visible inode, which something names: -EUCLEAN when there is none. */
struct inode *vexfs_iget(struct super_block *sb, u64 number);
/* The same for who names what may be gone: -ESTALE, which is no damage. */
struct inode *vexfs_iget_if_there(struct super_block *sb, u64 number);

/* extents.c: an extent tree by its owner's number and its root, 96 bytes. */
struct vexfs_tree {
	struct super_block *sb;
	u64 owner;
	void *root;
	/* Blocks that changes of the tree took less those that they freed, nodes and data: the owner's count of blocks follows. */
	s64 taken;
	/* Where the blocks of its nodes come from; NULL: from whatever is free. */
	struct vexfs_kept_runs *kept;
	/* It is only read, and its blocks may be others' by now: what is wrong in it is -EUCLEAN and no damage. */
	bool is_hint;
};
/* Blocks from `logical` on that lie together; physical 0: a hole. */
struct vexfs_run {
	u64 physical;
	u64 length;
	bool unwritten;
};
int vexfs_find_run(const struct vexfs_tree *tree, u64 logical, u64 most, struct vexfs_run *run);
/* extents_write.c: inside a handle with the credits of vexfs_extents_credits() (of the first; twice of them for the second). */
int vexfs_extents_credits(const struct vexfs_tree *tree);
int vexfs_extents_insert(handle_t *handle, struct vexfs_tree *tree, u64 logical, u64 physical, u64 count, bool unwritten);
int vexfs_extents_mark(handle_t *handle, struct vexfs_tree *tree, u64 logical, u64 count, bool unwritten);
int vexfs_extents_remove(handle_t *handle, struct vexfs_tree *tree, u64 first, u64 end);
int vexfs_extents_pull_up(handle_t *handle, struct vexfs_tree *tree);
int vexfs_extent_around(const struct vexfs_tree *tree, u64 logical, u64 *from, u64 *to, u64 *physical);
static inline u32 vexfs_node_capacity(const struct vexfs_geometry *geometry)
{
	return (geometry->block_size - sizeof(struct vexfs_extent_header)) / sizeof(struct vexfs_extent);
}

/* dir_node.c */
extern const struct vexfs_block_kind vexfs_directory_node;
/* The leaf that holds `cookie` or the place where it would be. *end: lowest cookie that lies behind that leaf. NULL: an empty directory. */
struct buffer_head *vexfs_find_leaf(struct inode *dir, u64 cookie, u64 *end);
const struct vexfs_directory_entry *vexfs_leaf_entry(const struct buffer_head *leaf, u32 index);
u32 vexfs_leaf_find(const struct buffer_head *leaf, u64 cookie);

static inline u32 vexfs_leaf_count(const struct buffer_head *leaf)
{
	return le16_to_cpu(((const struct vexfs_directory_header *)leaf->b_data)->count);
}

static inline const u8 *vexfs_entry_name(const struct vexfs_directory_entry *entry)
{
	return (const u8 *)entry + VEXFS_DIRECTORY_NAME_OFFSET;
}

/* attributes.c */
int vexfs_getattr(VEXFS_IDMAP *idmap, const struct path *path, struct kstat *stat, u32 mask, unsigned int flags);
int vexfs_fileattr_get(struct dentry *dentry, VEXFS_FILEATTR *attributes);
/* Flags of chattr(1) that are shown and set. */
#define VEXFS_SHOWN_FLAGS \
	(VEXFS_INODE_SYNC | VEXFS_INODE_IMMUTABLE | VEXFS_INODE_APPEND | VEXFS_INODE_NODUMP | VEXFS_INODE_NOATIME)
/* setattr.c */
int vexfs_setattr(VEXFS_IDMAP *idmap, struct dentry *dentry, struct iattr *wanted);
int vexfs_fileattr_set(VEXFS_IDMAP *idmap, struct dentry *dentry, VEXFS_FILEATTR *wanted);
void vexfs_set_vfs_flags(struct inode *inode);

/* lookup.c, readdir.c, symlink.c, file.c */
extern const struct inode_operations vexfs_directory_inode_operations;
extern const struct file_operations vexfs_directory_operations;
extern const struct inode_operations vexfs_symlink_inode_operations;
extern const struct inode_operations vexfs_file_inode_operations;
extern const struct file_operations vexfs_file_operations;
extern const struct inode_operations vexfs_special_inode_operations;
extern const struct export_operations vexfs_export_operations;

struct dentry *vexfs_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags);

/* acl.c */
struct posix_acl *vexfs_get_acl(struct inode *inode, int type, bool rcu);
int vexfs_set_acl(VEXFS_IDMAP *idmap, VEXFS_ACL_OBJECT *object, struct posix_acl *acl, int type);

/* xattr.c */
extern const struct xattr_handler *vexfs_xattr_handlers[];
ssize_t vexfs_listxattr(struct dentry *dentry, char *buffer, size_t size);
/* Bytes of a value, copied to `buffer` unless size is 0; -ENODATA, -ERANGE. */
ssize_t vexfs_xattr_get(struct inode *inode, u8 name_space, const char *name, void *buffer, size_t size);

/* journal.c: brings the volume to its last commit. */
int vexfs_replay(struct super_block *sb);
/* Opens the journal for writing; it has been replayed. */
int vexfs_open_journal(struct super_block *sb);
/* Writes everything back, leaves the journal empty and closes it. */
void vexfs_close_journal(struct super_block *sb);
/* Everything committed so far is at its place and the journal empty; it stays open. */
int vexfs_empty_journal(struct super_block *sb);

#endif
