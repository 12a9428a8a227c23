// SPDX-License-Identifier: GPL-2.0 OR MIT
/* User space only: which CPU this is, and where memory comes from. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#define VX_HWCAP_CRC32 (1ul << 7)
#endif

#include "host.h"
#include "kernels.h"
#include "navigate.h"

#define VX_OWN_PAGES (1u << 20)
#define VX_HUGE_PAGE ((size_t)2 << 20)

/* The daemon writes and reads these structures byte by byte. */
_Static_assert(sizeof(struct vx_scan) == 56 && offsetof(struct vx_scan, scratch) == 40 &&
		       offsetof(struct vx_scan, first) == 48 && offsetof(struct vx_scan, n) == 52,
	       "struct vx_scan is as fuse/engine/search.ts lays it out");
_Static_assert(sizeof(struct vx_ids_info) == 64 && offsetof(struct vx_ids_info, id_bound) == 56,
	       "struct vx_ids_info is as fuse/engine/id_table.ts lays it out");
_Static_assert(VX_SCAN_SCRATCH_BYTES == 8192, "fuse/engine/search.ts says how much scratch memory a scan takes");

static const struct vx_cpu vx_cpus[] = {
	{ .isa = VX_ISA_SCALAR, .crc = VX_CRC_TABLE, .kernels = &vx_kernels_scalar,
	  .navigation = &vx_navigation_scalar },
#if defined(__x86_64__)
	{ .isa = VX_ISA_AVX2, .crc = VX_CRC_HARDWARE, .kernels = &vx_kernels_avx2,
	  .navigation = &vx_navigation_avx2 },
	{ .isa = VX_ISA_AVX512, .crc = VX_CRC_HARDWARE, .kernels = &vx_kernels_avx512,
	  .navigation = &vx_navigation_avx512 },
	{ .isa = VX_ISA_AVX512_VNNI, .crc = VX_CRC_HARDWARE, .kernels = &vx_kernels_avx512,
	  .navigation = &vx_navigation_vnni },
#elif defined(__aarch64__)
	{ .isa = VX_ISA_NEON, .crc = VX_CRC_TABLE, .kernels = &vx_kernels_neon,
	  .navigation = &vx_navigation_neon },
	{ .isa = VX_ISA_NEON, .crc = VX_CRC_HARDWARE, .kernels = &vx_kernels_neon,
	  .navigation = &vx_navigation_neon },
#endif
};

#if defined(__x86_64__)
/* Not every compiler's __builtin_cpu_supports() knows F16C. Its registers are those of AVX, which is asked for besides. */
static int vx_host_has_f16c(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

static int vx_host_runs(const struct vx_cpu *cpu)
{
	switch (cpu->isa) {
	case VX_ISA_SCALAR:
		return 1;
#if defined(__x86_64__)
	case VX_ISA_AVX2:
		return __builtin_cpu_supports("avx2") && vx_host_has_f16c() &&
		       __builtin_cpu_supports("sse4.2");
	case VX_ISA_AVX512_VNNI:
		if (!__builtin_cpu_supports("avx512vnni") || !__builtin_cpu_supports("avx512vpopcntdq"))
			return 0;
		/* fallthrough */
	case VX_ISA_AVX512:
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
		       vx_host_has_f16c() && __builtin_cpu_supports("sse4.2");
#elif defined(__aarch64__)
	case VX_ISA_NEON:
		return cpu->crc == VX_CRC_TABLE || (getauxval(AT_HWCAP) & VX_HWCAP_CRC32);
#endif
	default:
		return 0;
	}
}

const struct vx_cpu *vx_host_cpu(vx_u32 isa)
{
	size_t i = sizeof(vx_cpus) / sizeof(vx_cpus[0]);

	while (i-- > 0) {
		if ((isa == VX_ISA_BEST || isa == vx_cpus[i].isa) && vx_host_runs(&vx_cpus[i]))
			return &vx_cpus[i];
	}
	return NULL;
}

/* A chunk of an index, aligned so that one entry of the TLB covers it. Where huge pages are off it is ordinary memory. */
static void *vx_host_huge_page(void)
{
	char *memory = mmap(NULL, 2 * VX_HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (memory == MAP_FAILED)
		return NULL;
	before = (VX_HUGE_PAGE - (uintptr_t)memory % VX_HUGE_PAGE) % VX_HUGE_PAGE;
	if (before)
		munmap(memory, before);
	munmap(memory + before + VX_HUGE_PAGE, VX_HUGE_PAGE - before);
	madvise(memory + before, VX_HUGE_PAGE, MADV_HUGEPAGE);
	return memory + before;
}

void *vx_host_allocate(size_t bytes)
{
	void *memory;

	if (bytes == VX_HUGE_PAGE)
		return vx_host_huge_page();
	if (bytes >= VX_OWN_PAGES) {
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return memory == MAP_FAILED ? NULL : memory;
	}
	bytes = (bytes + 63) / 64 * 64;
	memory = aligned_alloc(64, bytes ? bytes : 64);
	return memory ? memset(memory, 0, bytes) : NULL;
}

void vx_host_release(void *memory, size_t bytes)
{
	if (!memory)
		return;
	if (bytes >= VX_OWN_PAGES)
		munmap(memory, bytes);
	else
		free(memory);
}

static void *vx_host_alloc_hook(void *context, size_t bytes)
{
	(void)context;
	return vx_host_allocate(bytes);
}

static void vx_host_free_hook(void *context, void *memory, size_t bytes)
{
	(void)context;
	vx_host_release(memory, bytes);
}

static const struct vx_alloc vx_host_alloc = { .alloc = vx_host_alloc_hook, .free = vx_host_free_hook };

const struct vx_alloc *vx_host_allocator(void)
{
	return &vx_host_alloc;
}

struct vx_ids *vx_host_ids_create(vx_u64 seed)
{
	return vx_ids_create(&vx_host_alloc, seed);
}
