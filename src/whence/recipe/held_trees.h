#pragma once
// The trees that a subject holds, whatever stands in front of them.

#include <memory>
#include <utility>
#include <vector>

#include "whence/recipe/encoding.h"
#include "whence/recipe/input.h"

namespace whence::recipe {

/// A tree ensemble, and how a row of the subject becomes one of its own. A file of XGBoost,
/// LightGBM or CatBoost is the ensemble itself. An ONNX file holds it as a node, behind whatever
/// encodes its inputs; that part of the graph is run as it is. Columns that are made of the same
/// input are then one player of the ensemble (EnsembleParts::players), so that values are those of
/// the inputs.
class HeldTrees {
  public:
    /// Of rows with these columns. Throws Error(usage) for a model without trees; Error(input) for
    /// columns that the model does not read; Error(unsupported), naming the node, for more
    /// than one ensemble, for a column that is made of several inputs, for what follows the trees
    /// and is no link, and for what ensemble_of refuses.
    HeldTrees(const Subject& subject, Schema schema);

    [[nodiscard]] const trees::EnsembleModel& model() const { return *model_; }
    /// Whether the subject's rows are other than the ensemble's.
    [[nodiscard]] bool encodes() const { return encoder_ != nullptr; }
    /// How many scores the answer has: 2 also of an ensemble that has the second of two classes
    /// alone.
    [[nodiscard]] int64_t classes() const { return classes_; }
    /// Rows [n, columns] of the subject as those of the ensemble, float64 [n, features]. Of an ONNX
    /// file the answers of its tree node are compared with the ensemble's, as require_same.
    [[nodiscard]] Tensor encoded(const Tensor& rows, const Run& run) const;
    /// The same, compared with nothing: also of rows that nobody has.
    [[nodiscard]] Tensor columns_of(const Tensor& rows, const Run& run) const;
    /// Throws Error(unsupported) where `scores` of the tree node differ from what the ensemble
    /// makes of these rows by more than rounding in float32.
    void require_same(const Tensor& columns, const Tensor& scores, const Run& run) const;
    /// For each column of the subject the feature of the ensemble under whose number its values
    /// stand; -1 where no split depends on it.
    [[nodiscard]] const std::vector<int64_t>& feature_of_column() const { return places_; }
    /// For each feature of the ensemble the column of the subject it is made of; -1 where no split
    /// depends on it or it is made of none.
    [[nodiscard]] const std::vector<int64_t>& column_of_feature() const { return columns_; }
    [[nodiscard]] const Schema& schema() const { return schema_; }
    /// Of an ONNX file what is done to each column of the subject before the trees read it.
    [[nodiscard]] const std::vector<Encoding>& encodings() const { return encodings_; }
    /// Whether an ONNX file reads the column as whole numbers, and the least and greatest number
    /// that the column may hold and all operators on its way take.
    [[nodiscard]] bool reads_whole(int64_t column) const;
    [[nodiscard]] std::pair<double, double> range_of(int64_t column) const;
    /// A target of the subject as the ensemble knows it. An ONNX file's outputs are named after the
    /// ensemble's. Forests that add up to probabilities are told in that scale as they are; throws
    /// Error(unsupported) for scales that no link of the trees leads to.
    [[nodiscard]] Target target_of(Target target, const Subject& subject) const;
    /// Whether the trees answer with classes: probabilities, or sums that are such.
    [[nodiscard]] bool tells_classes() const;
    /// Operators of an ONNX file that make other numbers of the trees' answers; empty: none do.
    [[nodiscard]] const std::string& changed_by() const { return changed_by_; }
    /// What an explanation should say of all this; nothing for a file of an ensemble.
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  private:
    void hold(const OnnxModel& onnx);

    Schema schema_;
    std::shared_ptr<const trees::EnsembleModel> own_;  // of an ONNX file
    const trees::EnsembleModel* model_ = nullptr;
    std::shared_ptr<const OnnxModel> encoder_;  // to the node's columns and its scores
    double slack_ = 0;                          // of scores, for rounding
    int64_t classes_ = 1;
    std::string behind_;  // operators between the trees and the model's answer
    std::string changed_by_;  // those of them that change numbers
    std::vector<int64_t> places_, columns_;
    std::vector<Encoding> encodings_;  // by column of the subject
    std::vector<ElementType> types_;   // the same, of the input
    std::vector<std::string> notes_;
};

/// Whether it is an ensemble, or an ONNX file with a tree node or several.
[[nodiscard]] bool holds_trees(const Subject& subject);

/// Made once for each schema; an empty one stands for as many numbers as there are columns.
[[nodiscard]] std::shared_ptr<const HeldTrees> kept_trees(const Subject& subject, Schema schema,
                                                          int64_t columns);

/// One row of a task's input: of a table, or of an only matrix of numbers. Throws Error(usage).
[[nodiscard]] Tensor row_of(const Input& input);

}  // namespace whence::recipe
