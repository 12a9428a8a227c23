// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Mounting, statfs, and the module itself. */
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include "engine.h"
#include "vector_set.h"
#include "vexfs_fs.h"

struct vexfs_options {
	/* The journal is left alone: what lies in it is not seen. */
	bool noload;
};

static struct kmem_cache *vexfs_inode_cache;

static struct inode *vexfs_alloc_inode(struct super_block *sb)
{
	struct vexfs_inode_info *info = alloc_inode_sb(sb, vexfs_inode_cache, GFP_KERNEL);

	if (!info)
		return NULL;
	info->set = NULL;
	info->vector_set = 0;
	info->hidden_blocks = 0;
	return &info->vfs;
}

static void vexfs_free_inode(struct inode *inode)
{
	kmem_cache_free(vexfs_inode_cache, vexfs_info(inode));
}

static void vexfs_init_once(void *memory)
{
	struct vexfs_inode_info *info = memory;

	mutex_init(&info->set_lock);
	inode_init_once(&info->vfs);
}

static void vexfs_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	vexfs_set_free(vexfs_info(inode)->set);
	vexfs_info(inode)->set = NULL;
}

static void vexfs_put_super(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	sb->s_fs_info = NULL;
	brelse(volume->superblock_bh);
	kfree(volume);
}

static int vexfs_statfs(struct dentry *dentry, struct kstatfs *stat)
{
	const struct vexfs_volume *volume = vexfs_volume(dentry->d_sb);
	const struct vexfs_superblock *superblock = volume->superblock;
	const u64 reserved = le64_to_cpu(superblock->reserved_blocks);

	stat->f_type = VEXFS_SUPERBLOCK_MAGIC;
	stat->f_bsize = volume->geometry.block_size;
	stat->f_blocks = volume->geometry.total_blocks;
	stat->f_bfree = le64_to_cpu(superblock->free_blocks);
	stat->f_bavail = stat->f_bfree - min(stat->f_bfree, reserved);
	stat->f_files = volume->geometry.inode_count;
	stat->f_ffree = le64_to_cpu(superblock->free_inodes);
	stat->f_fsid = uuid_to_fsid((u8 *)superblock->uuid);
	stat->f_namelen = NAME_MAX;
	return 0;
}

static int vexfs_show_options(struct seq_file *seq, struct dentry *root)
{
	if (vexfs_volume(root->d_sb)->noload)
		seq_puts(seq, ",noload");
	return 0;
}

static const struct super_operations vexfs_super_operations = {
	.alloc_inode = vexfs_alloc_inode,
	.free_inode = vexfs_free_inode,
	.evict_inode = vexfs_evict_inode,
	.put_super = vexfs_put_super,
	.statfs = vexfs_statfs,
	.show_options = vexfs_show_options,
};

/* What the superblock has to be before any number of it is used. */
static int vexfs_check_superblock(struct super_block *sb, struct fs_context *context,
				  const struct vexfs_superblock *superblock)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	if (le32_to_cpu(superblock->magic) != VEXFS_SUPERBLOCK_MAGIC)
		return invalf(context, "%s is not a vexfs volume", sb->s_id);
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
	memcpy(&volume->hash_key, superblock->hash_key, sizeof(volume->hash_key));
	le64_to_cpus(&volume->hash_key.key[0]);
	le64_to_cpus(&volume->hash_key.key[1]);
	return 0;
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
	error = vexfs_read_superblock(sb, context);
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
	if (!error && volume->superblock->orphan_head)
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

static int vexfs_fill_super(struct super_block *sb, struct fs_context *context)
{
	const struct vexfs_options *options = context->fs_private;
	struct vexfs_volume *volume;
	int error;

	if (!sb_rdonly(sb)) {
		errorf(context, "this module mounts volumes read-only: use -o ro, or vexfs-fuse for writing");
		return -EROFS;
	}
	volume = kzalloc(sizeof(*volume), GFP_KERNEL);
	if (!volume)
		return -ENOMEM;
	volume->sb = sb;
	volume->noload = options->noload;
	sb->s_fs_info = volume;
	error = vexfs_open_volume(sb, context);
	if (error)
		goto fail;
	sb->s_magic = VEXFS_SUPERBLOCK_MAGIC;
	sb->s_maxbytes = min_t(loff_t, VEXFS_MAX_FILE_BYTES, MAX_LFS_FILESIZE);
	sb->s_time_gran = 1;
	sb->s_time_min = S64_MIN;
	sb->s_time_max = S64_MAX;
	sb->s_op = &vexfs_super_operations;
	sb->s_xattr = vexfs_xattr_handlers;
	sb->s_export_op = &vexfs_export_operations;
#ifdef CONFIG_FS_POSIX_ACL
	sb->s_flags |= SB_POSIXACL;
#endif
	memcpy(&sb->s_uuid, volume->superblock->uuid, sizeof(sb->s_uuid));
	error = vexfs_make_root(sb);
	if (!error)
		return 0;
fail:
	/* Without a root put_super() is not called. */
	sb->s_fs_info = NULL;
	brelse(volume->superblock_bh);
	kfree(volume);
	return error;
}

enum { VEXFS_OPTION_NOLOAD };

static const struct fs_parameter_spec vexfs_parameters[] = {
	fsparam_flag("noload", VEXFS_OPTION_NOLOAD),
	{}
};

static int vexfs_parse_param(struct fs_context *context, struct fs_parameter *parameter)
{
	struct vexfs_options *options = context->fs_private;
	struct fs_parse_result result;
	int option = fs_parse(context, vexfs_parameters, parameter, &result);

	if (option < 0)
		return option;
	options->noload = true;
	return 0;
}

static int vexfs_get_tree(struct fs_context *context)
{
	return get_tree_bdev(context, vexfs_fill_super);
}

static int vexfs_reconfigure(struct fs_context *context)
{
	if (!(context->sb_flags & SB_RDONLY)) {
		errorf(context, "this module mounts volumes read-only");
		return -EROFS;
	}
	return 0;
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

static int vexfs_init_context(struct fs_context *context)
{
	context->fs_private = kzalloc(sizeof(struct vexfs_options), GFP_KERNEL);
	if (!context->fs_private)
		return -ENOMEM;
	context->ops = &vexfs_context_operations;
	return 0;
}

static struct file_system_type vexfs_type = {
	.owner = THIS_MODULE,
	.name = "vexfs",
	.init_fs_context = vexfs_init_context,
	.parameters = vexfs_parameters,
	.kill_sb = kill_block_super,
	.fs_flags = FS_REQUIRES_DEV,
};
MODULE_ALIAS_FS("vexfs");

static int __init vexfs_init(void)
{
	int error = vexfs_engine_init();

	if (error)
		return error;
	vexfs_inode_cache = kmem_cache_create("vexfs_inode", sizeof(struct vexfs_inode_info), 0,
					      SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT, vexfs_init_once);
	if (!vexfs_inode_cache)
		return -ENOMEM;
	error = register_filesystem(&vexfs_type);
	if (error)
		kmem_cache_destroy(vexfs_inode_cache);
	return error;
}

static void __exit vexfs_exit(void)
{
	unregister_filesystem(&vexfs_type);
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(vexfs_inode_cache);
}

module_init(vexfs_init);
module_exit(vexfs_exit);
MODULE_DESCRIPTION("VexFS: vectors as files, nearest neighbours by ioctl(2)");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_SOFTDEP("pre: crc32c");
