#pragma once
// Numbers and tables as a document writes them. Private to this folder.

#include <cstdint>
#include <string>
#include <vector>

#include "whence/experiment/inference.h"

namespace whence::experiment {

class Table {
  public:
    explicit Table(std::vector<std::string> titles);
    void add(const std::vector<std::string>& cells);
    [[nodiscard]] std::string text() const { return text_; }

  private:
    void line(const std::vector<std::string>& cells);
    std::string text_;
};

/// "a", "a and b", "a, b and c".
[[nodiscard]] std::string listed(const std::vector<std::string>& parts);
/// "60 000".
[[nodiscard]] std::string grouped(int64_t value);
/// "+0.62", "-0.07"; "none" where it is not finite.
[[nodiscard]] std::string signed_text(double value);
/// "+0.62 [+0.51, +0.70]".
[[nodiscard]] std::string with_interval(const Correlation& correlation);
/// "0.921 [0.919, 0.923]".
[[nodiscard]] std::string with_interval(const Mean& mean);
/// The value, bold where its interval does not hold 0.
[[nodiscard]] std::string bold_if_sure(const Correlation& correlation);
/// "0.0005", "0.21"; empty where there is none.
[[nodiscard]] std::string p_text(double p);

}  // namespace whence::experiment
