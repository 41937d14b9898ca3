// Metrics of all explanations together: alike within a class, different between classes.

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>

#include "whence/core/error.h"
#include "whence/evaluate/metric_rows.h"
#include "whence/metrics/consistency.h"

namespace whence::evaluate {
namespace {

using metrics::ClassPairs;
using recipe::OptionValues;

// Distances of all pairs of explained samples, once; any resample reads them.
struct Distances {
    std::vector<int64_t> place;  // of each sample among those explained; -1: not explained
    std::vector<int64_t> labels;
    std::vector<double> apart;  // [n, n]
    int64_t n = 0;
    [[nodiscard]] double at(int64_t i, int64_t j) const { return apart[i * n + j]; }
};

std::shared_ptr<const Distances> distances_of(const DataSet& data, const OptionValues& o,
                                              const Run& run) {
    auto out = std::make_shared<Distances>();
    out->place.assign(data.values.size(), -1);
    std::vector<double> rows;
    size_t width = 0;
    for (size_t i = 0; i < data.values.size(); ++i) {
        if (data.values[i].empty()) continue;
        if (out->n > 0 && data.values[i].size() != width)
            throw Error(ErrorKind::unsupported,
                        "it compares explanations value by value, and inputs here differ in "
                        "how many they have");
        width = data.values[i].size();
        out->place[i] = out->n++;
        out->labels.push_back(data.labels[i]);
        rows.insert(rows.end(), data.values[i].begin(), data.values[i].end());
    }
    const std::vector<double> pairs = metrics::pair_distances(
        {rows.data(), out->n, static_cast<int64_t>(width)},
        metrics::parse_distance(o.get<std::string>("distance")),
        metrics::parse_normalisation(o.get<std::string>("normalisation")), run);
    out->apart.assign(out->n * out->n, 0.0);
    size_t next = 0;
    for (int64_t i = 0; i < out->n; ++i)
        for (int64_t j = i + 1; j < out->n; ++j)
            out->apart[i * out->n + j] = out->apart[j * out->n + i] = pairs[next++];
    return out;
}

// A sample drawn twice makes no pair with itself: its distance of 0 says nothing.
ClassPairs pairs_of(const Distances& d, std::span<const int64_t> samples) {
    ClassPairs pairs;
    std::map<int64_t, std::vector<double>> within;
    for (size_t a = 0; a < samples.size(); ++a) {
        const int64_t i = d.place[samples[a]];
        if (i < 0) continue;
        for (size_t b = a + 1; b < samples.size(); ++b) {
            const int64_t j = d.place[samples[b]];
            if (j < 0 || j == i) continue;
            const double apart = d.at(i, j);
            if (std::isnan(apart))
                ++pairs.skipped;
            else if (d.labels[i] == d.labels[j])
                within[d.labels[i]].push_back(apart);
            else
                pairs.different.push_back(apart);
        }
    }
    for (const auto& [which, distances] : within) {
        pairs.same.insert(pairs.same.end(), distances.begin(), distances.end());
        pairs.of_class.push_back(std::ssize(distances));
    }
    return pairs;
}

metrics::MegeScale parse_scale(const std::string& text) {
    using enum metrics::MegeScale;
    for (const auto scale : {largest_class, largest_pair, absolute})
        if (metrics::name(scale) == text) return scale;
    throw Error(ErrorKind::usage, "no scale '" + printable(text) +
                                      "' of mege; choose largest-class, largest-pair or absolute");
}

Statistic mege(const DataSet& data, const OptionValues& o, const Run& run) {
    return [distances = distances_of(data, o, run),
            scale = parse_scale(o.get<std::string>("scale"))](std::span<const int64_t> samples) {
        const ClassPairs pairs = pairs_of(*distances, samples);
        return pairs.same.empty() ? std::nan("") : metrics::mege(pairs, scale);
    };
}

Statistic reco(const DataSet& data, const OptionValues& o, const Run& run) {
    return [distances = distances_of(data, o, run)](std::span<const int64_t> samples) {
        const ClassPairs pairs = pairs_of(*distances, samples);
        return pairs.same.empty() || pairs.different.empty() ? std::nan("")
                                                             : metrics::reco(pairs).value;
    };
}

std::vector<recipe::OptionSpec> distance_options() {
    return {{{"distance", std::string("mean-absolute")},
             "mean-absolute, euclidean, cosine, pearson, spearman or unsigned-spearman"},
            {{"normalisation", std::string("largest")},
             "largest: each explanation is divided by its largest |value| before; or none"}};
}

}  // namespace

std::vector<MetricSpec> consistency_rows() {
    constexpr Elsewhere several =
        "it compares models trained on parts of the data, and here is one: the C++ library has it";
    std::vector<recipe::OptionSpec> of_mege = distance_options();
    of_mege.push_back({{"scale", std::string("largest-class")},
                       "what is measured against: largest-class, largest-pair or absolute"});
    return {
        {.name = "mege",
         .options = std::move(of_mege),
         .score = mege,
         .by_default = Default::always},
        {.name = "reco",
         .options = distance_options(),
         .score = reco,
         .by_default = Default::always},
        {.name = "fold-mege", .options = {}, .score = several},
        {.name = "fold-reco", .options = {}, .score = several},
    };
}

}  // namespace whence::evaluate
