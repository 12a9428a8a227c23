/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Which candidates become neighbours: a part of navigate_body.h, for every ISA. */

/* Fewer candidates of about the same product are not worth a way of their own. */
#define VX_FEWEST_ALIKE 8u
/* They are looked through once for each that is taken: a bound of that work, far above what the lists of usual sizes hold. */
#define VX_MOST_ALIKE 1024u

/* Is a candidate at least as far from every chosen node, but for `slack`, as its key says that it is from the base? */
VX_INLINE int vx_stands_alone(struct vx_walk *walk, const struct vx_shape *shape, vx_u64 candidate, vx_u32 slack,
			      const vx_u32 *out, vx_u32 kept)
{
	const vx_u8 *const *at = walk->at;
	struct vx_code *code = walk->other;
	vx_u32 j, k, alone = 1;

	vx_take_code(&walk->view, VX_CANDIDATE_NODE(candidate), code);
	for (j = 0; j < kept && alone; j += 4) {
		const vx_u8 *four[4];
		vx_s32 dots[4];

		for (k = 0; k < 4; k++)
			four[k] = at[j + k < kept ? j + k : kept - 1];
		vx_dot4(four, code, shape->code_bytes / 64, dots);
		for (k = 0; k < 4; k++) {
			const vx_u32 other = out[j + k < kept ? j + k : kept - 1];
			const vx_u8 *chunk = vx_chunk(&walk->view, other >> shape->shift);

			alone &= vx_code_key(shape, code->norm, vx_node_norm(shape, chunk, other), dots[k]) + slack >=
				 VX_CANDIDATE_KEY(candidate);
		}
	}
	return (int)alone;
}

/*
 * Where to begin among candidates of the same key. Rows that are like the base form a band by their numbers, in which each
 * is linked from both sides. Of other rows that are all alike every base takes another one: those that lead to the same
 * place are then so many that a beam which is narrower than the group still meets one.
 */
VX_INLINE vx_u32 vx_tie_start(const vx_u64 *candidates, vx_u32 first, vx_u32 end, vx_u32 base)
{
	vx_u32 at = first;

	if (first > 0)
		return first + (vx_u32)((vx_u64)(base * 0x9e3779b1u) * (end - first) >> 32);
	while (at < end && VX_CANDIDATE_NODE(candidates[at]) < base)
		at++;
	return at;
}

/*
 * What rounding may set two products apart by, as a difference of keys: one and a half standard deviations of products of rows
 * that are about as long as their product says, see vx_key_in_doubt().
 */
VX_INLINE vx_u32 vx_product_slack(vx_u32 key)
{
	return key < 0x80000000u ? (vx_u32)vx_square_root((vx_u64)(0x80000000u - key) * 9 / 8) : 0;
}

/*
 * By products links lead to the rows that codes call the largest, and of rows that differ by less than codes tell these are any;
 * no link would lead to the others. Of many such candidates at the front some are therefore taken as those of the same key are:
 * the ones with the next numbers to the base's, up to `most`.
 */
static vx_u32 vx_select_alike(struct vx_walk *walk, const vx_u64 *candidates, vx_u32 n, vx_u32 slack, vx_u32 *out,
			      vx_u32 kept, vx_u32 most)
{
	const struct vx_shape shape = walk->view.shape;
	const vx_u32 base = walk->base;
	vx_u64 last = 0;

	while (kept < most) {
		vx_u64 next = ~0ull, candidate = 0;
		vx_u32 i;

		for (i = 0; i < n; i++) {
			const vx_u32 node = VX_CANDIDATE_NODE(candidates[i]);
			/* How far its number is, upwards before downwards. */
			const vx_u64 steps = node > base ? 2 * (vx_u64)(node - base) : 2 * (vx_u64)(base - node) + 1;

			if (steps > last && steps < next) {
				next = steps;
				candidate = candidates[i];
			}
		}
		if (next == ~0ull)
			break;
		last = next;
		if (vx_stands_alone(walk, &shape, candidate, slack, out, kept)) {
			walk->at[kept] = (const vx_u8 *)vx_record(&walk->view, VX_CANDIDATE_NODE(candidate)) + shape.code_at;
			out[kept++] = VX_CANDIDATE_NODE(candidate);
		}
	}
	return kept;
}

/* How many candidates at the front the codes of their products do not tell apart; 0 when they are few, or keys are distances. */
VX_INLINE vx_u32 vx_count_alike(const struct vx_shape *shape, const vx_u64 *candidates, vx_u32 n, vx_u32 slack)
{
	vx_u32 alike = 0;

	if (shape->normed)
		return 0;
	while (alike < n && alike < VX_MOST_ALIKE &&
	       VX_CANDIDATE_KEY(candidates[alike]) <= (vx_u64)VX_CANDIDATE_KEY(candidates[0]) + slack)
		alike++;
	return alike < VX_FEWEST_ALIKE ? 0 : alike;
}

/* Candidates of the same key take half of the places, so that a way leads out. */
static vx_u32 vx_select(struct vx_walk *walk, const vx_u64 *candidates, vx_u32 n, vx_u32 *out, vx_u32 kept, vx_u32 max)
{
	const struct vx_shape shape = walk->view.shape;
	const vx_u32 slack = n && !shape.normed ? vx_product_slack(VX_CANDIDATE_KEY(candidates[0])) : 0;
	const vx_u32 alike = vx_count_alike(&shape, candidates, n, slack), half = kept + max / 2 + 1;
	const vx_u8 **at = walk->at;
	vx_u32 first, end, i;

	for (i = 0; i < kept; i++)
		at[i] = (const vx_u8 *)vx_record(&walk->view, out[i]) + shape.code_at;
	if (alike)
		kept = vx_select_alike(walk, candidates, alike, slack, out, kept, half < max ? half : max);
	for (first = alike; first < n && kept < max; first = end) {
		const vx_u32 key = VX_CANDIDATE_KEY(candidates[first]), most = kept + max / 2 + 1;
		vx_u32 left, right, lower = 0;

		end = first + 1;
		while (end < n && VX_CANDIDATE_KEY(candidates[end]) == key)
			end++;
		left = right = vx_tie_start(candidates, first, end, walk->base);
		while ((left > first || right < end) && kept < max && kept < most) {
			vx_u64 candidate;

			lower = right == end || (left > first && !lower);
			candidate = candidates[lower ? --left : right++];
			if (vx_stands_alone(walk, &shape, candidate, 0, out, kept)) {
				at[kept] = (const vx_u8 *)vx_record(&walk->view, VX_CANDIDATE_NODE(candidate)) + shape.code_at;
				out[kept++] = VX_CANDIDATE_NODE(candidate);
			}
		}
	}
	return kept;
}
