#pragma once
// The finite space that a search walks: variables with the values they may take, and the trees cut
// down to what those values can reach.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/trees/ensemble.h"
#include "whence/trees/search/goal.h"

namespace whence::trees {

/// A value that a variable may take.
struct Choice {
    std::vector<double> values;  ///< of the variable's columns
    double cost = 0;             ///< finite, at least 0
};

/// Columns that change together (mostly one). Of numbers choices rise, and one that trees read as
/// missing, if any, is the last.
struct Variable {
    std::vector<int64_t> columns;
    std::vector<Choice> choices;  ///< at least one
};

/// Choices of a set are sorted by their cost, so that variable() may have them in another order
/// than they were given.
class Space {
  public:
    /// Where a split sends the choices of its variable. Of an interval: those numbered below `cut`
    /// go left, and the missing one where `missing_left`. Else a set: bits of those that go left.
    struct Split {
        int32_t variable;
        int32_t cut;
        bool missing_left;
        int32_t set;  ///< first word in sets(); -1: an interval
    };
    /// What is left of a node. A leaf has split -1, and `leaf` is where its values begin.
    struct Node {
        int32_t split = -1, left = -1, right = -1, parent = -1;
        int64_t leaf = -1;
    };
    /// Where a variable's part of a box lies. An interval has three words: first and last number,
    /// and whether the missing one is there; a set one bit for each choice.
    struct Place {
        int32_t at, words;
        bool interval;
        int32_t home;     ///< of an interval: the cheapest number; costs rise on both sides of it
        int32_t numbers;  ///< of an interval: choices without the missing one
        int64_t cost;     ///< where its costs begin in costs()
    };
    struct Root {
        int32_t node;
        int32_t width, output;
    };

    /// `row`: values of the columns that no variable has. Throws Error(limit) for a space too large
    /// to number.
    Space(const Ensemble& ensemble, std::span<const double> row, std::vector<Variable> variables);

    [[nodiscard]] int64_t variables() const { return static_cast<int64_t>(variables_.size()); }
    [[nodiscard]] const Variable& variable(int64_t v) const {
        return variables_[static_cast<size_t>(v)];
    }
    /// The row with these choices (one for each variable).
    [[nodiscard]] std::vector<double> row(std::span<const int32_t> choices) const;

    [[nodiscard]] const std::vector<Root>& roots() const { return roots_; }
    [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
    [[nodiscard]] const std::vector<Split>& splits() const { return splits_; }
    [[nodiscard]] const std::vector<uint32_t>& sets() const { return sets_; }
    [[nodiscard]] const std::vector<Place>& places() const { return places_; }
    [[nodiscard]] const std::vector<double>& costs() const { return costs_; }
    [[nodiscard]] int32_t words() const { return words_; }

    /// What a leaf of a tree adds to a form, before the division.
    [[nodiscard]] double weight(const Root& root, const Node& leaf, const Form& form) const {
        const double* values = values_.data() + leaf.leaf;
        if (root.width > 1)
            return (form.plus < 0 ? 0 : values[form.plus]) -
                   (form.minus < 0 ? 0 : values[form.minus]);
        return (root.output == form.plus ? values[0] : 0) -
               (root.output == form.minus ? values[0] : 0);
    }
    /// The base scores' part of a form.
    [[nodiscard]] double base(const Form& form) const;
    [[nodiscard]] double divisor() const { return divisor_; }
    /// A bound on the rounding of sums of margins, however they are added.
    [[nodiscard]] double slack() const { return slack_; }

  private:
    friend class SpaceBuilder;

    std::vector<Variable> variables_;
    std::vector<double> row_, base_, values_, costs_;
    std::vector<Root> roots_;
    std::vector<Node> nodes_;
    std::vector<Split> splits_;
    std::vector<uint32_t> sets_;
    std::vector<Place> places_;
    int32_t words_ = 0;
    double divisor_ = 1, slack_ = 0;
};

}  // namespace whence::trees
