// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Mounting: options, the checks of the superblock, and the way from read-only to writing and back. */
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/slab.h>
#include "alloc.h"
#include "index.h"
#include "inode_write.h"
#include "recycle.h"
#include "sysfs.h"
#include "trace.h"
#include "transaction.h"
#include "vexfs_fs.h"

/* Seconds from the epoch that the format keeps, in both directions. */
#define VEXFS_MAX_SECONDS ((1LL << 53) - 1)

struct vexfs_options {
	/* The journal is left alone: what lies in it is not seen. */
	bool noload;
	bool posix_acl;
	enum vexfs_errors errors;
	/* Bytes that indexes may take, 0: as it is by default; rows from which on a search makes one, 0: none does. */
	u64 vector_memory;
	u32 index_above;
};

/* What the superblock has to be before any number of it is used. */
static int vexfs_check_superblock(struct super_block *sb, struct fs_context *context,
				  const struct vexfs_superblock *superblock)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	if (le32_to_cpu(superblock->magic) != VEXFS_SUPERBLOCK_MAGIC)
		return invalf(context, "there is no vexfs volume on %s", sb->s_id);
	volume->seed = crc32c(~0, superblock->uuid, sizeof(superblock->uuid));
	if (le32_to_cpu(superblock->checksum) !=
	    vexfs_sum(volume, 0, superblock, sizeof(*superblock), offsetof(struct vexfs_superblock, checksum))) {
		errorf(context, "the superblock is damaged (wrong checksum): run fsck.vexfs");
		return -EUCLEAN;
	}
	if (le32_to_cpu(superblock->version) != VEXFS_FORMAT_VERSION)
		return invalf(context, "format version %u is not known", le32_to_cpu(superblock->version));
	if (superblock->feature_incompat)
		return invalf(context, "features are not known (incompat 0x%x)",
			      le32_to_cpu(superblock->feature_incompat));
	if (vexfs_geometry_init(&volume->geometry, superblock)) {
		errorf(context, "the superblock is damaged: its numbers contradict each other");
		return -EUCLEAN;
	}
	vexfs_seals_init(volume);
	memcpy(&volume->hash_key, superblock->hash_key, sizeof(volume->hash_key));
	le64_to_cpus(&volume->hash_key.key[0]);
	le64_to_cpus(&volume->hash_key.key[1]);
	return 0;
}

/* -EINVAL, because after -EROFS mount(8) would mount it read-only by itself. */
static int vexfs_check_writable(struct super_block *sb, struct fs_context *context)
{
	const u32 features = le32_to_cpu(vexfs_volume(sb)->superblock->feature_ro_compat);

	if (!features)
		return 0;
	return invalf(context, "the volume has features that this module can only read (ro_compat 0x%x): use -o ro", features);
}

/* Reads block 0 with whatever block size the device is read in now. */
static int vexfs_read_superblock(struct super_block *sb, struct fs_context *context)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	brelse(volume->superblock_bh);
	volume->superblock_bh = sb_bread(sb, 0);
	if (!volume->superblock_bh)
		return -EIO;
	volume->superblock = (const void *)volume->superblock_bh->b_data;
	return vexfs_check_superblock(sb, context, volume->superblock);
}

static int vexfs_open_volume(struct super_block *sb, struct fs_context *context)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	u32 size;
	int error;

	if (!sb_min_blocksize(sb, VEXFS_MIN_BLOCK_SIZE))
		return invalf(context, "the sectors of %s are too large", sb->s_id);
	if (bdev_nr_bytes(sb->s_bdev) < sb->s_blocksize)
		return invalf(context, "the device %s is too small for a volume", sb->s_id);
	error = vexfs_read_superblock(sb, context);
	/* Before the journal is replayed: a mount that is refused changes nothing. */
	if (!error && !sb_rdonly(sb))
		error = vexfs_check_writable(sb, context);
	if (error)
		return error;
	size = volume->geometry.block_size;
	if (size > PAGE_SIZE || size < sb->s_blocksize)
		return invalf(context, "blocks of %u bytes cannot be mounted here", size);
	if (volume->geometry.total_blocks > bdev_nr_bytes(sb->s_bdev) >> volume->geometry.block_bits) {
		errorf(context, "the volume is cut off: the device is smaller than it");
		return -EINVAL;
	}
	brelse(volume->superblock_bh);
	volume->superblock_bh = NULL;
	if (!sb_set_blocksize(sb, size))
		return -EINVAL;
	if (!volume->noload) {
		error = vexfs_replay(sb);
		if (error)
			return error;
	}
	error = vexfs_read_superblock(sb, context);
	if (!error && volume->geometry.block_size != size)
		error = vexfs_damage(sb, "the journal changes the size of blocks");
	if (!error && volume->superblock->orphan_head && sb_rdonly(sb))
		pr_info("vexfs (%s): deletions under way are left to the next mount for writing\n", sb->s_id);
	return error;
}

