/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The distance loops, one text for every ISA. The including file defines
 *   v16                            16 float lanes
 *   v16_zero() v16_add() v16_sub() v16_mul()
 *   v16_load(const float *)        16 floats, 64-byte aligned
 *   v16_store(vx_u8 *, v16)        16 floats, any alignment
 *   v16_fold(v16)                  l[j] + l[j+8], then +4, +2, +1
 *   v16_f32 f16 i8 (const vx_u8 *) 16 elements at any address, as float
 *   v16_bits(vx_u32)               16 bits as 0.0 or 1.0: lane i is bit 7 - i, from lane 8 on bit 23 - i
 *   v16_f32_tail f16 i8 (const vx_u8 *, t)  the first t elements, 0 < t < 16, other lanes +0; reads nothing behind them
 *   VX_WIDE_COSINE                 1 when registers suffice for four rows with two sums each
 *
 * Lanes that a row does not fill add +0, which changes no sum: sums start at +0 and never become -0.
 */
#include "kernels.h"

#define VX_INLINE static inline __attribute__((always_inline))

/* Above this, the hardware prefetcher follows a row by itself and the next group of rows would not fit the cache. */
#define VX_PREFETCH_ROW_BYTES 4096u

/*
 * Rows one behind the other of at least this size are read one at a time: side by side they are four streams, which
 * the hardware prefetcher follows at a third of the speed. Shorter ones are bound by arithmetic, which four overlap.
 */
#define VX_STREAM_ROW_BYTES 256u
#define VX_STREAM_AHEAD 512u

VX_INLINE v16 vx_block(vx_u32 element, const vx_u8 *row, vx_u32 block)
{
	const vx_u8 *at;

	switch (element) {
	case VX_FLOAT32:
		return v16_f32(row + (size_t)block * 64);
	case VX_FLOAT16:
		return v16_f16(row + (size_t)block * 32);
	case VX_INT8:
		return v16_i8(row + (size_t)block * 16);
	default:
		at = row + (size_t)block * 2;
		return v16_bits(at[0] | (vx_u32)at[1] << 8);
	}
}

VX_INLINE v16 vx_tail(vx_u32 element, const vx_u8 *row, vx_u32 block, vx_u32 tail)
{
	const vx_u8 *at;
	vx_u32 bits;

	switch (element) {
	case VX_FLOAT32:
		return v16_f32_tail(row + (size_t)block * 64, tail);
	case VX_FLOAT16:
		return v16_f16_tail(row + (size_t)block * 32, tail);
	case VX_INT8:
		return v16_i8_tail(row + (size_t)block * 16, tail);
	default:
		/* Unused bits of the last byte come from the user and may be set. */
		at = row + (size_t)block * 2;
		bits = tail > 8 ? at[0] | (vx_u32)(at[1] & (0xff00u >> (tail - 8))) << 8 : at[0] & (0xff00u >> tail);
		return v16_bits(bits & 0xffff);
	}
}

VX_INLINE vx_u32 vx_float_bits(float value)
{
	vx_u32 bits;

	__builtin_memcpy(&bits, &value, sizeof(bits));
	return bits;
}

