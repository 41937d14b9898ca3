#include "whence/gradients/idgi.h"

#include <fmt/format.h>

#include "whence/gradients/line_path.h"
#include "whence/gradients/options.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// Each point's squared gradient takes the change of the output up to the next point.
class Shares {
  public:
    explicit Shares(size_t features) : values_(features, 0.0), gradient_(features, 0.0) {}

    void reach(double value) {
        double squares = 0;
        for (const double g : gradient_) squares += g * g;
        const double change = value - value_;
        if (squares > 0)
            for (size_t i = 0; i < values_.size(); ++i)
                values_[i] += change * (gradient_[i] * gradient_[i] / squares);
        else
            lost_ += change;
        value_ = value;
    }
    void start(double value) { value_ = value; }
    void keep(std::span<const double> gradient) {
        gradient_.assign(gradient.begin(), gradient.end());
    }
    [[nodiscard]] const std::vector<double>& values() const { return values_; }
    /// What happened where the gradient was zero, so that nothing could take it.
    [[nodiscard]] double lost() const { return lost_; }

  private:
    std::vector<double> values_, gradient_;
    double value_ = 0, lost_ = 0;
};

}  // namespace

Idgi::Idgi(const DifferentiableModel& model, Baseline baseline, Options options)
    : model_(model), baseline_(std::move(baseline)), options_(std::move(options)) {
    require_count("idgi", "steps", options_.steps);
}

Explanation Idgi::explain(const Batch& input, const Target& target, const Run& run) const {
    Inquiry inquiry("idgi", model_, input, target, {.input = options_.input}, run);
    LinePath path(inquiry, inquiry.baseline(baseline_));
    inquiry.expect(1 + options_.steps);
    const double value = inquiry.value();
    std::vector<double> positions(options_.steps);
    for (size_t k = 0; k < positions.size(); ++k)
        positions[k] = static_cast<double>(k) / static_cast<double>(positions.size());
    Shares shares(inquiry.x().size());
    double baseline_value = 0;
    path.gradients(positions, [&](const PathPoint& point) {
        if (point.position == 0)
            shares.start(baseline_value = point.value);
        else
            shares.reach(point.value);
        shares.keep(point.gradient);
    });
    shares.reach(value);
    Explanation explanation = inquiry.finish(
        shares.values(), {.baseline = describe(baseline_), .baseline_value = baseline_value},
        {{"baseline", describe(baseline_)}, {"steps", options_.steps}});
    std::vector<std::string>& notes = explanation.diagnostics.notes;
    notes.emplace_back(
        "the values add up by construction: the attribution error says nothing about the map");
    if (shares.lost() != 0)
        notes.push_back(fmt::format(
            "a change of {:.3g} happened where the gradient was zero, so no feature got it",
            shares.lost()));
    return explanation;
}

}  // namespace whence
