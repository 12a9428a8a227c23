// SPDX-License-Identifier: MIT
/*
 * The index of VexFS and C++ hnswlib in one process, driven line by line: a command on stdin, numbers on a line of stdout,
 * or "error" and a sentence. Searches ask for K neighbours of every query of the set, on one thread; times are CPU times of that
 * thread unless a command says otherwise. `ours` is the graph, `flat` the index without one.
 *
 *	sift BASE QUERIES ROWS           uint8 .npy files, Euclidean           -> rows queries
 *	clustered DIMS ROWS QUERIES      the generator of rows.h, cosine       -> rows queries
 *	metric euclidean|cosine          what is near from now on              -> rows queries
 *	export FOLDER                    base.f32 and queries.f32              -> 0
 *	build ours|flat THREADS          from nothing                          -> CPU seconds, wall seconds
 *	build hnswlib                    the same, one thread                  -> CPU seconds, wall seconds
 *	drop ours|flat|hnswlib           frees it                              -> 0
 *	isa scalar|avx2|avx512|vnni           what ours runs from now on            -> 0
 *	find ours|flat|hnswlib RECALL    the smallest ef that reaches it       -> ef recall
 *	recall ours|flat|hnswlib EF                                            -> recall
 *	search ours|flat|hnswlib EF PASSES   over all queries                      -> seconds of one query
 *	score FILE QUERIES               hits of somebody else, u32            -> recall
 *	bytes                            nodes, links and ids of ours, a row   -> bytes
 *	churn ROUNDS ROWS EF             replaces rows, then builds afresh     -> recall, recall of the fresh one, growth
 *	filter SHARE EF                  searches among a share of the rows    -> recall, seconds, seconds of exact search
 *	save PATH                        a snapshot of ours                    -> seconds
 *	open PATH                        maps it, searches once (wall time)    -> seconds to open, seconds of the search
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <iostream>
#include <sstream>

#include "hnswlib_index.h"
#include "our_index.h"

namespace
{
constexpr uint32_t K = 10;
constexpr size_t M = 16, EF_CONSTRUCTION = 200;
constexpr size_t MOST_EF = 4000;
constexpr uint64_t SEED = 20261121;

double seconds_of(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

class Watch {
    public:
	double cpu() const { return seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu_start; }
	double wall() const { return seconds_of(CLOCK_MONOTONIC) - wall_start; }

    private:
	double cpu_start = seconds_of(CLOCK_THREAD_CPUTIME_ID), wall_start = seconds_of(CLOCK_MONOTONIC);
};

using Numbers = std::vector<double>;
/* Writes the K nearest rows of a query to `slots`, returns how many. */
using Search = std::function<size_t(size_t query, uint32_t *slots)>;

class Bench {
    public:
	Numbers sift(const std::string &base, const std::string &queries, size_t rows)
	{
		Rows read;

		read.dims = read_npy(base, rows, read.base);
		if (read_npy(queries, SIZE_MAX, read.queries) != read.dims)
			throw std::runtime_error("rows and queries differ in width");
		return take(std::move(read), VX_EUCLIDEAN);
	}

	/* Chosen so that hnswlib needs an ef of about 100 for a recall of 0.95 over 50,000 x 768. */
	Numbers clustered(size_t dims, size_t rows, size_t queries)
	{
		return take(make_clustered({ dims, rows, queries, 48, 200, 1.4f, 0.5f, SEED }), VX_COSINE);
	}

	Numbers measure_by(const std::string &name)
	{
		if (name != "euclidean" && name != "cosine")
			throw std::runtime_error("no metric " + name);
		return take(std::move(*set), name == "cosine" ? VX_COSINE : VX_EUCLIDEAN);
	}

	Numbers write_out(const std::string &folder)
	{
		write_floats(folder + "/base.f32", set->base);
		write_floats(folder + "/queries.f32", set->queries);
		return { 0 };
	}

