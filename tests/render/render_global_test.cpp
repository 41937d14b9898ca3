#include "whence/render/global.h"

#include <gtest/gtest.h>

#include <cmath>

#include "render/cairo_png.h"
#include "render/examples.h"
#include "render/markup.h"
#include "whence/core/global_view.h"

namespace whence::render {
namespace {

Schema columns() {
    return {{.name = "age"},
            {.name = "sex", .categories = {"f", "<m>"}},
            {.name = "a & b", .allows_missing = true}};
}

GlobalView view_of(const std::string& name, decltype(GlobalView::result) result) {
    GlobalView out{.view = name, .result = std::move(result), .schema = columns(), .rows = 40};
    out.target.resolved = {.output = "y", .scale = Scale::probability, .classes = 2};
    out.target.label = "yes";
    out.notes = {"something to know"};
    out.provenance.evaluations = 1234;
    return out;
}

GlobalView importance() {
    return view_of("importance", Importance{.loss = "log-loss",
                                            .reference = 0.25,
                                            .features = {0, 1, 2},
                                            .values = {0.5, -0.01, NAN},
                                            .standard_errors = {0.1, 0.02, NAN},
                                            .repeats = {{0.5}, {-0.01}, {NAN}}});
}

GlobalView curves(const std::string& name, bool lines) {
    Curve number{.feature = 0,
                 .grid = {20, 40, 60},
                 .values = {0.1, 0.5, 0.4},
                 .standard_errors = {0, 0.1, 0.1},
                 .deciles = {20, 30, 60}};
    Curve category{
        .feature = 1, .grid = {0, 1}, .values = {0.2, 0.3}, .standard_errors = {0, 0.01}};
    const Curve nothing{.feature = 2};
    if (lines) {
        number.rows = {0, 7};
        number.lines = {{0, 0.4, 0.5}, {0.2, 0.6, 0.3}};
    }
    return view_of(name, Curves{.curves = {number, category, nothing}});
}

GlobalView interaction() {
    return view_of("interaction", InteractionStrengths{.features = {0, 1},
                                                       .totals = {{0.5, 0.05}, {0.4, 0.04}},
                                                       .pairs = {{0, 1, {0.6, 0.05}}}});
}

GlobalView tree() {
    return view_of(
        "surrogate-tree",
        SurrogateTree{.nodes = {{.left_if = {.feature = 0, .high = 45.5},
                                 .left = 1,
                                 .right = 2,
                                 .value = 0.4,
                                 .share = 1},
                                {.value = 0.1, .share = 0.6},
                                {.left_if = {.feature = 1, .categories = {1}},
                                 .left = 3,
                                 .right = 4,
                                 .value = 0.8,
                                 .share = 0.4},
                                {.value = 0.9, .share = 0.3},
                                {.value = 0.6, .share = 0.1}},
                      .fidelity = {.r2 = 0.25, .agreement = 0.9, .rows = 10, .held_out = true}});
}

GlobalView rules() {
    return view_of("rules",
                   RuleList{.rules = {{.conditions = {{.feature = 0, .low = 30, .high = 45.5},
                                                      {.feature = 2, .low = 1, .missing = true}},
                                       .value = 0.1,
                                       .share = 0.6},
                                      {.value = 0.7, .share = 0.4}},
                            .fidelity = {.rows = 10}});
}

GlobalView linear() {
    return view_of(
        "surrogate-linear",
        LinearSurrogate{.intercept = 0.3,
                        .terms = {{.feature = 0, .weight = 0.01, .effect = 0.12},
                                  {.feature = 1, .category = 1, .weight = -0.2, .effect = -0.1}},
                        .fidelity = {.r2 = 0.9, .rows = 10, .held_out = true}});
}

std::vector<GlobalView> all() {
    return {importance(),
            curves("dependence", false),
            curves("ice", true),
            curves("ale", false),
            interaction(),
            tree(),
            rules(),
            linear()};
}

TEST(GlobalPictures, AreDrawnInTheAskedWidthTwiceTheSame) {
    for (const GlobalView& view : all()) {
        const PlotOptions png{.width = 500, .scale = 2};
        EXPECT_EQ(test::png_size(draw(view, png)).width, 1000) << view.view;
        EXPECT_EQ(draw(view, png), draw(view, png));
        const std::string svg = test::as_text(draw(view, {.format = Format::svg}));
        EXPECT_EQ(test::markup_fault(svg), "") << view.view;
        EXPECT_EQ(test::markup_fault(report(view)), "") << view.view;
    }
}

TEST(GlobalPictures, OfNothingAreDrawn) {
    for (const GlobalView& view :
         {view_of("importance", Importance{.loss = "log-loss"}), view_of("ale", Curves{}),
          view_of("interaction", InteractionStrengths{}),
          view_of("surrogate-linear", LinearSurrogate{}),
          view_of("surrogate-tree", SurrogateTree{.nodes = {{.value = 3, .share = 1}}})}) {
        EXPECT_GT(draw(view).size(), 0U) << view.view;
        EXPECT_FALSE(to_text(view).empty());
    }
}

TEST(GlobalText, SaysWhatWasFound) {
    const std::string text = to_text(importance(), {.ascii = true});
    EXPECT_NE(text.find("Permutation importance: yes"), std::string::npos) << text;
    EXPECT_NE(text.find("Log loss 0.25 before anything is shuffled"), std::string::npos) << text;
    EXPECT_NE(text.find("+-0.1"), std::string::npos) << text;
    EXPECT_NE(text.find("Something to know."), std::string::npos) << text;
    const std::string drawn = to_text(tree(), {.ascii = true});
    EXPECT_NE(drawn.find("  age <= 45.5:  0.1  (60 % of the rows)\n"
                         "  else\n"
                         "    sex = <m>:  0.9  (30 % of the rows)\n"
                         "    else:  0.6  (10 % of the rows)\n"),
              std::string::npos)
        << drawn;
    EXPECT_NE(drawn.find("less than half"), std::string::npos);
    EXPECT_NE(drawn.find("R2 0.25, same side of 1/2 in 90 % (10 rows held out)"), std::string::npos)
        << drawn;
    const std::string listed = to_text(rules(), {.width = 100, .ascii = true});
    EXPECT_NE(listed.find("if 30 < age <= 45.5 and a & b > 1 or missing:  0.1"), std::string::npos)
        << listed;
    EXPECT_NE(listed.find("otherwise:  0.7"), std::string::npos) << listed;
}

TEST(GlobalText, NamesTheUnitsOfTreeImportance) {
    const auto text_of = [](const char* measure, double reference) {
        GlobalView view = importance();
        view.view = "tree-importance";
        auto& found = std::get<Importance>(view.result);
        found.loss = measure;
        found.reference = reference;
        return to_text(view, {.ascii = true});
    };
    const auto has = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    EXPECT_TRUE(has(text_of("mean-abs-shap", std::nan("")), "mean |SHAP value|"));
    EXPECT_TRUE(has(text_of("total-gain", std::nan("")), "gain of all splits"));
    EXPECT_FALSE(has(text_of("total-gain", std::nan("")), "loss"));
    const std::string loss = text_of("log-loss", 0.25);
    EXPECT_TRUE(has(loss, "mean decrease of the log loss")) << loss;
    EXPECT_TRUE(has(loss, "0.25 with all features there")) << loss;
    EXPECT_FALSE(has(loss, "shuffled")) << loss;
}

TEST(GlobalText, DrawsCurvesPointByPointOrSmall) {
    const std::string several = to_text(curves("ale", false), {.ascii = true});
    EXPECT_NE(several.find("0.1 to 0.5"), std::string::npos) << several;
    EXPECT_NE(several.find("_#+"), std::string::npos) << several;
    EXPECT_NE(several.find("no values"), std::string::npos) << several;
    GlobalView one = curves("ale", false);
    std::get<Curves>(one.result).curves.resize(1);
    const std::string points = to_text(one, {.ascii = true});
    EXPECT_NE(points.find("  40"), std::string::npos) << points;
    EXPECT_NE(points.find("0.500 +-0.1"), std::string::npos) << points;
}

TEST(GlobalText, KeepsToTheWidthAndToAscii) {
    for (const GlobalView& view : all()) {
        const std::string text = to_text(view, {.width = 60, .ascii = true});
        size_t begin = 0;
        for (size_t end = text.find('\n'); end != std::string::npos;
             begin = end + 1, end = text.find('\n', begin))
            EXPECT_LE(end - begin, 60U) << view.view << ": " << text.substr(begin, end - begin);
        for (const char c : text) EXPECT_GE(c, 0) << view.view;
    }
}

TEST(GlobalJson, IsNullWhereThereIsNoNumber) {
    const std::string json = to_json(importance());
    EXPECT_NE(json.find("\"loss\": \"log-loss\""), std::string::npos) << json;
    EXPECT_NE(json.find("null"), std::string::npos);
    EXPECT_EQ(json.find("nan"), std::string::npos);
    for (const GlobalView& view : all())
        EXPECT_NE(to_json(view).find("\"evaluations\": 1234"), std::string::npos);
}

}  // namespace
}  // namespace whence::render
