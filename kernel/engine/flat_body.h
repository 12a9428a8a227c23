/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Rows as one bit a coordinate: its sign after the rotation. Eight rows lie together, word by word, so that a line of 64 bytes
 * holds the same 64 coordinates of all eight; a line of their headers follows. The including file defines VX_VECTOR_BYTES and, where the machine counts the ones
 * of words by an instruction, VX_WORD_ONES(words); the vectors are the compiler's, and integers give the same with every width.
 */
#define VX_WORD_LANES (VX_VECTOR_BYTES / 8)

typedef vx_u64 vx_words __attribute__((vector_size(VX_VECTOR_BYTES), may_alias));

VX_INLINE vx_words vx_unlike(const vx_u64 *rows, const vx_u64 *query, vx_u32 word)
{
	return *(const vx_words *)(rows + 8 * (size_t)word) ^ query[word];
}

#ifdef VX_WORD_ONES

VX_INLINE vx_words vx_hamming(const vx_u64 *rows, const vx_u64 *query, vx_u32 words)
{
	vx_words sum = { 0 };
	vx_u32 word;

	for (word = 0; word < words; word++)
		sum += VX_WORD_ONES(vx_unlike(rows, query, word));
	return sum;
}

#else

/* A carry-save adder: the sum of three bits, two of a place and one of the next. */
VX_INLINE vx_words vx_carry_save(vx_words *sum, vx_words a, vx_words b)
{
	const vx_words half = *sum ^ a, carry = (*sum & a) | (half & b);

	*sum = half ^ b;
	return carry;
}

/* Ones of each byte. */
VX_INLINE vx_words vx_byte_ones(vx_words x)
{
	x -= x >> 1 & 0x5555555555555555ull;
	x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
	return (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
}

/* The sum of the bytes of each word. */
VX_INLINE vx_words vx_byte_sums(vx_words x)
{
	x = (x & 0x00ff00ff00ff00ffull) + (x >> 8 & 0x00ff00ff00ff00ffull);
	x += x >> 16;
	return (x + (x >> 32)) & 0xffff;
}

/* Words taken together, and how many such steps a byte can count ones of. */
#define VX_FLAT_STEP 4u
#define VX_FLAT_STEPS 31u

/* In how many coordinates the rows that begin at `rows` differ from the query. */
VX_INLINE vx_words vx_hamming(const vx_u64 *rows, const vx_u64 *query, vx_u32 words)
{
	vx_words ones = { 0 }, twos = ones, sum = ones;
	vx_u32 word = 0;

	while (word < words) {
		const vx_u32 stop = words - word < VX_FLAT_STEP * VX_FLAT_STEPS ? words :
									      word + VX_FLAT_STEP * VX_FLAT_STEPS;
		vx_words bytes = { 0 };

		for (; word < stop; word += VX_FLAT_STEP) {
			vx_words a = vx_carry_save(&ones, vx_unlike(rows, query, word), vx_unlike(rows, query, word + 1));
			vx_words b = vx_carry_save(&ones, vx_unlike(rows, query, word + 2), vx_unlike(rows, query, word + 3));

			bytes += vx_byte_ones(vx_carry_save(&twos, a, b));
		}
		sum += vx_byte_sums(bytes) * 4;
	}
	return sum + vx_byte_sums(vx_byte_ones(twos)) * 2 + vx_byte_sums(vx_byte_ones(ones));
}

#endif

static vx_u32 vx_nearer(const vx_u64 *rows, vx_u32 groups, const vx_u64 *query, vx_u32 words, vx_u32 limit, vx_u64 *found)
{
	vx_u32 count = 0, group, i;

	for (group = 0; group < groups; group++, rows += 8 * ((size_t)words + 1)) {
		vx_u64 distances[8] __attribute__((aligned(64))), nearer = 0;

		for (i = 0; i < 8; i += VX_WORD_LANES)
			*(vx_words *)(distances + i) = vx_hamming(rows + i, query, words);
		for (i = 0; i < 8; i++)
			nearer |= distances[i] - limit;
		if (__builtin_expect(!(nearer >> 63), 1))
			continue;
		for (i = 0; i < 8; i++) {
			found[count] = distances[i] << 32 | (8 * group + i);
			count += distances[i] < limit;
		}
	}
	return count;
}

static void vx_signs(const float *rotated, vx_u32 dims, vx_u32 words, vx_u64 *out, vx_u32 stride)
{
	vx_u32 word, d;

	for (word = 0; word < words; word++) {
		vx_u64 bits = 0;

		for (d = 64 * word; d < dims && d < 64 * word + 64; d++)
			bits |= (vx_u64)(rotated[d] > 0.0f) << (d % 64);
		out[(size_t)word * stride] = bits;
	}
}
