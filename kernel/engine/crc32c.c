// SPDX-License-Identifier: GPL-2.0 OR MIT
/* CRC-32C by the instruction of the CPU or by table. General registers only: neither needs a SIMD section. */
#include "vexfs_engine.h"

#include "crc32c_table.h"

#if defined(__x86_64__)
static vx_u32 vx_crc_u64(vx_u32 crc, vx_u64 value)
{
	vx_u64 wide = crc;

	__asm__("crc32q %1, %0" : "+r"(wide) : "rm"(value));
	return (vx_u32)wide;
}

static vx_u32 vx_crc_u8(vx_u32 crc, vx_u8 value)
{
	__asm__("crc32b %1, %0" : "+r"(crc) : "qm"(value));
	return crc;
}
#define VX_CRC_INSTRUCTION 1
#elif defined(__aarch64__)
static vx_u32 vx_crc_u64(vx_u32 crc, vx_u64 value)
{
	__asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(value));
	return crc;
}

static vx_u32 vx_crc_u8(vx_u32 crc, vx_u8 value)
{
	__asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"((vx_u32)value));
	return crc;
}
#define VX_CRC_INSTRUCTION 1
#endif

#ifdef VX_CRC_INSTRUCTION
static vx_u32 vx_crc_hardware(vx_u32 crc, const vx_u8 *at, size_t bytes)
{
	for (; bytes >= 8; bytes -= 8, at += 8) {
		vx_u64 value;

		__builtin_memcpy(&value, at, sizeof(value));
		crc = vx_crc_u64(crc, value);
	}
	for (; bytes; bytes--)
		crc = vx_crc_u8(crc, *at++);
	return crc;
}
#endif

vx_u32 vx_crc32c(const struct vx_cpu *cpu, vx_u32 seed, const void *data, size_t bytes)
{
	const vx_u8 *at = data;

#ifdef VX_CRC_INSTRUCTION
	if (cpu->crc == VX_CRC_HARDWARE)
		return vx_crc_hardware(seed, at, bytes);
#endif
	for (; bytes; bytes--)
		seed = seed >> 8 ^ vx_crc32c_table[(seed ^ *at++) & 0xff];
	return seed;
}
