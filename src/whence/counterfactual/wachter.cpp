#include "whence/counterfactual/wachter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/counterfactual/descent.h"
#include "whence/counterfactual/report.h"
#include "whence/counterfactual/score.h"

namespace whence {
namespace {

using namespace counterfactual;  // the helpers of this folder

constexpr int sweep = 10, between = 8, refinements = 2;
constexpr int64_t no_budget = std::numeric_limits<int64_t>::max() / 2;

void check(const WachterOptions& o) {
    const auto refuse = [](const char* what) { throw Error(ErrorKind::usage, what); };
    if (!(o.probability >= 0 && o.probability <= 1)) refuse("probability must be from 0 to 1");
    if (!(o.tolerance >= 0)) refuse("tolerance must not be negative");
    if (!(o.initial_lambda > 0) || std::isinf(o.initial_lambda))
        refuse("initial-lambda must be above 0");
    if (o.max_iterations < 1) refuse("max-iterations must be at least 1");
}

std::vector<size_t> moving_numbers(const Features& features, const Limits& limits) {
    std::vector<size_t> out;
    for (size_t f = 0; f < features.size(); ++f)
        if (features[f].kind == FeatureInfo::Kind::number && !limits.fixed(f) &&
            !std::isnan(limits.input()[f]) && limits.low(f) < limits.high(f))
            out.push_back(f);
    return out;
}

// p* and how far from it is success, in the score's units.
struct Goal {
    double wanted, low, high;
    [[nodiscard]] bool reached(double p) const { return p >= low && p <= high; }
};

Goal goal_of(const WachterOptions& o, double here) {
    if (!o.wanted.range)
        return {o.probability, o.probability - o.tolerance, o.probability + o.tolerance};
    const auto [low, high] = *o.wanted.range;
    const double inside = std::min(o.tolerance, (high - low) / 2);
    return {here < low ? low + inside : high - inside, low, high};
}

std::vector<double> lambdas_between(double low, double high) {
    std::vector<double> out;
    for (int i = 1; i <= between; ++i)
        out.push_back(low * std::pow(high / low, static_cast<double>(i) / (between + 1)));
    return out;
}

double length(const Descent& descent) {
    double sum = 0;
    for (const double v : descent.v) sum += std::abs(v);
    return sum;
}

// The nearest that reaches the goal over all lambdas; where none does, the one that comes nearest
// to it.
struct Best {
    Descent descent;
    bool reached = false;
    void consider(const std::vector<Descent>& all, const Goal& goal) {
        for (const Descent& one : all) {
            const bool good = goal.reached(one.p);
            const bool better =
                good != reached ? good
                : good          ? length(one) < length(descent)
                                : std::abs(one.p - goal.wanted) < std::abs(descent.p - goal.wanted);
            if (!descent.v.empty() && !better) continue;
            descent = one;
            reached = good;
        }
    }
};

Best over_lambdas(const DescentProblem& problem, const Goal& goal, double initial) {
    std::vector<double> lambdas;
    for (int i = 0; i < sweep; ++i) lambdas.push_back(initial * std::pow(10.0, -i));
    Best best;
    double low = 0, high = 10 * initial;  // the largest lambda with success, the next without
    for (int round = 0; round <= refinements; ++round) {
        const std::vector<Descent> all = descend(problem, lambdas);
        best.consider(all, goal);
        for (const Descent& one : all)
            if (goal.reached(one.p)) low = std::max(low, one.lambda);
        if (low == 0) break;
        for (const Descent& one : all)
            if (one.lambda > low) high = std::min(high, one.lambda);
        lambdas = lambdas_between(low, high);
    }
    return best;
}

DescentProblem problem_of(Score& score, const Limits& limits, const std::vector<size_t>& moving,
                          const Features& features, const WachterOptions& options, double wanted) {
    DescentProblem problem{.at = {},
                           .wanted = wanted,
                           .low = {},
                           .high = {},
                           .max_iterations = options.max_iterations};
    for (const size_t f : moving) {
        problem.low.push_back((limits.low(f) - limits.input()[f]) / features[f].scale);
        problem.high.push_back((limits.high(f) - limits.input()[f]) / features[f].scale);
    }
    problem.at = [&](const std::vector<std::vector<double>>& all) {
        std::vector<State> states(all.size(), limits.input());
        for (size_t i = 0; i < all.size(); ++i)
            for (size_t k = 0; k < moving.size(); ++k)
                states[i][moving[k]] += all[i][k] * features[moving[k]].scale;
        std::vector<DescentProblem::Point> points;
        for (Score::Point& point : score.at(states))
            points.push_back({point.value, std::move(point.gradient)});
        return points;
    };
    return problem;
}

// On the decimals of the data: away from the input, or to the nearest, whichever is valid and
// nearer.
State rounded(Oracle& oracle, const Limits& limits, const std::vector<size_t>& moving,
              const std::vector<double>& v) {
    const Features& features = oracle.features();
    State away = oracle.input(), near = away;
    for (size_t k = 0; k < moving.size(); ++k) {
        const size_t f = moving[k];
        if (v[k] == 0) continue;
        const double value = oracle.input()[f] + v[k] * features[f].scale;
        away[f] = limits.on_step(f, value);
        const double per_unit = features[f].step > 0 ? std::round(1 / features[f].step) : 0;
        near[f] = limits.nearest(f, per_unit > 0 ? std::round(value * per_unit) / per_unit : value);
    }
    const std::vector<Verdict> verdicts = oracle.ask(std::vector<State>{away, near});
    const bool nearer =
        features.distance(oracle.input(), near) < features.distance(oracle.input(), away);
    return verdicts[1].valid && (nearer || !verdicts[0].valid) ? near : away;
}

}  // namespace

Wachter::Wachter(const Model& model, Schema schema, const Tensor& background,
                 WachterOptions options, const DifferentiableModel* differentiable)
    : model_(model),
      differentiable_(differentiable),
      options_(std::move(options)),
      features_(std::make_unique<const Features>(std::move(schema), background,
                                                 options_.constraints.one_hot)) {
    check(options_);
}

Wachter::~Wachter() = default;

Explanation Wachter::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    Oracle oracle(model_, *features_, input, target, options_.wanted, no_budget, run);
    const Limits limits(*features_, options_.constraints, oracle.input());
    const std::vector<size_t> moving = moving_numbers(*features_, limits);
    if (moving.empty())
        throw Error(
            ErrorKind::usage,
            "Wachter's method moves numbers, and no column of numbers may change; the method "
            "counterfactuals also changes categories");
    Score score(model_, differentiable_, oracle, moving, run);
    State state = oracle.input();
    Best best;
    if (!oracle.judge().original().valid) {
        const Goal goal = goal_of(options_, oracle.input_value());
        best = over_lambdas(problem_of(score, limits, moving, *features_, options_, goal.wanted),
                            goal, options_.initial_lambda);
        state = rounded(oracle, limits, moving, best.descent.v);
    }
    Explanation explanation =
        explanation_of("wachter", describe(oracle, {state}, options_.classes), oracle, 1, start);
    Diagnostics& diagnostics = explanation.diagnostics;
    if (!oracle.judge().original().valid) {
        diagnostics.converged = best.reached && explanation.counterfactuals->found[0].valid;
        diagnostics.notes.push_back(fmt::format("lambda {:.3g}, score {:.4g} before rounding",
                                                best.descent.lambda, best.descent.p));
        if (!best.reached)
            diagnostics.notes.emplace_back(
                "no lambda leads to a score within the tolerance; the nearest to it is shown");
    }
    if (moving.size() < features_->size())
        diagnostics.notes.push_back(
            fmt::format("{} of {} features can move: categories and fixed "
                        "columns stay",
                        moving.size(), features_->size()));
    if (!differentiable_)
        diagnostics.notes.emplace_back(
            "gradients are differences of the model's answers 0.02 MAD apart");
    explanation.provenance.evaluations += score.evaluations();
    explanation.provenance.gradient_evaluations = score.gradient_evaluations();
    return explanation;
}

}  // namespace whence
