// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Finding a name in a directory, and the directory that a directory lies in. */
#include <linux/exportfs.h>
#include "dir_tree.h"
#include "vexfs_fs.h"

/* The number of the inode that a name leads to; 0 when there is no such name; a negative errno. */
static s64 vexfs_find_name(struct inode *dir, const struct qstr *name)
{
	struct vexfs_dir_path path;
	s64 number = vexfs_dir_seek(dir, name, &path);

	if (number > 0)
		number = le64_to_cpu(vexfs_leaf_entry(path.nodes[0], path.indexes[0])->inode);
	vexfs_dir_release(&path);
	return number;
}

struct dentry *vexfs_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct inode *inode = NULL;
	s64 number;

	if (dentry->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	number = vexfs_find_name(dir, &dentry->d_name);
	if (number < 0)
		return ERR_PTR(number);
	if (number > 0) {
		inode = vexfs_iget(dir->i_sb, number);
		if (!IS_ERR(inode) && S_ISDIR(inode->i_mode) && vexfs_info(inode)->parent != dir->i_ino) {
			iput(inode);
			inode = ERR_PTR(vexfs_damage(dir->i_sb, "directory %lld lies in two places", number));
		}
		if (!IS_ERR(inode) && inode->i_nlink == 0) {
			iput(inode);
			inode = ERR_PTR(vexfs_damage(dir->i_sb, "inode %lld is named and has no links", number));
		}
	}
	return d_splice_alias(inode, dentry);
}

/* A handle may be older than the inode that has its number now: nothing that it says is damage. */
static struct inode *vexfs_by_handle(struct super_block *sb, u64 number, u32 generation)
{
	struct inode *inode;

	if (number != VEXFS_ROOT_INODE && number < VEXFS_FIRST_INODE)
		return ERR_PTR(-ESTALE);
	inode = vexfs_iget_if_there(sb, number);
	if (!IS_ERR(inode) && (inode->i_generation != generation || inode->i_nlink == 0)) {
		iput(inode);
		return ERR_PTR(-ESTALE);
	}
	return inode;
}

static struct dentry *vexfs_fh_to_dentry(struct super_block *sb, struct fid *fid, int length, int type)
{
	return generic_fh_to_dentry(sb, fid, length, type, vexfs_by_handle);
}

static struct dentry *vexfs_fh_to_parent(struct super_block *sb, struct fid *fid, int length, int type)
{
	return generic_fh_to_parent(sb, fid, length, type, vexfs_by_handle);
}

/* A directory that is removed meanwhile may outlive the one that it lay in. */
static struct dentry *vexfs_get_parent(struct dentry *child)
{
	struct inode *parent = vexfs_iget_if_there(child->d_sb, READ_ONCE(vexfs_info(d_inode(child))->parent));

	if (!IS_ERR(parent) && (!S_ISDIR(parent->i_mode) || parent->i_nlink == 0)) {
		iput(parent);
		parent = ERR_PTR(-ESTALE);
	}
	return d_obtain_alias(parent);
}

const struct export_operations vexfs_export_operations = {
	.encode_fh = vexfs_encode_handle,
	.fh_to_dentry = vexfs_fh_to_dentry,
	.fh_to_parent = vexfs_fh_to_parent,
	.get_parent = vexfs_get_parent,
};