	Numbers build(const std::string &who, uint32_t threads)
	{
		drop(who);
		Watch watch;
		if (is_ours(who)) {
			auto &built = one_of_ours(who);

			built = std::make_unique<OurIndex>(metric, set->base.data(), set->count(), set->dims, VX_ISA_BEST, M,
							   EF_CONSTRUCTION, who == "flat" ? VX_FLAT : VX_GRAPH);
			built->put(0, set->count(), threads);
		} else {
			hnswlib = std::make_unique<HnswlibIndex>(*set, metric == VX_COSINE, M, EF_CONSTRUCTION);
		}
		return { watch.cpu(), watch.wall() };
	}

	Numbers drop(const std::string &who)
	{
		if (is_ours(who))
			one_of_ours(who).reset();
		else
			hnswlib.reset();
		return { 0 };
	}

	Numbers isa(const std::string &name)
	{
		const std::vector<std::string> names = { "scalar", "avx2", "avx512", "neon", "vnni" };
		auto found = std::find(names.begin(), names.end(), name);

		if (found == names.end())
			throw std::runtime_error("no instruction set " + name);
		ours->reopen((uint32_t)(found - names.begin()));
		return { 0 };
	}

	Numbers find(const std::string &who, double wanted)
	{
		size_t low = K, high = K;

		/* A wide search takes long: no wider than needed. */
		while (recall(who, high)[0] < wanted) {
			if (high == MOST_EF)
				throw std::runtime_error(who + " does not reach the recall");
			low = high + 1;
			high = std::min(2 * high, MOST_EF);
		}
		while (low < high) {
			size_t middle = (low + high) / 2;

			if (recall(who, middle)[0] >= wanted)
				high = middle;
			else
				low = middle + 1;
		}
		return { (double)low, recall(who, low)[0] };
	}

	Numbers recall(const std::string &who, size_t ef) { return { recall_of(searching(who, ef), *truth) }; }

	Numbers search(const std::string &who, size_t ef, size_t passes)
	{
		return { time_of(searching(who, ef), passes) };
	}

	Numbers score(const std::string &path, size_t queries)
	{
		std::ifstream file(path, std::ios::binary);
		std::vector<uint32_t> hits(queries * K);
		double sum = 0;

		if (queries > set->query_count() || !file.read((char *)hits.data(), (std::streamsize)(hits.size() * 4)))
			throw std::runtime_error(path + ": too few hits");
		for (size_t q = 0; q < queries; q++)
			sum += truth->recall(q, &hits[q * K], K);
		return { sum / (double)queries };
	}

	/* With the table that finds an id's slot, and ids by slot. */
	Numbers bytes()
	{
		struct vx_ids_info ids;
		struct vx_ids *table = vx_host_ids_create(SEED);

		if (!table || vx_ids_put_range(table, 0, 0, (uint32_t)set->count()) != 0)
			throw std::bad_alloc();
		vx_ids_info(table, &ids);
		vx_ids_destroy(table);
		struct vx_index_info info = ours->info();
		return { (double)(info.graph_bytes + ids.memory_bytes) / (double)info.rows, (double)info.graph_bytes,
			 (double)info.memory_bytes, (double)ids.memory_bytes };
	}

