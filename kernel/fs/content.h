/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Content of regular files in the page cache, and how it gets to the device. */
#ifndef VEXFS_CONTENT_H
#define VEXFS_CONTENT_H

#include <linux/iomap.h>
#include "vexfs_fs.h"

/* content.c: reading, and what fiemap(2) and lseek(2) ask for. */
extern const struct iomap_ops vexfs_iomap_ops;
extern const struct iomap_ops vexfs_seek_ops;
extern const struct address_space_operations vexfs_content_operations;
void vexfs_iomap_fill(struct inode *inode, u64 logical, const struct vexfs_run *run, u64 version, struct iomap *iomap);

/* writeback.c */
int vexfs_writepages(struct address_space *mapping, struct writeback_control *control);

/* write.c */
extern const struct iomap_ops vexfs_write_ops;
/* Through the page cache, and moves the position. The caller holds i_rwsem. */
ssize_t vexfs_write_pages(struct kiocb *iocb, struct iov_iter *from);
ssize_t vexfs_write_iter(struct kiocb *iocb, struct iov_iter *from);
/*
 * What was written to [from, to) becomes visible for good: marked as written, and the file as long as it is then. With `is_alone` marking takes no
 * block for want of which it would fail, but zeroes what lies beside the range: the caller holds i_rwsem, and no other direct write is under way.
 */
int vexfs_publish_write(struct inode *inode, loff_t from, loff_t to, bool unwritten, bool is_alone);
/* Blocks that were taken past the end of the file for a write which ended earlier go again. */
void vexfs_drop_unused(struct inode *inode, const struct iomap *iomap, loff_t written_to);
/* Zeros over what is written of a range, through the page cache. The caller holds i_rwsem. */
int vexfs_zero_content(struct inode *inode, loff_t from, loff_t count);

/* direct.c */
bool vexfs_is_aligned(struct kiocb *iocb, const struct iov_iter *caller);
ssize_t vexfs_read_direct(struct kiocb *iocb, struct iov_iter *to);
ssize_t vexfs_write_direct(struct kiocb *iocb, struct iov_iter *from);
/* Over what is written, several at a time. -ENOTBLK: it is another kind of write, or has to go through the page cache. */
ssize_t vexfs_overwrite_direct(struct kiocb *iocb, struct iov_iter *from);

/* map.c */
int vexfs_mmap(struct file *file, struct vm_area_struct *area);
/* A folio that bytes are to be stored to: 0, and it is locked, dirty, and its blocks are there. -EAGAIN: it has gone. */
int vexfs_store_begins(struct inode *inode, struct folio *folio);
/* Anything may lie on the device behind the end of a file. The folio is locked. */
void vexfs_clear_behind_end(struct inode *inode, struct folio *folio);

/*
 * fallocate.c. The caller of the first holds i_rwsem: all holes of a range get unwritten blocks, or none does; the size
 * stays.
 */
int vexfs_preallocate(struct inode *inode, loff_t from, loff_t to);
long vexfs_fallocate(struct file *file, int mode, loff_t offset, loff_t length);

#endif
