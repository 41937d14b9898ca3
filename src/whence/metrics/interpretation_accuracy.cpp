#include "whence/metrics/interpretation_accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "whence/core/error.h"

namespace whence::metrics {
namespace {

using Counted = InterpretationOptions::Counted;
using Average = InterpretationOptions::Average;

struct Overlap {
    int64_t both = 0, either = 0;
    [[nodiscard]] double jaccard() const {
        return either > 0 ? static_cast<double>(both) / static_cast<double>(either) : 1;
    }
};

Overlap overlap(std::span<const uint8_t> a, std::span<const uint8_t> b) {
    Overlap out;
    for (size_t i = 0; i < a.size(); ++i) {
        out.both += a[i] && b[i];
        out.either += a[i] || b[i];
    }
    return out;
}

void check(MatrixView<const uint8_t> explanations, MatrixView<const uint8_t> objects,
           std::span<const uint8_t> correct, const InterpretationOptions& options) {
    if (explanations.rows < 1 || explanations.rows != objects.rows ||
        explanations.columns != objects.columns)
        throw Error(
            ErrorKind::input,
            fmt::format("masks of explanations are [{}, {}], of objects [{}, {}]",
                        explanations.rows, explanations.columns, objects.rows, objects.columns));
    if ((options.counted == Counted::predictions || !correct.empty()) &&
        std::ssize(correct) != objects.rows)
        throw Error(ErrorKind::input,
                    fmt::format("{} predictions for {} objects", correct.size(), objects.rows));
    for (const double share : {options.alpha, options.threshold})
        if (!(share >= 0 && share <= 1))
            throw Error(ErrorKind::usage,
                        fmt::format("weight and threshold are in [0, 1], not {}", share));
}

}  // namespace

InterpretationAccuracy interpretation_accuracy(MatrixView<const uint8_t> explanations,
                                               MatrixView<const uint8_t> objects,
                                               std::span<const uint8_t> correct,
                                               const InterpretationOptions& options) {
    check(explanations, objects, correct, options);
    Overlap all;
    double sum = 0, right = 0;
    for (int64_t i = 0; i < objects.rows; ++i) {
        const Overlap one = overlap(explanations.row(i), objects.row(i));
        all.both += one.both;
        all.either += one.either;
        sum += one.jaccard();
        right += options.counted == Counted::predictions ? correct[i] != 0
                                                         : one.jaccard() > options.threshold;
    }
    const auto n = static_cast<double>(objects.rows);
    InterpretationAccuracy out;
    out.right = right / n;
    out.overlap = options.average == Average::micro ? all.jaccard() : sum / n;
    out.value = options.alpha * out.right + (1 - options.alpha) * out.overlap;
    return out;
}

}  // namespace whence::metrics