	Numbers churn(size_t rounds, size_t replaced, size_t ef)
	{
		Random random(SEED);
		size_t dims = set->dims, live_rows = set->count(), slots = live_rows + replaced;
		std::vector<float> rows(set->base);
		std::vector<uint32_t> live(live_rows), unused(replaced);

		rows.resize(slots * dims);
		std::iota(live.begin(), live.end(), 0);
		std::iota(unused.begin(), unused.end(), (uint32_t)live_rows);
		OurIndex index(metric, rows.data(), slots, dims, VX_ISA_BEST, M, EF_CONSTRUCTION);
		index.put(0, live_rows, 1);
		double before = (double)index.info().memory_bytes;
		for (size_t round = 0; round < rounds; round++) {
			std::vector<struct vx_change> changes;

			for (size_t i = 0; i < replaced; i++) {
				/* The new row goes where no row is; the slot of the old one is free for the next round. */
				uint32_t slot = unused[i], &gone = live[i + random.below(live_rows - i)];
				const float *like = set->row(random.below(live_rows));

				std::swap(live[i], gone);
				for (size_t d = 0; d < dims; d++)
					rows[slot * dims + d] = vary(like[d], random);
				changes.push_back({ slot, slot, VX_PUT });
				changes.push_back({ live[i], live[i], VX_DEL });
				unused[i] = live[i];
				live[i] = slot;
			}
			index.apply(changes, 1);
		}
		double after = (double)index.info().memory_bytes;
		std::vector<uint64_t> bits((slots + 63) / 64);
		for (uint32_t slot : live)
			bits[slot / 64] |= 1ull << slot % 64;
		Exact final_rows(metric, rows.data(), slots, dims, K);
		Truth final_truth(final_rows, *set, K, bits.data());
		OurIndex fresh(metric, rows.data(), slots, dims, VX_ISA_BEST, M, EF_CONSTRUCTION);
		std::vector<struct vx_change> puts;
		for (uint32_t slot = 0; slot < slots; slot++)
			if (bits[slot / 64] >> slot % 64 & 1)
				puts.push_back({ slot, slot, VX_PUT });
		fresh.apply(puts, 1);
		auto of = [&](OurIndex &each) {
			return recall_of([&](size_t q, uint32_t *out) { return each.search(set->query(q), K, ef, out); },
					 final_truth);
		};
		return { of(index), of(fresh), after / before - 1 };
	}

	Numbers filter(double share, size_t ef)
	{
		Random random(SEED);
		std::vector<uint64_t> bits((set->count() + 63) / 64);

		for (size_t i = 0; i < set->count(); i++)
			if (random.uniform() < share)
				bits[i / 64] |= 1ull << i % 64;
		Truth among(*exact, *set, K, bits.data());
		Search by_index = [&](size_t q, uint32_t *out) { return ours->search(set->query(q), K, ef, out, bits.data()); };
		float distances[K];
		Search by_scan = [&](size_t q, uint32_t *out) {
			return exact->search(set->query(q), K, bits.data(), distances, out);
		};
		return { recall_of(by_index, among), time_of(by_index, 1), time_of(by_scan, 1) };
	}

	Numbers save(const std::string &path)
	{
		int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		Watch watch;

		if (fd < 0)
			throw std::runtime_error(path + ": " + strerror(errno));
		ours->save(fd);
		close(fd);
		return { watch.wall() };
	}

	/* The index in memory is closed, so that nothing of it helps. */
	Numbers open(const std::string &path)
	{
		struct stat status;
		uint32_t hits[K];
		int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);

		if (fd < 0 || fstat(fd, &status) != 0)
			throw std::runtime_error(path + ": " + strerror(errno));
		ours->close();
		Watch opening;
		void *map = mmap(nullptr, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
		if (map == MAP_FAILED)
			throw std::runtime_error(path + ": cannot be mapped");
		ours->open(map, (size_t)status.st_size, VX_ISA_BEST);
		double open_seconds = opening.wall();
		Watch searching;
		ours->search(set->query(0), K, 0, hits);
		double search_seconds = searching.wall();
		/* Left mapped: the index reads it until it is dropped. */
		return { open_seconds, search_seconds };
	}

    private:
	Numbers take(Rows &&rows, uint32_t of_metric)
	{
		ours.reset();
		flat.reset();
		hnswlib.reset();
		truth.reset();
		set = std::make_unique<Rows>(std::move(rows));
		metric = of_metric;
		exact = std::make_unique<Exact>(metric, set->base.data(), set->count(), set->dims, K);
		truth = std::make_unique<Truth>(*exact, *set, K);
		return { (double)set->count(), (double)set->query_count() };
	}

	static bool is_ours(const std::string &who)
	{
		if (who != "ours" && who != "flat" && who != "hnswlib")
			throw std::runtime_error("nobody is called " + who);
		return who != "hnswlib";
	}

	std::unique_ptr<OurIndex> &one_of_ours(const std::string &who) { return who == "flat" ? flat : ours; }

