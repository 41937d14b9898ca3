#include "whence/experiment/analysis.h"

#include <algorithm>
#include <limits>

namespace whence::experiment {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Group collect(const Study& study, const std::string& data_set, const std::string& architecture,
              const std::string& method) {
    const Spec& spec = study.spec;
    Group out{.data_set = data_set,
              .architecture = architecture,
              .method = method,
              .folds = spec.folds,
              .epochs = spec.epochs};
    const int64_t whole = spec.folds * spec.epochs;
    std::vector<const ResultRow*> all(spec.iterations * whole, nullptr);
    for (const ResultRow& row : study.results) {
        if (row.data_set != data_set || row.architecture != architecture || row.method != method)
            continue;
        const int64_t place = row.iteration * whole + row.fold * spec.epochs + row.epoch - 1;
        if (row.iteration >= 0 && row.fold >= 0 && row.fold < spec.folds && row.epoch >= 1 &&
            row.epoch <= spec.epochs && place < std::ssize(all))
            all[place] = &row;
    }
    for (int64_t i = 0; i < spec.iterations; ++i) {
        const auto begin = all.begin() + i * whole, end = begin + whole;
        if (std::find(begin, end, nullptr) != end) continue;
        out.rows.insert(out.rows.end(), begin, end);
        ++out.iterations;
    }
    return out;
}

}  // namespace

std::vector<Group> groups_of(const Study& study) {
    std::vector<Group> out;
    for (const ArchitectureSpec& architecture : study.spec.architectures)
        for (const DataSetSpec& set : study.spec.data_sets)
            for (const MethodSpec& method : study.spec.methods) {
                Group group = collect(study, set.name, architecture.name, method.name);
                if (group.iterations > 0) out.push_back(std::move(group));
            }
    return out;
}

Series series_of(const Group& group, const Quantity& quantity) {
    Series out{.iterations = group.iterations, .folds = group.folds, .epochs = group.epochs};
    for (const ResultRow* row : group.rows) out.values.push_back(quantity.of(*row));
    return out;
}

Quantity accuracy() {
    return {"accuracy", [](const ResultRow& row) { return row.accuracy; }};
}

Quantity mege(const Spec& spec, size_t difference, metrics::MegeScale scale) {
    return {
        "MeGe, " + spec.differences[difference].name() + ", " + std::string(metrics::name(scale)),
        [difference, scale](const ResultRow& row) {
            return row.measures.consistency[difference].mege(scale).value_or(nan);
        }};
}
Quantity reco(const Spec& spec, size_t difference) {
    return {"ReCo, " + spec.differences[difference].name(), [difference](const ResultRow& row) {
                return row.measures.consistency[difference].reco.value_or(nan);
            }};
}
Quantity mege(const Spec& spec) {
    return {"MeGe", mege(spec, 0, spec.mege_scale).of};
}
Quantity reco(const Spec& spec) {
    return {"ReCo", reco(spec, 0).of};
}
Quantity overlap(bool micro) {
    return {micro ? "overlap, micro" : "overlap, macro", [micro](const ResultRow& row) {
                const Interpretation& i = row.measures.interpretation;
                return micro ? i.overlap_micro : i.overlap_macro;
            }};
}
Quantity interpretation_accuracy(const Spec& spec, bool predictions, bool micro) {
    const double alpha = spec.alpha;
    return {std::string("InterpretationAccuracy, ") +
                (predictions ? "predictions" : "interpretations") + (micro ? ", micro" : ", macro"),
            [alpha, predictions, micro](const ResultRow& row) {
                const Interpretation& i = row.measures.interpretation;
                return alpha * (predictions ? i.right_predictions : i.right_interpretations) +
                       (1 - alpha) * (micro ? i.overlap_micro : i.overlap_macro);
            }};
}

Verdict verdict_of(const std::vector<Tested>& tested) {
    Verdict out = Verdict::holds;
    for (const Tested& one : tested) {
        if (one.pearson.below_zero()) return Verdict::fails;
        if (!one.pearson.above_zero()) out = Verdict::undecided;
    }
    return out;
}

}  // namespace whence::experiment
