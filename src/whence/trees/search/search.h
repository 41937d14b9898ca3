#pragma once
// Branch and bound over the boxes of a space: the cheapest point that meets a goal, with proof.
//
// A box is a set of choices for each variable. In a box a tree reaches some leaves; leaf l costs at
// least c(l), the sum over variables of the cheapest choice left in the box that leads to l. A
// point of cost r has no leaf with c(l) > r in any tree, so a form's value is there at most
//     U(r) = base + sum over trees of max { w(l) : c(l) <= r },
// and the least r with U(r) >= need bounds the cost of all of the box's points from below. Boxes
// are taken from the lowest bound on (best-first, as A*) and cut in two where the leaves that make
// up U(r) part from those of the box's cheapest point. Bounding by the best compatible leaf of each
// tree: Chen, Zhang, Si, Li, Boning, Hsieh 2019, "Robustness verification of tree-based models";
// best-first over boxes: Devos, Meert, Davis 2021, "Versatile verification of tree ensembles". The
// bound by radius is ours.
//
// Cost: one walk over the leaves that a box reaches for each box. Exponential in the worst case:
// the problem is NP-hard (Kantchelian, Tygar, Joseph 2016).

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "whence/core/run.h"
#include "whence/trees/search/box.h"

namespace whence::trees {

/// What the model itself says of a row: whether it is what is looked for.
using Accepts = std::function<bool(std::span<const double> row)>;

struct SearchLimits {
    int64_t boxes = 1000000;           ///< that may be bounded
    int64_t bytes = int64_t{1} << 30;  ///< of boxes that wait
};

struct Point {
    std::vector<int32_t> choices;  ///< one for each variable
    double cost = 0;
};

struct Found {
    std::optional<Point> point;    ///< the cheapest that was accepted
    std::optional<Point> closest;  ///< where none was: the one that misses the goal by least
    /// No accepted point of the box costs less; infinity: proven that there is none. The point's
    /// own cost where it is proven to be the cheapest.
    double lower_bound = 0;
    bool complete = false;  ///< nothing was left out for want of boxes, memory or time
    int64_t boxes = 0;      ///< that were bounded
};

class Search {
  public:
    /// All must outlive it. `accepts` must hold only where `goal` does within rounding.
    Search(const Space& space, const Goal& goal, Accepts accepts);
    ~Search();
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    /// Any point of the box that is accepted, without regard to cost: lower_bound is infinity where
    /// there is none, else 0. Throws Error(interrupted) where `run` demands it; past its deadline
    /// it ends.
    [[nodiscard]] Found any(const Box& box, const SearchLimits& limits, const Run& run);
    /// The cheapest one.
    [[nodiscard]] Found cheapest(const Box& box, const SearchLimits& limits, const Run& run);

  private:
    class Bounds;
    class Queue;
    [[nodiscard]] Found look(const Box& box, bool first_only, Found found,
                             const SearchLimits& limits, const Run& run);
    [[nodiscard]] bool accepts(std::span<const int32_t> choices);
    void polish(const Box& box, Point& point);

    const Space& space_;
    const Goal& goal_;
    Accepts accepts_;
    std::unique_ptr<Bounds> bounds_;
};

}  // namespace whence::trees
