#include "whence/counterfactual/wachter.h"

#include <algorithm>

#include "models.h"
#include "whence/counterfactual/descent.h"

namespace whence {
namespace {

using namespace testing;
using counterfactual::Descent;
using counterfactual::DescentProblem;

// w . x + b, or its sigmoid, with its gradient.
class LinearModel : public DifferentiableModel {
  public:
    LinearModel(std::vector<double> w, double b, bool probability)
        : w_(std::move(w)),
          b_(b),
          probability_(probability),
          inputs_{{.name = "x",
                   .type = ElementType::float64,
                   .shape = {-1, static_cast<int64_t>(w_.size())}}},
          outputs_{{.name = "y",
                    .type = ElementType::float64,
                    .shape = {-1, 1},
                    .scale = probability ? Scale::probability : Scale::raw}} {}
    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return 64; }
    [[nodiscard]] double at(std::span<const double> x) const {
        double sum = b_;
        for (size_t i = 0; i < w_.size(); ++i) sum += w_[i] * x[i];
        return probability_ ? sigmoid(sum) : sum;
    }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run&) const override {
        const Tensor& x = inputs.at("x");
        std::vector<double> y;
        for (int64_t i = 0; i < x.rows(); ++i)
            y.push_back(at(x.as<double>().subspan(static_cast<size_t>(i) * w_.size(), w_.size())));
        Batch out;
        out.add("y", Tensor::of<double>({x.rows(), 1}, y));
        return out;
    }
    [[nodiscard]] GradientResult run(const Batch& inputs, const GradientRequest&,
                                     const Run&) const override {
        const Tensor& x = inputs.at("x");
        GradientResult result;
        std::vector<double> g;
        for (int64_t i = 0; i < x.rows(); ++i) {
            const double y =
                at(x.as<double>().subspan(static_cast<size_t>(i) * w_.size(), w_.size()));
            for (const double w : w_) g.push_back(probability_ ? y * (1 - y) * w : w);
            result.target.push_back(y);
        }
        result.gradients.push_back(Tensor::of<double>(x.shape(), g));
        return result;
    }

  private:
    std::vector<double> w_;
    double b_;
    bool probability_;
    std::vector<TensorInfo> inputs_, outputs_;
};

// Columns with different MADs, none of them rounded.
std::vector<double> spread_cells(size_t columns, uint64_t seed) {
    Rng rng(seed, 3, 0);
    std::vector<double> cells;
    for (int row = 0; row < 101; ++row)
        for (size_t c = 0; c < columns; ++c)
            cells.push_back(rng.normal() * static_cast<double>(1 + 3 * c));
    return cells;
}

double mad(const std::vector<double>& cells, size_t columns, size_t c) {
    std::vector<double> column, deviations;
    for (size_t i = c; i < cells.size(); i += columns) column.push_back(cells[i]);
    for (const double v : column) deviations.push_back(std::abs(v - median(column)));
    return median(deviations);
}

// min (r - g . v)^2 + lambda |v|_1: only the largest |g_k| moves, by (|r| - lambda / (2 |g|)) /
// |g|.
TEST(Descent, OfALinearScoreIsTheClosedForm) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        Rng rng(seed, 4, 0);
        std::vector<double> g;
        for (int i = 0; i < 8; ++i) g.push_back(rng.normal());
        const double start = rng.normal(), wanted = start + 1 + rng.uniform();
        DescentProblem problem{.at = {},
                               .wanted = wanted,
                               .low = std::vector<double>(8, -100.0),
                               .high = std::vector<double>(8, 100.0),
                               .max_iterations = 20000};
        problem.at = [&](const std::vector<std::vector<double>>& all) {
            std::vector<DescentProblem::Point> out;
            for (const auto& v : all) {
                double p = start;
                for (size_t i = 0; i < 8; ++i) p += g[i] * v[i];
                out.push_back({p, g});
            }
            return out;
        };
        const size_t best = static_cast<size_t>(
            std::ranges::max_element(g, {}, [](double x) { return std::abs(x); }) - g.begin());
        const double lambdas[] = {0.3, 0.1, 0.03, 100.0};
        for (const Descent& one : descend(problem, lambdas)) {
            const double length = std::max(
                0.0, (wanted - start - one.lambda / (2 * std::abs(g[best]))) / std::abs(g[best]));
            const auto objective = [&](const std::vector<double>& v) {
                double p = start, sum = 0;
                for (size_t i = 0; i < 8; ++i) p += g[i] * v[i], sum += std::abs(v[i]);
                return (p - wanted) * (p - wanted) + one.lambda * sum;
            };
            std::vector<double> exact(8, 0.0);
            exact[best] = std::copysign(length, g[best]);
            EXPECT_NEAR(objective(one.v), objective(exact), 1e-5 * objective(exact))
                << seed << " " << one.lambda;
            EXPECT_GE(objective(one.v), objective(exact) - 1e-12);
        }
    }
}

