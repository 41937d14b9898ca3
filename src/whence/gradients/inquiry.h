#pragma once
// One explanation in the making: what every gradient method asks, counts and writes down alike.

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "whence/core/baseline.h"
#include "whence/gradients/explained_input.h"

namespace whence::gradients {

/// Writes point number `point` into `row`, a row of the explained input.
using Place = std::function<void(int64_t point, std::span<double> row)>;

/// What is asked at a number of points.
struct Question {
    int64_t points = 1;
    Place place;                    ///< absent: every point is the input
    bool gradient = true;           ///< false: forward only
    bool features = false;          ///< the values of the tensor explained, too
    Rules rules = Rules::gradient;  ///< how gradients are taken
    Place reference;                ///< Rules::deep_lift: what each point is compared with
    const char* where = "";         ///< ends "the model returned NaN as its output"
};

/// What the model said at one point. The spans hold during the call only.
struct Answer {
    int64_t point = 0;
    double value = 0;                  ///< the target
    double reference_value = 0;        ///< Rules::deep_lift: the target of the reference
    std::span<const double> gradient;  ///< with respect to the tensor explained
    std::span<const double> features;  ///< values of that tensor
};
using Listen = std::function<void(const Answer& answer)>;

/// What the values are compared with, and what they claim.
struct Claim {
    std::string baseline;                  ///< in words
    std::optional<double> baseline_value;  ///< the values should add up to f(x) minus this
    std::string no_error_because;          ///< where they should not
    Shape shape;                           ///< of the values; empty: of the tensor explained
};

/// Chooses the input, leaves the target open until the first answer, asks in batches of the model's
/// preferred size, keeps no gradient, counts and reports, and fills in what all methods fill in.
class Inquiry {
  public:
    /// Where and what is explained: the input of that name (empty: the first of floating-point
    /// numbers), or if `tensor` is given that tensor of a layer, while the input is what varies.
    struct Subject {
        std::string input, tensor;
    };

    /// Everything borrowed must outlive the inquiry. Throws as choose_input and resolve do.
    Inquiry(const char* method, const DifferentiableModel& model, const Batch& input,
            const Target& target, Subject subject, const Run& run);

    /// Answers come in the order of the points. The first question of all must be the input alone:
    /// it settles the target. Throws Error(model) where the model returns no finite number.
    void ask(const Question& question, const Listen& listen);
    /// The gradient at the input, as a first question.
    [[nodiscard]] std::vector<double> gradient_at_input(Rules rules = Rules::gradient);
    /// The target at the input (asked for if nothing was asked yet).
    double value();
    /// The target at one other point.
    [[nodiscard]] double value_at(std::span<const double> point, const char* where);

    [[nodiscard]] const ExplainedInput& explained() const { return explained_; }
    /// The input's numbers.
    [[nodiscard]] const std::vector<double>& x() const { return x_; }
    /// The baseline's numbers. Throws Error(input) for another shape and numbers not finite.
    [[nodiscard]] std::vector<double> baseline(const Baseline& baseline) const;

    [[nodiscard]] int64_t preferred_batch() const;
    /// Relative rounding of one number of this model's arithmetic.
    [[nodiscard]] double epsilon() const;
    /// Rows still to come, for the progress bar alone.
    void expect(int64_t more) { total_ = evaluations_ + gradient_evaluations_ + more; }
    [[nodiscard]] int64_t gradient_evaluations() const { return gradient_evaluations_; }

    /// The explanation, its attribution error stated. `options` without the input's name, which is
    /// added.
    [[nodiscard]] Explanation finish(std::span<const double> values, Claim claim,
                                     std::vector<Option> options) const;

  private:
    GradientResult ask_batch(const Question& question, int64_t first, int64_t count);
    void place(Batch& rows, const Place& place, int64_t first, int64_t count);
    void check_rows(const Tensor& tensor, int64_t count);

    const char* method_;
    const DifferentiableModel& model_;
    const Batch& input_;
    const Run& run_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    ExplainedInput explained_;
    std::string tensor_;
    OpenTarget target_;
    std::vector<double> x_;
    Batch rows_, references_;
    Shape shape_;  ///< of the tensor explained, one row
    std::optional<double> value_;
    int64_t evaluations_ = 0, gradient_evaluations_ = 0, total_ = 0;
};

}  // namespace whence::gradients
