// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The floating-point arithmetic of generations: sums in a fixed order, so that every CPU gets the same centre and scale.
 * Compiled like the distance loops; called inside SIMD sections.
 */
#include "train.h"

/* Coordinates beyond this many standard deviations are clipped. */
#define VX_DEVIATIONS 4.5
/*
 * Where a large product is near, the long rows are the answers: the scale is that of rows half as long as the longest, if that
 * is more, but one row that is out of all proportion may not take all the others their digits.
 */
#define VX_LONGEST_SHARE 0.25
#define VX_MOST_VARIANCES 64.0

static vx_u32 vx_bits_of(float value)
{
	vx_u32 bits;

	__builtin_memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static float vx_float_of(vx_u32 bits)
{
	float value;

	__builtin_memcpy(&value, &bits, sizeof(value));
	return value;
}

vx_u32 vx_unit_factor(vx_u32 dims)
{
	return vx_bits_of(127.0f * __builtin_sqrtf((float)dims) / 4.0f);
}

void vx_train_add(const float *rotated, vx_u32 dims, double *sums, double *squares)
{
	double *longest = squares + dims, length = 0.0;
	vx_u32 i;

	for (i = 0; i < dims; i++) {
		double value = (double)rotated[i];

		sums[i] += value;
		squares[i] += value * value;
		length += value * value;
	}
	if (length > *longest)
		*longest = length;
}

/* The squared length that the scale is made for, of mean squares of coordinates and the longest row's square. */
static double vx_spread(double variance, double longest)
{
	double most = variance * VX_MOST_VARIANCES, wanted = longest * VX_LONGEST_SHARE;

	if (wanted > most)
		wanted = most;
	return wanted > variance ? wanted : variance;
}

/* A factor that is finite and no denormal, whatever the rows were. */
static vx_u32 vx_factor(double variance)
{
	float deviation = (float)__builtin_sqrt(variance > 0.0 ? variance : 0.0);
	float factor = 127.0f / ((float)VX_DEVIATIONS * deviation);

	/* Rows that are all alike, or too large to be squared. */
	return factor > 1e-30f && factor < 1e30f ? vx_bits_of(factor) : vx_bits_of(1.0f);
}

void vx_train_finish(struct vx_generation *generation, vx_u32 dims, vx_u32 centred, const double *sums,
		     const double *squares, vx_u64 rows)
{
	const double n = (double)(vx_s64)rows;
	double variance = 0.0;
	vx_u32 i;

	for (i = 0; i < dims; i++) {
		float centre = centred ? (float)(sums[i] / n) : 0.0f;

		/* Neither infinite nor not a number. */
		if (!(centre > -3e38f && centre < 3e38f))
			centre = 0.0f;
		generation->centre[i] = centre;
		variance += squares[i] / n - (double)centre * (double)centre;
	}
	generation->factor_bits = vx_factor(vx_spread(variance, centred ? 0.0 : squares[dims]) / (double)dims);
	generation->rows = rows;
}

void vx_recount_add(const float *rotated, vx_u32 dims, const struct vx_generation *generation, vx_s64 *sums,
		    vx_s64 *squares)
{
	const float factor = vx_float_of(generation->factor_bits) * VX_COUNT_UNIT;
	vx_s64 *longest = squares + dims, length = 0;
	vx_u32 i;

	for (i = 0; i < dims; i++) {
		float value = (rotated[i] - generation->centre[i]) * factor;
		float low = value > -(float)VX_COUNT_BOUND ? value : -(float)VX_COUNT_BOUND;
		vx_s32 units = (vx_s32)(low < (float)VX_COUNT_BOUND ? low : (float)VX_COUNT_BOUND);

		sums[i] += units;
		squares[i] += (vx_s64)units * units;
		length += (vx_s64)units * units;
	}
	if (length > *longest)
		*longest = length;
}

void vx_recount_finish(struct vx_generation *next, const struct vx_generation *generation, vx_u32 dims, vx_u32 centred,
		       const vx_s64 *sums, const vx_s64 *squares, vx_u64 rows)
{
	const double unit = 1.0 / ((double)vx_float_of(generation->factor_bits) * (double)VX_COUNT_UNIT);
	const double n = (double)(vx_s64)rows;
	double variance = 0.0;
	vx_u32 i;

	for (i = 0; i < dims; i++) {
		double mean = (double)sums[i] / n;
		float centre = (float)((double)generation->centre[i] + mean * unit);
		double square = (double)squares[i] / n - (centred ? mean * mean : 0.0);

		if (!centred || !(centre > -3e38f && centre < 3e38f))
			centre = 0.0f;
		next->centre[i] = centre;
		variance += square * unit * unit;
	}
	next->factor_bits = vx_factor(vx_spread(variance, centred ? 0.0 : (double)squares[dims] * unit * unit) / (double)dims);
	next->rows = rows;
}
