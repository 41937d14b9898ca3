#pragma once
// Axioms that an attribution may be expected to satisfy.

#include <optional>

#include "whence/metrics/questions.h"

namespace whence::metrics {

/// E = sum of values - (f(x) - f(baseline)), as in attribution errors of explanations.
struct Additivity {
    double error = 0;
    std::optional<double> relative;  ///< |E| / |f(x) - f(baseline)|; none where that is (nearly) 0
    bool complete =
        false;  ///< |E| <= tolerance |f(x) - f(baseline)| + 1e-8 max(1, |f(x)|, |f(baseline)|)
};
[[nodiscard]] Additivity additivity(double sum, double whole, double baseline, double tolerance);

struct CompletenessOptions {
    double tolerance = 1e-3;  ///< of |f(x) - f(baseline)|, 0 or more
};

/// 1 where the values add up to f(x) - f(all players removed) within the tolerance, else 0
/// (Sundararajan, Taly, Yan 2017, "Axiomatic attribution for deep networks", proposition 1). The
/// curve is E, one number. Says nothing of how the sum is shared out. Cost: 2 questions.
class Completeness final : public Metric {
  public:
    explicit Completeness(CompletenessOptions options = {}) : options_(options) {}
    [[nodiscard]] std::string_view name() const override { return "completeness"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    CompletenessOptions options_;
};

struct NonSensitivityOptions {
    double value_below = 1e-5;  ///< of the largest |value|: then a value counts as 0
    double change_below =
        1e-5;  ///< |f(x) - f(x without the player)|: then the answer counts as unchanged
};

/// Number of players whose value is 0 although the answer changes without them, or is not although
/// it does not (Nguyen, Martinez 2020, "On quantitative aspects of model interpretability"; one
/// removal for each player as in Quantus). In [0, n], lower is better. A player that another one
/// stands in for changes nothing alone and may rightly have a value. Cost: n + 1 questions.
class NonSensitivity final : public Metric {
  public:
    explicit NonSensitivity(NonSensitivityOptions options = {}) : options_(options) {}
    [[nodiscard]] std::string_view name() const override { return "non-sensitivity"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    NonSensitivityOptions options_;
};

}  // namespace whence::metrics
