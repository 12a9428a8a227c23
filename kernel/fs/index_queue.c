// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/mm.h>
#include "../engine/vexfs_index.h"
#include "index_queue.h"

/* Entries that are taken are moved out when there are so many, and no more wait. */
#define VEXFS_QUEUE_PIECE 1024

void vexfs_queue_free(struct vexfs_queue *queue)
{
	kvfree(queue->entries);
	queue->entries = NULL;
	queue->head = 0;
	queue->count = 0;
	queue->room = 0;
}

void vexfs_queue_reset(struct vexfs_queue *queue, const struct vexfs_log_position *at, u64 scan_next, u64 scan_end)
{
	const u64 scanned = max(scan_next, scan_end) - scan_next;

	vexfs_queue_free(queue);
	*queue = (struct vexfs_queue){
		.scan_next = scan_next,
		.scan_end = max(scan_next, scan_end),
		.high = max(scan_next, scan_end),
		.came = queue->came + scanned,
		.own = queue->own + scanned,
		.at = *at,
		.has_at = true,
	};
}

static bool vexfs_queue_is_empty(const struct vexfs_queue *queue)
{
	return queue->head == queue->count;
}

/* Room for one more. The caller holds set_lock, so that no memory may be waited for that a transaction has to give back. */
static bool vexfs_queue_grow(struct vexfs_queue *queue)
{
	const size_t room = max_t(size_t, queue->room * 2, 64);
	struct vexfs_queued *entries;

	if (vexfs_queue_is_empty(queue)) {
		queue->head = 0;
		queue->count = 0;
	} else if (queue->head >= VEXFS_QUEUE_PIECE && queue->head >= queue->count / 2) {
		queue->count -= queue->head;
		memmove(queue->entries, queue->entries + queue->head, queue->count * sizeof(*entries));
		queue->head = 0;
	}
	if (queue->count < queue->room)
		return true;
	entries = kvmalloc_array(room, sizeof(*entries), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!entries)
		return false;
	if (queue->count)
		memcpy(entries, queue->entries, queue->count * sizeof(*entries));
	kvfree(queue->entries);
	queue->entries = entries;
	queue->room = room;
	return true;
}

static void vexfs_queue_add(struct vexfs_queue *queue, const struct vexfs_queued *entry, u32 taken)
{
	if (entry->count <= taken) {
		if (vexfs_queue_is_empty(queue) && queue->has_at)
			queue->at = entry->end;
		return;
	}
	if (vexfs_queue_is_empty(queue))
		queue->taken = taken;
	if (!vexfs_queue_grow(queue)) {
		queue->is_broken = true;
		return;
	}
	queue->entries[queue->count++] = *entry;
	*(entry->op == VX_PUT ? &queue->puts : &queue->others) += entry->count - taken;
	queue->came += entry->count - taken;
}

void vexfs_queue_push(struct vexfs_queue *queue, const struct vexfs_log_record *record,
		      const struct vexfs_log_position *end, u32 taken)
{
	struct vexfs_queued entry = {
		.id = le64_to_cpu(record->id),
		.end = *end,
		.slot = le32_to_cpu(record->slot),
		.count = le64_to_cpu(record->count),
		.op = VX_PUT,
		.has_end = true,
		.is_record = true,
	};

	switch (le32_to_cpu(record->type)) {
	case VEXFS_RECORD_DELETE:
		entry.op = VX_DEL;
		break;
	case VEXFS_RECORD_TRUNCATE:
		/* The loss of every slot behind it. */
		entry.op = VX_DEL;
		entry.count = queue->high > entry.slot ? queue->high - entry.slot : 0;
		entry.is_record = false;
		taken = 0;
		queue->high = min_t(u64, queue->high, entry.slot);
		queue->scan_end = max(queue->scan_next, min_t(u64, queue->scan_end, entry.slot));
		break;
	default:
		queue->high = max_t(u64, queue->high, (u64)entry.slot + entry.count);
	}
	vexfs_queue_add(queue, &entry, taken);
}

