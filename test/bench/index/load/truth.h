/* SPDX-License-Identifier: MIT */
/* Exact neighbours, by the engine's exact search, and recall against them. */
#ifndef VEXFS_BENCH_INDEX_TRUTH_H
#define VEXFS_BENCH_INDEX_TRUTH_H

#include <memory>
#include <numeric>

extern "C" {
#include "host.h"
}
#include "rows.h"

/* Memory for the engine: zeroed and 64-byte aligned. */
class EngineMemory {
    public:
	explicit EngineMemory(size_t bytes) : bytes(bytes), address(vx_host_allocate(bytes))
	{
		if (!address)
			throw std::bad_alloc();
	}
	EngineMemory(const EngineMemory &) = delete;
	EngineMemory &operator=(const EngineMemory &) = delete;
	~EngineMemory() { vx_host_release(address, bytes); }
	template <typename T> T *as() const { return static_cast<T *>(address); }

    private:
	size_t bytes;
	void *address;
};

/* Exact search over a matrix whose ids are the row numbers. */
class Exact {
    public:
	Exact(uint32_t metric, const float *rows, size_t n, size_t dims, uint32_t most_k)
		: metric(metric), rows(rows), dims(dims), ids(n), query(vx_query_bytes((uint32_t)dims)),
		  topk(vx_topk_bytes(most_k)), scratch(VX_SCAN_SCRATCH_BYTES), cpu(vx_host_cpu(VX_ISA_BEST))
	{
		std::iota(ids.begin(), ids.end(), 0);
	}

	/* The k nearest of the rows, of those in the bitmap `live` only unless it is NULL. Returns how many. */
	size_t search(const float *values, uint32_t k, const uint64_t *live, float *distances, uint32_t *slots)
	{
		struct vx_scan scan = {};

		prepare(values);
		scan.rows = rows;
		scan.stride = dims * sizeof(float);
		scan.ids = ids.data();
		scan.live = live;
		scan.scratch = scratch.as<void>();
		scan.n = (uint32_t)ids.size();
		vx_s64 hits = vx_search_exact(cpu, query.as<vx_query>(), &scan, k, topk.as<void>(),
					      reinterpret_cast<uint32_t *>(distances), nullptr, slots);
		if (hits < 0)
			throw std::runtime_error("exact search failed");
		return (size_t)hits;
	}

	/* The distances of some rows. */
	void distances(const float *values, const uint32_t *slots, size_t n, float *out)
	{
		prepare(values);
		vx_distances(cpu, query.as<vx_query>(), rows, dims * sizeof(float), slots, n,
			     reinterpret_cast<uint32_t *>(out));
	}

    private:
	void prepare(const float *values)
	{
		if (vx_query_prepare(cpu, query.as<void>(), metric, VX_FLOAT32, (uint32_t)dims, values) != 0)
			throw std::runtime_error("a query is not finite");
	}

	uint32_t metric;
	const float *rows;
	size_t dims;
	std::vector<uint64_t> ids;
	EngineMemory query, topk, scratch;
	const struct vx_cpu *cpu;
};

/*
 * How far the k-th neighbour of every query lies. A hit counts as found when it is no farther: rows at the same distance
 * are as good as each other.
 */
class Truth {
    public:
	Truth(Exact &exact, const Rows &set, uint32_t k, const uint64_t *live = nullptr)
		: k(k), exact(exact), set(set), farthest(set.query_count())
	{
		std::vector<float> found(k);
		std::vector<uint32_t> slots(k);

		for (size_t q = 0; q < farthest.size(); q++) {
			size_t hits = exact.search(set.query(q), k, live, found.data(), slots.data());
			if (hits < k)
				throw std::runtime_error("fewer rows than neighbours");
			farthest[q] = found[k - 1];
		}
	}

	/* The share of the k neighbours of query q that `slots` holds. */
	double recall(size_t q, const uint32_t *slots, size_t n)
	{
		float distances[128];
		size_t good = 0;

		if (n > 128)
			throw std::runtime_error("more hits than can be compared");
		exact.distances(set.query(q), slots, n, distances);
		for (size_t i = 0; i < n && i < k; i++)
			good += distances[i] <= farthest[q];
		return (double)good / k;
	}

	const uint32_t k;

    private:
	Exact &exact;
	const Rows &set;
	std::vector<float> farthest;
};

#endif