TEST(Wachter, OfALinearModelMovesTheCheapestColumn) {
    for (const bool gradient : {true, false})
        for (uint64_t seed = 0; seed < 10; ++seed) {
            SCOPED_TRACE(seed);
            Rng rng(seed, 6, 0);
            std::vector<double> w;
            for (int i = 0; i < 5; ++i) w.push_back(rng.normal());
            const LinearModel model(w, 0, false);
            std::vector<double> cells = spread_cells(5, seed);
            const std::vector<double> input(5, 0.0);
            double best_rate = 0;
            for (size_t c = 0; c < 5; ++c)
                best_rate = std::max(best_rate, std::abs(w[c]) * mad(cells, 5, c));
            const double aim = 0.5 * best_rate;  // well within the data
            WachterOptions options;
            options.wanted.range = Wanted::Range{.low = aim};
            options.tolerance = 0.02 * aim;
            options.max_iterations = 5000;
            const Explanation e =
                Wachter(model, numbers(5), table(5, cells), options, gradient ? &model : nullptr)
                    .explain(row(input), {}, {});
            const Counterfactual& one = e.counterfactuals->found.at(0);
            EXPECT_TRUE(one.valid);
            EXPECT_EQ(e.diagnostics.converged, true);
            // The shortest way to reach `aim` at all is one column: aim / best_rate.
            EXPECT_GE(one.distance, aim / best_rate - 1e-9);
            EXPECT_LE(one.distance, 1.03 * aim / best_rate);
            EXPECT_EQ(e.provenance.gradient_evaluations > 0, gradient);
        }
}

TEST(Wachter, ReachesTheProbabilityWithinTheTolerance) {
    const LinearModel model({1, -2}, 0.5, true);
    const std::vector<double> cells = spread_cells(2, 1);
    for (const bool gradient : {true, false}) {
        const Explanation e =
            Wachter(model, numbers(2), table(2, cells), {}, gradient ? &model : nullptr)
                .explain(row({-1, 0.5}), {}, {});
        const Counterfactual& one = e.counterfactuals->found.at(0);
        EXPECT_TRUE(one.valid);
        EXPECT_GE(one.prediction, 0.95 - 1e-9);
        EXPECT_LE(one.prediction, 0.97);  // the nearest within the tolerance lies at its edge
        EXPECT_EQ(one.label, "class 1");
    }
    // The other way: from class 1 to class 0 of the same output.
    const Explanation back =
        Wachter(model, numbers(2), table(2, cells), {}, &model).explain(row({3, -1}), {}, {});
    EXPECT_TRUE(back.counterfactuals->found.at(0).valid);
    EXPECT_LE(back.counterfactuals->found.at(0).prediction, 0.05 + 1e-9);
}

TEST(Wachter, KeepsTheLimits) {
    const LinearModel model({1, -2}, 0.5, true);
    WachterOptions options;
    options.constraints.fixed = {"x1"};
    options.constraints.ranges = {{.feature = "x0", .low = -2, .high = 1.5, .categories = {}}};
    const Explanation e = Wachter(model, numbers(2), table(2, spread_cells(2, 1)), options, &model)
                              .explain(row({-1, 0.5}), {}, {});
    const std::vector<double> to = e.counterfactuals->found.at(0).values.to_doubles();
    EXPECT_EQ(to[1], 0.5);
    EXPECT_LE(to[0], 1.5);
    EXPECT_EQ(e.diagnostics.converged, false);          // sigmoid(1) is short of 0.95
    EXPECT_TRUE(e.counterfactuals->found.at(0).valid);  // but on the other side
    options.constraints.fixed = {"x0", "x1"};
    EXPECT_NE(message_of(ErrorKind::usage,
                         [&] {
                             static_cast<void>(
                                 Wachter(model, numbers(2), table(2, spread_cells(2, 1)), options)
                                     .explain(row({-1, 0.5}), {}, {}));
                         })
                  .find("no column of numbers may change"),
              std::string::npos);
}

TEST(Wachter, WholeNumbersStayWhole) {
    const LinearModel model({0.7, 0.1}, 0, true);
    std::vector<double> cells;
    for (int i = -20; i < 20; ++i)
        for (const double v : {static_cast<double>(i), i * 0.5}) cells.push_back(v);
    const Explanation e =
        Wachter(model, numbers(2), table(2, cells), {}, &model).explain(row({-3, 0.5}), {}, {});
    const std::vector<double> to = e.counterfactuals->found.at(0).values.to_doubles();
    EXPECT_EQ(to[0], std::round(to[0]));
    EXPECT_EQ(to[1] * 10, std::round(to[1] * 10));
    EXPECT_TRUE(e.counterfactuals->found.at(0).valid);
}

TEST(Wachter, WithoutAGradientSaysSo) {
    const ScoreModel steps =
        two_classes(1, [](std::span<const double> x) { return x[0] > 5 ? 3.0 : -3.0; });
    const Explanation e =
        Wachter(steps, numbers(1), table(1, {1.125, 2.25, 9.5}), {}).explain(row({1.125}), {}, {});
    EXPECT_EQ(e.diagnostics.converged, false);
    EXPECT_FALSE(e.counterfactuals->found.at(0).valid);
}

TEST(Wachter, WithoutDataMeasuresInUnits) {
    const LinearModel model({1, -4}, 0, false);
    WachterOptions options;
    options.wanted.range = Wanted::Range{.low = 2};
    const Explanation e =
        Wachter(model, numbers(2), Tensor(ElementType::float64, {0, 2}), options, &model)
            .explain(row({0, 0}), {}, {});
    EXPECT_NEAR(e.counterfactuals->found.at(0).distance, 0.5, 0.02);
    EXPECT_FALSE(e.counterfactuals->found.at(0).to_data);
}

TEST(Wachter, SameBitsOnAnyNumberOfThreads) {
    const LinearModel model({1, -2, 0.3}, 0.5, true);
    std::vector<std::vector<double>> all;
    for (const int threads : {1, 2, 8}) {
        ::whence::Run run;
        run.threads = threads;
        all.push_back(Wachter(model, numbers(3), table(3, spread_cells(3, 2)), {})
                          .explain(row({-1, 0.5, 0}), {}, run)
                          .counterfactuals->found.at(0)
                          .values.to_doubles());
    }
    EXPECT_EQ(all[0], all[1]);
    EXPECT_EQ(all[0], all[2]);
}

}  // namespace
}  // namespace whence
