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
/// Columns by the groups of which the card has metrics.
[[nodiscard]] std::vector<std::string> grouping_columns(const ScoreCard& card);
/// By one of them: metric, method, the gap, its interval and p-value; then each group's mean if `every_group`, else the
/// two furthest apart.
[[nodiscard]] Cells gaps_of(const ScoreCard& card, const std::string& column, bool every_group);
/// Why a method has no attribution error, why metrics are undefined, what is left out.
[[nodiscard]] std::vector<std::string> remarks_of(const ScoreCard& card);

}  // namespace whence::render
