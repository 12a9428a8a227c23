/* SPDX-License-Identifier: MIT */
/* The sets that the index is measured on: rows and queries as float32, row-major and packed. */
#ifndef VEXFS_BENCH_INDEX_ROWS_H
#define VEXFS_BENCH_INDEX_ROWS_H

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Rows {
	size_t dims = 0;
	std::vector<float> base, queries;

	size_t count() const { return base.size() / dims; }
	size_t query_count() const { return queries.size() / dims; }
	const float *row(size_t i) const { return &base[i * dims]; }
	const float *query(size_t i) const { return &queries[i * dims]; }
};

/* splitmix64: the same rows on every machine, whatever its C++ library. */
class Random {
    public:
	explicit Random(uint64_t seed) : state(seed) {}

	uint64_t next()
	{
		uint64_t x = state += 0x9e3779b97f4a7c15u;

		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		x = (x ^ x >> 27) * 0x94d049bb133111ebu;
		return x ^ x >> 31;
	}

	size_t below(size_t n) { return next() % n; }

	/* In [0, 1). */
	float uniform() { return (float)(next() >> 40) * 0x1p-24f; }

	/* Nearly normal, mean 0, variance 1: a sum of twelve uniform numbers, which needs no libm. */
	float normal()
	{
		float sum = -6;

		for (int i = 0; i < 12; i++)
			sum += uniform();
		return sum;
	}

    private:
	uint64_t state;
};

/* The first `most` rows of a two-dimensional uint8 .npy file (numpy.lib.format, version 1.0), appended to `out`. */
inline size_t read_npy(const std::string &path, size_t most, std::vector<float> &out)
{
	std::ifstream file(path, std::ios::binary);
	char start[10];
	size_t rows, columns;

	if (!file.read(start, sizeof(start)) || memcmp(start, "\x93NUMPY\x01", 7) != 0)
		throw std::runtime_error(path + ": not a .npy file of version 1");
	std::string header((unsigned char)start[8] + ((unsigned char)start[9] << 8), '\0');
	if (!file.read(&header[0], (std::streamsize)header.size()))
		throw std::runtime_error(path + ": the header is cut off");
	size_t shape = header.find("'shape': (");
	if (header.find("'|u1'") == std::string::npos || shape == std::string::npos ||
	    sscanf(header.c_str() + shape, "'shape': (%zu, %zu)", &rows, &columns) != 2)
		throw std::runtime_error(path + ": not a matrix of uint8");
	if (rows > most)
		rows = most;
	std::vector<uint8_t> bytes(rows * columns);
	if (!file.read((char *)bytes.data(), (std::streamsize)bytes.size()))
		throw std::runtime_error(path + ": the rows are cut off");
	out.insert(out.end(), bytes.begin(), bytes.end());
	return columns;
}

/* How make_clustered() lays its rows out. */
struct Clusters {
	size_t dims, rows, queries;
	/* Dimensions in which rows really differ, and groups that they fall into. */
	size_t latent, clusters;
	/* Standard deviation within a middling group, where group centres have 1; and of noise in every dimension. */
	float spread, noise;
	uint64_t seed;
};

/*
 * Rows as embeddings are: groups of unequal size and density in a space of few latent dimensions, some of which carry more than
 * others, turned into `dims` by a random linear map, plus a little noise everywhere. Queries are drawn alike.
 */
inline Rows make_clustered(const Clusters &c)
{
	Random random(c.seed);
	std::vector<float> map(c.latent * c.dims), centres(c.clusters * c.latent), spreads(c.clusters), point(c.latent);
	Rows set;

	set.dims = c.dims;
	for (float &value : map)
		value = random.normal();
	for (float &value : centres)
		value = random.normal();
	for (float &value : spreads)
		value = c.spread * (0.5f + 1.5f * random.uniform());
	auto draw = [&](size_t n, std::vector<float> &out) {
		out.resize(n * c.dims);
		for (size_t i = 0; i < n; i++) {
			float *row = &out[i * c.dims];
			float share = random.uniform();
			/* The square favours low numbers: some groups are many times as large as others. */
			size_t cluster = (size_t)(share * share * (float)c.clusters);

			for (size_t j = 0; j < c.latent; j++)
				point[j] = (centres[cluster * c.latent + j] + spreads[cluster] * random.normal()) *
					   (2.0f - 1.5f * (float)j / (float)c.latent);
			for (size_t d = 0; d < c.dims; d++)
				row[d] = c.noise * random.normal();
			for (size_t j = 0; j < c.latent; j++)
				for (size_t d = 0; d < c.dims; d++)
					row[d] += point[j] * map[j * c.dims + d];
		}
	};
	draw(c.rows, set.base);
	draw(c.queries, set.queries);
	return set;
}

/* Divides each row by its length: what an inner product needs to be a cosine. Zero rows stay. */
inline std::vector<float> unit_rows(const std::vector<float> &rows, size_t dims)
{
	std::vector<float> out(rows);

	for (size_t i = 0; i < out.size(); i += dims) {
		double sum = 0;

		for (size_t d = 0; d < dims; d++)
			sum += (double)out[i + d] * out[i + d];
		for (size_t d = 0; sum > 0 && d < dims; d++)
			out[i + d] = (float)(out[i + d] / std::sqrt(sum));
	}
	return out;
}

#endif
