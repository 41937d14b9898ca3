#pragma once
// A box of a space: for each variable those of its choices that are left.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "whence/trees/search/space.h"

namespace whence::trees {

/// The words of a box, laid out as Space::places() says.
using Box = std::vector<uint32_t>;

/// Every choice of every variable.
[[nodiscard]] Box whole(const Space& space);
/// Leaves only these choices of a variable: one mark for each. Of an interval the numbers left must
/// be neighbours.
void keep(const Space& space, int64_t variable, std::span<const uint8_t> marks, Box& box);
[[nodiscard]] bool holds(const Space& space, int64_t variable, int32_t choice,
                         std::span<const uint32_t> box);

inline bool goes_left(const Space& space, const Space::Split& split, int32_t choice) {
    if (split.set >= 0)
        return (space.sets()[static_cast<size_t>(split.set + choice / 32)] >> (choice % 32)) & 1U;
    const Space::Place& place = space.places()[static_cast<size_t>(split.variable)];
    return choice >= place.numbers ? split.missing_left : choice < split.cut;
}

/// A box that is narrowed and widened again: what a walk down a tree needs.
class Walker {
  public:
    explicit Walker(const Space& space) : space_(space), costs_(space.costs().data()) {}

    /// Every choice costs nothing from here on (or what the space says).
    void ignore_costs(bool ignore);

    void start(std::span<const uint32_t> box) {
        box_.assign(box.begin(), box.end());
        log_.clear();
    }
    [[nodiscard]] const Box& box() const { return box_; }

    /// Whether any choice left goes this way.
    [[nodiscard]] bool open(const Space::Split& split, bool left) const {
        const Space::Place& place = space_.places()[static_cast<size_t>(split.variable)];
        const uint32_t* words = box_.data() + place.at;
        if (place.interval) {
            if (words[2] != 0 && split.missing_left == left) return true;
            if (number(words[0]) > number(words[1])) return false;
            return left ? number(words[0]) < split.cut : number(words[1]) >= split.cut;
        }
        const uint32_t* set = space_.sets().data() + split.set;
        for (int32_t i = 0; i < place.words; ++i)
            if (words[i] & (left ? set[i] : ~set[i])) return true;
        return false;
    }
    /// Leaves only those that do.
    void narrow(const Space::Split& split, bool left) {
        const Space::Place& place = space_.places()[static_cast<size_t>(split.variable)];
        uint32_t* words = box_.data() + place.at;
        for (int32_t i = 0; i < place.words; ++i) log_.push_back(words[i]);
        log_.push_back(static_cast<uint32_t>(split.variable));
        if (place.interval) {
            if (left)
                words[1] = static_cast<uint32_t>(std::min(number(words[1]), split.cut - 1));
            else
                words[0] = static_cast<uint32_t>(std::max(number(words[0]), split.cut));
            words[2] &= split.missing_left == left ? 1U : 0U;
            return;
        }
        const uint32_t* set = space_.sets().data() + split.set;
        for (int32_t i = 0; i < place.words; ++i) words[i] &= left ? set[i] : ~set[i];
    }
    [[nodiscard]] size_t mark() const { return log_.size(); }
    /// Undoes what was narrowed since.
    void back_to(size_t mark) {
        while (log_.size() > mark) {
            const Space::Place& place = space_.places()[log_.back()];
            log_.pop_back();
            for (int32_t i = place.words; i-- > 0;) {
                box_[static_cast<size_t>(place.at + i)] = log_.back();
                log_.pop_back();
            }
        }
    }

    /// The cheapest choice left of a variable.
    [[nodiscard]] int32_t cheapest(int32_t variable) const {
        const Space::Place& place = space_.places()[static_cast<size_t>(variable)];
        const uint32_t* words = box_.data() + place.at;
        if (!place.interval) {  // they are sorted by cost
            for (int32_t i = 0;; ++i)
                if (words[i]) return 32 * i + std::countr_zero(words[i]);
        }
        if (number(words[0]) > number(words[1])) return place.numbers;
        const int32_t nearest = std::clamp(place.home, number(words[0]), number(words[1]));
        if (words[2] != 0 && costs_[place.cost + place.numbers] < costs_[place.cost + nearest])
            return place.numbers;
        return nearest;
    }
    [[nodiscard]] double least(int32_t variable) const {
        return costs_[space_.places()[static_cast<size_t>(variable)].cost + cheapest(variable)];
    }
    /// The cost of the cheapest choices together.
    [[nodiscard]] double least() const;

  private:
    static int32_t number(uint32_t word) { return static_cast<int32_t>(word); }

    const Space& space_;
    const double* costs_;
    std::vector<double> none_;
    Box box_;
    std::vector<uint32_t> log_;
};

}  // namespace whence::trees
