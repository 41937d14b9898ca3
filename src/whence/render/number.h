#pragma once
// Numbers as people read them: few significant digits, no exponent where it can be helped.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace whence::render {

/// "0.731", "1235", "1.2e-07"; "not a number" and "infinity" by name. Trailing zeros are dropped.
[[nodiscard]] std::string number(double value, int digits = 3);
/// The same with its sign: "+0.731", "-2"; zero has none.
[[nodiscard]] std::string signed_number(double value, int digits = 3);
/// "0.4 %", "12 %", "below 0.01 %". `fraction` 1 is 100 %.
[[nodiscard]] std::string percent(double fraction);
/// "1 000 000": groups of three, parted by a plain space.
[[nodiscard]] std::string count(int64_t value);
/// "0.12 s", "3 min 20 s".
[[nodiscard]] std::string duration(double seconds);

/// A column of weights with one number of decimals, chosen so that the largest shows `digits`
/// significant digits. A value that would read as zero but is not falls back to number().
class Column {
  public:
    explicit Column(std::span<const double> values, int digits = 3);
    [[nodiscard]] std::string operator()(double value) const;

  private:
    int decimals_ = 3;
    bool exponent_ = false;
};

/// Hyphens of numbers replaced by the minus sign U+2212, for print and screen.
[[nodiscard]] std::string typeset(std::string_view text);

}  // namespace whence::render
