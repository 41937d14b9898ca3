#pragma once
// The columns of a score card: methods, values from elsewhere and the random control, and what each
// says of the players. Private to this folder.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "whence/evaluate/evaluate.h"

namespace whence::evaluate {

/// One method over all samples.
class Column {
  public:
    /// A method by its recipe, the seed and scale of which are set.
    Column(const recipe::Subject& subject, recipe::Recipe recipe, bool named);
    /// Values that came from elsewhere: row i for the i-th sample.
    Column(std::string name, Tensor values);
    /// Random normal values.
    explicit Column(uint64_t seed);

    [[nodiscard]] const std::string& name() const { return facts_.name; }
    [[nodiscard]] bool named() const { return named_; }
    [[nodiscard]] bool is_method() const { return recipe_.has_value(); }

    /// What the method explains of an input, in which output and scale, where nobody asks for one;
    /// none where it cannot.
    [[nodiscard]] std::optional<ResolvedTarget> own_target(const recipe::Input& input,
                                                           const std::string& target,
                                                           const Run& run) const;
    /// Asks the method to explain in this scale.
    void use_scale(Scale scale);

    /// Explains the next sample. What fails is counted; throws Error for what fails on the first
    /// sample because the method and the input do not fit, and as `run` demands.
    void explain(const Ground& ground, const Run& run);

    [[nodiscard]] const std::vector<double>& values(int64_t sample) const {
        return values_[sample];
    }
    /// What a metric is told of a sample; `ground` is the sample's and must outlive it.
    [[nodiscard]] Case case_of(int64_t sample, const Ground& ground, std::span<const uint8_t> mask,
                               std::shared_ptr<recipe::Kept> kept_for_all) const;
    /// Why the values cannot be compared with answers of this scale; empty: they can.
    [[nodiscard]] std::string other_units(Scale answers) const;
    /// With the summary of attribution errors.
    [[nodiscard]] ScoredMethod facts() const;

  private:
    [[nodiscard]] Explanation made(const Ground& ground, const Run& run);
    void take(const Explanation& explanation, const Ground& ground);

    const recipe::Subject* subject_ = nullptr;
    std::optional<recipe::Recipe> recipe_;
    Tensor given_;
    uint64_t seed_ = 0;
    bool named_ = true;
    std::optional<Scale> scale_;
    ScoredMethod facts_;
    std::vector<std::vector<double>> values_;    // [sample]; empty: failed
    std::vector<std::optional<double>> errors_;  // [sample]
    std::vector<Explanation> sums_;              // diagnostics alone
};

/// The target of a sample, as a recipe names it.
[[nodiscard]] std::string target_text(const ResolvedTarget& target);

}  // namespace whence::evaluate
