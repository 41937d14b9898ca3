#include "score_card_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "outputs.h"
#include "whence/core/error.h"
#include "whence/data/csv.h"
#include "whence/render/score_card.h"

namespace whence::cli {
namespace {

using Bytes = std::vector<std::byte>;

std::string number(double value) {
    return std::isnan(value) ? std::string() : fmt::format("{}", value);
}

Bytes csv(const ScoreCard& card) {
    using Cells = std::vector<std::string>;
    std::string out =
        data::csv_line(Cells{"metric", "category", "better", "method", "value", "low", "high",
                             "best", "defined", "undefined", "undefined_because"});
    for (const ScoreCardRow& row : card.table)
        for (size_t m = 0; m < row.of.size(); ++m) {
            const ScoreEstimate& e = row.of[m];
            out += data::csv_line(
                Cells{row.metric, row.category, row.higher_is_better ? "higher" : "lower",
                      card.methods[m].name, number(e.value), number(e.low), number(e.high),
                      e.best ? "1" : "0", std::to_string(e.defined), std::to_string(e.undefined),
                      e.undefined_because});
        }
    return bytes_of(out);
}

struct Format {
    std::string_view ending;
    Bytes (*encode)(const ScoreCard&);
};
constexpr Format formats[] = {
    {".json", [](const ScoreCard& card) { return bytes_of(to_json(card)); }},
    {".csv", csv},
    {".png", [](const ScoreCard& card) { return render::draw(card); }},
    {".svg",
     [](const ScoreCard& card) { return render::draw(card, {.format = render::Format::svg}); }},
    {".html", [](const ScoreCard& card) { return bytes_of(render::report(card)); }},
    {".txt", [](const ScoreCard& card) { return bytes_of(render::to_text(card)); }},
};

const Format& format_of(const std::string& path) {
    std::string ending = std::filesystem::path(path).extension().string(), have;
    std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const Format& format : formats) {
        if (format.ending == ending) return format;
        have += (have.empty() ? "" : ", ") + std::string(format.ending);
    }
    throw Error(ErrorKind::usage, fmt::format("-o {}: the ending says the format, and there are {}",
                                              printable(path, 400), have));
}

}  // namespace

void check_score_card_outputs(const std::vector<std::string>& paths,
                              const std::vector<std::string>& inputs) {
    for (const std::string& path : paths) static_cast<void>(format_of(path));
    check_places(paths, inputs);
}

Bytes encode_score_card(const std::string& path, const ScoreCard& card) {
    return format_of(path).encode(card);
}

}  // namespace whence::cli
