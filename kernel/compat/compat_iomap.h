/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* iomap, as the page cache uses it. */
#ifndef VEXFS_COMPAT_IOMAP_H
#define VEXFS_COMPAT_IOMAP_H

#include <linux/iomap.h>
#include <linux/version.h>

/*
 * What tells whether a mapping still holds when its folio is locked, by iomap_valid(): named by the mapping itself, or
 * since 6.17 by the call.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define VEXFS_VALIDITY struct iomap_write_ops
#define vexfs_name_validity(iomap, ops) do { } while (0)
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define VEXFS_VALIDITY struct iomap_folio_ops
#define vexfs_name_validity(iomap, ops) ((iomap)->folio_ops = (ops))
#else
#define VEXFS_VALIDITY struct iomap_page_ops
#define vexfs_name_validity(iomap, ops) ((iomap)->page_ops = (ops))
#endif

/* The position of `iocb` moves. */
static inline ssize_t vexfs_iomap_write(struct kiocb *iocb, struct iov_iter *from, const struct iomap_ops *ops,
					const VEXFS_VALIDITY *validity)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return iomap_file_buffered_write(iocb, from, ops, validity, NULL);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return iomap_file_buffered_write(iocb, from, ops, NULL);
#else
	ssize_t written = iomap_file_buffered_write(iocb, from, ops);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	if (written > 0)
		iocb->ki_pos += written;
#endif
	return written;
#endif
}

static inline int vexfs_iomap_zero(struct inode *inode, loff_t from, loff_t count, const struct iomap_ops *ops,
				   const VEXFS_VALIDITY *validity)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return iomap_zero_range(inode, from, count, NULL, ops, validity, NULL);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	return iomap_zero_range(inode, from, count, NULL, ops, NULL);
#else
	return iomap_zero_range(inode, from, count, NULL, ops);
#endif
}

static inline int vexfs_iomap_read_folio(struct folio *folio, const struct iomap_ops *ops)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	iomap_bio_read_folio(folio, ops);
	return 0;
#else
	return iomap_read_folio(folio, ops);
#endif
}

static inline void vexfs_iomap_readahead(struct readahead_control *control, const struct iomap_ops *ops)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	iomap_bio_readahead(control, ops);
#else
	iomap_readahead(control, ops);
#endif
}

/* Since 6.6 iomap keeps which blocks of a folio are dirty. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define vexfs_dirty_folio iomap_dirty_folio
#else
#define vexfs_dirty_folio filemap_dirty_folio
#endif

/*
 * Defines `name`, a writepages() that asks `map` where dirty bytes go:
 *   int map(struct iomap *iomap, struct inode *inode, loff_t offset)
 * *iomap is what it answered last, for this writeback.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define VEXFS_DEFINE_WRITEPAGES(name, map)										\
	static ssize_t name##_range(struct iomap_writepage_ctx *context, struct folio *folio, u64 offset,		\
				    unsigned int length, u64 end)							\
	{														\
		int error = map(&context->iomap, context->inode, offset);						\
															\
		return error ?: iomap_add_to_ioend(context, folio, offset, end, length);				\
	}														\
															\
	static const struct iomap_writeback_ops name##_ops = {								\
		.writeback_range = name##_range,									\
		.writeback_submit = iomap_ioend_writeback_submit,							\
	};														\
															\
	int name(struct address_space *mapping, struct writeback_control *control)					\
	{														\
		struct iomap_writepage_ctx context = {									\
			.inode = mapping->host,										\
			.wbc = control,											\
			.ops = &name##_ops,										\
		};													\
															\
		return iomap_writepages(&context);									\
	}
#else
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define VEXFS_MAP_LENGTH , unsigned int length
#else
#define VEXFS_MAP_LENGTH
#endif
#define VEXFS_DEFINE_WRITEPAGES(name, map)										\
	static int name##_map(struct iomap_writepage_ctx *context, struct inode *inode, loff_t offset VEXFS_MAP_LENGTH)	\
	{														\
		return map(&context->iomap, inode, offset);								\
	}														\
															\
	static const struct iomap_writeback_ops name##_ops = {								\
		.map_blocks = name##_map,										\
	};														\
															\
	int name(struct address_space *mapping, struct writeback_control *control)					\
	{														\
		struct iomap_writepage_ctx context = {};								\
															\
		return iomap_writepages(mapping, control, &context, &name##_ops);					\
	}
#endif

#endif
