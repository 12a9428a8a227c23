// SPDX-License-Identifier: GPL-2.0 OR MIT
/* CRC-32C against its definition. */
#include "check.h"

static uint32_t bitwise(uint32_t crc, const uint8_t *at, size_t bytes)
{
	for (; bytes; bytes--) {
		crc ^= *at++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return crc;
}

int main(void)
{
	uint8_t data[300];
	struct vx_cpu table;

	printf("crc32c\n");
	TEST("instruction and table agree with the polynomial at every length and alignment");
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)random_u64();
	CHECK_EQ(vx_cpu_init(&table, VX_ISA_SCALAR, VX_CRC_TABLE), 0, "vx_cpu_init");
	EACH_CPU(cpu) {
		CHECK_EQ(vx_crc32c(cpu, 0xffffffff, "123456789", 9), 0x1cf96d7c, "check value");
		for (size_t from = 0; from < 9; from++)
			for (size_t bytes = 0; bytes < 280; bytes++) {
				uint32_t seed = (uint32_t)random_u64();
				uint32_t expected = bitwise(seed, data + from, bytes);

				CHECK_EQ(vx_crc32c(cpu, seed, data + from, bytes), expected, isa_names[cpu->isa]);
				CHECK_EQ(vx_crc32c(&table, seed, data + from, bytes), expected, "table");
			}
	}
	return 0;
}
