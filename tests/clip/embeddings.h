#pragma once
// Directions for tests: random ones, and stores of clusters like those of a real model.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "whence/clip/counterfactual.h"
#include "whence/core/rng.h"
#include "whence/core/tensor.h"

namespace whence::clip::testing {

using Vector = std::vector<double>;

inline double dot(std::span<const double> a, std::span<const double> b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

inline Vector scaled(Vector v, double factor) {
    for (double& x : v) x *= factor;
    return v;
}

inline Vector plus(Vector a, std::span<const double> b, double factor = 1) {
    for (size_t i = 0; i < a.size(); ++i) a[i] += factor * b[i];
    return a;
}

inline Vector unit(Vector v) {
    return scaled(v, 1 / std::sqrt(dot(v, v)));
}

inline Vector random_unit(Rng& rng, size_t width) {
    Vector v(width);
    for (double& x : v) x = rng.normal();
    return unit(v);
}

inline Tensor rows_of(const std::vector<Vector>& rows) {
    Vector all;
    for (const Vector& row : rows) all.insert(all.end(), row.begin(), row.end());
    return Tensor::of<double>(
        {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())}, all);
}

/// Texts about `spread` around a common direction, as those of a real model are.
inline std::vector<Vector> random_texts(Rng& rng, size_t count, size_t width, double spread = 1) {
    const Vector common = random_unit(rng, width);
    std::vector<Vector> texts;
    for (size_t i = 0; i < count; ++i)
        texts.push_back(unit(plus(common, random_unit(rng, width), spread)));
    return texts;
}

/// float32 rows of length 1 in memory: what a store holds.
struct Rows {
    std::vector<std::vector<float>> rows;

    void add(const Vector& v) {
        const Vector u = unit(v);
        rows.emplace_back(u.begin(), u.end());
    }
    [[nodiscard]] Vector at(size_t id) const { return unit({rows[id].begin(), rows[id].end()}); }
    [[nodiscard]] float similarity(std::span<const float> query, size_t id) const {
        return std::inner_product(query.begin(), query.end(), rows[id].begin(), 0.0F);
    }
    [[nodiscard]] std::vector<Collection::Neighbour> nearest(std::span<const float> query,
                                                             int64_t count,
                                                             std::vector<int64_t> among) const {
        std::vector<Collection::Neighbour> all;
        for (const int64_t id : among)
            all.push_back({id, similarity(query, static_cast<size_t>(id))});
        std::ranges::sort(all, [](const auto& a, const auto& b) {
            return a.similarity != b.similarity ? a.similarity > b.similarity : a.id < b.id;
        });
        all.resize(std::min<size_t>(all.size(), static_cast<size_t>(count)));
        return all;
    }
    /// Asked by a full scan. The rows must outlive it.
    [[nodiscard]] Collection exact() const {
        return {.size = static_cast<int64_t>(rows.size()),
                .exact = true,
                .nearest =
                    [this](std::span<const float> query, int64_t count) {
                        std::vector<int64_t> all(rows.size());
                        std::iota(all.begin(), all.end(), 0);
                        return nearest(query, count, all);
                    },
                .embedding =
                    [this](int64_t id) {
                        return std::span<const float>(rows[static_cast<size_t>(id)]);
                    }};
    }
};

/// `clusters` centres around a common direction (real embeddings fill a cone), rows around them;
/// row i belongs to cluster i % clusters.
struct Clusters {
    Rows rows;
    std::vector<Vector> centres;

    Clusters(Rng& rng, size_t count, size_t clusters, size_t width, double spread = 0.6) {
        centres = random_texts(rng, clusters, width, 1.0);
        for (size_t i = 0; i < count; ++i)
            rows.add(plus(centres[i % clusters], random_unit(rng, width), spread));
    }
    /// Looks only into the `probed` clusters whose centres are nearest to the query: an inverted
    /// file.
    [[nodiscard]] Collection approximate(size_t probed) const {
        Collection collection = rows.exact();
        collection.exact = false;
        collection.nearest = [this, probed](std::span<const float> query, int64_t count) {
            const Vector q(query.begin(), query.end());
            std::vector<size_t> order(centres.size());
            std::iota(order.begin(), order.end(), 0);
            std::ranges::sort(order, std::greater{}, [&](size_t i) { return dot(q, centres[i]); });
            std::vector<int64_t> among;
            for (size_t i = 0; i < std::min(probed, order.size()); ++i)
                for (size_t id = order[i]; id < rows.rows.size(); id += centres.size())
                    among.push_back(static_cast<int64_t>(id));
            return rows.nearest(query, count, among);
        };
        return collection;
    }
};

}  // namespace whence::clip::testing
