// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Extended attributes: the entries of one block. */
#include <linux/fs.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include "xattr_change.h"

u32 vexfs_attribute_bytes(const struct vexfs_xattr_entry *entry)
{
	return round_up(sizeof(*entry) + entry->name_length + le32_to_cpu(entry->value_length), 8);
}

const char *vexfs_attribute_name(const struct vexfs_xattr_entry *entry)
{
	return (const char *)(entry + 1);
}

/* Whether an entry lies in `room` bytes and has a name that its space allows. */
static bool vexfs_attribute_holds(const struct vexfs_xattr_entry *entry, u32 room)
{
	const bool is_acl = entry->name_space == VEXFS_XATTR_ACL_ACCESS || entry->name_space == VEXFS_XATTR_ACL_DEFAULT;

	if (room < sizeof(*entry) || le32_to_cpu(entry->value_length) > room || vexfs_attribute_bytes(entry) > room)
		return false;
	if (entry->name_space < VEXFS_XATTR_USER || entry->name_space > VEXFS_XATTR_ACL_DEFAULT)
		return false;
	return is_acl == (entry->name_length == 0) && !memchr(vexfs_attribute_name(entry), 0, entry->name_length);
}

static bool vexfs_attributes_hold(const struct vexfs_volume *volume, const void *data)
{
	const struct vexfs_xattr_header *header = data;
	const u32 used = le32_to_cpu(header->used);
	u32 count = le32_to_cpu(header->count);
	u32 at = sizeof(*header);

	if (le32_to_cpu(header->magic) != VEXFS_XATTR_MAGIC || used < at || used > volume->geometry.block_size ||
	    used % 8 != 0)
		return false;
	for (; at < used; count--) {
		if (count == 0 || !vexfs_attribute_holds(data + at, used - at))
			return false;
		at += vexfs_attribute_bytes(data + at);
	}
	return count == 0;
}

static const struct vexfs_block_kind vexfs_xattr_block = {
	.name = "block of attributes",
	.what = VEXFS_SUMMED_ATTRIBUTES,
	.holds = vexfs_attributes_hold,
};

/* NULL for an inode without attributes. */
struct buffer_head *vexfs_read_attributes(struct inode *inode)
{
	const u64 block = vexfs_info(inode)->xattr_block;
	const struct vexfs_xattr_header *header;
	struct buffer_head *bh;

	if (block == 0)
		return NULL;
	bh = vexfs_read_checked(inode->i_sb, block, &vexfs_xattr_block);
	if (IS_ERR(bh))
		return bh;
	header = (const void *)bh->b_data;
	if (le32_to_cpu(header->magic) == VEXFS_XATTR_MAGIC && le64_to_cpu(header->owner) == inode->i_ino)
		return bh;
	brelse(bh);
	return ERR_PTR(vexfs_damage(inode->i_sb, "the attributes of inode %llu", vexfs_ino(inode)));
}

static const struct vexfs_xattr_entry *vexfs_next_attribute(const struct buffer_head *bh,
							    const struct vexfs_xattr_entry *entry)
{
	const u32 used = le32_to_cpu(((const struct vexfs_xattr_header *)bh->b_data)->used);
	const void *next = entry ? (const void *)entry + vexfs_attribute_bytes(entry) :
				   (const void *)bh->b_data + sizeof(struct vexfs_xattr_header);

	return next < (const void *)bh->b_data + used ? next : NULL;
}

const struct vexfs_xattr_entry *vexfs_find_attribute(const struct buffer_head *bh, u8 name_space, const char *name)
{
	const struct vexfs_xattr_entry *entry = NULL;
	const size_t length = strlen(name);

	while ((entry = vexfs_next_attribute(bh, entry))) {
		if (entry->name_space == name_space && entry->name_length == length &&
		    !memcmp(vexfs_attribute_name(entry), name, length))
			return entry;
	}
	return NULL;
}

static ssize_t vexfs_copy_value(struct inode *inode, u8 name_space, const char *name, void *buffer, size_t size)
{
	struct buffer_head *bh = vexfs_read_attributes(inode);
	const struct vexfs_xattr_entry *entry;
	ssize_t result = -ENODATA;

	if (IS_ERR_OR_NULL(bh))
		return bh ? PTR_ERR(bh) : result;
	entry = vexfs_find_attribute(bh, name_space, name);
	if (entry) {
		result = le32_to_cpu(entry->value_length);
		if (size && result > size)
			result = -ERANGE;
		else if (size)
			memcpy(buffer, vexfs_attribute_name(entry) + entry->name_length, result);
	}
	brelse(bh);
	return result;
}

