/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Shrinkers: since 6.7 the kernel allocates them and they carry a context of their owner's. */
#ifndef VEXFS_COMPAT_SHRINKER_H
#define VEXFS_COMPAT_SHRINKER_H

#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

typedef unsigned long vexfs_shrink(struct shrinker *shrinker, struct shrink_control *control);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *vexfs_shrinker_start(const char *name, vexfs_shrink *count, vexfs_shrink *scan, void *context)
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->private_data = context;
	shrinker_register(shrinker);
	return shrinker;
}

static inline void *vexfs_shrinker_context(struct shrinker *shrinker)
{
	return shrinker->private_data;
}

static inline void vexfs_shrinker_stop(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#else
struct vexfs_shrinker {
	struct shrinker shrinker;
	void *context;
};

static inline struct shrinker *vexfs_shrinker_start(const char *name, vexfs_shrink *count, vexfs_shrink *scan, void *context)
{
	struct vexfs_shrinker *own = kzalloc(sizeof(*own), GFP_KERNEL);

	if (!own)
		return NULL;
	own->shrinker.count_objects = count;
	own->shrinker.scan_objects = scan;
	own->shrinker.seeks = DEFAULT_SEEKS;
	own->context = context;
	if (!register_shrinker(&own->shrinker, "%s", name))
		return &own->shrinker;
	kfree(own);
	return NULL;
}

static inline void *vexfs_shrinker_context(struct shrinker *shrinker)
{
	return container_of(shrinker, struct vexfs_shrinker, shrinker)->context;
}

static inline void vexfs_shrinker_stop(struct shrinker *shrinker)
{
	if (!shrinker)
		return;
	unregister_shrinker(shrinker);
	kfree(container_of(shrinker, struct vexfs_shrinker, shrinker));
}
#endif

#endif
