#include "whence/trees/search/goal.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "whence/core/error.h"
#include "whence/trees/ensemble_model.h"

namespace whence::trees {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool is_binary(const EnsembleParts& parts) {
    return parts.link == Link::logistic && parts.outputs == 1;
}

// The least and the greatest a margin may be: the sums of the trees' least and greatest leaves.
std::pair<double, double> ends_of(const Ensemble& ensemble, int64_t output) {
    double low = 0, high = 0;
    for (const Tree& tree : ensemble.trees()) {
        if (tree.width == 1 && tree.output != output) continue;
        double least = infinity, most = -infinity;
        for (size_t i = tree.width == 1 ? 0 : static_cast<size_t>(output); i < tree.values.size();
             i += static_cast<size_t>(tree.width)) {
            least = std::min(least, tree.values[i]);
            most = std::max(most, tree.values[i]);
        }
        if (least > most) continue;
        low += least;
        high += most;
    }
    const EnsembleParts& parts = ensemble.parts();
    const double base = parts.base[static_cast<size_t>(output)];
    return {base + low / parts.divisor, base + high / parts.divisor};
}

// How far class a's margin must be above class b's for a to be called first. Where links that go
// margin by margin reach their ends in floating point, all beyond are equal and the first is
// called.
double lead(const Ensemble& ensemble, int64_t a, int64_t b) {
    double top = infinity, bottom = -infinity;
    switch (ensemble.parts().link) {
        case Link::logistic:
            top = 36;
            bottom = -700;
            break;
        case Link::exponential:
            top = 700;
            [[fallthrough]];
        case Link::softplus:
            bottom = -700;
            break;
        case Link::step:
            return -infinity;
        default:
            return 0;
    }
    return std::min({0.0, top - ends_of(ensemble, b).second, ends_of(ensemble, a).first - bottom});
}

Constraint above(Form form, double need) {
    return {.forms = {form}, .need = need};
}

// A scalar as a rising or falling function of one value of margins.
struct Scalar {
    std::vector<Form> forms;
    std::function<double(double)> value;
};

// The scalar where margins are given: an ensemble without trees has them as its base.
double value_at(const Ensemble& ensemble, const ResolvedTarget& target,
                std::vector<double> margins) {
    EnsembleParts parts;
    parts.features = 1;
    parts.outputs = ensemble.outputs();
    parts.base = std::move(margins);
    parts.link = ensemble.parts().link;
    const EnsembleModel model(Ensemble::build(std::move(parts)));
    const Batch row({{"features", Tensor::of<double>({1, 1}, std::vector<double>{0})}});
    return target_values(target, model.predict(row, {}))[0];
}

Scalar scalar_of(const Ensemble& ensemble, const ResolvedTarget& target) {
    const EnsembleParts& parts = ensemble.parts();
    const auto outputs = static_cast<size_t>(parts.outputs);
    if (outputs == 1)
        return {{{.plus = 0}},
                [&ensemble, target](double m) { return value_at(ensemble, target, {m}); }};
    const bool of_margins = target.output == "margin" || parts.link == Link::identity;
    const bool logs = target.scale == Scale::logit || target.scale == Scale::log_probability;
    const auto index = static_cast<size_t>(target.index);
    if (target.minus) {
        if (!of_margins && !(parts.link == Link::softmax && logs))
            throw Error(ErrorKind::unsupported,
                        "a difference of probabilities is no function of one margin: take the "
                        "difference of margins, as in --target margin:0-1");
        return {{{.plus = target.index, .minus = *target.minus}},
                [&ensemble, target, outputs, index](double difference) {
                    std::vector<double> margins(outputs, 0.0);
                    margins[index] = difference;
                    return value_at(ensemble, target, std::move(margins));
                }};
    }
    if (of_margins ? target.scale == target.output_scale : parts.link != Link::softmax)
        return {{{.plus = target.index}}, [&ensemble, target, outputs, index](double m) {
                    std::vector<double> margins(outputs, 0.0);
                    margins[index] = m;
                    return value_at(ensemble, target, std::move(margins));
                }};
    if (of_margins)
        throw Error(ErrorKind::unsupported,
                    "margins are searched as they are: leave the scale out");
    // The log-odds of one class: all others are one class with margin 0.
    Scalar scalar{{}, [&ensemble, target, outputs, index](double odds) {
                      constexpr double gone = -1e300;
                      std::vector<double> margins(outputs, gone);
                      margins[index] = odds;
                      margins[index == 0 ? 1 : 0] = 0;
                      return value_at(ensemble, target, std::move(margins));
                  }};
    for (int64_t k = 0; k < parts.outputs; ++k)
        if (k != target.index) scalar.forms.push_back({.plus = target.index, .minus = k});
    return scalar;
}

// Doubles in their order as whole numbers, so that bisection takes 64 steps.
int64_t rank_of(double value) {
    const auto bits = std::bit_cast<int64_t>(value);
    return bits < 0 ? std::numeric_limits<int64_t>::min() - bits : bits;
}
double of_rank(int64_t rank) {
    return std::bit_cast<double>(rank < 0 ? std::numeric_limits<int64_t>::min() - rank : rank);
}

// The least number at which `holds` of a rising condition; infinity where it never does.
double first_where(const std::function<bool(double)>& holds) {
    constexpr double most = 1e290;
    if (holds(-most)) return -infinity;
    if (!holds(most)) return infinity;
    int64_t below = rank_of(-most), there = rank_of(most);
    while (below + 1 < there) {
        const int64_t middle = std::midpoint(below, there);
        (holds(of_rank(middle)) ? there : below) = middle;
    }
    return of_rank(there);
}

std::vector<Form> turned(std::vector<Form> forms) {
    for (Form& form : forms) std::swap(form.plus, form.minus);
    return forms;
}

// The scalar is at least (or at most) `bound`.
struct OneSided {
    bool always = false;
    Constraint constraint;
};
OneSided one_sided(const Scalar& scalar, double bound, bool at_least) {
    const bool rising =
        scalar.value(1) >= scalar.value(-1) && scalar.value(100) >= scalar.value(-100);
    const auto meets = [&](double m) {
        const double v = scalar.value(m);
        return at_least ? v >= bound : v <= bound;
    };
    if (rising == at_least) {
        const double need = first_where(meets);
        return {need == -infinity, {.forms = scalar.forms, .need = need}};
    }
    const double need = first_where([&](double m) { return meets(-m); });
    return {need == -infinity,
            {.forms = turned(scalar.forms), .need = need, .of = Constraint::Of::largest}};
}

}  // namespace

