// SPDX-License-Identifier: GPL-2.0 OR MIT
/* /sys/fs/vexfs/<device>/: a mounted volume in files of one value each, all of them read-only. */
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/kobject.h>
#include <linux/part_stat.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include "../engine/glue.h"
#include "sysfs.h"
#include "vexfs_fs.h"

static struct kobject *vexfs_root;

struct vexfs_shown {
	struct kobject kobject;
	struct completion gone;
	struct super_block *sb;
	/* Sectors that the device had written before. */
	u64 sectors_before;
};

struct vexfs_attribute {
	struct attribute attribute;
	ssize_t (*show)(const struct vexfs_shown *shown, char *text);
};

#define VEXFS_SHOW(file, format, value)                                                 \
	static ssize_t vexfs_show_##file(const struct vexfs_shown *shown, char *text)   \
	{                                                                               \
		struct vexfs_volume *volume = vexfs_volume(shown->sb);                  \
                                                                                        \
		return sysfs_emit(text, format "\n", value);                            \
	}                                                                               \
	static struct vexfs_attribute vexfs_attribute_##file = {                        \
		.attribute = { .name = #file, .mode = 0444 },                           \
		.show = vexfs_show_##file,                                              \
	}

#define VEXFS_SHOW_COUNTER(file) VEXFS_SHOW(file, "%lld", (long long)atomic64_read(&volume->counters.file))

static const char *vexfs_state(struct super_block *sb)
{
	const struct vexfs_volume *volume = vexfs_volume(sb);

	if (volume->journal && is_journal_aborted(volume->journal))
		return "ended";
	if (READ_ONCE(volume->damaged) || le32_to_cpu(volume->superblock->state) & VEXFS_STATE_ERRORS)
		return "damaged";
	return sb_rdonly(sb) ? "read-only" : "sound";
}

static u64 vexfs_sectors_written(struct super_block *sb)
{
	return part_stat_read(sb->s_bdev, sectors[STAT_WRITE]);
}

VEXFS_SHOW(state, "%s", vexfs_state(volume->sb));
VEXFS_SHOW(block_size, "%u", volume->geometry.block_size);
VEXFS_SHOW(total_blocks, "%llu", volume->geometry.total_blocks);
VEXFS_SHOW(free_blocks, "%llu", le64_to_cpu(volume->superblock->free_blocks));
VEXFS_SHOW(reserved_blocks, "%llu", le64_to_cpu(volume->superblock->reserved_blocks));
/* Freed by transactions that were not committed when space was last looked for: not to be used again yet. */
VEXFS_SHOW(held_blocks, "%llu", READ_ONCE(volume->freed_blocks));
VEXFS_SHOW(total_inodes, "%llu", volume->geometry.inode_count);
VEXFS_SHOW(free_inodes, "%llu", le64_to_cpu(volume->superblock->free_inodes));
VEXFS_SHOW(session_write_kbytes, "%llu", (vexfs_sectors_written(volume->sb) - shown->sectors_before) >> 1);
VEXFS_SHOW(errors_count, "%lld", (long long)atomic64_read(&volume->counters.damages));
VEXFS_SHOW_COUNTER(searches);
VEXFS_SHOW_COUNTER(rows_scanned);
VEXFS_SHOW_COUNTER(insert_calls);
VEXFS_SHOW_COUNTER(rows_inserted);
VEXFS_SHOW_COUNTER(rows_adopted);
VEXFS_SHOW_COUNTER(compactions);

static struct attribute *vexfs_volume_attrs[] = {
	&vexfs_attribute_state.attribute,
	&vexfs_attribute_block_size.attribute,
	&vexfs_attribute_total_blocks.attribute,
	&vexfs_attribute_free_blocks.attribute,
	&vexfs_attribute_reserved_blocks.attribute,
	&vexfs_attribute_held_blocks.attribute,
	&vexfs_attribute_total_inodes.attribute,
	&vexfs_attribute_free_inodes.attribute,
	&vexfs_attribute_session_write_kbytes.attribute,
	&vexfs_attribute_errors_count.attribute,
	&vexfs_attribute_searches.attribute,
	&vexfs_attribute_rows_scanned.attribute,
	&vexfs_attribute_insert_calls.attribute,
	&vexfs_attribute_rows_inserted.attribute,
	&vexfs_attribute_rows_adopted.attribute,
	&vexfs_attribute_compactions.attribute,
	NULL,
};
ATTRIBUTE_GROUPS(vexfs_volume);

static ssize_t vexfs_show(struct kobject *kobject, struct attribute *attribute, char *text)
{
	return container_of(attribute, struct vexfs_attribute, attribute)
		->show(container_of(kobject, struct vexfs_shown, kobject), text);
}

static const struct sysfs_ops vexfs_sysfs_ops = {
	.show = vexfs_show,
};

static void vexfs_release(struct kobject *kobject)
{
	complete(&container_of(kobject, struct vexfs_shown, kobject)->gone);
}

static const struct kobj_type vexfs_volume_type = {
	.sysfs_ops = &vexfs_sysfs_ops,
	.release = vexfs_release,
	.default_groups = vexfs_volume_groups,
};

/* The last reference may be another's. */
static void vexfs_forget(struct vexfs_shown *shown)
{
	kobject_put(&shown->kobject);
	wait_for_completion(&shown->gone);
	kfree(shown);
}

int vexfs_sysfs_add(struct super_block *sb)
{
	struct vexfs_shown *shown = kzalloc(sizeof(*shown), GFP_KERNEL);
	int error;

	if (!shown)
		return -ENOMEM;
	shown->sb = sb;
	shown->sectors_before = vexfs_sectors_written(sb);
	init_completion(&shown->gone);
	error = kobject_init_and_add(&shown->kobject, &vexfs_volume_type, vexfs_root, "%s", sb->s_id);
	if (error) {
		vexfs_forget(shown);
		return error;
	}
	vexfs_volume(sb)->shown = shown;
	return 0;
}

void vexfs_sysfs_remove(struct super_block *sb)
{
	struct vexfs_volume *volume = vexfs_volume(sb);

	if (!volume->shown)
		return;
	kobject_del(&volume->shown->kobject);
	vexfs_forget(volume->shown);
	volume->shown = NULL;
}

/* Of all volumes together, see vexfs_table_memory. */
static ssize_t table_bytes_show(struct kobject *kobject, struct kobj_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%ld\n", vexfs_table_bytes_used());
}

static struct kobj_attribute vexfs_table_bytes = __ATTR_RO(table_bytes);

int vexfs_sysfs_init(void)
{
	int error;

	vexfs_root = kobject_create_and_add("vexfs", fs_kobj);
	if (!vexfs_root)
		return -ENOMEM;
	error = sysfs_create_file(vexfs_root, &vexfs_table_bytes.attr);
	if (error)
		kobject_put(vexfs_root);
	return error;
}

void vexfs_sysfs_exit(void)
{
	kobject_put(vexfs_root);
}
