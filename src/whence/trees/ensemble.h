#pragma once
// Tree ensembles in one canonical form, whatever wrote them.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace whence::trees {

/// A node of a tree. A leaf has feature -1; every other node sends a row to one of two children.
///
/// Children come after their parent in Tree::nodes; node 0 is the root. A row's value x of the
/// feature goes left where
///   - it is missing (NaN):       missing_left
///   - categories >= 0:           x, a whole number, is in the set `categories` of the tree
///   - otherwise:                 x <= threshold
/// Loaders turn every other comparison into these: x < t in float32 is x <= the float before t.
struct Node {
    int32_t feature = -1;
    int32_t left = -1;
    int32_t right = -1;
    double threshold = 0;
    int32_t categories = -1;  ///< index into Tree::categories; -1: a threshold
    bool missing_left = false;
    double cover = 0;   ///< weight of the training rows that came here; see Ensemble::has_covers
    double gain = 0;    ///< splits: what the split lowered the training loss by; see has_gains
    int32_t leaf = -1;  ///< leaves: row of Tree::values

    [[nodiscard]] bool is_leaf() const { return feature < 0; }
};

/// One tree. `values` has `width` numbers for each leaf: width is 1, added to the ensemble's output
/// `output`; or the number of outputs, one number for each.
struct Tree {
    std::vector<Node> nodes;
    std::vector<double> values;
    int32_t width = 1;
    int32_t output = 0;
    std::vector<std::vector<int32_t>> categories;  ///< sets, each sorted, of categories >= 0
};

/// How predictions come from margins (the sums over trees), output by output but for the softmax and
/// what ascends.
enum class Link {
    identity,
    logistic,  ///< 1 / (1 + exp(-m))
    softmax,
    exponential,
    softplus,       ///< log(1 + exp(m))
    signed_square,  ///< m |m|
    step,           ///< 1 where m > 0, else 0
    ascending,      ///< the first output is its margin, every other log(1 + exp(m)) + 1e-6 above the last
};

/// What a loader hands to Ensemble::build.
struct EnsembleParts {
    std::vector<Tree> trees;
    int64_t features = 0;
    int64_t outputs = 1;
    std::vector<double> base;  ///< one for each output, added to the sums
    double divisor = 1;        ///< the sums over trees are divided by it (averaging forests)
    bool float_inputs = true;  ///< values are rounded to float32 before they are compared
    bool has_covers = false;
    bool has_gains = false;  ///< every split has one, in the units of the library that grew it
    Link link = Link::identity;
    std::vector<std::string> feature_names;  ///< empty, or one for each feature
    std::vector<std::string> output_names;   ///< empty, or one for each output (or class)
    /// Empty, or for each feature the names of its categories (code 0, 1, ...), none for a number.
    std::vector<std::vector<std::string>> category_names;
    /// Empty, or for each feature whether its zeros (|x| <= 1e-35) mean missing: whoever reads rows
    /// turns them into NaN before a tree sees them.
    std::vector<bool> zero_is_missing;
    /// Empty, or for each feature the one under whose number its values stand: features of one
    /// number are one player, there or missing together, as the columns are that an encoder makes of
    /// one input. That one names itself.
    std::vector<int32_t> players;
    std::vector<std::string> notes;  ///< what a reader of its explanations should know
    std::string format;              ///< "xgboost", "lightgbm", "catboost", "onnx", ...
};

/// A validated ensemble: every index in range, no cycles, every node but the root the child of one
/// parent, thresholds and values finite (thresholds may be infinite), covers, where there are any,
/// not negative and those of children adding up to their parent's within rounding (a thousandth of
/// it and a hundred-thousandth of the root's: files hold float32 sums).
/// margin(x) = base + sum over trees / divisor.
class Ensemble {
  public:
    /// Throws Error(model) naming tree and node for what does not hold.
    [[nodiscard]] static Ensemble build(EnsembleParts parts);

    [[nodiscard]] const std::vector<Tree>& trees() const { return parts_.trees; }
    [[nodiscard]] int64_t features() const { return parts_.features; }
    [[nodiscard]] int64_t outputs() const { return parts_.outputs; }
    [[nodiscard]] const EnsembleParts& parts() const { return parts_; }
    /// The feature under whose number the values of `feature` stand.
    [[nodiscard]] int32_t player(int32_t feature) const {
        return parts_.players.empty() ? feature : parts_.players[feature];
    }

  private:
    explicit Ensemble(EnsembleParts parts) : parts_(std::move(parts)) {}
    EnsembleParts parts_;
};

}  // namespace whence::trees
