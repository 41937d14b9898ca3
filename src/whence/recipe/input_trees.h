#pragma once
// The trees that a subject holds, as trees of its own columns.

#include "whence/recipe/held_trees.h"

namespace whence::recipe {

/// The ensemble of HeldTrees over the columns of the table, whatever encodes them: a split on what
/// an encoder makes of a column becomes splits on that column that send every value the same way.
/// So what is found by searching trees (counterfactuals, rules) is told of the file's inputs, and
/// nothing is searched that no input leads to.
///
/// Of a category each is encoded once, which is exact for any encoder. Of a number a scaler's
/// threshold is found by bisection on doubles, asking the encoder itself, so that its own rounding
/// is part of it; a one-hot column becomes the intervals that are read as its category, for which
/// the subtree of the others stands twice. Cost: 64 rounds of the encoder for all different
/// thresholds together.
class InputTrees {
  public:
    /// `row` [1, columns]: one that the encoder takes. Throws Error(unsupported), naming the node,
    /// for a number that an operator encodes of which it is not known that it keeps order;
    /// Error(limit) where the splits become too many.
    InputTrees(std::shared_ptr<const HeldTrees> held, const Tensor& row, const Run& run);

    /// Two outputs where the file has two classes and no link: shares of both.
    [[nodiscard]] const trees::EnsembleModel& model() const { return *model_; }
    /// Columns whose values the file reads as whole numbers, by column.
    [[nodiscard]] const std::vector<uint8_t>& whole() const { return whole_; }
    /// Throws Error(unsupported) where the file answers `rows` otherwise than these trees do;
    /// Error(input) where it does not take them.
    void require_same(const Tensor& rows, const Run& run) const;

  private:
    std::shared_ptr<const HeldTrees> held_;
    std::shared_ptr<const trees::EnsembleModel> own_;
    const trees::EnsembleModel* model_;
    std::vector<uint8_t> whole_;
};

/// Made once for each schema.
[[nodiscard]] std::shared_ptr<const InputTrees> kept_input_trees(const Subject& subject,
                                                                 const Schema& schema,
                                                                 const Tensor& row, const Run& run);

}  // namespace whence::recipe
