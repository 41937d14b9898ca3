#include "whence/shapley/pairs.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <string_view>
#include <unordered_set>

#include "whence/core/rng.h"

namespace whence::shapley {
namespace {

constexpr uint32_t subset_stream = 0x4b534850, shuffle_stream = 0x4b534851;

std::vector<Stratum> all_strata(int64_t players) {
    std::vector<Stratum> strata;
    double subsets = 1;
    for (int64_t size = 1; size <= players / 2; ++size) {
        // Beyond 2^53 they are not exact, and nothing depends on that.
        subsets = std::round(subsets * static_cast<double>(players - size + 1) /
                             static_cast<double>(size));
        strata.push_back({size, 2 * size == players ? subsets / 2 : subsets});
    }
    return strata;
}

// Shares as 1 / sqrt(s (M - s)); what a small size cannot use goes to the others.
void share_out(std::vector<Stratum>& strata, int64_t players, int64_t pairs) {
    const auto want = [&](const Stratum& s) {
        return 1 / std::sqrt(static_cast<double>(s.size) * static_cast<double>(players - s.size));
    };
    std::vector<Stratum*> open;
    for (Stratum& s : strata) open.push_back(&s);
    // Those that run out first come first.
    std::ranges::stable_sort(open, {}, [&](const Stratum* s) { return s->pairs / want(*s); });
    double wanted = 0;
    for (const Stratum* s : open) wanted += want(*s);
    double left = static_cast<double>(pairs);
    for (Stratum* s : open) {
        // What this size cannot take, and the part of a pair, goes to those that follow.
        const double due = left * want(*s) / wanted;
        s->planned = static_cast<int64_t>(std::min(s->pairs, std::round(due)));
        left -= static_cast<double>(s->planned);
        wanted -= want(*s);
    }
}

class Subsets {
  public:
    Subsets(int64_t players, uint64_t seed, Plan& plan)
        : players_(players), seed_(seed), plan_(plan), row_(plan.words) {}

    void append(size_t stratum) {
        const Stratum& s = plan_.strata[stratum];
        if (s.whole())
            enumerate(s);
        else
            draw(s);
    }

  private:
    // Each pair of the middle size stands once: with the half that player 0 is in.
    [[nodiscard]] bool middle(const Stratum& s) const { return 2 * s.size == players_; }

    void put(const std::vector<int32_t>& members) {
        std::ranges::fill(row_, uint64_t{0});
        for (const int32_t j : members) row_[j / 64] |= uint64_t{1} << (j % 64);
    }

    void enumerate(const Stratum& s) {
        std::vector<int32_t> members(s.size);
        std::iota(members.begin(), members.end(), 0);
        const auto first_row = static_cast<int64_t>(plan_.bits.size()) / plan_.words;
        while (!(middle(s) && members[0] != 0)) {
            put(members);
            plan_.bits.insert(plan_.bits.end(), row_.begin(), row_.end());
            int64_t i = s.size - 1;
            while (i >= 0 && members[i] == players_ - s.size + i) --i;
            if (i < 0) break;
            ++members[i];
            for (int64_t k = i + 1; k < s.size; ++k) members[k] = members[k - 1] + 1;
        }
        shuffle(first_row, s.size);
    }

    // So that a run that is stopped has a sample of the size, not its first subsets.
    void shuffle(int64_t first_row, int64_t size) {
        const int64_t count = static_cast<int64_t>(plan_.bits.size()) / plan_.words - first_row;
        Rng rng(seed_, shuffle_stream, static_cast<uint64_t>(size));
        for (int64_t i = count - 1; i > 0; --i) {
            const auto k = static_cast<int64_t>(rng.below(static_cast<uint64_t>(i + 1)));
            std::swap_ranges(plan_.bits.begin() + (first_row + i) * plan_.words,
                             plan_.bits.begin() + (first_row + i + 1) * plan_.words,
                             plan_.bits.begin() + (first_row + k) * plan_.words);
        }
    }

    void draw(const Stratum& s) {
        std::vector<int32_t> order(players_);
        std::iota(order.begin(), order.end(), 0);
        std::unordered_set<std::string> seen;
        Rng rng(seed_, subset_stream, static_cast<uint64_t>(s.size));
        for (int64_t drawn = 0; drawn < s.planned;) {
            for (int64_t i = 0; i < s.size; ++i)
                std::swap(order[i],
                          order[i + rng.below(static_cast<uint64_t>(players_ - i))]);
            put({order.begin(), order.begin() + s.size});
            if (middle(s) && !(row_[0] & 1)) complement();
            const std::string key(reinterpret_cast<const char*>(row_.data()), row_.size() * 8);
            if (!seen.insert(key).second) continue;
            plan_.bits.insert(plan_.bits.end(), row_.begin(), row_.end());
            ++drawn;
        }
    }

    void complement() {
        for (uint64_t& word : row_) word = ~word;
        if (players_ % 64 != 0) row_.back() &= (uint64_t{1} << (players_ % 64)) - 1;
    }

    int64_t players_;
    uint64_t seed_;
    Plan& plan_;
    std::vector<uint64_t> row_;
};

// Pair k of n of a size comes at (k + 1/2) / n of the whole.
void interleave(Plan& plan) {
    struct Place {
        double when;
        int32_t stratum;
        int64_t row;
    };
    std::vector<Place> places;
    int64_t row = 0;
    for (size_t s = 0; s < plan.strata.size(); ++s) {
        const int64_t planned = plan.strata[s].planned;
        for (int64_t k = 0; k < planned; ++k, ++row)
            places.push_back({(static_cast<double>(k) + 0.5) / static_cast<double>(planned),
                              static_cast<int32_t>(s), row});
    }
    std::ranges::stable_sort(places, {}, &Place::when);
    std::vector<uint64_t> bits;
    bits.reserve(plan.bits.size());
    for (const Place& place : places) {
        plan.stratum.push_back(place.stratum);
        bits.insert(bits.end(), plan.row(place.row), plan.row(place.row + 1));
    }
    plan.bits = std::move(bits);
}

}  // namespace

double all_pairs(int64_t players) { return std::ldexp(1.0, static_cast<int>(std::min<int64_t>(players - 1, 1000))) - 1; }

Plan plan_pairs(int64_t players, int64_t pairs, uint64_t seed) {
    Plan plan{.strata = all_strata(players), .words = (players + 63) / 64};
    share_out(plan.strata, players, pairs);
    Subsets subsets(players, seed, plan);
    for (size_t s = 0; s < plan.strata.size(); ++s) subsets.append(s);
    interleave(plan);
    return plan;
}

}  // namespace whence::shapley
