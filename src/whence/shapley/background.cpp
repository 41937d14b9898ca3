#include "whence/shapley/background.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence {
namespace {

constexpr uint32_t sample_stream = 0x42475253, start_stream = 0x4b4d4541;
constexpr int64_t starts = 10, most_steps = 300;

double distance(const double* a, const double* b, int64_t size) {
    double sum = 0;
    for (int64_t i = 0; i < size; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

struct Clustering {
    std::vector<double> centres;
    std::vector<int64_t> of_row;
    double inertia = std::numeric_limits<double>::infinity();
};

class KMeans {
  public:
    KMeans(const std::vector<double>& rows, int64_t columns, int64_t count, const Run& run)
        : x_(rows),
          rows_(static_cast<int64_t>(rows.size()) / columns),
          columns_(columns),
          count_(count),
          run_(run) {}

    Clustering best() const {
        Clustering found;
        for (int64_t start = 0; start < starts; ++start) {
            Clustering next = lloyd(start);
            if (next.inertia < found.inertia) found = std::move(next);
        }
        return found;
    }

  private:
    const double* row(int64_t r) const { return x_.data() + r * columns_; }

    // k-means++ (Arthur and Vassilvitskii 2007): the next centre with probability as its squared
    // distance to those there are.
    std::vector<double> first_centres(int64_t start) const {
        Rng rng(run_.seed, start_stream, static_cast<uint64_t>(start));
        std::vector<double> centres, gap(rows_, std::numeric_limits<double>::infinity());
        auto chosen = static_cast<int64_t>(rng.below(static_cast<uint64_t>(rows_)));
        while (true) {
            centres.insert(centres.end(), row(chosen), row(chosen) + columns_);
            if (static_cast<int64_t>(centres.size()) == count_ * columns_) return centres;
            double sum = 0;
            for (int64_t r = 0; r < rows_; ++r) {
                gap[r] = std::min(gap[r], distance(row(r), row(chosen), columns_));
                sum += gap[r];
            }
            double point = rng.uniform() * sum;
            for (chosen = 0; chosen + 1 < rows_ && (point -= gap[chosen]) >= 0;) ++chosen;
        }
    }

    Clustering lloyd(int64_t start) const {
        Clustering out{.centres = first_centres(start), .of_row = std::vector<int64_t>(rows_, -1)};
        for (int64_t step = 0; step < most_steps; ++step) {
            run_.check();
            if (!assign(out)) break;
            move(out);
        }
        return out;
    }

    bool assign(Clustering& c) const {
        bool changed = false;
        c.inertia = 0;
        for (int64_t r = 0; r < rows_; ++r) {
            double nearest = std::numeric_limits<double>::infinity();
            int64_t best = 0;
            for (int64_t k = 0; k < count_; ++k) {
                const double d = distance(row(r), c.centres.data() + k * columns_, columns_);
                if (d < nearest) nearest = d, best = k;
            }
            changed |= c.of_row[r] != best;
            c.of_row[r] = best;
            c.inertia += nearest;
        }
        return changed;
    }

    // To the mean of its rows; a centre without rows stays.
    void move(Clustering& c) const {
        std::vector<double> sums(c.centres.size()), counts(count_);
        for (int64_t r = 0; r < rows_; ++r) {
            ++counts[c.of_row[r]];
            for (int64_t j = 0; j < columns_; ++j) sums[c.of_row[r] * columns_ + j] += row(r)[j];
        }
        for (size_t i = 0; i < sums.size(); ++i) {
            const double own = counts[i / columns_];
            if (own > 0) c.centres[i] = sums[i] / own;
        }
    }

    const std::vector<double>& x_;
    int64_t rows_, columns_, count_;
    const Run& run_;
};

int64_t positive(std::string_view text, std::string_view how) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1)
        throw Error(ErrorKind::usage, fmt::format("summary '{}' needs a number of rows, at least 1",
                                                  printable(how)));
    return value;
}

}  // namespace

Background sampled(const Background& background, int64_t count, const Run& run) {
    const int64_t rows = background.rows.rows();
    if (count >= rows) return background;
    std::vector<int32_t> order(rows);
    std::iota(order.begin(), order.end(), 0);
    Rng(run.seed, sample_stream, 0).shuffle(order);
    order.resize(count);
    std::ranges::sort(order);
    Shape shape = background.rows.shape();
    shape[0] = count;
    Background out{.rows = Tensor(background.rows.type(), shape),
                   .description = background.description};
    const size_t bytes = background.rows.bytes() / static_cast<size_t>(rows);
    for (int64_t r = 0; r < count; ++r) {
        std::memcpy(out.rows.data() + r * bytes, background.rows.data() + order[r] * bytes, bytes);
        if (!background.weights.empty()) out.weights.push_back(background.weights[order[r]]);
    }
    return out;
}

Background kmeans(const Background& background, int64_t count, const Run& run) {
    const int64_t rows = background.rows.rows(), columns = background.rows.row_size();
    if (std::ranges::adjacent_find(background.weights, std::not_equal_to{}) !=
        background.weights.end())
        throw Error(ErrorKind::usage, "kmeans counts every row of the background once");
    if (count >= rows || columns == 0) return background;
    const std::vector<double> values = background.rows.to_doubles();
    if (!std::ranges::all_of(values, [](double v) { return std::isfinite(v); }))
        throw Error(ErrorKind::input,
                    "the background has missing values or infinity, of which there are no means; "
                    "use sample:K");
    Clustering found = KMeans(values, columns, count, run).best();
    std::vector<double> weights(count), kept, kept_weights;
    for (const int64_t k : found.of_row) ++weights[k];
    for (int64_t k = 0; k < count; ++k) {
        if (weights[k] == 0) continue;  // fewer different rows than centres
        kept_weights.push_back(weights[k]);
        for (int64_t j = 0; j < columns; ++j) {
            double best = values[j];
            const double centre = found.centres[k * columns + j];
            for (int64_t r = 0; r < rows; ++r)
                if (std::abs(values[r * columns + j] - centre) < std::abs(best - centre))
                    best = values[r * columns + j];
            kept.push_back(best);
        }
    }
    Shape shape = background.rows.shape();
    shape[0] = static_cast<int64_t>(kept_weights.size());
    return {Tensor::of<double>(shape, kept).cast(background.rows.type()), kept_weights,
            background.description};
}

Background summarized(const Background& background, std::string_view how, const Run& run) {
    if (how == "all") return background;
    constexpr std::string_view sample = "sample:", means = "kmeans:";
    if (how.starts_with(sample))
        return sampled(background, positive(how.substr(sample.size()), how), run);
    if (how.starts_with(means))
        return kmeans(background, positive(how.substr(means.size()), how), run);
    throw Error(ErrorKind::usage, fmt::format("summary '{}' is none of all, sample:K, kmeans:K",
                                              printable(how)));
}

}  // namespace whence
