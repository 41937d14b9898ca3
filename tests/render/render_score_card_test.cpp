// Score cards as text, page and picture: complete, escaped, within the terminal.

#include "whence/render/score_card.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "whence/render/unicode.h"

namespace whence::render {
namespace {

ScoreEstimate estimate(double value, bool best = false) {
    return {.value = value, .low = value - 0.01, .high = value + 0.01, .defined = 50, .best = best};
}

ScoreCard card() {
    ScoreCard out{.modality = "table",
                  .model = "model.onnx",
                  .data = "<b>rows</b>.csv",
                  .samples = 50,
                  .available = 569,
                  .target = "each input's own predicted class",
                  .scale = "logit",
                  .players = "columns",
                  .removed = "mean"};
    out.methods = {{.name = "lime",
                    .explained = 50,
                    .evaluations = 1234567,
                    .error_stated = 50,
                    .mean_error = 0.25},
                   {.name = "<script>", .given = true, .no_error_because = "values & more"}};
    ScoreCardRow deletion{.metric = "deletion",
                          .category = "faithfulness",
                          .assumes = "removal is neutral",
                          .cannot_tell = "why"};
    deletion.of = {estimate(0.125, true), estimate(0.5)};
    ScoreCardRow reco{.metric = "reco", .category = "consistency", .higher_is_better = true};
    ScoreEstimate none;
    none.undefined = 50;
    none.undefined_because = "one class";
    reco.of = {estimate(0.75), none};
    out.table = {deletion, reco};
    out.left_out = {{"road", "it is of images"}};
    out.verdict = {{"best", false, "lime is best on deletion."},
                   {"few-samples", true, "Few <samples>."}};
    return out;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(ScoreCardText, SaysEverything) {
    const std::string text = to_text(card());
    for (const char* part :
         {"Score card: 2 methods, 50 samples of 569", "deletion \u2193", "reco \u2191", "0.125 *",
          "0.115 to 0.135", "1 234 567", "reco of <script>: 50 undefined: one class",
          "road is left out: it is of images", "+ lime is best on deletion.", "! Few <samples>.",
          "removed means mean", "<script> has no attribution error: values & more"})
        EXPECT_TRUE(contains(text, part)) << part;
    EXPECT_FALSE(contains(text, "\x1b["));
    EXPECT_TRUE(contains(to_text(card(), {.color = true}), "\x1b[1m"));
}

TEST(ScoreCardText, KeepsToTheWidth) {
    ScoreCard wide = card();
    for (int i = 0; i < 12; ++i) {
        wide.methods.push_back({.name = "method-number-" + std::to_string(i)});
        for (ScoreCardRow& row : wide.table) row.of.push_back(estimate(0.3));
    }
    std::istringstream lines(to_text(wide, {.width = 60, .ascii = true}));
    for (std::string line; std::getline(lines, line);) {
        if (contains(line, "evaluations") || contains(line, "0.25"))
            continue;  // the table of costs
        EXPECT_LE(columns(line), 78) << line;
        for (const char letter : line) EXPECT_GT(letter, 0);
    }
    for (int i = 0; i < 12; ++i)
        EXPECT_TRUE(contains(to_text(wide, {.width = 60}), "method-number-" + std::to_string(i)));
}

TEST(ScoreCardPage, EscapesAndIsComplete) {
    for (const std::string& page : {report(card()), html_fragment(card())}) {
        EXPECT_FALSE(contains(page, "<script"));
        EXPECT_FALSE(contains(page, "<b>rows"));
        EXPECT_TRUE(contains(page, "&lt;script&gt;"));
        EXPECT_TRUE(contains(page, "<strong>0.125 *</strong>"));
        EXPECT_TRUE(contains(page, "Few &lt;samples&gt;."));
    }
    EXPECT_TRUE(contains(report(card()), "image/svg+xml"));
    EXPECT_TRUE(contains(report(card()), "removal is neutral"));
}

ScoreCard by_groups() {
    ScoreCard out = card();
    out.gaps = {{.column = "<sex>",
                 .metric = "deletion",
                 .method = "lime",
                 .groups = {{"female", 20, 0.25, 0.2, 0.3}, {"male", 30, 0.5, 0.4, 0.6}},
                 .gap = 0.25,
                 .low = 0.125,
                 .high = 0.375,
                 .higher = "male",
                 .lower = "female",
                 .p_value = 0.03},
                {.column = "<sex>", .metric = "reco", .method = "lime", .groups = {{"male", 1, 0.5, 0.5, 0.5}}}};
    out.gaps[1].gap = out.gaps[1].low = out.gaps[1].high = out.gaps[1].p_value = std::nan("");
    return out;
}

TEST(ScoreCardGroups, StandInTextPageAndJson) {
    const std::string text = to_text(by_groups());
    for (const char* part : {"By <sex>", "0.125 to 0.375", "male 0.5", "female 0.25", "0.03"}) EXPECT_TRUE(contains(text, part)) << part;
    for (const std::string& page : {report(by_groups()), html_fragment(by_groups())}) {
        EXPECT_TRUE(contains(page, "By &lt;sex&gt;"));
        EXPECT_TRUE(contains(page, "0.25 (20)"));
        EXPECT_FALSE(contains(page, "<sex>"));
    }
    const std::string json = to_json(by_groups());
    EXPECT_TRUE(contains(json, "\"quality_by_group\""));
    EXPECT_TRUE(contains(json, "\"p_value\": 0.03"));
    EXPECT_TRUE(contains(json, "\"gap\": null"));
    for (const std::string& none : {to_text(card()), report(card())}) EXPECT_FALSE(contains(none, "By "));
}

TEST(ScoreCardPicture, IsDrawnInBothFormats) {
    const auto png = draw(card()), svg = draw(card(), {.format = Format::svg});
    EXPECT_EQ(static_cast<char>(png[1]), 'P');
    EXPECT_TRUE(
        contains(std::string(reinterpret_cast<const char*>(svg.data()), svg.size()), "<svg"));
    ScoreCard empty = card();
    for (ScoreCardRow& row : empty.table)
        for (ScoreEstimate& e : row.of) e = {};
    EXPECT_FALSE(draw(empty).empty());
}

TEST(ScoreCardJson, NumbersThatAreNoneAreNull) {
    const std::string json = to_json(card());
    EXPECT_TRUE(contains(json, "\"undefined_because\": \"one class\""));
    EXPECT_TRUE(contains(json, "null"));
    EXPECT_FALSE(contains(json, "nan"));
}

}  // namespace
}  // namespace whence::render
