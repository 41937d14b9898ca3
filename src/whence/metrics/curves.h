#pragma once
// Faithfulness by taking players away, or putting them back, in the order of an explanation.
//
// All of them read answers of the same kind, f(x without players at [a, b) of the ranking), so what
// one asks the others have for nothing. n players, phi their values; k is counted from the largest.

#include <vector>

#include "whence/metrics/questions.h"

namespace whence::metrics {

struct StepOptions {
    /// Players that go at once; 0: a hundredth of them, rounded up.
    int64_t step = 0;
};

/// Area under f(x without the k largest) over k/n from 0 to 1 (Petsiuk, Das, Saenko 2018, "RISE":
/// deletion). Lower is better. Cost: n/step + 1 questions.
class Deletion final : public Metric {
  public:
    explicit Deletion(StepOptions options = {}) : options_(options) {}
    [[nodiscard]] std::string_view name() const override { return "deletion"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    StepOptions options_;
};

/// Area under f(only the k largest) over k/n from 0 to 1 (the same: insertion). Higher is better.
class Insertion final : public Metric {
  public:
    explicit Insertion(StepOptions options = {}) : options_(options) {}
    [[nodiscard]] std::string_view name() const override { return "insertion"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    StepOptions options_;
};

/// Mean of f(x without the k largest) over k = step, 2 step, ..., n: the answers after each flip
/// (Bach et al. 2015, "On pixel-wise explanations"; the curve is theirs, its mean a
/// summary). Lower is better.
class PixelFlipping final : public Metric {
  public:
    explicit PixelFlipping(StepOptions options = {.step = 1}) : options_(options) {}
    [[nodiscard]] std::string_view name() const override { return "pixel-flipping"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    StepOptions options_;
};

struct RegionOptions {
    int64_t regions = 100;  ///< removed at most, one after the other
};

/// AOPC = 1/(L + 1) sum over k = 0..L of f(x) - f(x without the k largest), L = min(regions, n)
/// (Samek et al. 2017, "Evaluating the visualization of what a deep neural network has learned").
/// Players are meant to be regions: see pooled. Higher is better.
class RegionPerturbation final : public Metric {
  public:
    explicit RegionPerturbation(RegionOptions options = {}) : options_(options) {}
    [[nodiscard]] std::string_view name() const override { return "region-perturbation"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    RegionOptions options_;
};

/// 1 where f never falls while players come in from the smallest value to the largest, `step` at a
/// time, else 0 (Arya et al. 2019, "One explanation does not fit all": monotonicity). The
/// curve is f after each. 1 is better.
class Monotonicity final : public Metric {
  public:
    explicit Monotonicity(StepOptions options = {.step = 1}) : options_(options) {}
    [[nodiscard]] std::string_view name() const override { return "monotonicity"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    StepOptions options_;
};

struct FractionOptions {
    /// Of the players, each in (0, 1]; at least one player is meant by each.
    std::vector<double> fractions = {0.01, 0.05, 0.1, 0.2, 0.5};
};

/// Mean over fractions q of f(x) - f(only the q n largest) (DeYoung et al. 2020, "ERASER",
/// averaged over their five fractions). Lower is better: what is kept suffices.
class Sufficiency final : public Metric {
  public:
    explicit Sufficiency(FractionOptions options = {}) : options_(std::move(options)) {}
    [[nodiscard]] std::string_view name() const override { return "sufficiency"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    FractionOptions options_;
};

/// Mean over fractions q of f(x) - f(x without the q n largest) (the same). Higher is better:
/// what is left does not suffice.
class Comprehensiveness final : public Metric {
  public:
    explicit Comprehensiveness(FractionOptions options = {}) : options_(std::move(options)) {}
    [[nodiscard]] std::string_view name() const override { return "comprehensiveness"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    FractionOptions options_;
};

/// Area over f(x without the k largest) / f(x), over k/n from 0 to 1 (Rieger, Hansen 2020, "IROF").
/// Players are meant to be superpixels with the mean of their pixels: see pooled. Higher is better;
/// not defined where f(x) = 0.
class Irof final : public Metric {
  public:
    [[nodiscard]] std::string_view name() const override { return "irof"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;
};

struct RoadOptions {
    std::vector<double> fractions = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
};

/// Mean over fractions q of (f(x without the q n smallest) - f(x without the q n largest)) / 2,
/// what is missing being imputed from its neighbours (Rong et al. 2022, "A consistent and efficient
/// evaluation strategy for attribution methods"; both orders together as pytorch-grad-cam does).
/// Higher is better. Throws Error(unsupported) unless players are pixels of a LinearImputer.
class Road final : public Metric {
  public:
    explicit Road(RoadOptions options = {}) : options_(std::move(options)) {}
    [[nodiscard]] std::string_view name() const override { return "road"; }
    [[nodiscard]] Pending plan(Questions& questions, int64_t i, const Run& run) const override;

  private:
    RoadOptions options_;
};

enum class Pool { sum, mean };

/// The value of each player made of elements: sum or mean of the values of its elements. `labels`:
/// whose each element is, -1 for nobody's, as for a LabelMasker. Throws Error(input) where lengths
/// differ, or a player has no element.
[[nodiscard]] std::vector<double> pooled(std::span<const double> values,
                                         std::span<const int32_t> labels, Pool pool);

}  // namespace whence::metrics