void vexfs_queue_compacted(struct vexfs_queue *queue, const struct vexfs_log_position *end)
{
	size_t i;

	for (i = queue->head; i < queue->count; i++)
		queue->entries[i].has_end = false;
	if (vexfs_queue_is_empty(queue)) {
		queue->at = *end;
		queue->has_at = true;
	} else {
		queue->entries[queue->count - 1].end = *end;
		queue->entries[queue->count - 1].has_end = true;
		queue->entries[queue->count - 1].is_record = false;
		queue->has_at = false;
	}
}

static u32 vexfs_fill_scan(struct vexfs_queue *queue, struct vx_change *changes, u32 most, const struct vx_ids *table)
{
	struct vx_ids_info info;
	const u64 *ids, *live;
	u64 slot, end, word;
	u32 count = 0;

	queue->scanned = 0;
	if (!vexfs_queue_is_scanning(queue))
		return 0;
	vx_ids_info(table, &info);
	ids = (const u64 *)(unsigned long)info.ids;
	live = (const u64 *)(unsigned long)info.live;
	end = min_t(u64, queue->scan_end, info.slots);
	for (slot = queue->scan_next; slot < end && count < most; slot++) {
		word = live[slot / 64] >> (slot % 64);
		if (!word) {
			slot |= 63;
			continue;
		}
		slot += __ffs64(word);
		if (slot >= end)
			break;
		changes[count++] = (struct vx_change){ .id = ids[slot], .slot = slot, .op = VX_PUT };
	}
	queue->scanned = count;
	/* The last row was found. */
	if (count < most) {
		if (count)
			queue->scan_end = (u64)changes[count - 1].slot + 1;
		else
			queue->scan_next = queue->scan_end;
	}
	return count;
}

u32 vexfs_queue_fill(struct vexfs_queue *queue, struct vx_change *changes, u32 most, const struct vx_ids *ids, u64 slots)
{
	u32 count = vexfs_fill_scan(queue, changes, most, ids);
	u32 skip = queue->taken;
	size_t i;
	u32 k;

	for (i = queue->head; i < queue->count && count < most; i++) {
		const struct vexfs_queued *entry = &queue->entries[i];

		for (k = skip; k < entry->count && count < most; k++) {
			const u32 slot = entry->slot + k;
			const bool is_put = entry->op == VX_PUT && slot < slots;

			changes[count++] = (struct vx_change){
				.id = is_put ? entry->id + k : 0,
				.slot = slot,
				.op = is_put ? VX_PUT : VX_DEL,
			};
		}
		skip = 0;
	}
	return count;
}

void vexfs_queue_take(struct vexfs_queue *queue, const struct vx_change *changes, u32 count)
{
	const u32 of_scan = min(count, queue->scanned);

	if (of_scan)
		queue->scan_next = min(queue->scan_end, (u64)changes[of_scan - 1].slot + 1);
	queue->scanned = 0;
	count -= of_scan;
	while (count && !vexfs_queue_is_empty(queue)) {
		const struct vexfs_queued *entry = &queue->entries[queue->head];
		const u32 part = min(count, entry->count - queue->taken);

		queue->taken += part;
		count -= part;
		*(entry->op == VX_PUT ? &queue->puts : &queue->others) -= part;
		if (queue->taken == entry->count) {
			queue->at = entry->end;
			queue->has_at = entry->has_end;
			queue->head++;
			queue->taken = 0;
		} else if (!entry->has_end) {
			queue->has_at = false;
		} else if (entry->is_record && entry->end.slots >= entry->count - queue->taken) {
			queue->at.record = entry->end.record;
			queue->at.slots = entry->end.slots - (entry->count - queue->taken);
		}
	}
}

void vexfs_queue_slots(const struct vexfs_queue *queue, u32 *slots)
{
	u32 skip = queue->taken;
	u64 slot;
	size_t i;
	u32 k;

	for (slot = queue->scan_next; slot < queue->scan_end; slot++)
		*slots++ = slot;
	for (i = queue->head; i < queue->count; i++) {
		const struct vexfs_queued *entry = &queue->entries[i];

		for (k = skip; entry->op == VX_PUT && k < entry->count; k++)
			*slots++ = entry->slot + k;
		skip = 0;
	}
}
