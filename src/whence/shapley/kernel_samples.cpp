#include "whence/shapley/kernel_samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <unordered_map>

#include "whence/core/rng.h"

namespace whence::shapley {
namespace {

constexpr uint32_t size_stream = 0x434b5348, subset_stream = 0x434b5349;

std::vector<uint8_t> complement(std::vector<uint8_t> mask) {
    for (uint8_t& bit : mask) bit = !bit;
    return mask;
}

class Scheme {
  public:
    Scheme(int64_t players, int64_t budget)
        : players_(players), budget_(budget), sizes_(players / 2), paired_((players - 1) / 2) {
        for (int64_t size = 1; size <= sizes_; ++size)
            weight_.push_back(static_cast<double>(players - 1) /
                              static_cast<double>(size * (players - size)) *
                              (size <= paired_ ? 2 : 1));
        const double sum = std::accumulate(weight_.begin(), weight_.end(), 0.0);
        for (double& weight : weight_) weight /= sum;
    }

    KernelSamples draw(uint64_t seed) const {
        KernelSamples samples;
        const int64_t full = enumerate(samples);
        samples.whole = full == sizes_;
        if (!samples.whole) fill_up(full, seed, samples);
        return samples;
    }

  private:
    // All subsets of the sizes that fit; how many sizes they are.
    int64_t enumerate(KernelSamples& samples) const {
        std::vector<double> left_weight = weight_;
        double left = static_cast<double>(budget_), subsets = 1;
        for (int64_t size = 1; size <= sizes_; ++size) {
            subsets = std::round(subsets * static_cast<double>(players_ - size + 1) /
                                 static_cast<double>(size));
            const double count = subsets * (size <= paired_ ? 2 : 1);
            const double share = left_weight[size - 1];
            if (left * share / count < 1 - 1e-8) return size - 1;
            left -= count;
            if (share < 1)
                for (double& weight : left_weight) weight /= 1 - share;
            add_all(size, weight_[size - 1] / count, samples);
        }
        return sizes_;
    }

    void add_all(int64_t size, double weight, KernelSamples& samples) const {
        std::vector<uint8_t> mask(players_, 0);
        std::fill_n(mask.begin(), size, uint8_t{1});
        do {
            samples.add(mask, weight);
            if (size <= paired_) samples.add(complement(mask), weight);
        } while (std::ranges::prev_permutation(mask).found);
    }

    void fill_up(int64_t full, uint64_t seed, KernelSamples& samples) const {
        std::vector<double> chance;
        double sum = 0;
        for (int64_t size = full + 1; size <= sizes_; ++size) {
            sum += weight_[size - 1] / (size <= paired_ ? 2 : 1);
            chance.push_back(sum);
        }
        const size_t fixed = samples.masks.size();
        int64_t left = budget_ - static_cast<int64_t>(fixed);
        std::unordered_map<std::string, size_t> used;
        Rng sizes(seed, size_stream, 0), subsets(seed, subset_stream, 0);
        std::vector<int32_t> order(players_);
        std::iota(order.begin(), order.end(), 0);
        for (int64_t draws = 4 * left; left > 0 && draws > 0; --draws) {
            const double u = sizes.uniform() * sum;
            const auto place =
                std::min<int64_t>(std::ranges::upper_bound(chance, u) - chance.begin(),
                                  static_cast<int64_t>(chance.size()) - 1);
            const int64_t size = full + 1 + place;
            subsets.shuffle(order);
            std::vector<uint8_t> mask(players_, 0);
            for (int64_t i = 0; i < size; ++i) mask[order[i]] = 1;
            const auto [at, fresh] =
                used.emplace(std::string(mask.begin(), mask.end()), samples.masks.size());
            if (fresh) {
                samples.add(mask, 1);
                --left;
                if (left > 0 && size <= paired_) {
                    samples.add(complement(mask), 1);
                    --left;
                }
                continue;
            }
            samples.weights[at->second] += 1;
            if (left > 0 && size <= paired_) samples.weights[at->second + 1] += 1;
        }
        const double mass = std::accumulate(weight_.begin() + full, weight_.end(), 0.0);
        const double drawn = std::accumulate(samples.weights.begin() + static_cast<int64_t>(fixed),
                                             samples.weights.end(), 0.0);
        for (size_t i = fixed; i < samples.weights.size(); ++i) samples.weights[i] *= mass / drawn;
    }

    int64_t players_, budget_, sizes_, paired_;
    std::vector<double> weight_;
};

}  // namespace

int64_t compatible_budget(int64_t players, int64_t wanted) {
    const int64_t budget = wanted > 0 ? wanted : 2 * players + 2048;
    return players <= 30 ? std::min(budget, (int64_t{1} << players) - 2) : budget;
}

KernelSamples compatible_samples(int64_t players, int64_t budget, uint64_t seed) {
    return Scheme(players, budget).draw(seed);
}

}  // namespace whence::shapley
