#pragma once
// The cells of a score card, in words: the same in a terminal, on a page and in a picture. Private
// to this folder.

#include <string>
#include <vector>

#include "whence/core/score_card.h"

namespace whence::render {

/// A table of text: its first line are the titles.
using Cells = std::vector<std::vector<std::string>>;

/// "deletion, lower is better".
[[nodiscard]] std::string direction(const ScoreCardRow& row);
/// "0.312", "-" where there is none; and its interval "0.28 to 0.35", empty where there is none.
[[nodiscard]] std::string value_text(const ScoreEstimate& estimate);
[[nodiscard]] std::string interval_text(const ScoreEstimate& estimate);
/// "12 undefined: because", or empty.
[[nodiscard]] std::string undefined_text(const ScoreEstimate& estimate);

/// "Score card: 3 methods, 50 samples of 569".
[[nodiscard]] std::string title_of(const ScoreCard& card);
/// What was judged and how, one line each.
[[nodiscard]] std::vector<std::string> setting_of(const ScoreCard& card);
/// Method, attribution error, relative error, evaluations, seconds.
[[nodiscard]] Cells costs_of(const ScoreCard& card);
/// Why a method has no attribution error, why metrics are undefined, what is left out.
[[nodiscard]] std::vector<std::string> remarks_of(const ScoreCard& card);

}  // namespace whence::render
