// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Search: the graph proposes slots, rows decide. Where few rows match, or the graph proposes too few, every matching row
 * is compared instead.
 */
#include "kernels.h"
#include "searcher.h"

/* The candidates that a filtered walk may hold; one that needs more ends in an exact search. */
#define VX_MAX_POOL 16384u
/* A hop of a filtered walk, or of a wide one, costs as much as comparing so many rows. */
#define VX_HOP_ROWS 8u
/* A walk that cannot tell its candidates apart is repeated with so many times as many, up to this bound. */
#define VX_WIDEN 4u
#define VX_WIDEST 4096u
/* Fewer candidates lie close together by chance. */
#define VX_FEWEST_TO_JUDGE 8u

/* Candidates above level 0 when greedy steps went astray. */
#define VX_BREADTH 64u
/* Such a walk costs as much as comparing so many rows. */
#define VX_BREADTH_ROWS (2 * VX_BREADTH * VX_HOP_ROWS)

static vx_u32 vx_larger(vx_u32 a, vx_u32 b)
{
	return a > b ? a : b;
}

struct vx_searcher *vx_searcher_create(const struct vx_alloc *alloc)
{
	struct vx_searcher *searcher = alloc->alloc(alloc->context, sizeof(*searcher));

	if (!searcher)
		return NULL;
	searcher->alloc = *alloc;
	searcher->info.memory_bytes = sizeof(*searcher) + 8 * VX_SECTION_ROWS;
	searcher->slots = alloc->alloc(alloc->context, 8 * VX_SECTION_ROWS);
	if (!searcher->slots) {
		alloc->free(alloc->context, searcher, sizeof(*searcher));
		return NULL;
	}
	return searcher;
}

static void vx_searcher_release(struct vx_searcher *searcher, void *memory, size_t bytes)
{
	if (memory)
		searcher->alloc.free(searcher->alloc.context, memory, bytes);
}

void vx_searcher_destroy(struct vx_searcher *searcher)
{
	if (!searcher)
		return;
	vx_searcher_release(searcher, searcher->walk_memory, searcher->walk_bytes);
	vx_searcher_release(searcher, searcher->topk, searcher->topk_bytes);
	vx_searcher_release(searcher, searcher->floats, searcher->float_bytes);
	vx_searcher_release(searcher, searcher->tail, searcher->tail_bytes);
	vx_searcher_release(searcher, searcher->combined, searcher->combined_bytes);
	vx_searcher_release(searcher, searcher->records, searcher->record_bytes);
	vx_searcher_release(searcher, searcher->slots, 8 * VX_SECTION_ROWS);
	searcher->alloc.free(searcher->alloc.context, searcher, sizeof(*searcher));
}

int vx_searcher_reserve(struct vx_searcher *searcher, void **memory, size_t *have, size_t bytes)
{
	void *larger;

	if (*have >= bytes)
		return 0;
	bytes += bytes / 4;
	larger = searcher->alloc.alloc(searcher->alloc.context, bytes);
	if (!larger)
		return -VX_ENOMEM;
	vx_searcher_release(searcher, *memory, *have);
	searcher->info.memory_bytes += bytes - *have;
	*memory = larger;
	*have = bytes;
	return 0;
}

int vx_walk_reserve(struct vx_searcher *searcher, vx_u32 pool, vx_u32 results)
{
	const struct vx_view *view = &searcher->walk.view;
	struct vx_walk_needs *have = &searcher->needs;
	struct vx_walk_needs needs = { .limit = view->limit, .pool = pool, .results = results,
				       .dims = view->shape.dims, .links = view->shape.links };
	size_t bytes;
	void *memory;

	if (searcher->walk_memory && have->limit >= needs.limit && have->pool >= pool && have->results >= results &&
	    have->dims >= needs.dims && have->links >= needs.links)
		return 0;
	needs.limit = vx_larger(needs.limit + needs.limit / 4 + 4096, have->limit);
	needs.pool = vx_larger(pool + 64, have->pool);
	needs.results = vx_larger(results, have->results);
	needs.dims = vx_larger(needs.dims, have->dims);
	needs.links = vx_larger(needs.links, have->links);
	bytes = vx_walk_bytes(&needs);
	memory = searcher->alloc.alloc(searcher->alloc.context, bytes);
	if (!memory)
		return -VX_ENOMEM;
	vx_searcher_release(searcher, searcher->walk_memory, searcher->walk_bytes);
	searcher->info.memory_bytes += bytes - searcher->walk_bytes;
	searcher->walk_memory = memory;
	searcher->walk_bytes = bytes;
	*have = needs;
	vx_walk_place(&searcher->walk, &needs, memory);
	return 0;
}

