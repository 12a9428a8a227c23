// SPDX-License-Identifier: GPL-2.0 OR MIT
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#ifdef __x86_64__
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#endif
#ifdef CONFIG_ARM64
#include <asm/neon.h>
#endif
#include "glue.h"

#define VEXFS_ALIGNMENT 64

struct vx_cpu vexfs_cpu;
struct vx_cpu vexfs_cpu_inside;

static bool avx512;
module_param(avx512, bool, 0444);
MODULE_PARM_DESC(avx512, "use AVX-512 where the machine has it (not tested on hardware yet)");

static bool scalar;
module_param(scalar, bool, 0444);
MODULE_PARM_DESC(scalar, "use no vector instructions");

void vexfs_simd_begin(void)
{
#if defined(__x86_64__)
	kernel_fpu_begin();
#elif defined(CONFIG_ARM64)
	kernel_neon_begin();
#endif
}

void vexfs_simd_end(void)
{
#if defined(__x86_64__)
	kernel_fpu_end();
#elif defined(CONFIG_ARM64)
	kernel_neon_end();
#endif
}

static u32 vexfs_choose_isa(void)
{
	if (scalar)
		return VX_ISA_SCALAR;
#if defined(__x86_64__)
#ifndef CONFIG_UML
	if (!cpu_has_xfeatures(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM, NULL))
		return VX_ISA_SCALAR;
#endif
	if (!boot_cpu_has(X86_FEATURE_AVX2) || !boot_cpu_has(X86_FEATURE_F16C))
		return VX_ISA_SCALAR;
#ifndef CONFIG_UML
	if (!cpu_has_xfeatures(XFEATURE_MASK_AVX512, NULL))
		return VX_ISA_AVX2;
#endif
	if (avx512 && boot_cpu_has(X86_FEATURE_AVX512F) && boot_cpu_has(X86_FEATURE_AVX512BW) &&
	    boot_cpu_has(X86_FEATURE_AVX512DQ) && boot_cpu_has(X86_FEATURE_AVX512VL))
		return VX_ISA_AVX512;
	return VX_ISA_AVX2;
#elif defined(CONFIG_ARM64)
	return VX_ISA_NEON;
#else
	return VX_ISA_SCALAR;
#endif
}

int vexfs_engine_init(void)
{
	const u32 isa = vexfs_choose_isa();
	int error = vx_cpu_init(&vexfs_cpu_inside, isa, VX_CRC_TABLE);

	if (error)
		return error;
	vexfs_cpu = vexfs_cpu_inside;
	vexfs_cpu.simd_begin = vexfs_simd_begin;
	vexfs_cpu.simd_end = vexfs_simd_end;
	return 0;
}

void *vexfs_engine_alloc(size_t bytes)
{
	const gfp_t flags = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN;

	/* Sizes that are powers of two are aligned to themselves. */
	if (bytes <= PAGE_SIZE)
		return kmalloc(roundup_pow_of_two(max_t(size_t, bytes, VEXFS_ALIGNMENT)), flags);
	return __vmalloc(bytes, flags);
}

void vexfs_engine_free(void *memory)
{
	kvfree(memory);
}

static atomic_long_t vexfs_table_bytes;

long vexfs_table_bytes_used(void)
{
	return atomic_long_read(&vexfs_table_bytes);
}

static void *vexfs_table_alloc(void *context, size_t bytes)
{
	const long most = totalram_pages() / 2 * PAGE_SIZE;
	void *memory = NULL;

	if (bytes <= most && atomic_long_add_return(bytes, &vexfs_table_bytes) <= most)
		memory = vexfs_engine_alloc(bytes);
	else if (bytes > most)
		return NULL;
	if (!memory)
		atomic_long_sub(bytes, &vexfs_table_bytes);
	return memory;
}

static void vexfs_table_free(void *context, void *memory, size_t bytes)
{
	if (!memory)
		return;
	vexfs_engine_free(memory);
	atomic_long_sub(bytes, &vexfs_table_bytes);
}

const struct vx_alloc vexfs_table_memory = {
	.alloc = vexfs_table_alloc,
	.free = vexfs_table_free,
};