ssize_t vexfs_xattr_get(struct inode *inode, u8 name_space, const char *name, void *buffer, size_t size)
{
	ssize_t result;

	down_read(&vexfs_info(inode)->xattr_lock);
	result = vexfs_copy_value(inode, name_space, name, buffer, size);
	up_read(&vexfs_info(inode)->xattr_lock);
	return result;
}

static const char *vexfs_prefix(u8 name_space)
{
	switch (name_space) {
	case VEXFS_XATTR_USER:
		return XATTR_USER_PREFIX;
	case VEXFS_XATTR_TRUSTED:
		return XATTR_TRUSTED_PREFIX;
	case VEXFS_XATTR_SECURITY:
		return XATTR_SECURITY_PREFIX;
	case VEXFS_XATTR_ACL_ACCESS:
		return XATTR_NAME_POSIX_ACL_ACCESS;
	default:
		return XATTR_NAME_POSIX_ACL_DEFAULT;
	}
}

static ssize_t vexfs_copy_names(struct inode *inode, char *buffer, size_t size)
{
	struct buffer_head *bh = vexfs_read_attributes(inode);
	const struct vexfs_xattr_entry *entry = NULL;
	size_t done = 0;

	if (IS_ERR_OR_NULL(bh))
		return PTR_ERR(bh);
	while ((entry = vexfs_next_attribute(bh, entry))) {
		const char *prefix = vexfs_prefix(entry->name_space);
		const size_t length = strlen(prefix);

		if (entry->name_space == VEXFS_XATTR_TRUSTED && !capable(CAP_SYS_ADMIN))
			continue;
		if (size && done + length + entry->name_length + 1 > size) {
			brelse(bh);
			return -ERANGE;
		}
		if (size) {
			memcpy(buffer + done, prefix, length);
			memcpy(buffer + done + length, vexfs_attribute_name(entry), entry->name_length);
			buffer[done + length + entry->name_length] = 0;
		}
		done += length + entry->name_length + 1;
	}
	brelse(bh);
	return done;
}

ssize_t vexfs_listxattr(struct dentry *dentry, char *buffer, size_t size)
{
	struct inode *inode = d_inode(dentry);
	ssize_t result;

	down_read(&vexfs_info(inode)->xattr_lock);
	result = vexfs_copy_names(inode, buffer, size);
	up_read(&vexfs_info(inode)->xattr_lock);
	return result;
}

static int vexfs_handler_get(const struct xattr_handler *handler, struct dentry *dentry, struct inode *inode,
			     const char *name, void *buffer, size_t size)
{
	return vexfs_xattr_get(inode, handler->flags, name, buffer, size);
}

static int vexfs_handler_set(const struct xattr_handler *handler, VEXFS_IDMAP *idmap, struct dentry *dentry,
			     struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
	return vexfs_xattr_set(inode, handler->flags, name, value, size, flags);
}

static const struct xattr_handler vexfs_user_handler = {
	.prefix = XATTR_USER_PREFIX,
	.flags = VEXFS_XATTR_USER,
	.get = vexfs_handler_get,
	.set = vexfs_handler_set,
};

static const struct xattr_handler vexfs_trusted_handler = {
	.prefix = XATTR_TRUSTED_PREFIX,
	.flags = VEXFS_XATTR_TRUSTED,
	.get = vexfs_handler_get,
	.set = vexfs_handler_set,
};

static const struct xattr_handler vexfs_security_handler = {
	.prefix = XATTR_SECURITY_PREFIX,
	.flags = VEXFS_XATTR_SECURITY,
	.get = vexfs_handler_get,
	.set = vexfs_handler_set,
};

const struct xattr_handler *vexfs_xattr_handlers[] = {
	&vexfs_user_handler,
	&vexfs_trusted_handler,
	&vexfs_security_handler,
#ifdef CONFIG_FS_POSIX_ACL
	&vexfs_acl_access_handler,
	&vexfs_acl_default_handler,
#endif
	NULL,
};
