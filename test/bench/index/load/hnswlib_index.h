/* SPDX-License-Identifier: MIT */
/* C++ hnswlib, the peer: https://github.com/nmslib/hnswlib, header-only. Cosine is its inner product over unit rows. */
#ifndef VEXFS_BENCH_INDEX_HNSWLIB_H
#define VEXFS_BENCH_INDEX_HNSWLIB_H

#include <memory>

#include "hnswlib/hnswlib.h"
#include "rows.h"

class HnswlibIndex {
    public:
	/* Builds over all rows of the set, in their order. */
	HnswlibIndex(const Rows &set, bool cosine, size_t m, size_t ef_construction) : dims(set.dims)
	{
		if (cosine) {
			space = std::make_unique<hnswlib::InnerProductSpace>(dims);
			base = unit_rows(set.base, dims);
			queries = unit_rows(set.queries, dims);
		} else {
			space = std::make_unique<hnswlib::L2Space>(dims);
			queries = set.queries;
		}
		const float *rows = cosine ? base.data() : set.base.data();
		graph = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), set.count(), m, ef_construction);
		for (size_t i = 0; i < set.count(); i++)
			graph->addPoint(rows + i * dims, i);
		/* It keeps a copy of the rows in its nodes. */
		base = std::vector<float>();
	}

	size_t search(size_t query, uint32_t k, size_t ef, uint32_t *slots)
	{
		graph->setEf(ef);
		auto found = graph->searchKnn(&queries[query * dims], k);
		size_t n = found.size();

		for (size_t i = n; i-- > 0; found.pop())
			slots[i] = (uint32_t)found.top().second;
		return n;
	}

    private:
	size_t dims;
	std::unique_ptr<hnswlib::SpaceInterface<float>> space;
	std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph;
	std::vector<float> base, queries;
};

#endif
