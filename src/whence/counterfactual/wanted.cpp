#include "whence/counterfactual/wanted.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "whence/core/error.h"

namespace whence {
namespace {

std::optional<double> read_number(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        return std::nullopt;
    return value;
}

std::optional<Wanted::Range> read_range(std::string_view text) {
    if (text.starts_with(">=")) {
        if (const auto low = read_number(text.substr(2))) return Wanted::Range{.low = *low};
    } else if (text.starts_with("<=")) {
        if (const auto high = read_number(text.substr(2))) return Wanted::Range{.high = *high};
    } else if (const size_t dots = text.find(".."); dots != std::string_view::npos) {
        const auto low = read_number(text.substr(0, dots)),
                   high = read_number(text.substr(dots + 2));
        if (low && high && *low <= *high) return Wanted::Range{*low, *high};
    }
    return std::nullopt;
}

std::optional<int64_t> read_class(std::string_view text, std::span<const std::string> classes) {
    const auto found = std::ranges::find(classes, text);
    if (found != classes.end()) return found - classes.begin();
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

std::string class_name(int64_t index, std::span<const std::string> names) {
    return index >= 0 && index < static_cast<int64_t>(names.size())
               ? names[static_cast<size_t>(index)]
               : fmt::format("class {}", index);
}

}  // namespace

Wanted Wanted::parse(std::string_view text, std::span<const std::string> classes) {
    Wanted wanted;
    // A class may be called "other".
    if ((wanted.index = read_class(text, classes))) return wanted;
    if (text.empty() || text == "other") return wanted;
    if ((wanted.range = read_range(text))) return wanted;
    std::string have;
    for (size_t i = 0; i < std::min<size_t>(classes.size(), 10); ++i)
        have += (i ? ", " : "; classes are: ") + printable(classes[i], 40);
    throw Error(
        ErrorKind::usage,
        fmt::format("'{}' is no answer to want: give a class by name or number, other, or a "
                    "range as in >=3.5, <=2 or 2..3{}",
                    printable(text), have));
}

Judge::Judge(ResolvedTarget target, Wanted wanted, const Batch& outputs)
    : target_(std::move(target)), wanted_(wanted) {
    const bool two = target_.classes == 1 && target_.output_scale != Scale::raw;
    classes_ = two ? 2 : target_.classes > 1 ? target_.classes : 0;
    if (classes_ == 0 && !wanted_.range)
        throw Error(
            ErrorKind::usage,
            "the model answers with a number, not a class: say which numbers are wanted, as "
            "in >=3.5, <=2 or 2..3");
    if (wanted_.index && (*wanted_.index < 0 || *wanted_.index >= classes_))
        throw Error(ErrorKind::usage, fmt::format("class {} does not exist: the model has {}",
                                                  *wanted_.index, classes_));
    original_ = judge(outputs).at(0);
    // What the input itself is worth is only known once it is known which class is not wanted.
    if (!wanted_.range && !wanted_.index) original_ = judge(outputs).at(0);
}

Verdict Judge::of_classes(std::span<const double> scores) const {
    Verdict verdict;
    int64_t top = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
        if (std::isnan(scores[i])) return verdict;
        if (scores[i] > scores[static_cast<size_t>(top)]) top = static_cast<int64_t>(i);
    }
    verdict.answer = top;
    const int64_t pivot = wanted_.index.value_or(original_.answer < 0 ? top : original_.answer);
    double best_other = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < scores.size(); ++i)
        if (static_cast<int64_t>(i) != pivot) best_other = std::max(best_other, scores[i]);
    const double lead = scores[static_cast<size_t>(pivot)] - best_other;
    verdict.margin = wanted_.index ? lead : -lead;
    verdict.valid = wanted_.index ? top == *wanted_.index : top != pivot;
    return verdict;
}

Verdict Judge::judge(std::span<const double> scores) const {
    Verdict verdict;
    if (target_.classes == 1 && classes_ == 2) {
        const double one = scores[0];
        const double zero = target_.output_scale == Scale::probability ? 1 - one
                            : target_.output_scale == Scale::log_probability
                                ? std::log1p(-std::exp(one))
                                : 0;
        const double pair[] = {zero, one};
        verdict = of_classes(pair);
    } else if (classes_ > 0) {
        verdict = of_classes(scores);
    }
    if (!wanted_.range) return verdict;
    Batch row;
    row.add(target_.output, Tensor::of<double>({1, static_cast<int64_t>(scores.size())}, scores));
    verdict.value = target_values(target_, row)[0];
    verdict.margin =
        std::min(verdict.value - wanted_.range->low, wanted_.range->high - verdict.value);
    verdict.valid = verdict.margin >= 0;
    if (std::isnan(verdict.value)) verdict.margin = -std::numeric_limits<double>::infinity();
    return verdict;
}

std::vector<Verdict> Judge::judge(const Batch& outputs) const {
    const Tensor& all = outputs.at(target_.output);
    if (all.row_size() != target_.classes)
        throw Error(ErrorKind::input,
                    fmt::format("output '{}' has {} scores per row, not {}",
                                printable(target_.output), all.row_size(), target_.classes));
    const std::vector<double> scores = all.to_doubles();
    const auto width = static_cast<size_t>(target_.classes);
    std::vector<Verdict> verdicts(static_cast<size_t>(all.rows()));
    for (size_t row = 0; row < verdicts.size(); ++row)
        verdicts[row] = judge(std::span(scores).subspan(row * width, width));
    return verdicts;
}

std::string Judge::describe(std::span<const std::string> names) const {
    if (wanted_.range) {
        const auto [low, high] = *wanted_.range;
        if (std::isinf(high)) return fmt::format("at least {:.6g}", low);
        if (std::isinf(low)) return fmt::format("at most {:.6g}", high);
        return fmt::format("from {:.6g} to {:.6g}", low, high);
    }
    return wanted_.index ? class_name(*wanted_.index, names)
                         : "any class but " + class_name(original_.answer, names);
}

std::string Judge::label(const Verdict& verdict, double value,
                         std::span<const std::string> names) const {
    if (classes_ == 0) return fmt::format("{:.6g}", value);
    return verdict.answer < 0 ? "not a number" : class_name(verdict.answer, names);
}

}  // namespace whence
