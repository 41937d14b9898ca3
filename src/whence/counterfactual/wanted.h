#pragma once
// Which other answer is looked for, and whether a model gave it.

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/batch.h"
#include "whence/core/target.h"

namespace whence {

/// Nothing set: any class but the one that the model gives the input.
struct Wanted {
    struct Range {
        double low = -std::numeric_limits<double>::infinity();
        double high = std::numeric_limits<double>::infinity();
    };
    std::optional<int64_t> index;  ///< this class
    std::optional<Range> range;    ///< the target's value, both ends included

    /// "other" (or nothing), a class by name or number, ">=3.5", "<=2", "2..3". Throws
    /// Error(usage).
    static Wanted parse(std::string_view text, std::span<const std::string> classes);
};

/// What a model's answer to one row is worth.
struct Verdict {
    bool valid = false;
    /// How far inside the wanted answer (above 0) or outside (below), in the units of the model's
    /// output: of a class its score less the best other one, of a range the distance to its nearer
    /// end. -infinity where the model answers NaN or was not asked.
    double margin = -std::numeric_limits<double>::infinity();
    int64_t answer = -1;  ///< class with the highest score; -1: none (a number, or NaN)
    double value =
        std::numeric_limits<double>::quiet_NaN();  ///< the target's, where a range is wanted
};

/// Wanted after it met a model's answer to the input: nothing left open.
///
/// An output of one probability (or one logit) is read as two classes, 0 and 1.
class Judge {
  public:
    /// `outputs`: what the model says of the one input. Throws Error(usage) for a class that does
    /// not exist, or a class of an output that is a number.
    Judge(ResolvedTarget target, Wanted wanted, const Batch& outputs);

    /// One verdict for each row that the model was asked.
    [[nodiscard]] std::vector<Verdict> judge(const Batch& outputs) const;
    /// The same of one row of scores (their mean over fillings, say).
    [[nodiscard]] Verdict judge(std::span<const double> scores) const;

    [[nodiscard]] const ResolvedTarget& target() const { return target_; }
    [[nodiscard]] const Wanted& wanted() const { return wanted_; }
    /// What the model says of the input itself.
    [[nodiscard]] const Verdict& original() const { return original_; }
    [[nodiscard]] int64_t classes() const { return classes_; }
    /// "any class but malignant", "benign", "at least 0.7".
    [[nodiscard]] std::string describe(std::span<const std::string> names) const;
    /// What the model answers: the class's name, or the number.
    [[nodiscard]] std::string label(const Verdict& verdict, double value,
                                    std::span<const std::string> names) const;

  private:
    [[nodiscard]] Verdict of_classes(std::span<const double> scores) const;

    ResolvedTarget target_;
    Wanted wanted_;
    int64_t classes_ = 0;  // 0: the output is a number
    Verdict original_;
};

}  // namespace whence
