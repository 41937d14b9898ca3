#include "whence/render/plots.h"

#include <gtest/gtest.h>

#include "render/cairo_png.h"
#include "render/examples.h"
#include "render/markup.h"
#include "whence/core/error.h"
#include "whence/render/axis.h"
#include "whence/render/rows.h"

namespace whence::render {
namespace {

constexpr Plot all_plots[] = {Plot::waterfall, Plot::force,   Plot::bar,     Plot::beeswarm,
                              Plot::violin,    Plot::heatmap, Plot::scatter, Plot::decision};

std::vector<Explanation> some_rows(int64_t count) {
    std::vector<Explanation> out;
    for (int64_t i = 0; i < count; ++i) {
        Explanation e = test::table_example();
        const double t = static_cast<double>(i) / 10;
        e.attribution.values =
            Tensor::of<double>({4}, std::vector<double>{t, -0.2 * t, i % 2 ? 0.3 : -0.3, 0});
        e.attribution.displays = {std::to_string(i), std::to_string(-2 * i), i % 2 ? "f" : "m", "1"};
        e.target.value = 0.3 + 0.8 * t;
        out.push_back(e);
    }
    return out;
}

std::vector<Explanation> for_plot(Plot plot, const Explanation& e) {
    return of_one_row(plot) ? std::vector{e} : std::vector{e, test::table_example(), e};
}

TEST(Plots, NamesAreReadBack) {
    for (const Plot plot : all_plots) EXPECT_EQ(parse_plot(name(plot)), plot);
    EXPECT_THROW((void)parse_plot("pie"), Error);
}

TEST(Plots, AreDrawnInTheAskedWidthTwiceTheSame) {
    for (const Plot plot : all_plots) {
        const std::vector<Explanation> rows = of_one_row(plot) ? some_rows(1) : some_rows(30);
        const PlotOptions png{.width = 500, .scale = 2};
        EXPECT_EQ(test::png_size(draw(plot, rows, png)).width, 1000) << name(plot);
        EXPECT_EQ(draw(plot, rows, png), draw(plot, rows, png));
        const PlotOptions svg{.format = Format::svg};
        const std::string text = test::as_text(draw(plot, rows, svg));
        EXPECT_EQ(test::markup_fault(text), "") << name(plot);
        EXPECT_EQ(test::as_text(draw(plot, rows, svg)), text);
    }
}

TEST(Plots, DegenerateExplanationsAreDrawnOrRefused) {
    for (const test::Degenerate& example : test::degenerate_tables())
        for (const Plot plot : all_plots) {
            const std::vector<Explanation> rows = for_plot(plot, example.explanation);
            if (example.explanation.attribution.values.size() == 0) {
                EXPECT_THROW((void)draw(plot, rows), Error) << example.name;
                continue;
            }
            EXPECT_GT(test::png_size(draw(plot, rows)).height, 0)
                << name(plot) << ": " << example.name;
            const std::string svg = test::as_text(draw(plot, rows, {.format = Format::svg}));
            EXPECT_EQ(test::markup_fault(svg), "") << name(plot) << ": " << example.name;
            EXPECT_EQ(svg.find("<script"), std::string::npos);
        }
}

TEST(Plots, RefuseWhatTheyCannotShow) {
    for (const Plot plot : all_plots) {
        EXPECT_THROW((void)draw(plot, {}), Error);
        EXPECT_THROW((void)draw(plot, {test::pixel_example(4, 4)}), Error) << name(plot);
    }
    EXPECT_THROW((void)draw(Plot::waterfall, some_rows(2)), Error);
    EXPECT_THROW((void)draw(Plot::scatter, some_rows(5), {.feature = "weight"}), Error);
    EXPECT_NO_THROW((void)draw(Plot::scatter, some_rows(5), {.feature = "area"}));  // categories
}

TEST(ExplainedRows, FeaturesMeetByNameTheMostImportantFirst) {
    std::vector<Explanation> rows = some_rows(3);
    rows[1].attribution.values = Tensor::of<double>({2}, std::vector<double>{-9, 0.5});
    rows[1].attribution.names = {"symmetry", "texture"};
    rows[1].attribution.displays = {"7", "low"};
    const ExplainedRows all = explained_rows(rows);
    EXPECT_EQ(all.names, (std::vector<std::string>{"symmetry", "area", "texture", "radius"}));
    EXPECT_DOUBLE_EQ(all.importance[0], 3);
    EXPECT_DOUBLE_EQ(all.weight(1, 0), -9);
    EXPECT_DOUBLE_EQ(all.weight(1, 1), 0);  // this row has no area
    EXPECT_DOUBLE_EQ(all.value(1, 0), 7);
    EXPECT_TRUE(std::isnan(all.value(1, 2)));  // "low" is no number
}

// LIME names conditions of one row; rows meet by the columns that the conditions are about.
TEST(ExplainedRows, ConditionsMeetByTheirColumn) {
    std::vector<Explanation> rows = some_rows(2);
    for (int i = 0; i < 2; ++i) {
        Attribution& a = rows[i].attribution;
        a.values = Tensor::of<double>({2}, std::vector<double>{i ? -3.0 : 1.0, 0.5});
        a.names = {i ? "age > 40" : "20 < age <= 40", i ? "sex=f" : "sex=m"};
        a.displays = {i ? "47" : "31", i ? "f" : "m"};
        a.columns = {"age", "sex"};
    }
    const ExplainedRows all = explained_rows(rows);
    EXPECT_EQ(all.names, (std::vector<std::string>{"age", "sex"}));
    EXPECT_DOUBLE_EQ(all.weight(0, 0), 1);
    EXPECT_DOUBLE_EQ(all.weight(1, 0), -3);
    EXPECT_DOUBLE_EQ(all.value(1, 0), 47);
    for (Explanation& row : rows) row.attribution.columns.clear();
    EXPECT_EQ(explained_rows(rows).names.size(), 4U) << "without columns they do not meet";
}

TEST(ExplainedRows, RanksOfValues) {
    const ExplainedRows all = explained_rows(some_rows(3));
    const auto feature = [&](const char* wanted) {
        return static_cast<size_t>(std::ranges::find(all.names, wanted) - all.names.begin());
    };
    EXPECT_EQ(value_ranks(all, feature("radius")), (std::vector<double>{0, 0.5, 1}));
    EXPECT_EQ(value_ranks(all, feature("texture")), (std::vector<double>{1, 0.5, 0}));
    EXPECT_EQ(value_ranks(all, feature("symmetry")), (std::vector<double>{0.5, 0.5, 0.5}));  // ties
    EXPECT_TRUE(std::isnan(value_ranks(all, feature("area"))[0]));
}

TEST(Axis, TicksAreRoundAndWithin) {
    const Axis axis = Axis::over(std::vector<double>{-0.37, 1.91}, 0, 100);
    EXPECT_EQ(axis.ticks(), (std::vector<double>{0, 0.5, 1, 1.5, 2}));
    EXPECT_DOUBLE_EQ(axis.at(axis.low), 0);
    EXPECT_DOUBLE_EQ(axis.at(1e9), 100);
    for (const std::vector<double>& values :
         {std::vector<double>{}, {NAN}, {0}, {5}, {1e300, -1e300}, {5e-324}, {1e15, 1e15 + 1}}) {
        const Axis odd = Axis::over(values, 0, 100);
        EXPECT_LT(odd.low, odd.high);
        EXPECT_LE(odd.ticks().size(), 21U);
    }
}

}  // namespace
}  // namespace whence::render