/*
 * The largest key that rounding alone may set apart from `key`. A coordinate of a code is off by up to half a unit, evenly, so
 * with variance 1/12; three standard deviations of the difference of two keys: of sums of squared differences D they
 * are sqrt(12 D + d), of products sqrt(3/2 (|q|^2 + |x|^2)), where |x| is at least |q| or what the product asks for.
 */
static vx_u64 vx_key_in_doubt(const struct vx_walk *walk, vx_u32 key)
{
	const struct vx_shape *shape = &walk->view.shape;
	vx_u64 product, norm;

	if (shape->words)
		return key;
	if (shape->metric != VX_DOT_PRODUCT)
		return key + vx_square_root(12 * (vx_u64)key + shape->dims);
	product = key < 0x80000000u ? 0x80000000u - key : key - 0x80000000u;
	norm = walk->code->norm ? walk->code->norm : 1;
	return key + vx_square_root(3 * norm + product * product / norm * 3 / 2);
}

/*
 * Can the codes not even tell the last of the proposals from the first, so that rows which the walk did not keep may be as near?
 * Not when all that were compared are equally far: there are such rows, and any will do. By products, where a group that is wider
 * than the pool is not all around the first, it is asked of the k-th.
 */
static vx_u32 vx_is_doubtful(const struct vx_plan *plan, const vx_u64 *candidates, vx_u32 n)
{
	const struct vx_searcher *searcher = plan->searcher;
	const vx_u32 judged = plan->index->params.metric == VX_DOT_PRODUCT ? plan->k - 1 : 0;

	return n >= VX_FEWEST_TO_JUDGE && n > judged + 1 && searcher->nearest != searcher->farthest &&
	       VX_CANDIDATE_KEY(candidates[n - 1]) <= vx_key_in_doubt(&searcher->walk, VX_CANDIDATE_KEY(candidates[judged]));
}

/*
 * Compares the best proposals that match: `rerank` of them and, unless the caller chose that number, all that the codes cannot
 * tell from the k-th. Returns how many, or a negative errno.
 */
static vx_s64 vx_compare_candidates(struct vx_plan *plan, const vx_u64 *candidates, vx_u32 n)
{
	struct vx_searcher *searcher = plan->searcher;
	const struct vx_view *view = &searcher->walk.view;
	vx_u64 in_doubt = 0;
	vx_u32 compared = 0, i;
	int error = 0;

	searcher->nearest = ~0u;
	searcher->farthest = 0;
	for (i = 0; i < n && !error; i++) {
		const vx_u32 slot = vx_slot_of(&view->shape, VX_CANDIDATE_NODE(candidates[i]));
		const vx_u32 key = VX_CANDIDATE_KEY(candidates[i]);

		if (compared >= plan->rerank && key > in_doubt)
			break;
		if (!vx_passes(&plan->predicate, slot) || (!plan->search->live && !vx_is_held(view, slot)))
			continue;
		error = vx_compare_slot(plan, slot);
		if (++compared == plan->k && !plan->search->rerank)
			in_doubt = vx_key_in_doubt(&searcher->walk, key);
	}
	if (!error)
		error = vx_compare_pending(plan);
	plan->doubtful = !plan->search->rerank && vx_is_doubtful(plan, candidates, n);
	return error ? error : (vx_s64)compared;
}

/* A part of the index that cannot be read is no loss for who has the rows. */
static vx_s64 vx_excused(int status)
{
	return status == -VX_EINTR || status == -VX_ENOMEM ? status : -VX_EUCLEAN;
}

/* Sets plan->astray by the codes of two proposals of the walk. */
static void vx_judge_walk(struct vx_plan *plan)
{
	struct vx_index *index = plan->index;
	struct vx_walk *walk = &plan->searcher->walk;

	if (!vx_may_be_astray(walk))
		return;
	walk->nodes[0] = VX_CANDIDATE_NODE(walk->pool[VX_NEIGHBOUR_TO_JUDGE]);
	vx_section_begin(&index->cpu);
	index->cpu.navigation->take_code(&walk->view, VX_CANDIDATE_NODE(walk->pool[0]), walk->other);
	index->cpu.navigation->keys(walk, walk->other, walk->nodes, 1, walk->keys);
	vx_section_end(&index->cpu);
	walk->codes++;
	plan->astray = vx_is_far_off(walk, walk->keys[0]);
}

