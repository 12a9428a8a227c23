/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Batches of folios: 7.2 has them in a header of their own, kernels before in one that it no longer has. */
#ifndef VEXFS_COMPAT_FOLIO_BATCH_H
#define VEXFS_COMPAT_FOLIO_BATCH_H

#ifdef VEXFS_FOLIO_BATCH_HEADER
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

#endif
