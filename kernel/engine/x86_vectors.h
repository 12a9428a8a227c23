/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The compiler's vector instructions for x86, in the kernel too. */
#ifndef VX_X86_VECTORS_H
#define VX_X86_VECTORS_H

#ifdef __KERNEL__
/* Their header wants an allocator of its own. */
#define _MM_MALLOC_H_INCLUDED
#endif
#include <immintrin.h>

#endif
