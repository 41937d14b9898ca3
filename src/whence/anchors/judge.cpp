#include "whence/anchors/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"

namespace whence::anchors {

Judge::Judge(const Model& model, const Target& target, const Batch& input, double within,
             const Run& run)
    : model_(model), input_(input), run_(run), within_(within) {
    if (target.minus)
        throw Error(ErrorKind::usage,
                    "an anchor explains what the model predicts, not a difference of classes");
    run.check();
    target_ = resolve(target, model, input, Scale::probability, run);
    const Batch outputs = model.predict(input, run);
    evaluations_ = target.index ? 1 : 2;
    const std::vector<double> scores = outputs.at(target_.output).to_doubles();
    target_.classes = static_cast<int64_t>(scores.size());
    value_ = target_values(target_, outputs)[0];
    own_ = scores[target_.index];
    if (target_.classes > 1) {
        if (agrees(scores)) return;
        throw Error(ErrorKind::usage,
                    fmt::format("an anchor explains what the model predicts for this input, and "
                                "that is not class {}: leave the target out",
                                target_.index));
    }
    if (within > 0) {
        kind_ = Kind::near;
    } else if (target_.output_scale == Scale::probability || target_.output_scale == Scale::logit) {
        kind_ = Kind::side;
        middle_ = target_.output_scale == Scale::probability ? 0.5 : 0;
    } else {
        throw Error(ErrorKind::usage,
                    "the output is one number: say with within how far another answer may lie "
                    "from this one and still be the same prediction");
    }
}

// The first of equal scores is the top class, as everywhere.
bool Judge::agrees(std::span<const double> scores) const {
    switch (kind_) {
        case Kind::top_class:
            return std::max_element(scores.begin(), scores.end()) - scores.begin() == target_.index;
        case Kind::side:
            return (scores[0] > middle_) == (own_ > middle_);
        case Kind::near:
            return std::abs(scores[0] - own_) <= within_;
    }
    return false;
}

std::vector<uint8_t> Judge::same(int64_t count, const FillRows& fill) {
    std::vector<uint8_t> answers;
    answers.reserve(count);
    const int64_t per_batch = std::min(count, std::max<int64_t>(1, model_.preferred_batch()));
    Batch batch;
    for (int64_t first = 0; first < count; first += per_batch) {
        const int64_t rows = std::min(per_batch, count - first);
        if (batch.rows() != rows) batch = input_.repeat_row(rows);
        fill(first, batch);
        std::vector<double> scores;
        try {
            run_.check();
            scores = model_.predict(batch, run_).at(target_.output).to_doubles();
        } catch (const OutOfReach& why) {
            throw OutOfReach(why, {answers.begin(), answers.end()});
        }
        for (int64_t row = 0; row < rows; ++row)
            answers.push_back(agrees(
                {scores.data() + row * target_.classes, static_cast<size_t>(target_.classes)}));
        evaluations_ += rows;
        run_.report("anchors", evaluations_, evaluations_);
    }
    return answers;
}

std::string Judge::meaning() const {
    switch (kind_) {
        case Kind::top_class:
            return "the same top class";
        case Kind::side:
            return "the output on the same side of " + fmt::format("{:g}", middle_);
        case Kind::near:
            return fmt::format("the output within {:g} of {:.6g}", within_, own_);
    }
    return "";
}

}  // namespace whence::anchors
