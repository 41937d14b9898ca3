#include "whence/trees/shap/interventional_interactions.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "whence/trees/shap/background_engine.h"
#include "whence/trees/shap/interaction_matrix.h"
#include "whence/trees/shap/pattern_tables.h"

namespace whence::trees {

class InterventionalInteractions::Engine {
  public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual TreeInteractionValues values(MatrixView<const float> rows,
                                                       const Run& run) const = 0;
    [[nodiscard]] virtual TreeInteractionValues values(MatrixView<const double> rows,
                                                       const Run& run) const = 0;
};

namespace {

/// Values of pairs of features.
template <class Scalar>
struct Form {
    using Values = TreeInteractionValues;

    static int32_t trees_together(const Ensemble& ensemble) { return trees_of_a_matrix(ensemble); }
    static Values empty(int64_t rows, int64_t features, int64_t outputs) {
        Values out{.rows = rows, .features = features, .outputs = outputs};
        out.values.assign(rows * features * features * outputs, 0);
        return out;
    }
    static int64_t sums(int64_t slots) { return slots * slots; }
    static int64_t tables(int64_t features) { return features * (features + 1) / 2; }
    /// In ns for each leaf, for n rows and m of the background.
    static bool tables_pay(const PathTree<Scalar>& tree, double n, double m) {
        const auto pairs = static_cast<double>(tables(tree.entries));
        return 4 * m + 0.3 * pairs * (tree.count * std::exp2(tree.entries) + n) < 0.6 * n * m;
    }
    static void fill_tables(int features, double value, std::span<const double> counts,
                            const Quadrature& rule, std::span<double> tables) {
        add_interaction_tables(features, value, counts, rule, tables);
    }
    static void walk_pairs(const Kernels<Scalar>& kernels, const PathTree<Scalar>& tree,
                           const PairBlock<Scalar>& block) {
        kernels.walk_pair_interactions(tree, block);
    }
    static void walk_tables(const Kernels<Scalar>& kernels, const PathTree<Scalar>& tree,
                            const TableBlock<Scalar>& block, int64_t slots) {
        kernels.walk_interaction_tables(tree, block, slots);
    }
    template <class Sum>
    static void add(const PathChunk<Scalar>& chunk, const Sum* sums, int64_t stride, int64_t first,
                    int64_t count, Values& to) {
        add_matrices(chunk, sums, stride, first, count, to);
    }
};

template <class Scalar>
class EngineOf final : public InterventionalInteractions::Engine {
  public:
    EngineOf(const Ensemble& ensemble, MatrixView<const double> background,
             std::span<const double> weights, const TreeShapOptions& options)
        : engine_(ensemble, background, weights, options) {}
    TreeInteractionValues values(MatrixView<const float> rows, const Run& run) const override {
        return engine_.values(rows, run);
    }
    TreeInteractionValues values(MatrixView<const double> rows, const Run& run) const override {
        return engine_.values(rows, run);
    }

  private:
    BackgroundEngine<Scalar, Form<Scalar>> engine_;
};

}  // namespace

InterventionalInteractions::InterventionalInteractions(const Ensemble& ensemble,
                                                       MatrixView<const double> background,
                                                       std::span<const double> weights,
                                                       const TreeInteractionsOptions& options) {
    require_background(ensemble, background);
    const TreeShapOptions how{.isa = options.isa};
    if (options.precision == Precision::float32)
        engine_ = std::make_unique<EngineOf<float>>(ensemble, background, weights, how);
    else
        engine_ = std::make_unique<EngineOf<double>>(ensemble, background, weights, how);
}

InterventionalInteractions::~InterventionalInteractions() = default;
InterventionalInteractions::InterventionalInteractions(InterventionalInteractions&&) noexcept =
    default;
InterventionalInteractions& InterventionalInteractions::operator=(
    InterventionalInteractions&&) noexcept = default;

TreeInteractionValues InterventionalInteractions::values(MatrixView<const float> rows,
                                                         const Run& run) const {
    return engine_->values(rows, run);
}
TreeInteractionValues InterventionalInteractions::values(MatrixView<const double> rows,
                                                         const Run& run) const {
    return engine_->values(rows, run);
}

}  // namespace whence::trees
