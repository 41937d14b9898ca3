#include <gtest/gtest.h>

#include <cmath>

#include "render/cairo_png.h"
#include "render/examples.h"
#include "render/markup.h"
#include "whence/render/facts.h"
#include "whence/render/heat.h"
#include "whence/render/html.h"
#include "whence/render/rule.h"
#include "whence/render/text.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

Explanation rule_example() {
    Explanation out = test::table_example();
    out.attribution.values = Tensor::of<double>({4}, std::vector<double>{1, 1, 0, 0});
    out.rule = Rule{.conditions = {{0, "radius > 16.8"}, {1, "texture <= 19.2"}},
                    .precision = 0.97,
                    .precision_low = 0.95,
                    .precision_high = 0.98,
                    .coverage = 0.21};
    out.target.baseline_value.reset();
    out.provenance.method = "anchors";
    out.diagnostics = {.no_error_because = "a rule adds nothing up", .converged = true};
    return out;
}

Explanation segment_rule() {
    Explanation out = test::segment_example(6, 6);
    out.attribution.values = Tensor::of<double>({2}, std::vector<double>{0, 1});
    out.rule = Rule{.conditions = {{1, "segment 1"}}, .precision = 1, .coverage = 0.5};
    return out;
}

Tensor picture(int64_t side) {
    Tensor out(ElementType::float32, {1, side, side, 3});
    for (float& v : out.as<float>()) v = 0.5F;
    out.as<float>()[0] = 1;
    return out;
}

TEST(Rule, AProvenOneSaysSo) {
    Explanation proven = rule_example();
    proven.rule->precision = proven.rule->precision_low = proven.rule->precision_high = 1;
    EXPECT_FALSE(is_proven(*proven.rule)) << "an interval that ends at 1 is no proof";
    proven.rule->confidence = 1;
    EXPECT_TRUE(is_proven(*proven.rule));
    EXPECT_EQ(rule_numbers(*proven.rule), "precision 1, proven, coverage 0.21");
    proven.rule->coverage = NAN;
    EXPECT_EQ(rule_numbers(*proven.rule), "precision 1, proven, coverage not known");
    const std::string text = to_text(proven);
    EXPECT_NE(text.find("Every input for which the rule holds"), std::string::npos);
    EXPECT_EQ(text.find("Careful"), std::string::npos);
    proven.diagnostics.converged = false;
    EXPECT_NE(to_text(proven).find("ended early"), std::string::npos);
}

TEST(Rule, IsOneSentence) {
    EXPECT_EQ(rule_sentence(rule_example()),
              "IF radius > 16.8 AND texture <= 19.2 THEN malignant, precision 0.97 [0.95, 0.98], "
              "coverage 0.21");
    Explanation always = rule_example();
    always.rule->conditions.clear();
    EXPECT_EQ(rule_lines(always), (std::vector<std::string>{"ALWAYS malignant"}));
    EXPECT_EQ(rule_lines(segment_rule())[0], "IF segment 1 (right, 50 %)");
}

TEST(Rule, ATerminalShowsTheRuleAndNoWeights) {
    const std::string text = to_text(rule_example(), {.width = 60});
    EXPECT_NE(text.find("  IF radius > 16.8 AND texture <= 19.2 THEN malignant,\n"
                        "  precision 0.97 [0.95, 0.98], coverage 0.21\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("The rule holds for 21 % of all inputs"), std::string::npos) << text;
    for (const char* weights : {"attribution error", "add up", "f(baseline)", "+1"})
        EXPECT_EQ(text.find(weights), std::string::npos) << weights << " in\n" << text;
}

TEST(Rule, WarnsWhereThereIsNone) {
    Explanation none = rule_example();
    none.diagnostics.converged = false;
    none.rule->coverage = 0.0001;
    int warnings = 0;
    for (const Finding& finding : findings(none)) warnings += finding.level == Level::warning;
    EXPECT_EQ(warnings, 2);
    for (const Finding& finding : findings(rule_example()))
        EXPECT_NE(finding.level, Level::warning) << finding.text;
}

TEST(Rule, TheSpotlightFallsOnTheSuperpixelsNamed) {
    const Picture seen(6, 6, {200, 20, 20});
    const Picture lit = spotlight(map_of(segment_rule()), seen, 6, 6);
    EXPECT_EQ(lit.at(3, 4), (Rgb{200, 20, 20}));
    const Rgb dark = lit.at(3, 0);
    EXPECT_EQ(dark.red, dark.green);
    EXPECT_EQ(dark.red, dark.blue);
}

TEST(Rule, FiguresAndPages) {
    const Tensor image = picture(6);
    for (const Explanation& explanation : {rule_example(), segment_rule()}) {
        EXPECT_GT(test::png_size(rule_figure(explanation, &image)).width, 1000);
        EXPECT_GT(test::png_size(rule_figure(explanation, nullptr)).width, 1000);
        const std::string svg =
            test::as_text(rule_figure(explanation, &image, {.format = Format::svg}));
        EXPECT_EQ(test::markup_fault(svg), "");
        const std::string page = report({{.explanation = explanation, .image = image}});
        EXPECT_NE(page.find("<p>THEN malignant</p>"), std::string::npos);
        EXPECT_EQ(page.find("weights</summary>"), std::string::npos);
    }
    // The photograph and the spotlight; none in the table's page.
    EXPECT_NE(report({{.explanation = segment_rule(), .image = image}}).find("what the rule names"),
              std::string::npos);
}

TEST(Rule, HostileFilesAreShownHarmlessly) {
    Explanation evil = segment_rule();
    evil.rule =
        Rule{.conditions = {{-7, test::hostile}, {int64_t{1} << 40, std::string(5000, 'x')}},
             .precision = NAN,
             .precision_low = -INFINITY,
             .coverage = NAN};
    evil.attribution.values = Tensor::of<double>({0}, std::vector<double>{});
    const Tensor image = picture(6);
    EXPECT_EQ(to_text(evil).find('\x1b'), std::string::npos);
    EXPECT_EQ(report({{.explanation = evil, .image = image}}).find("<script>"), std::string::npos);
    EXPECT_GT(test::png_size(rule_figure(evil, &image)).height, 100);
    const std::string text = to_text(evil, {.width = 40});
    for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at);
        EXPECT_LE(columns(text.substr(at, end - at)), 40);
        at = end + 1;
    }
}

}  // namespace
}  // namespace whence::render