/* Fills the pool (and results). Returns a negative errno, 0, or what read() returned. */
static int vx_propose(struct vx_plan *plan, vx_u64 entry, vx_u32 results)
{
	struct vx_index *index = plan->index;
	struct vx_walk *walk = &plan->searcher->walk;
	int status;

	plan->astray = 0;
	if (index->source.by_record)
		return vx_records_walk(plan, entry, results != 0);
	status = vx_walk_begin(index, walk, entry, 0);
	if (status > 0) {
		status = vx_walk_beam(index, walk, results != 0, plan->search->interrupt);
		vx_walk_clear(walk);
		if (!status)
			vx_judge_walk(plan);
	}
	return status;
}

/* One walk with a pool and (filtered) results of the given sizes. Returns the rows compared, or a negative errno. */
static vx_s64 vx_navigate(struct vx_plan *plan, vx_u32 pool, vx_u32 results)
{
	struct vx_searcher *searcher = plan->searcher;
	struct vx_index *index = plan->index;
	struct vx_walk *walk = &searcher->walk;
	const struct vx_generation *generation = __atomic_load_n(&index->generation, __ATOMIC_ACQUIRE);
	const vx_u64 entry = __atomic_load_n(&index->entry, __ATOMIC_ACQUIRE);
	int status;

	vx_index_view(index, &walk->view);
	status = vx_walk_reserve(searcher, vx_larger(pool, VX_BREADTH), results);
	if (status)
		return status;
	walk->pool_capacity = pool;
	walk->breadth = 0;
	walk->result_capacity = results;
	walk->predicate = &plan->predicate;
	walk->hops = 0;
	walk->codes = 0;
	vx_query_code(index, generation, vx_query_values(plan->search->query), searcher->floats, walk->code);
	status = vx_propose(plan, entry, results);
	if (!status && plan->astray) {
		if (plan->slots <= VX_BREADTH_ROWS)
			return 0;
		walk->breadth = VX_BREADTH;
		walk->pool_capacity = vx_larger(pool, VX_BREADTH);
		status = vx_propose(plan, entry, results);
	}
	searcher->info.hops += walk->hops;
	searcher->info.codes += walk->codes;
	if (status)
		return vx_excused(status);
	if (results) {
		/* Results that do not fill their array: the walk ended before it had seen enough. */
		if (walk->result_count < results)
			return 0;
		return vx_compare_candidates(plan, walk->results, walk->result_count);
	}
	return vx_compare_candidates(plan, walk->pool, walk->pool_count);
}

/* Could the graph answer faster than comparing what matches? */
static int vx_worth_navigating(struct vx_plan *plan, vx_u32 *pool)
{
	vx_u64 needed;

	*pool = plan->ef;
	if (!plan->filtered)
		return 1;
	vx_plan_count(plan);
	if (plan->matching * plan->matching <= (vx_u64)plan->slots * plan->ef * VX_HOP_ROWS)
		return 0;
	needed = plan->ef + 2 * (vx_u64)plan->ef * plan->slots / plan->matching;
	*pool = needed < VX_MAX_POOL ? (vx_u32)needed : VX_MAX_POOL;
	return 1;
}

/* The rows compared, 0 when the graph proposes too few, or a negative errno. */
static vx_s64 vx_search_graph(struct vx_plan *plan)
{
	struct vx_searcher *searcher = plan->searcher;
	vx_s64 compared = 0;
	vx_u32 pool;

	if (__atomic_load_n(&plan->index->entry, __ATOMIC_ACQUIRE) == VX_NO_ENTRY || !vx_worth_navigating(plan, &pool))
		return 0;
	searcher->info.path = VX_PATH_FALLBACK;
	if (!plan->filtered) {
		compared = vx_navigate(plan, pool, 0);
		while (compared >= 0 && plan->doubtful) {
			pool *= VX_WIDEN;
			vx_topk_init(searcher->topk, plan->k);
			if (pool > VX_WIDEST || (vx_u64)pool * VX_HOP_ROWS >= plan->slots)
				return 0;
			compared = vx_navigate(plan, pool, 0);
		}
		if (compared < 0 || (compared >= plan->k && searcher->topk->count == plan->k))
			return compared;
		/* Dead rows in the way, or too few in reach. */
		vx_topk_init(searcher->topk, plan->k);
		pool = 4 * plan->ef < VX_MAX_POOL ? 4 * plan->ef : VX_MAX_POOL;
	}
	compared = vx_navigate(plan, pool > plan->ef ? pool : plan->ef, plan->ef);
	return compared > 0 && plan->doubtful ? 0 : compared;
}