/* Makes the tree of a volume that is open. */
static int vexfs_make_root(struct super_block *sb)
{
	struct inode *root = vexfs_iget(sb, VEXFS_ROOT_INODE);

	if (IS_ERR(root))
		return PTR_ERR(root);
	if (!S_ISDIR(root->i_mode)) {
		iput(root);
		return vexfs_damage(sb, "the root is no directory");
	}
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

/* Everything that writing needs, on a volume whose journal has been replayed. */
static int vexfs_begin_writing(struct super_block *sb, struct fs_context *context)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	int error = vexfs_check_writable(sb, context);

	if (error)
		return error;
	if (volume->noload)
		return invalf(context, "noload is for mounts that are read-only");
	if (!volume->groups)
		error = vexfs_group_memory_init(volume);
	if (!error && !volume->journal)
		error = vexfs_open_journal(sb);
	if (!error && (is_journal_aborted(volume->journal) || READ_ONCE(volume->is_given_up))) {
		errorf(context, "writing has ended for damage or a failing device: unmount it and run fsck.vexfs");
		error = -EROFS;
	}
	if (!error && !volume->recycler)
		error = vexfs_recycler_start(volume);
	return error ?: vexfs_note_mount(sb);
}

/* Leaves the journal empty, and nobody who would put something into it before the VFS has made the volume read-only. */
static int vexfs_end_writing(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	int error;

	down_write(&volume->background);
	error = vexfs_empty_journal(sb);
	if (!error)
		sb->s_flags |= SB_RDONLY;
	up_write(&volume->background);
	return error;
}

static void vexfs_apply_options(struct super_block *sb, const struct vexfs_options *options)
{
	vexfs_volume(sb)->errors = options->errors;
	vexfs_volume(sb)->vector_memory = options->vector_memory;
	vexfs_indexing_configure(vexfs_volume(sb), options->vector_memory, options->index_above);
	sb->s_flags &= ~SB_POSIXACL;
	if (IS_ENABLED(CONFIG_FS_POSIX_ACL) && options->posix_acl)
		sb->s_flags |= SB_POSIXACL;
}

static struct vexfs_volume *vexfs_volume_alloc(struct super_block *sb)
{
	struct vexfs_volume *volume = kzalloc(sizeof(*volume), GFP_KERNEL);

	if (!volume)
		return NULL;
	volume->sb = sb;
	mutex_init(&volume->allocator_lock);
	mutex_init(&volume->orphan_lock);
	init_rwsem(&volume->background);
	spin_lock_init(&volume->table_lock);
	INIT_LIST_HEAD(&volume->freed);
	INIT_LIST_HEAD(&volume->orphans);
	return volume;
}

static int vexfs_fill_super(struct super_block *sb, struct fs_context *context)
{
	const struct vexfs_options *options = context->fs_private;
	struct vexfs_volume *volume = vexfs_volume_alloc(sb);
	int error;

	if (!volume)
		return -ENOMEM;
	volume->noload = options->noload;
	sb->s_fs_info = volume;
	sb->s_magic = VEXFS_SUPERBLOCK_MAGIC;
	sb->s_maxbytes = min_t(loff_t, VEXFS_MAX_FILE_BYTES, MAX_LFS_FILESIZE);
	sb->s_max_links = VEXFS_MAX_LINKS;
	sb->s_time_gran = 1;
	sb->s_time_min = -VEXFS_MAX_SECONDS;
	sb->s_time_max = VEXFS_MAX_SECONDS;
	sb->s_op = &vexfs_super_operations;
	sb->s_xattr = vexfs_xattr_handlers;
	sb->s_export_op = &vexfs_export_operations;
	error = vexfs_indexing_start(volume);
	if (!error) {
		vexfs_apply_options(sb, options);
		error = vexfs_open_volume(sb, context);
	}
	if (!error)
		memcpy(&sb->s_uuid, volume->superblock->uuid, sizeof(sb->s_uuid));
	/* First, so that a volume without a sound root is left as it is. */
	if (!error)
		error = vexfs_make_root(sb);
	if (!error && !sb_rdonly(sb))
		error = vexfs_begin_writing(sb, context);
	if (!error && !sb_rdonly(sb))
		error = vexfs_finish_orphans(sb);
	if (!error)
		error = vexfs_sysfs_add(sb);
	trace_vexfs_mount(sb, sb_rdonly(sb), error);
	/* Without a root put_super() is not called. */
	if (error && !sb->s_root) {
		vexfs_indexing_stop(volume);
		vexfs_recycler_stop(volume);
		vexfs_volume_free(sb);
	}
	return error;
}

