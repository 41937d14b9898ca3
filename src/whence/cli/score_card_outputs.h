#pragma once
// Score cards as files: the ending says the format.

#include <cstddef>
#include <string>
#include <vector>

#include "whence/core/score_card.h"

namespace whence::cli {

/// As check_outputs, for .json .csv .png .svg .html .txt.
void check_score_card_outputs(const std::vector<std::string>& paths,
                              const std::vector<std::string>& inputs);

/// The bytes of the file of that name. A .csv has a line for each metric and method.
[[nodiscard]] std::vector<std::byte> encode_score_card(const std::string& path,
                                                       const ScoreCard& card);

}  // namespace whence::cli