double Constraint::value(const double* values) const {
    if (forms.size() == 1) return values[0];
    const double sign = of == Of::smallest ? -1 : 1;
    double top = -infinity;
    for (size_t i = 0; i < forms.size(); ++i) top = std::max(top, sign * values[i]);
    if (!std::isfinite(top)) return sign * top;
    double sum = 0;
    for (size_t i = 0; i < forms.size(); ++i) sum += std::exp(sign * values[i] - top);
    return sign * (top + std::log(sum));
}

int64_t classes_of(const Ensemble& ensemble) {
    const EnsembleParts& parts = ensemble.parts();
    if (is_binary(parts)) return 2;
    return parts.link == Link::logistic || parts.link == Link::softmax ? parts.outputs : 0;
}

Goal class_goal(const Ensemble& ensemble, int64_t index) {
    if (is_binary(ensemble.parts()))
        return {{above(index == 1 ? Form{.plus = 0} : Form{.minus = 0}, 0)}};
    Conjunction all;
    for (int64_t k = 0; k < ensemble.outputs(); ++k)
        if (k != index) all.push_back(above({.plus = index, .minus = k}, lead(ensemble, index, k)));
    return {all};
}

Goal other_class_goal(const Ensemble& ensemble, int64_t index) {
    if (is_binary(ensemble.parts())) return class_goal(ensemble, 1 - index);
    Goal any;
    for (int64_t k = 0; k < ensemble.outputs(); ++k)
        if (k != index)
            any.push_back({above({.plus = k, .minus = index}, lead(ensemble, k, index))});
    return any;
}

Goal range_goal(const Ensemble& ensemble, const ResolvedTarget& target, double low, double high) {
    const Scalar scalar = scalar_of(ensemble, target);
    Conjunction both;
    for (const bool at_least : {true, false}) {
        const double bound = at_least ? low : high;
        if (std::isinf(bound)) continue;
        OneSided side = one_sided(scalar, bound, at_least);
        if (!side.always) both.push_back(std::move(side.constraint));
    }
    return {both};
}

Goal outside_goal(const Ensemble& ensemble, const ResolvedTarget& target, double low, double high) {
    const Scalar scalar = scalar_of(ensemble, target);
    return {{one_sided(scalar, low, false).constraint}, {one_sided(scalar, high, true).constraint}};
}

}  // namespace whence::trees