enum { VEXFS_OPTION_NOLOAD, VEXFS_OPTION_ACL, VEXFS_OPTION_USER_XATTR, VEXFS_OPTION_ERRORS, VEXFS_OPTION_VECTOR_MEMORY,
       VEXFS_OPTION_INDEX_ABOVE };

static const struct constant_table vexfs_errors_values[] = {
	{ "continue", VEXFS_ERRORS_CONTINUE },
	{ "remount-ro", VEXFS_ERRORS_READ_ONLY },
	{ "panic", VEXFS_ERRORS_PANIC },
	{}
};

const struct fs_parameter_spec vexfs_parameters[] = {
	fsparam_flag("noload", VEXFS_OPTION_NOLOAD),
	fsparam_flag_no("acl", VEXFS_OPTION_ACL),
	/* They are always there. */
	fsparam_flag("user_xattr", VEXFS_OPTION_USER_XATTR),
	fsparam_enum("errors", VEXFS_OPTION_ERRORS, vexfs_errors_values),
	fsparam_string("vector_memory", VEXFS_OPTION_VECTOR_MEMORY),
	fsparam_u32("index_above", VEXFS_OPTION_INDEX_ABOVE),
	{}
};

/* As in 512M or 4G. */
static int vexfs_parse_memory(struct fs_context *context, const char *word, u64 *bytes)
{
	char *end;

	*bytes = memparse(word, &end);
	return *end || end == word || !*bytes ? invalf(context, "vector_memory= takes a size as in 512M or 4G") : 0;
}

static int vexfs_parse_param(struct fs_context *context, struct fs_parameter *parameter)
{
	struct vexfs_options *options = context->fs_private;
	struct fs_parse_result result;
	int option = fs_parse(context, vexfs_parameters, parameter, &result);

	if (option < 0)
		return option;
	switch (option) {
	case VEXFS_OPTION_NOLOAD:
		options->noload = true;
		break;
	case VEXFS_OPTION_ACL:
		options->posix_acl = !result.negated;
		break;
	case VEXFS_OPTION_ERRORS:
		options->errors = result.uint_32;
		break;
	case VEXFS_OPTION_VECTOR_MEMORY:
		return vexfs_parse_memory(context, parameter->string, &options->vector_memory);
	case VEXFS_OPTION_INDEX_ABOVE:
		options->index_above = result.uint_32;
		break;
	}
	return 0;
}

static int vexfs_get_tree(struct fs_context *context)
{
	return get_tree_bdev(context, vexfs_fill_super);
}

static int vexfs_reconfigure(struct fs_context *context)
{
	struct super_block *sb = context->root->d_sb;
	const bool to_read_only = context->sb_flags & SB_RDONLY;
	int error = 0;

	sync_filesystem(sb);
	if (to_read_only && !sb_rdonly(sb)) {
		error = vexfs_end_writing(sb);
	} else if (!to_read_only && sb_rdonly(sb)) {
		error = vexfs_begin_writing(sb, context);
		/* Deleting takes handles, which a read-only volume does not give. */
		if (!error)
			sb->s_flags &= ~SB_RDONLY;
		if (!error && list_empty(&vexfs_volume(sb)->orphans))
			error = vexfs_finish_orphans(sb);
		/* By damage met on the way: the VFS would take the mark away again. */
		if (!error && sb_rdonly(sb))
			error = -EROFS;
		if (error)
			sb->s_flags |= SB_RDONLY;
	}
	if (!error)
		vexfs_apply_options(sb, context->fs_private);
	trace_vexfs_mount(sb, to_read_only, error);
	return error;
}

static void vexfs_free_context(struct fs_context *context)
{
	kfree(context->fs_private);
}

static const struct fs_context_operations vexfs_context_operations = {
	.parse_param = vexfs_parse_param,
	.get_tree = vexfs_get_tree,
	.reconfigure = vexfs_reconfigure,
	.free = vexfs_free_context,
};

int vexfs_init_context(struct fs_context *context)
{
	struct vexfs_options *options = kzalloc(sizeof(*options), GFP_KERNEL);

	if (!options)
		return -ENOMEM;
	options->posix_acl = true;
	if (context->root) {
		options->noload = vexfs_volume(context->root->d_sb)->noload;
		options->posix_acl = context->root->d_sb->s_flags & SB_POSIXACL;
		options->errors = vexfs_volume(context->root->d_sb)->errors;
		options->vector_memory = vexfs_volume(context->root->d_sb)->vector_memory;
		options->index_above = vexfs_index_above(vexfs_volume(context->root->d_sb));
	}
	context->fs_private = options;
	context->ops = &vexfs_context_operations;
	return 0;
}
