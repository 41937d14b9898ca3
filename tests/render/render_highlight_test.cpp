#include "whence/render/highlight.h"

#include <gtest/gtest.h>

#include "render/examples.h"
#include "whence/render/html.h"
#include "whence/render/text.h"

namespace whence::render {
namespace {

Explanation text_example(const std::string& text = "a good film,\nbut a bad plot") {
    Explanation out = test::table_example();
    out.attribution = {};
    out.attribution.values = Tensor::of<double>({3}, std::vector<double>{0.5, -0.3, 0.01});
    out.attribution.names = {"good", "bad", "film"};
    ExplainedText placed{.text = text};
    for (const auto& [word, feature] : {std::pair{"good", 0}, std::pair{"film", 2}, std::pair{"bad", 1}})
        if (const size_t at = text.find(word); at != std::string::npos)
            placed.parts.push_back({static_cast<int64_t>(at), static_cast<int64_t>(at + std::string(word).size()), feature});
    out.attribution.text = placed;
    return out;
}

TEST(Highlight, StrongWordsAreMarkedWithoutColours) {
    const std::string shown = to_text(text_example(), {});
    EXPECT_NE(shown.find("  a +good+ film,\n  but a -bad- plot\n"), std::string::npos) << shown;
    EXPECT_EQ(shown.find('\x1b'), std::string::npos);
}

TEST(Highlight, ColoursGrowWithTheValue) {
    const std::string shown = to_text(text_example(), {.color = true});
    const auto ground_of = [&](const std::string& word) {
        const size_t end = shown.find("m" + word + "\x1b[0m");
        return end == std::string::npos ? "" : shown.substr(shown.rfind('\x1b', end), end - shown.rfind('\x1b', end));
    };
    EXPECT_NE(ground_of("good"), "");
    EXPECT_NE(ground_of("bad"), "");
    EXPECT_NE(ground_of("good"), ground_of("bad"));
    EXPECT_EQ(ground_of("film"), "") << "a weak word keeps the ground of the page";
}

TEST(Highlight, HostileTextsStayTexts) {
    const std::string text = std::string("good ") + test::hostile + " \u202e bad";
    const std::string page = report({{.explanation = text_example(text)}});
    EXPECT_EQ(page.find("<script"), std::string::npos);
    EXPECT_EQ(page.find("\u202e"), std::string::npos);
    EXPECT_EQ(to_text(text_example(text), {}).find('\x1b'), std::string::npos);
    for (const Format format : {Format::png, Format::svg})
        EXPECT_GT(text_figure(text_example(text), {.format = format}).size(), 1000u);
}

TEST(Highlight, LongTextsAndLongWordsAreCut) {
    std::string text = "good " + std::string(5000, 'x') + " bad ";
    for (int i = 0; i < 100'000; ++i) text += "more ";
    const std::string shown = to_text(text_example(text), {});
    EXPECT_NE(shown.find("which are not shown"), std::string::npos);
    EXPECT_LT(shown.size(), 20'000u);
    EXPECT_GT(text_figure(text_example(text)).size(), 1000u);
    EXPECT_LT(report({{.explanation = text_example(text)}}, {.attach_json = false}).size(), 300'000u);
}

TEST(Highlight, EmptyAndNothing) {
    EXPECT_EQ(highlighted_text(test::table_example(), {}), "");
    EXPECT_EQ(highlighted_html(test::table_example()), "");
    Explanation zero = text_example();
    zero.attribution.values = Tensor(ElementType::float64, {3});
    EXPECT_NE(highlighted_html(zero).find("nothing to colour"), std::string::npos);
    Explanation none = text_example("");
    EXPECT_GT(text_figure(none).size(), 500u);
}

// Everything that is shown is in the text, in its order.
TEST(Highlight, StretchesCoverTheText) {
    const Highlighted all = highlighted(text_example(), 1000);
    std::string again;
    for (const Stretch& stretch : all.stretches) again += stretch.text;
    EXPECT_EQ(again, "a good film,\nbut a bad plot");
    EXPECT_EQ(all.left_out, 0u);
    EXPECT_EQ(all.limit, 0.5);
    const Highlighted some = highlighted(text_example(), 4);
    EXPECT_GT(some.left_out, 0u);
}

}  // namespace
}  // namespace whence::render
