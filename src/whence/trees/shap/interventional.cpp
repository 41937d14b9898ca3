#include "whence/trees/shap/interventional.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "whence/trees/shap/background_engine.h"
#include "whence/trees/shap/pattern_tables.h"

namespace whence::trees {

class InterventionalShap::Engine {
  public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual TreeShapValues values(MatrixView<const float> rows,
                                                const Run& run) const = 0;
    [[nodiscard]] virtual TreeShapValues values(MatrixView<const double> rows,
                                                const Run& run) const = 0;
};

namespace {

/// Values of features.
template <class Scalar>
struct Form {
    using Values = TreeShapValues;

    static int32_t trees_together(const Ensemble&) { return 32; }
    static Values empty(int64_t rows, int64_t features, int64_t outputs) {
        Values out{.rows = rows, .features = features, .outputs = outputs};
        out.values.assign(rows * features * outputs, 0);
        return out;
    }
    static int64_t sums(int64_t slots) { return slots; }
    static int64_t tables(int64_t features) { return features; }
    /// In ns for each leaf, for n rows and m of the background.
    static bool tables_pay(const PathTree<Scalar>& tree, double n, double m) {
        const double d = tree.entries;
        return 4 * m + tree.count * 2 * d * std::exp2(d) + 1.5 * n * d < 0.4 * n * m;
    }
    static void fill_tables(int features, double value, std::span<const double> counts,
                            const Quadrature& rule, std::span<double> tables) {
        add_pattern_tables(features, value, counts, rule, tables);
    }
    static void walk_pairs(const Kernels<Scalar>& kernels, const PathTree<Scalar>& tree,
                           const PairBlock<Scalar>& block) {
        kernels.walk_pairs(tree, block);
    }
    static void walk_tables(const Kernels<Scalar>& kernels, const PathTree<Scalar>& tree,
                            const TableBlock<Scalar>& block, int64_t) {
        kernels.walk_tables(tree, block);
    }
    template <class Sum>
    static void add(const PathChunk<Scalar>& chunk, const Sum* sums, int64_t stride, int64_t first,
                    int64_t count, Values& to) {
        for (int64_t i = 0; i < count; ++i)
            for (size_t s = 0; s < chunk.slots.size(); ++s)
                to.values[((first + i) * to.features + chunk.slots[s]) * to.outputs +
                          chunk.output] += static_cast<double>(sums[s * stride + i]);
    }
};

template <class Scalar>
class EngineOf final : public InterventionalShap::Engine {
  public:
    EngineOf(const Ensemble& ensemble, MatrixView<const double> background,
             std::span<const double> weights, const TreeShapOptions& options)
        : engine_(ensemble, background, weights, options) {}
    TreeShapValues values(MatrixView<const float> rows, const Run& run) const override {
        return engine_.values(rows, run);
    }
    TreeShapValues values(MatrixView<const double> rows, const Run& run) const override {
        return engine_.values(rows, run);
    }

  private:
    BackgroundEngine<Scalar, Form<Scalar>> engine_;
};

}  // namespace

InterventionalShap::InterventionalShap(const Ensemble& ensemble,
                                       MatrixView<const double> background,
                                       std::span<const double> weights,
                                       const TreeShapOptions& options) {
    require_background(ensemble, background);
    if (options.precision == Precision::float32)
        engine_ = std::make_unique<EngineOf<float>>(ensemble, background, weights, options);
    else
        engine_ = std::make_unique<EngineOf<double>>(ensemble, background, weights, options);
}

InterventionalShap::~InterventionalShap() = default;
InterventionalShap::InterventionalShap(InterventionalShap&&) noexcept = default;
InterventionalShap& InterventionalShap::operator=(InterventionalShap&&) noexcept = default;

TreeShapValues InterventionalShap::values(MatrixView<const float> rows, const Run& run) const {
    return engine_->values(rows, run);
}
TreeShapValues InterventionalShap::values(MatrixView<const double> rows, const Run& run) const {
    return engine_->values(rows, run);
}

}  // namespace whence::trees