VX_INLINE float vx_bits_float(vx_u32 bits)
{
	float value;

	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

VX_INLINE vx_u32 vx_finish(vx_u32 metric, float sum, float square, float norm)
{
	float distance;
	vx_u32 bits;

	if (metric == VX_EUCLIDEAN) {
		distance = __builtin_sqrtf(sum);
	} else if (metric == VX_DOT_PRODUCT) {
		distance = -sum;
	} else if (norm == 0.0f || square == 0.0f) {
		/* A row with NaN or infinity does not match a zero query either: its product is NaN. */
		distance = sum - sum == 0.0f ? 1.0f : vx_bits_float(VX_NO_MATCH);
	} else {
		distance = 1.0f - sum / (norm * __builtin_sqrtf(square));
		if (distance < 0.0f)
			distance = 0.0f;
		else if (distance > 2.0f)
			distance = 2.0f;
	}
	bits = vx_float_bits(distance + 0.0f);
	return (bits & 0x7f800000u) == 0x7f800000u ? VX_NO_MATCH : bits;
}

struct vx_pass {
	const float *values;
	vx_u32 blocks; /* whole ones */
	vx_u32 tail;   /* elements behind them */
	size_t ahead;  /* what to prefetch, in bytes from the place being read */
	float norm;
};

#define VX_ONE(M) M(0)
#define VX_TWO(M) M(0) M(1)
#define VX_FOUR(M) M(0) M(1) M(2) M(3)

#define VX_DECLARE(r)                          \
	v16 sum##r = v16_zero();               \
	v16 square##r = v16_zero();            \
	const vx_u8 *row##r = row[r];

#define VX_ADD(r, x)                                                \
	if (metric == VX_EUCLIDEAN) {                               \
		v16 gap = v16_sub(y, x);                            \
		sum##r = v16_add(sum##r, v16_mul(gap, gap));        \
	} else {                                                    \
		sum##r = v16_add(sum##r, v16_mul(y, x));            \
		if (metric == VX_COSINE)                            \
			square##r = v16_add(square##r, v16_mul(x, x)); \
	}

/* The address of a prefetch may lie past the matrix; as an integer it is no pointer arithmetic, and it cannot fault. */
#define VX_STEP(r)                                                                                           \
	{                                                                                                    \
		v16 x = vx_block(element, row##r, block);                                                    \
		if (element != VX_BINARY)                                                                    \
			__builtin_prefetch((const void *)((__UINTPTR_TYPE__)row##r + pass->ahead + block * width)); \
		VX_ADD(r, x)                                                                                 \
	}

#define VX_LAST(r)                                                    \
	{                                                             \
		v16 x = vx_tail(element, row##r, block, pass->tail);  \
		VX_ADD(r, x)                                          \
	}

#define VX_FINISH(r) out[r] = vx_finish(metric, v16_fold(sum##r), v16_fold(square##r), pass->norm);

#define VX_DEFINE_PASS(name, ROWS)                                                                          \
	VX_INLINE void name(vx_u32 element, vx_u32 metric, const struct vx_pass *pass, const vx_u8 *const *row, \
			    vx_u32 *out)                                                                    \
	{                                                                                                   \
		const size_t width = element == VX_FLOAT32 ? 64 : element == VX_FLOAT16 ? 32 : 16;          \
		vx_u32 block;                                                                               \
		ROWS(VX_DECLARE)                                                                            \
		for (block = 0; block < pass->blocks; block++) {                                            \
			v16 y = v16_load(pass->values + (size_t)block * 16);                                \
			ROWS(VX_STEP)                                                                       \
		}                                                                                           \
		if (pass->tail) {                                                                           \
			v16 y = v16_load(pass->values + (size_t)block * 16);                                \
			ROWS(VX_LAST)                                                                       \
		}                                                                                           \
		ROWS(VX_FINISH)                                                                             \
	}

VX_DEFINE_PASS(vx_pass1, VX_ONE)
VX_DEFINE_PASS(vx_pass2, VX_TWO)
VX_DEFINE_PASS(vx_pass4, VX_FOUR)

VX_INLINE const vx_u8 *vx_row_at(const vx_u8 *rows, size_t stride, const vx_u32 *slots, size_t i)
{
	return rows + (slots ? slots[i] : i) * stride;
}

VX_INLINE void vx_distance_rows(vx_u32 element, vx_u32 metric, const struct vx_query *query, const vx_u8 *rows,
				size_t stride, const vx_u32 *slots, size_t n, vx_u32 *out)
{
	const int stream = !slots && query->row_bytes >= VX_STREAM_ROW_BYTES;
	const vx_u32 together = metric == VX_COSINE && !VX_WIDE_COSINE ? 2 : 4;
	struct vx_pass pass = {
		.values = vx_query_values(query),
		.blocks = query->dims / 16,
		.tail = query->dims % 16,
		.ahead = stream ? VX_STREAM_AHEAD : query->row_bytes > VX_PREFETCH_ROW_BYTES ? 1024 : stride * together,
		.norm = vx_bits_float(query->norm_bits),
	};
	size_t i = 0;

	for (; !stream && i + together <= n; i += together) {
		const vx_u8 *row[4];
		vx_u32 r;

		for (r = 0; r < together; r++)
			row[r] = vx_row_at(rows, stride, slots, i + r);
		if (slots && i + 2 * together <= n && query->row_bytes <= VX_PREFETCH_ROW_BYTES) {
			/* Scattered rows lie in no stream; have the start of the next ones fetched. */
			for (r = 0; r < together; r++)
				__builtin_prefetch(vx_row_at(rows, stride, slots, i + together + r));
		}
		if (together == 4)
			vx_pass4(element, metric, &pass, row, out + i);
		else
			vx_pass2(element, metric, &pass, row, out + i);
	}
	for (; i < n; i++) {
		const vx_u8 *row = vx_row_at(rows, stride, slots, i);

		vx_pass1(element, metric, &pass, &row, out + i);
	}
}

#define VX_DEFINE_DISTANCE(name, element, metric)                                                               \
	static void name(const struct vx_query *query, const vx_u8 *rows, size_t stride, const vx_u32 *slots, \
			 size_t n, vx_u32 *out)                                                         \
	{                                                                                                       \
		vx_distance_rows(element, metric, query, rows, stride, slots, n, out);                          \
	}

VX_DEFINE_DISTANCE(vx_euclidean_f32, VX_FLOAT32, VX_EUCLIDEAN)
VX_DEFINE_DISTANCE(vx_euclidean_f16, VX_FLOAT16, VX_EUCLIDEAN)
VX_DEFINE_DISTANCE(vx_euclidean_i8, VX_INT8, VX_EUCLIDEAN)
VX_DEFINE_DISTANCE(vx_euclidean_bin, VX_BINARY, VX_EUCLIDEAN)
VX_DEFINE_DISTANCE(vx_cosine_f32, VX_FLOAT32, VX_COSINE)
VX_DEFINE_DISTANCE(vx_cosine_f16, VX_FLOAT16, VX_COSINE)
VX_DEFINE_DISTANCE(vx_cosine_i8, VX_INT8, VX_COSINE)
VX_DEFINE_DISTANCE(vx_cosine_bin, VX_BINARY, VX_COSINE)
VX_DEFINE_DISTANCE(vx_dot_f32, VX_FLOAT32, VX_DOT_PRODUCT)
VX_DEFINE_DISTANCE(vx_dot_f16, VX_FLOAT16, VX_DOT_PRODUCT)
VX_DEFINE_DISTANCE(vx_dot_i8, VX_INT8, VX_DOT_PRODUCT)
VX_DEFINE_DISTANCE(vx_dot_bin, VX_BINARY, VX_DOT_PRODUCT)

#define VX_DISTANCE_TABLE                                                              \
	{                                                                              \
		{ vx_euclidean_f32, vx_euclidean_f16, vx_euclidean_i8, vx_euclidean_bin }, \
		{ vx_cosine_f32, vx_cosine_f16, vx_cosine_i8, vx_cosine_bin },         \
		{ vx_dot_f32, vx_dot_f16, vx_dot_i8, vx_dot_bin },                     \
	}

static vx_u32 vx_norm(const float *values, vx_u32 blocks)
{
	v16 sum = v16_zero();
	vx_u32 block;

	for (block = 0; block < blocks; block++) {
		v16 x = v16_load(values + (size_t)block * 16);

		sum = v16_add(sum, v16_mul(x, x));
	}
	return vx_float_bits(__builtin_sqrtf(v16_fold(sum)));
}
