// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Runs a fuzz target over files, once each: what the fuzzer found, where there is no clang. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST (1u << 20)

int main(int argc, char **argv)
{
	uint8_t *data = malloc(MOST);

	if (!data)
		return 1;
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		size_t size;

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		size = fread(data, 1, MOST, file);
		fclose(file);
		/* A copy of its own length, so that a read past it is seen. */
		uint8_t *copy = malloc(size ? size : 1);
		if (!copy)
			return 1;
		for (size_t at = 0; at < size; at++)
			copy[at] = data[at];
		fprintf(stderr, "%s: %zu bytes\n", argv[i], size);
		LLVMFuzzerTestOneInput(copy, size);
		free(copy);
	}
	free(data);
	printf("  %d inputs replayed\n", argc - 1);
	return 0;
}