	static void write_floats(const std::string &path, const std::vector<float> &floats)
	{
		std::ofstream file(path, std::ios::binary);

		if (!file.write((const char *)floats.data(), (std::streamsize)(floats.size() * sizeof(float))))
			throw std::runtime_error(path + ": cannot be written");
	}

	/* A row that is like another: whole numbers of a byte stay such. */
	float vary(float value, Random &random) const
	{
		float moved = value + 8 * random.normal();

		return std::min(255.0f, std::max(0.0f, std::floor(moved + 0.5f)));
	}

	Search searching(const std::string &who, size_t ef)
	{
		if (is_ours(who)) {
			OurIndex *index = one_of_ours(who).get();

			if (!index)
				throw std::runtime_error(who + " is not built");
			return [this, index, ef](size_t q, uint32_t *out) { return index->search(set->query(q), K, ef, out); };
		}
		if (!hnswlib)
			throw std::runtime_error("hnswlib is not built");
		return [this, ef](size_t q, uint32_t *out) { return hnswlib->search(q, K, ef, out); };
	}

	double recall_of(const Search &one, Truth &against) const
	{
		uint32_t hits[K];
		double sum = 0;

		for (size_t q = 0; q < set->query_count(); q++) {
			size_t n = one(q, hits);

			sum += against.recall(q, hits, n);
		}
		return sum / (double)set->query_count();
	}

	double time_of(const Search &one, size_t passes) const
	{
		uint32_t hits[K];
		Watch watch;

		for (size_t pass = 0; pass < passes; pass++)
			for (size_t q = 0; q < set->query_count(); q++)
				one(q, hits);
		return watch.cpu() / (double)(passes * set->query_count());
	}

	uint32_t metric = VX_EUCLIDEAN;
	std::unique_ptr<Rows> set;
	std::unique_ptr<Exact> exact;
	std::unique_ptr<Truth> truth;
	std::unique_ptr<OurIndex> ours, flat;
	std::unique_ptr<HnswlibIndex> hnswlib;
};

Numbers perform(Bench &bench, const std::string &line)
{
	std::istringstream words(line);
	std::string verb, a, b;
	double x, y, z;

	words >> verb;
	auto need = [&](bool read) {
		if (!read)
			throw std::runtime_error("cannot read '" + line + "'");
	};
	if (verb == "sift") {
		need(bool(words >> a >> b >> x));
		return bench.sift(a, b, (size_t)x);
	}
	if (verb == "clustered") {
		need(bool(words >> x >> y >> z));
		return bench.clustered((size_t)x, (size_t)y, (size_t)z);
	}
	if (verb == "churn") {
		need(bool(words >> x >> y >> z));
		return bench.churn((size_t)x, (size_t)y, (size_t)z);
	}
	if (verb == "filter") {
		need(bool(words >> x >> y));
		return bench.filter(x, (size_t)y);
	}
	if (verb == "bytes")
		return bench.bytes();
	need(bool(words >> a));
	if (verb == "metric")
		return bench.measure_by(a);
	if (verb == "export")
		return bench.write_out(a);
	if (verb == "drop")
		return bench.drop(a);
	if (verb == "isa")
		return bench.isa(a);
	if (verb == "save")
		return bench.save(a);
	if (verb == "open")
		return bench.open(a);
	if (verb == "build")
		return bench.build(a, words >> x ? (uint32_t)x : 1);
	need(bool(words >> x));
	if (verb == "find")
		return bench.find(a, x);
	if (verb == "recall")
		return bench.recall(a, (size_t)x);
	if (verb == "score")
		return bench.score(a, (size_t)x);
	need(verb == "search" && bool(words >> y));
	return bench.search(a, (size_t)x, (size_t)y);
}
} // namespace

int main()
{
	Bench bench;
	std::string line;

	while (std::getline(std::cin, line)) {
		try {
			std::ostringstream out;

			out.precision(12);
			for (double number : perform(bench, line))
				out << number << ' ';
			std::cout << out.str() << std::endl;
		} catch (const std::exception &error) {
			std::cout << "error " << error.what() << std::endl;
		}
	}
	return 0;
}
