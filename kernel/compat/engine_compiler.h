/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Comes before every file of the engine, which spells out attributes that the kernel has macros for. */
#include <linux/types.h>
#include <linux/stddef.h>
#undef noinline
