#include "whence/surrogate/linear.h"

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/perturb/lars.h"
#include "whence/perturb/surrogate.h"

namespace whence::surrogate {
namespace {

using Term = LinearSurrogate::Term;

// A column of the design: what it is, and its mean and standard deviation on the training rows.
struct Variable {
    Term term;
    double mean = 0, deviation = 0;
    [[nodiscard]] double raw(std::span<const double> row) const {
        const double value = row[term.feature];
        if (term.category) return value == static_cast<double>(*term.category) ? 1 : 0;
        return std::isnan(value) ? term.missing : value;
    }
};

void measure(Variable& variable, const Answers& answers, const std::vector<int64_t>& rows) {
    double weight = 0, sum = 0, squares = 0;
    for (const int64_t i : rows) {
        if (!variable.term.category && std::isnan(answers.row(i)[variable.term.feature])) continue;
        weight += answers.weight(i);
        sum += answers.weight(i) * variable.raw(answers.row(i));
    }
    variable.mean = weight > 0 ? sum / weight : 0;
    if (!variable.term.category) variable.term.missing = variable.mean;
    weight = 0;
    for (const int64_t i : rows) {
        const double off = variable.raw(answers.row(i)) - variable.mean;
        weight += answers.weight(i);
        squares += answers.weight(i) * off * off;
    }
    variable.deviation = weight > 0 ? std::sqrt(squares / weight) : 0;
}

// Codes that occur, without the most frequent.
std::vector<int64_t> coded(const Answers& answers, const std::vector<int64_t>& rows,
                           int64_t feature) {
    std::vector<double> weight(answers.schema[feature].categories.size());
    for (const int64_t i : rows)
        if (const double code = answers.row(i)[feature]; !std::isnan(code))
            weight[static_cast<size_t>(code)] += answers.weight(i);
    const int64_t most = std::ranges::max_element(weight) - weight.begin();
    std::vector<int64_t> out;
    for (int64_t code = 0; code < std::ssize(weight); ++code)
        if (code != most && weight[code] > 0) out.push_back(code);
    return out;
}

std::vector<Variable> variables(const Answers& answers, const std::vector<int64_t>& rows) {
    constexpr size_t most = 2000;
    std::vector<Variable> out;
    const auto add = [&](const Term& term) {
        Variable variable{.term = term};
        measure(variable, answers, rows);
        // A constant column can explain nothing.
        if (variable.deviation > 1e-12 * std::abs(variable.mean)) out.push_back(variable);
        if (out.size() > most)
            throw Error(ErrorKind::limit,
                        "the table has more than 2000 columns (counting categories): too many for "
                        "a linear surrogate; take a surrogate tree");
    };
    for (int64_t feature = 0; feature < answers.columns(); ++feature) {
        if (!answers.schema[feature].categorical())
            add({.feature = feature});
        else
            for (const int64_t code : coded(answers, rows, feature))
                add({.feature = feature, .category = code});
    }
    return out;
}

// The features of the path's last knot that has no more than `terms`.
std::vector<int32_t> chosen(const perturb::Moments& moments, int64_t terms) {
    std::vector<int32_t> out;
    for (const Eigen::VectorXd& knot : perturb::lasso_path(moments)) {
        std::vector<int32_t> now;
        for (int32_t i = 0; i < knot.size(); ++i)
            if (knot[i] != 0) now.push_back(i);
        if (std::ssize(now) <= terms) out = std::move(now);
    }
    return out;
}

}  // namespace

LinearSurrogate fit_linear(const Answers& answers, const Split& split, const LinearOptions& options,
                           const Run& run) {
    check(answers);
    if (options.terms < 1) throw Error(ErrorKind::usage, "terms is less than 1");
    const std::vector<int64_t>& rows = split.training;
    const std::vector<Variable> all = variables(answers, rows);
    perturb::Design design{.rows = std::ssize(rows), .columns = std::ssize(all)};
    std::vector<double> targets;
    for (const int64_t i : rows) {
        for (const Variable& variable : all)
            design.values.push_back((variable.raw(answers.row(i)) - variable.mean) /
                                    variable.deviation);
        design.weights.push_back(answers.weight(i));
        targets.push_back(answers.values[i]);
    }
    run.check();
    LinearSurrogate out;
    const perturb::Moments moments = perturb::moments(design, targets);
    if (!(moments.weight > 0))
        throw Error(ErrorKind::input, "every row to learn from has weight 0");
    out.intercept = moments.target_mean;
    const std::vector<int32_t> kept =
        all.empty() ? std::vector<int32_t>{} : chosen(moments, options.terms);
    if (!kept.empty()) {
        const perturb::Surrogate fitted = perturb::fit(moments, kept, 0);
        out.intercept = fitted.intercept;
        for (size_t k = 0; k < fitted.features.size(); ++k) {
            const Variable& variable = all[fitted.features[k]];
            Term term = variable.term;
            term.effect = fitted.coefficients[k];
            term.weight = term.effect / variable.deviation;
            out.intercept -= term.weight * variable.mean;
            out.terms.push_back(term);
        }
    }
    out.fidelity =
        fidelity(answers, split, [&](std::span<const double> row) { return value_at(out, row); });
    return out;
}

}  // namespace whence::surrogate
