#include "whence/experiment/markdown.h"

#include <fmt/format.h>

#include <cmath>

#include "whence/render/number.h"

namespace whence::experiment {

Table::Table(std::vector<std::string> titles) {
    line(titles);
    line(std::vector<std::string>(titles.size(), "---"));
}

void Table::add(const std::vector<std::string>& cells) {
    line(cells);
}

void Table::line(const std::vector<std::string>& cells) {
    if (!text_.empty()) text_ += "\n";
    text_ += "|";
    for (const std::string& cell : cells) text_ += " " + cell + " |";
}

std::string listed(const std::vector<std::string>& parts) {
    std::string out;
    for (size_t i = 0; i < parts.size(); ++i)
        out += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return out;
}

std::string grouped(int64_t value) {
    return render::count(value);
}

std::string signed_text(double value) {
    return std::isfinite(value) ? fmt::format("{:+.2f}", value) : "none";
}

std::string with_interval(const Correlation& correlation) {
    std::string out = signed_text(correlation.value);
    if (std::isfinite(correlation.low))
        out += fmt::format(" [{:+.2f}, {:+.2f}]", correlation.low, correlation.high);
    return out;
}

std::string with_interval(const Mean& mean) {
    if (!std::isfinite(mean.value)) return "none";
    std::string out = fmt::format("{:.3f}", mean.value);
    if (std::isfinite(mean.low)) out += fmt::format(" [{:.3f}, {:.3f}]", mean.low, mean.high);
    return out;
}

std::string bold_if_sure(const Correlation& correlation) {
    const std::string text = signed_text(correlation.value);
    return correlation.above_zero() || correlation.below_zero() ? "**" + text + "**" : text;
}

std::string p_text(double p) {
    return std::isfinite(p) ? fmt::format("{:.2g}", p) : "";
}

}  // namespace whence::experiment
