/* SPDX-License-Identifier: MIT */
/* The index of VexFS over the rows of a set; slots are row numbers, and so are ids. */
#ifndef VEXFS_BENCH_INDEX_OURS_H
#define VEXFS_BENCH_INDEX_OURS_H

#include <cstring>

#include "truth.h"

extern "C" {
#include "host_index.h"
}

inline void must(int64_t status, const char *what)
{
	if (status < 0)
		throw std::runtime_error(std::string(what) + ": " + strerror((int)-status));
}

struct Graph {
	struct vx_index *index = nullptr;
	/* What an opened snapshot reads. */
	std::unique_ptr<EngineMemory> snapshot;

	Graph() = default;
	Graph(const Graph &) = delete;
	Graph &operator=(const Graph &) = delete;
	~Graph() { vx_index_destroy(index); }
};

class OurIndex {
    public:
	/* An empty index over rows that stay where they are. */
	OurIndex(uint32_t metric, const float *rows, size_t slots, size_t dims, uint32_t isa, uint32_t m = 16,
		 uint32_t ef_construction = 200, uint32_t type = VX_GRAPH)
		: dims(dims), ids(slots), query(vx_query_bytes((uint32_t)dims)), cpu(vx_host_cpu(isa)), metric(metric)
	{
		struct vx_index_params params = {};
		int error = 0;

		if (!cpu)
			throw std::runtime_error("this machine lacks the instructions");
		std::iota(ids.begin(), ids.end(), 0);
		source.base = rows;
		source.stride = dims * sizeof(float);
		source.slots = (uint32_t)slots;
		params.metric = metric;
		params.element = VX_FLOAT32;
		params.dims = (uint32_t)dims;
		params.m = m;
		params.ef_construction = ef_construction;
		params.seed = 1;
		params.type = type;
		graph.index = vx_host_index_create(&params, isa, &error);
		must(error, "creating an index");
		searcher = vx_host_searcher_create();
		if (!searcher)
			throw std::bad_alloc();
	}
	OurIndex(const OurIndex &) = delete;
	OurIndex &operator=(const OurIndex &) = delete;
	~OurIndex() { vx_searcher_destroy(searcher); }

	void apply(const std::vector<struct vx_change> &changes, uint32_t threads)
	{
		int64_t taken = threads == 1 ? vx_index_apply(graph.index, &source, changes.data(), changes.size(), nullptr) :
					       vx_host_index_apply(graph.index, &source, changes.data(),
								   changes.size(), threads, nullptr);
		must(taken, "building");
		if ((size_t)taken != changes.size())
			throw std::runtime_error("building ended early");
	}

	/* Puts slots first .. first + n - 1. */
	void put(size_t first, size_t n, uint32_t threads)
	{
		std::vector<struct vx_change> changes(n);

		for (size_t i = 0; i < n; i++)
			changes[i] = { ids[first + i], (uint32_t)(first + i), VX_PUT };
		apply(changes, threads);
	}

	/* Goes on with what a snapshot in memory holds, as code for `isa`. */
	void reopen(uint32_t isa)
	{
		auto memory = std::make_unique<EngineMemory>(info().snapshot_bytes);
		size_t size = info().snapshot_bytes;
		Copy copy = { memory->as<char>(), 0, size };
		int error = 0;

		cpu = vx_host_cpu(isa);
		if (!cpu)
			throw std::runtime_error("this machine lacks the instructions");
		must(vx_index_save(graph.index, append, &copy), "saving");
		vx_index_destroy(graph.index);
		graph.index = vx_host_index_open(memory->as<void>(), size, isa, &error);
		must(error, "opening a snapshot");
		graph.snapshot = std::move(memory);
		must(vx_index_verify(graph.index), "checking a snapshot");
	}

	void save(int fd) { must(vx_host_index_save(graph.index, fd), "saving"); }

	/* Replaces the graph by the snapshot at `bytes`, which has to stay. */
	void open(const void *bytes, size_t size, uint32_t isa)
	{
		int error = 0;

		graph.index = vx_host_index_open(bytes, size, isa, &error);
		must(error, "opening a snapshot");
	}

	void close()
	{
		vx_index_destroy(graph.index);
		graph.index = nullptr;
	}

	size_t search(const float *values, uint32_t k, size_t ef, uint32_t *slots, const uint64_t *slot_bits = nullptr)
	{
		struct vx_filter filter = {};
		struct vx_search search = {};

		if (vx_query_prepare(cpu, query.as<void>(), metric, VX_FLOAT32, (uint32_t)dims, values) != 0)
			throw std::runtime_error("a query is not finite");
		filter.slot_bits = slot_bits;
		search.query = query.as<vx_query>();
		search.rows = &source;
		search.ids = ids.data();
		search.filter = slot_bits ? &filter : nullptr;
		search.slots = (uint32_t)ids.size();
		search.k = k;
		search.ef = (uint32_t)ef;
		int64_t hits = vx_index_search(graph.index, searcher, &search, nullptr, nullptr, slots);
		must(hits, "searching");
		return (size_t)hits;
	}

	struct vx_index_info info() const
	{
		struct vx_index_info out;

		vx_index_info(graph.index, &out);
		return out;
	}

	const size_t dims;

    private:
	struct Copy {
		char *to;
		size_t used, size;
	};

	static int append(void *context, const void *data, size_t bytes)
	{
		Copy *copy = static_cast<Copy *>(context);

		if (bytes > copy->size - copy->used)
			return -VX_ENOMEM;
		memcpy(copy->to + copy->used, data, bytes);
		copy->used += bytes;
		return 0;
	}

	std::vector<uint64_t> ids;
	EngineMemory query;
	const struct vx_cpu *cpu;
	uint32_t metric;
	struct vx_rows source = {};
	Graph graph;
	struct vx_searcher *searcher = nullptr;
};

#endif
