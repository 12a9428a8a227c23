/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Tracepoints: /sys/kernel/tracing/events/vexfs. Each names its volume by the numbers of the device. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vexfs

#if !defined(VEXFS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VEXFS_TRACE_H

#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/tracepoint.h>
#include "compat.h"

/* The mount that makes a volume seen; one from read-only to writing, or back, is another. */
TRACE_EVENT(vexfs_mount,
	TP_PROTO(const struct super_block *sb, bool read_only, int result),
	TP_ARGS(sb, read_only, result),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(bool, read_only)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->dev = sb->s_dev;
		__entry->read_only = read_only;
		__entry->result = result;
	),
	TP_printk("dev %d,%d read_only %d result %d", MAJOR(__entry->dev), MINOR(__entry->dev), __entry->read_only,
		  __entry->result)
);

TRACE_EVENT(vexfs_unmount,
	TP_PROTO(const struct super_block *sb),
	TP_ARGS(sb),
	TP_STRUCT__entry(
		__field(dev_t, dev)
	),
	TP_fast_assign(
		__entry->dev = sb->s_dev;
	),
	TP_printk("dev %d,%d", MAJOR(__entry->dev), MINOR(__entry->dev))
);

/* Something on the volume contradicts itself; the log of the kernel says what. */
TRACE_EVENT(vexfs_damage,
	TP_PROTO(const struct super_block *sb),
	TP_ARGS(sb),
	TP_STRUCT__entry(
		__field(dev_t, dev)
	),
	TP_fast_assign(
		__entry->dev = sb->s_dev;
	),
	TP_printk("dev %d,%d", MAJOR(__entry->dev), MINOR(__entry->dev))
);

/* A change failed half-way, and the journal ends. */
TRACE_EVENT(vexfs_transaction_error,
	TP_PROTO(dev_t dev, u32 tid, int error),
	TP_ARGS(dev, tid, error),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u32, tid)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->tid = tid;
		__entry->error = error;
	),
	TP_printk("dev %d,%d tid %u error %d", MAJOR(__entry->dev), MINOR(__entry->dev), __entry->tid, __entry->error)
);

DECLARE_EVENT_CLASS(vexfs_blocks,
	TP_PROTO(const struct super_block *sb, u64 start, u64 count),
	TP_ARGS(sb, start, count),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, start)
		__field(u64, count)
	),
	TP_fast_assign(
		__entry->dev = sb->s_dev;
		__entry->start = start;
		__entry->count = count;
	),
	TP_printk("dev %d,%d start %llu count %llu", MAJOR(__entry->dev), MINOR(__entry->dev), __entry->start,
		  __entry->count)
);

DEFINE_EVENT(vexfs_blocks, vexfs_allocate,
	TP_PROTO(const struct super_block *sb, u64 start, u64 count),
	TP_ARGS(sb, start, count)
);

DEFINE_EVENT(vexfs_blocks, vexfs_free,
	TP_PROTO(const struct super_block *sb, u64 start, u64 count),
	TP_ARGS(sb, start, count)
);

DECLARE_EVENT_CLASS(vexfs_orphans,
	TP_PROTO(const struct inode *inode, u32 links),
	TP_ARGS(inode, links),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(u32, links)
	),
	TP_fast_assign(
		__entry->dev = inode->i_sb->s_dev;
		__entry->ino = vexfs_ino(inode);
		__entry->links = links;
	),
	TP_printk("dev %d,%d ino %llu links %u", MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino, __entry->links)
);

DEFINE_EVENT(vexfs_orphans, vexfs_orphan_add,
	TP_PROTO(const struct inode *inode, u32 links),
	TP_ARGS(inode, links)
);

DEFINE_EVENT(vexfs_orphans, vexfs_orphan_remove,
	TP_PROTO(const struct inode *inode, u32 links),
	TP_ARGS(inode, links)
);

/* Rows that came to be in one transaction, by BATCH_INSERT or by bytes that write(2) or truncate(2) added; rows that a call deleted. */
DECLARE_EVENT_CLASS(vexfs_rows,
	TP_PROTO(const struct inode *inode, u64 rows, u64 live_rows, u32 tid),
	TP_ARGS(inode, rows, live_rows, tid),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(u64, rows)
		__field(u64, live_rows)
		__field(u32, tid)
	),
	TP_fast_assign(
		__entry->dev = inode->i_sb->s_dev;
		__entry->ino = vexfs_ino(inode);
		__entry->rows = rows;
		__entry->live_rows = live_rows;
		__entry->tid = tid;
	),
	TP_printk("dev %d,%d ino %llu rows %llu live_rows %llu tid %u", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->ino, __entry->rows, __entry->live_rows, __entry->tid)
);

DEFINE_EVENT(vexfs_rows, vexfs_insert_publish,
	TP_PROTO(const struct inode *inode, u64 rows, u64 live_rows, u32 tid),
	TP_ARGS(inode, rows, live_rows, tid)
);

DEFINE_EVENT(vexfs_rows, vexfs_delete_publish,
	TP_PROTO(const struct inode *inode, u64 rows, u64 live_rows, u32 tid),
	TP_ARGS(inode, rows, live_rows, tid)
);

DEFINE_EVENT(vexfs_rows, vexfs_adopt,
	TP_PROTO(const struct inode *inode, u64 rows, u64 live_rows, u32 tid),
	TP_ARGS(inode, rows, live_rows, tid)
);

TRACE_EVENT(vexfs_search,
	TP_PROTO(const struct inode *inode, u32 type, u32 k, u64 rows, u64 nanoseconds, int result),
	TP_ARGS(inode, type, k, rows, nanoseconds, result),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(u32, type)
		__field(u32, k)
		__field(u64, rows)
		__field(u64, nanoseconds)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->dev = inode->i_sb->s_dev;
		__entry->ino = vexfs_ino(inode);
		__entry->type = type;
		__entry->k = k;
		__entry->rows = rows;
		__entry->nanoseconds = nanoseconds;
		__entry->result = result;
	),
	TP_printk("dev %d,%d ino %llu type %u k %u rows %llu ns %llu result %d", MAJOR(__entry->dev),
		  MINOR(__entry->dev), __entry->ino, __entry->type, __entry->k, __entry->rows, __entry->nanoseconds,
		  __entry->result)
);

/* A row log was written anew. */
TRACE_EVENT(vexfs_compaction,
	TP_PROTO(const struct inode *inode, u64 records_before, u64 records),
	TP_ARGS(inode, records_before, records),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(u64, records_before)
		__field(u64, records)
	),
	TP_fast_assign(
		__entry->dev = inode->i_sb->s_dev;
		__entry->ino = vexfs_ino(inode);
		__entry->records_before = records_before;
		__entry->records = records;
	),
	TP_printk("dev %d,%d ino %llu records_before %llu records %llu", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->ino, __entry->records_before, __entry->records)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
