#pragma once
// Faithfulness over random subsets: do the values of some players add up to what they are worth?
//
// For a subset S: a = sum of the values of S, b = f(x) - f(x without S). Subset number r of every
// metric is a beginning of the same random order, so metrics share what they ask.

#include <vector>

#include "whence/metrics/questions.h"

namespace whence::metrics {

struct SensitivityNOptions {
    /// Sizes n as fractions of the players, each in (0, 1); at least one player, never all.
    std::vector<double> fractions = {0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8};
    int64_t samples = 100;  ///< subsets of each size, at least 3
};

/// Pearson's correlation of a and b over random subsets of n players, for each n, and its mean over
/// n (Ancona et al. 2018, "Towards better understanding of gradient-based attribution methods").
/// Higher is better, 1 for every linear model and exact attribution. A size at which a or b does
/// not vary has no correlation (NaN in the curve) and is left out of the mean.
class SensitivityN final : public Metric {
  public:
    explicit SensitivityN(SensitivityNOptions options = {}) : options_(std::move(options)) {}
    [[nodiscard]] std::string_view name() const override { return "sensitivity-n"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    SensitivityNOptions options_;
};

struct FaithfulnessCorrelationOptions {
    double fraction = 0.2;  ///< of the players in each subset, in (0, 1); at least one, never all
    int64_t samples = 100;  ///< at least 3
    /// These subsets instead of random ones, for every explanation.
    std::vector<std::vector<int32_t>> subsets;
};

/// Pearson's correlation of a and b over random subsets of one size (Bhatt, Weller, Moura 2020,
/// "Evaluating and aggregating feature-based model explanations"). Higher is better.
class FaithfulnessCorrelation final : public Metric {
  public:
    explicit FaithfulnessCorrelation(FaithfulnessCorrelationOptions options = {})
        : options_(std::move(options)) {}
    [[nodiscard]] std::string_view name() const override { return "faithfulness-correlation"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    FaithfulnessCorrelationOptions options_;
};

struct InfidelityOptions {
    int64_t samples = 100;  ///< at least 2
    /// Multiply the values by beta = sum(a b) / sum(a^2) first, the factor that fits best: then
    /// only the pattern counts, not the scale (captum's `normalize`). The standard error takes beta
    /// as given.
    bool scaled = false;
    /// These subsets instead of random ones of 1 to n players, for every explanation.
    std::vector<std::vector<int32_t>> subsets;
};

/// Mean of (beta a - b)^2 over random subsets (Yeh et al. 2019, "On the (in)fidelity and
/// sensitivity of explanations", with perturbations that remove players and values in units of the
/// answer: I is 1 for who is removed). Lower is better, 0 for an exact additive explanation of an
/// additive model.
class Infidelity final : public Metric {
  public:
    explicit Infidelity(InfidelityOptions options = {}) : options_(std::move(options)) {}
    [[nodiscard]] std::string_view name() const override { return "infidelity"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    InfidelityOptions options_;
};

}  // namespace whence::metrics
