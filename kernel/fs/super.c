// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What the VFS asks of a mounted volume, and the module itself. */
#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include "../engine/glue.h"
#include "alloc.h"
#include "index.h"
#include "inode_write.h"
#include "recycle.h"
#include "sysfs.h"
#include "trace.h"
#include "vector_set.h"
#include "vexfs_fs.h"

static struct kmem_cache *vexfs_inode_cache;

static struct inode *vexfs_alloc_inode(struct super_block *sb)
{
	struct vexfs_inode_info *info = alloc_inode_sb(sb, vexfs_inode_cache, GFP_KERNEL);

	if (!info)
		return NULL;
	memset(info->root, 0, sizeof(info->root));
	info->xattr_block = 0;
	info->vector_set = 0;
	info->parent = 0;
	info->flags = 0;
	info->orphan = NULL;
	info->sync_tid = 0;
	info->datasync_tid = 0;
	info->extents_version = 0;
	info->disk_size = 0;
	info->write_error = 0;
	info->hidden_blocks = 0;
	info->stored_from = 0;
	info->stored_to = 0;
	info->set = NULL;
	jbd2_journal_init_jbd_inode(&info->jinode, &info->vfs);
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
	init_rwsem(&info->extents_lock);
	init_rwsem(&info->xattr_lock);
	inode_init_once(&info->vfs);
}

void vexfs_volume_free(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	trace_vexfs_unmount(sb);
	vexfs_sysfs_remove(sb);
	/* They hold the blocks of their headers. */
	vexfs_sets_freed();
	vexfs_close_journal(sb);
	vexfs_indexing_free(volume);
	vexfs_forget_orphans(sb);
	vexfs_group_memory_free(volume);
	sb->s_fs_info = NULL;
	brelse(volume->superblock_bh);
	kfree(volume);
	/* Who has the device open keeps its buffers in memory, may write other content to them, and the next mount would take them for checked. */
	sync_blockdev(sb->s_bdev);
	invalidate_bdev(sb->s_bdev);
}

/* Ends the running transaction; waits for it when asked to. */
static int vexfs_sync_fs(struct super_block *sb, int wait)
{
	struct vexfs_volume *volume = vexfs_volume(sb);
	journal_t *journal = volume->journal;
	bool has_flushed = true;
	tid_t tid;
	int error = 0;

	if (!journal || sb_rdonly(sb))
		return 0;
	vexfs_note_damage(sb);
	if (wait)
		has_flushed = jbd2_trans_will_send_data_barrier(journal, jbd2_get_latest_transaction(journal));
	if (jbd2_journal_start_commit(journal, &tid)) {
		if (wait)
			error = jbd2_log_wait_commit(journal, tid);
	}
	if (wait && !error && !has_flushed)
		error = blkdev_issue_flush(sb->s_bdev);
	return error;
}

/* A frozen volume needs no replay. The VFS keeps writers out until it is thawed. */
static int vexfs_freeze_fs(struct super_block *sb)
{
	return vexfs_volume(sb)->journal && !sb_rdonly(sb) ? vexfs_empty_journal(sb) : 0;
}

static int vexfs_unfreeze_fs(struct super_block *sb)
{
	return 0;
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
	static const char *const errors[] = { "continue", "remount-ro", "panic" };
	const struct vexfs_volume *volume = vexfs_volume(root->d_sb);

	if (volume->noload)
		seq_puts(seq, ",noload");
	if (IS_ENABLED(CONFIG_FS_POSIX_ACL) && !(root->d_sb->s_flags & SB_POSIXACL))
		seq_puts(seq, ",noacl");
	if (volume->errors != VEXFS_ERRORS_CONTINUE)
		seq_printf(seq, ",errors=%s", errors[volume->errors]);
	if (volume->vector_memory)
		seq_printf(seq, ",vector_memory=%llu", volume->vector_memory);
	if (vexfs_index_above(volume))
		seq_printf(seq, ",index_above=%u", vexfs_index_above(volume));
	return 0;
}

const struct super_operations vexfs_super_operations = {
	.alloc_inode = vexfs_alloc_inode,
	.free_inode = vexfs_free_inode,
	.dirty_inode = vexfs_dirty_inode,
	.write_inode = vexfs_write_vfs_inode,
	.evict_inode = vexfs_evict_inode,
	.put_super = vexfs_volume_free,
	.sync_fs = vexfs_sync_fs,
	.freeze_fs = vexfs_freeze_fs,
	.unfreeze_fs = vexfs_unfreeze_fs,
	.statfs = vexfs_statfs,
	.show_options = vexfs_show_options,
};

static void vexfs_kill_sb(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	if (volume) {
		/* They hold inodes now and then. */
		vexfs_indexing_stop(volume);
		vexfs_recycler_stop(volume);
		/*
		 * What is read-only the VFS does not sync. Where damage made it so, a transaction may still wait for content, whose pages
		 * go with the inodes: committed after that it would show what the blocks held before.
		 */
		if (volume->journal && sb_rdonly(sb))
			jbd2_journal_force_commit(volume->journal);
	}
	kill_block_super(sb);
}

static struct file_system_type vexfs_type = {
	.owner = THIS_MODULE,
	.name = "vexfs",
	.init_fs_context = vexfs_init_context,
	.parameters = vexfs_parameters,
	.kill_sb = vexfs_kill_sb,
	.fs_flags = FS_REQUIRES_DEV | FS_MGTIME,
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
	error = vexfs_sysfs_init();
	if (error)
		goto free_cache;
	error = register_filesystem(&vexfs_type);
	if (error)
		goto end_sysfs;
	return 0;
end_sysfs:
	vexfs_sysfs_exit();
free_cache:
	kmem_cache_destroy(vexfs_inode_cache);
	return error;
}

static void __exit vexfs_exit(void)
{
	unregister_filesystem(&vexfs_type);
	vexfs_sysfs_exit();
	vexfs_searchers_free();
	/* Of sections that somebody took a ticket for and never asked again. */
	vexfs_set_wait();
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(vexfs_inode_cache);
}

module_init(vexfs_init);
module_exit(vexfs_exit);
MODULE_DESCRIPTION("VexFS: vectors as files, nearest neighbours by ioctl(2)");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_SOFTDEP("pre: crc32c");
