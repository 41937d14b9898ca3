#include "whence/anchors/tree_condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "whence/core/explanation.h"

namespace whence::anchors {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// The shortest decimal number within [from, to].
double shortest_within(double from, double to) {
    if (!(from <= to) || !std::isfinite(from) || !std::isfinite(to))
        return std::isfinite(to) ? to : from;
    for (int digits = 1; digits < 17; ++digits)
        for (const double end : {to, from, std::midpoint(from, to)}) {
            const std::string text = fmt::format("{:.{}g}", end, digits);
            double shown = 0;
            std::from_chars(text.data(), text.data() + text.size(), shown);
            if (shown >= from && shown <= to) return shown;
        }
    return to;
}

}  // namespace

TreeCondition TreeCondition::all(const TreeColumn& column) {
    TreeCondition out;
    out.missing = column.missing;
    if (column.category)
        out.codes.assign(column.values.size(), 1);
    else
        out.last = column.values.size() - 1;
    return out;
}

bool TreeCondition::is_all(const TreeColumn& column) const {
    const TreeCondition every = all(column);
    return missing == every.missing && first == every.first && last == every.last &&
           codes == every.codes;
}

bool TreeCondition::admits(const TreeColumn& column, double value) const {
    if (std::isnan(value)) return missing;
    if (column.category)
        return value >= 0 && value < static_cast<double>(codes.size()) &&
               codes[static_cast<size_t>(value)];
    const auto at =
        static_cast<size_t>(std::ranges::find(column.values, value) - column.values.begin());
    return at >= first && at <= last;
}

ToldInterval told(const trees::Cell& first, const trees::Cell& last, bool float_inputs,
                  const std::vector<double>& known) {
    // Numbers a little above a threshold may be rounded to it: whatever is above this one is not.
    double above = first.above;
    if (float_inputs && std::isfinite(above)) {
        const auto at = static_cast<float>(above);
        const float next = std::nextafter(at, std::numeric_limits<float>::infinity());
        const double halfway = std::midpoint(static_cast<double>(at), static_cast<double>(next));
        above = std::max(above, halfway);
    }
    double least = first.upto, most = std::nextafter(last.above, infinity);
    for (const double value : known) {
        if (value > above && value < least) least = value;
        if (value <= last.upto && value > most) most = value;
    }
    ToldInterval out;
    if (std::isfinite(above)) {
        const double open = shortest_within(above, std::nextafter(least, -infinity));
        const double closed = shortest_within(std::nextafter(above, infinity), least);
        out.closed = fmt::format("{}", closed).size() < fmt::format("{}", open).size();
        out.low = out.closed ? closed : open;
    }
    if (std::isfinite(last.upto)) out.high = shortest_within(most, last.upto);
    return out;
}

double short_number(const trees::Cell& cell, double nearest, bool float_inputs) {
    const double size = std::max(1.0, std::abs(nearest));
    const double from = std::isinf(cell.above) ? nearest - size : cell.above;
    const double to = std::isinf(cell.upto) ? nearest + size : cell.upto;
    const double inside = std::midpoint(from, to);
    const double found = shortest_within(std::min(nearest, inside), std::max(nearest, inside));
    const double read = float_inputs ? static_cast<double>(static_cast<float>(found)) : found;
    return cell.holds(read) ? found : nearest;
}

std::string text(const TreeColumn& column, const TreeCondition& condition,
                 const ToldInterval& interval, const Feature& feature) {
    const std::string or_missing = condition.missing ? " or missing" : "";
    const bool numbers = !column.category && condition.first <= condition.last;
    if (column.category) {
        const auto kept = std::ranges::count(condition.codes, 1);
        const bool others =
            2 * kept > std::ssize(condition.codes);  // it is shorter to say which not
        std::string list;
        for (size_t code = 0; code < condition.codes.size(); ++code)
            if ((condition.codes[code] != 0) != others)
                list += (list.empty() ? "" : " or ") + display(feature, static_cast<double>(code));
        if (list.empty() && others) return feature.name + " is not missing";
        if (!list.empty()) return feature.name + (others ? " is not " : " = ") + list + or_missing;
    }
    if (!numbers) return feature.name + std::string(Rule::Condition::is_missing);
    const std::string unit = unit_after(feature);
    if (std::isinf(interval.low) && std::isinf(interval.high))
        return feature.name + " is not missing";
    if (std::isinf(interval.low))
        return fmt::format("{} <= {}{}{}", feature.name, interval.high, unit, or_missing);
    if (std::isinf(interval.high))
        return fmt::format("{} {} {}{}{}", feature.name, interval.closed ? ">=" : ">", interval.low,
                           unit, or_missing);
    return fmt::format("{} {} {} <= {}{}{}", interval.low, interval.closed ? "<=" : "<",
                       feature.name, interval.high, unit, or_missing);
}

}  // namespace whence::anchors