static vx_s64 vx_search_flat(struct vx_plan *plan)
{
	vx_s64 found;

	if (!vx_flat_worth(plan))
		return 0;
	plan->searcher->info.path = VX_PATH_FALLBACK;
	found = vx_flat_search(plan);
	if (found < 0)
		return vx_excused((int)found);
	found = vx_compare_candidates(plan, plan->searcher->walk.pool, (vx_u32)found);
	return found > 0 && plan->doubtful ? 0 : found;
}

/* Fills the top k from the index: 1; 0 when it has to be filled by comparing rows; or a negative errno. */
static int vx_search_index(struct vx_plan *plan)
{
	struct vx_searcher *searcher = plan->searcher;
	vx_s64 compared;

	if ((plan->search->flags & VX_SEARCH_EXACT) || !__atomic_load_n(&plan->index->generation, __ATOMIC_ACQUIRE) ||
	    __atomic_load_n(&plan->index->damaged, __ATOMIC_RELAXED))
		return 0;
	compared = plan->index->params.type == VX_FLAT ? vx_search_flat(plan) : vx_search_graph(plan);
	if (compared < 0 && compared != -VX_EUCLEAN)
		return (int)compared;
	if (compared <= 0 || searcher->topk->count < plan->k) {
		vx_topk_init(searcher->topk, plan->k);
		return 0;
	}
	searcher->info.path = VX_PATH_GRAPH;
	return 1;
}

static int vx_plan_check(struct vx_plan *plan)
{
	const struct vx_index_params *params = &plan->index->params;
	const struct vx_search *search = plan->search;
	const struct vx_query *query = search->query;

	if (query->metric != params->metric || query->element != params->element || query->dims != params->dims ||
	    search->k == 0 || search->k > VX_MAX_K || search->ef > VX_MAX_EF ||
	    (!search->rows->get && search->rows->stride < query->row_bytes) ||
	    (search->flags & ~VX_SEARCH_EXACT) || (search->tail_count && !search->tail) ||
	    (plan->index->source.by_record && !search->live))
		return -VX_EINVAL;
	plan->slots = search->slots < search->rows->slots ? search->slots : search->rows->slots;
	plan->k = search->k;
	plan->ef = vx_larger(search->ef ? search->ef : VX_DEFAULT_EF, search->k);
	plan->rerank = search->rerank ? search->rerank : search->k + search->k / 4 + 4;
	/* Codes tell the last of the k from the next ones badly: with fewer candidates the rows could not mend that. */
	if (!search->rerank && plan->rerank <= VX_MAX_EF)
		plan->ef = vx_larger(plan->ef, plan->rerank);
	if (!search->rerank && params->type == VX_FLAT)
		plan->rerank = plan->ef;
	plan->rerank = vx_larger(plan->rerank < plan->ef ? plan->rerank : plan->ef, search->k);
	return 0;
}

vx_s64 vx_index_search(struct vx_index *index, struct vx_searcher *searcher, const struct vx_search *search,
		       vx_u32 *distances, vx_u64 *ids, vx_u32 *slots)
{
	struct vx_plan plan = { .index = index, .searcher = searcher, .search = search };
	const vx_u64 memory = searcher->info.memory_bytes;
	int status = vx_plan_check(&plan);

	searcher->info = (struct vx_search_info){ .memory_bytes = memory, .path = VX_PATH_EXACT };
	searcher->pending = 0;
	if (!status)
		status = vx_searcher_reserve(searcher, (void **)&searcher->topk, &searcher->topk_bytes,
					     vx_topk_bytes(plan.k));
	if (!status)
		status = vx_searcher_reserve(searcher, (void **)&searcher->floats, &searcher->float_bytes,
					     (size_t)index->coder.padded * 4);
	if (!status && search->tail_count)
		status = vx_searcher_reserve(searcher, (void **)&searcher->tail, &searcher->tail_bytes,
					     8 * (((size_t)plan.slots + 63) / 64));
	if (!status)
		status = vx_plan_filter(&plan);
	if (status)
		return status;
	vx_topk_init(searcher->topk, plan.k);
	vx_tail_mark(&plan);
	status = vx_search_index(&plan);
	if (status == 0)
		status = vx_compare_all(&plan);
	if (status >= 0)
		status = vx_compare_tail(&plan);
	vx_tail_clear(&plan);
	if (status)
		return status;
	return vx_topk_finish(searcher->topk, distances, ids, slots);
}

void vx_searcher_info(const struct vx_searcher *searcher, struct vx_search_info *out)
{
	*out = searcher->info;
}
