#include "whence/render/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace whence::render {
namespace {

// Outside these powers of ten an exponent is easier to read than zeros.
constexpr int smallest_plain = -4;
constexpr int largest_plain = 8;

// Power of ten of the first digit after rounding to `digits`: 9.996 with 3 digits is 10.0.
int magnitude(double value, int digits) {
    const std::string text = fmt::format("{:.{}e}", std::abs(value), std::max(0, digits - 1));
    return std::stoi(text.substr(text.find('e') + 1));
}

std::string without_trailing_zeros(std::string text) {
    const size_t exponent = std::min(text.find('e'), text.size());
    if (text.find('.') == std::string::npos) return text;
    size_t end = exponent;
    while (text[end - 1] == '0') --end;
    if (text[end - 1] == '.') --end;
    return text.erase(end, exponent - end);
}

std::string special(double value) {
    if (std::isnan(value)) return "not a number";
    return value > 0 ? "infinity" : "-infinity";
}

}  // namespace

std::string number(double value, int digits) {
    if (!std::isfinite(value)) return special(value);
    if (value == 0) return "0";
    const int power = magnitude(value, digits);
    if (power < smallest_plain || power > largest_plain)
        return without_trailing_zeros(fmt::format("{:.{}e}", value, std::max(0, digits - 1)));
    return without_trailing_zeros(fmt::format("{:.{}f}", value, std::max(0, digits - 1 - power)));
}

std::string signed_number(double value, int digits) {
    const std::string text = number(value, digits);
    return value > 0 ? "+" + text : text;
}

std::string percent(double fraction) {
    const double value = 100 * fraction;
    if (value != 0 && std::abs(value) < 0.01) return "below 0.01 %";
    return number(value, 2) + " %";
}

std::string count(int64_t value) {
    const std::string digits = std::to_string(value);
    const size_t sign = value < 0 ? 1 : 0;
    std::string out;
    for (size_t i = 0; i < digits.size(); ++i) {
        if (i > sign && (digits.size() - i) % 3 == 0) out += ' ';
        out += digits[i];
    }
    return out;
}

std::string duration(double seconds) {
    if (!std::isfinite(seconds) || seconds < 60) return number(seconds, 2) + " s";
    const auto whole = static_cast<int64_t>(std::min(seconds, 1e15) + 0.5);
    return fmt::format("{} min {} s", whole / 60, whole % 60);
}

Column::Column(std::span<const double> values, int digits) {
    double largest = 0;
    for (const double value : values)
        if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    if (largest == 0) return;
    const int power = magnitude(largest, digits);
    exponent_ = power < smallest_plain || power > largest_plain;
    decimals_ = exponent_ ? digits - 1 : std::max(0, digits - 1 - power);
}

std::string Column::operator()(double value) const {
    if (!std::isfinite(value)) return special(value);
    if (value == 0) return exponent_ ? "0" : fmt::format("{:.{}f}", 0.0, decimals_);
    if (exponent_) return fmt::format("{:+.{}e}", value, decimals_);
    const bool vanishes = std::abs(value) < 0.5 * std::pow(10.0, -decimals_);
    return vanishes ? signed_number(value, 1) : fmt::format("{:+.{}f}", value, decimals_);
}

std::string typeset(std::string_view text) {
    std::string out;
    for (const char letter : text) {
        if (letter == '-')
            out += "\u2212";
        else
            out += letter;
    }
    return out;
}

}  // namespace whence::render
