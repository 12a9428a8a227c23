/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Every difference between the kernels that the module is built for, 6.1 to 7.2; those of single parts of it beside it. */
#ifndef VEXFS_COMPAT_H
#define VEXFS_COMPAT_H

#include <linux/fs.h>
#include <linux/posix_acl_xattr.h>
#include <linux/slab.h>
#include <linux/version.h>

static inline void vexfs_set_times(struct inode *inode, struct timespec64 atime, struct timespec64 mtime,
				   struct timespec64 ctime)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	inode_set_atime_to_ts(inode, atime);
	inode_set_mtime_to_ts(inode, mtime);
	inode_set_ctime_to_ts(inode, ctime);
#else
	inode->i_atime = atime;
	inode->i_mtime = mtime;
	inode->i_ctime = ctime;
#endif
}

static inline struct timespec64 vexfs_inode_atime(const struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return inode_get_atime(inode);
#else
	return inode->i_atime;
#endif
}

static inline struct timespec64 vexfs_inode_mtime(const struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return inode_get_mtime(inode);
#else
	return inode->i_mtime;
#endif
}

static inline struct timespec64 vexfs_inode_ctime(const struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return inode_get_ctime(inode);
#else
	return inode->i_ctime;
#endif
}

/* The times of a change: of the inode, or of its content too. Returns the time. */
static inline struct timespec64 vexfs_touch_ctime(struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return inode_set_ctime_current(inode);
#else
	return inode->i_ctime = current_time(inode);
#endif
}

static inline struct timespec64 vexfs_touch_mtime_ctime(struct inode *inode)
{
	const struct timespec64 now = vexfs_touch_ctime(inode);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return inode_set_mtime_to_ts(inode, now);
#else
	return inode->i_mtime = now;
#endif
}

/* Its number, for messages: as wide as an unsigned long up to 7.0. */
static inline u64 vexfs_ino(const struct inode *inode)
{
	return inode->i_ino;
}

static inline unsigned long vexfs_inode_state(const struct inode *inode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return inode_state_read_once((struct inode *)inode);
#else
	return READ_ONCE(inode->i_state);
#endif
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define VEXFS_ERROR_REMOVE .error_remove_folio = generic_error_remove_folio
#else
#define VEXFS_ERROR_REMOVE .error_remove_page = generic_error_remove_page
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define VEXFS_IDMAP struct mnt_idmap
#define vexfs_is_owner_or_capable(file, inode) inode_owner_or_capable(file_mnt_idmap(file), inode)
#else
#define VEXFS_IDMAP struct user_namespace
#define vexfs_is_owner_or_capable(file, inode) inode_owner_or_capable(file_mnt_user_ns(file), inode)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define VEXFS_FILEATTR struct file_kattr
#else
#define VEXFS_FILEATTR struct fileattr
#endif

/* mkdir() of inodes may give another dentry back. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define VEXFS_MKDIR_RESULT struct dentry *
#define vexfs_mkdir_result(error) ERR_PTR(error)
#else
#define VEXFS_MKDIR_RESULT int
#define vexfs_mkdir_result(error) (error)
#endif

/* generic_fillattr() as the kernel has it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define vexfs_fillattr(idmap, mask, inode, stat) generic_fillattr(idmap, mask, inode, stat)
#else
#define vexfs_fillattr(idmap, mask, inode, stat) generic_fillattr(idmap, inode, stat)
#endif

/* A handle of number and generation. Up to 6.6 exportfs makes one where nobody else does; since then it calls what stands here unseen. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
#define vexfs_encode_handle generic_encode_ino32_fh
#else
#define vexfs_encode_handle NULL
#endif

/* Times as fine as it takes to tell changes apart between which somebody looked: since 6.13. */
#ifndef FS_MGTIME
#define FS_MGTIME 0
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define vexfs_splice_read filemap_splice_read
#else
#define vexfs_splice_read generic_file_splice_read
#endif

/* get_acl() of inodes got a sibling without a dentry. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define VEXFS_GET_ACL .get_inode_acl
/* What set_acl() is asked of. */
#define VEXFS_ACL_OBJECT struct dentry
#define vexfs_acl_inode(object) d_inode(object)
#define vexfs_acl_chmod(idmap, dentry, mode) posix_acl_chmod(idmap, dentry, mode)
#define vexfs_acl_access_handler nop_posix_acl_access
#define vexfs_acl_default_handler nop_posix_acl_default
#else
#define VEXFS_GET_ACL .get_acl
#define VEXFS_ACL_OBJECT struct inode
#define vexfs_acl_inode(object) (object)
#define vexfs_acl_chmod(idmap, dentry, mode) posix_acl_chmod(idmap, d_inode(dentry), mode)
#define vexfs_acl_access_handler posix_acl_access_xattr_handler
#define vexfs_acl_default_handler posix_acl_default_xattr_handler
#endif

/* An access list as it is stored, to be given to kfree(), or an error. */
static inline void *vexfs_acl_bytes(const struct posix_acl *acl, size_t *size, gfp_t flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	void *bytes = posix_acl_to_xattr(&init_user_ns, acl, size, flags);

	return bytes ?: ERR_PTR(-ENOMEM);
#else
	void *bytes;
	int error;

	*size = posix_acl_xattr_size(acl->a_count);
	bytes = kmalloc(*size, flags);
	if (!bytes)
		return ERR_PTR(-ENOMEM);
	error = posix_acl_to_xattr(&init_user_ns, acl, bytes, *size);
	if (error >= 0)
		return bytes;
	kfree(bytes);
	return ERR_PTR(error);
#endif
}

#endif
