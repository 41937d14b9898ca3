#include "whence/render/pairwise.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "render/markup.h"
#include "whence/core/error.h"
#include "whence/render/html.h"
#include "whence/render/palette.h"

namespace whence::render {
namespace {

// Two words, three patches side by side: "cat" goes with the first, "<i>" with the last, against it.
PairwiseExplanation example() {
    PairwiseExplanation e{.text = {.text = "cat or <i>", .parts = {{0, 3, 0}, {7, 10, 1}}},
                          .words = {"cat", "<i>"},
                          .height = 1,
                          .width = 3};
    e.values = Tensor::of<double>({2, 3}, std::vector<double>{0.5, 0, 0.1, 0, 0, -0.25});
    e.target = {.resolved = {.output = "cosine"}, .label = "cat or <i>", .value = 0.4, .baseline = "either alone", .baseline_value = 0.1};
    e.diagnostics.attribution_error = 0.05;
    e.diagnostics.relative_error = 0.05 / 0.3;
    e.provenance.method = "pairwise";
    return e;
}

Tensor photograph() {
    return Tensor::of<float>({1, 2, 6, 3}, std::vector<float>(36, 0.5F));
}

size_t count(const std::string& text, const std::string& part) {
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

TEST(PairwiseHtml, HoldsEveryMapAndEveryPatch) {
    const std::string html = pairwise_html(example(), photograph());
    EXPECT_EQ(count(html, "<span tabindex"), 2U);
    EXPECT_EQ(count(html, "<i tabindex"), 3U);
    EXPECT_EQ(count(html, "data:image/png"), 4U);  // the picture, a map for each word, the colours
    EXPECT_EQ(count(html, "<s style"), 6U);        // each word at each patch
    EXPECT_NE(html.find("&lt;i&gt;"), std::string::npos);
    EXPECT_EQ(html.find("<script"), std::string::npos);
    EXPECT_EQ(html.find("<i>"), std::string::npos);
    // At the second patch the first word has nothing, at the first patch the strongest pair.
    const Rgb none = diverging(0);
    const std::string plain = fmt::format("<s style=\"background:#{:02x}{:02x}{:02x}\">cat</s>", none.red, none.green, none.blue);
    const size_t first = html.find("<i tabindex"), second = html.find("<i tabindex", first + 1);
    EXPECT_EQ(html.substr(first, second - first).find(plain), std::string::npos);
    EXPECT_NE(html.substr(second).find(plain), std::string::npos);
}

TEST(PairwiseHtml, FitsAReport) {
    const PairwiseExplanation e = example();
    const std::string page = report({ReportItem{.explanation = of_words(e)}}, {.figure = pairwise_html(e, photograph())});
    EXPECT_NE(page.find("class=\"pairs\""), std::string::npos);
    EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
    EXPECT_THROW((void)pairwise_html(e, Tensor::of<float>({1, 2}, std::vector<float>{0, 1})), Error);
}

TEST(PairwiseText, NamesTheStrongestPairs) {
    const std::string text = pairwise_text(example());
    EXPECT_NE(text.find("cat | patch 1, 1"), std::string::npos);
    EXPECT_NE(text.find("<i> | patch 1, 3"), std::string::npos);
    EXPECT_LT(text.find("cat | patch 1, 1"), text.find("<i> | patch 1, 3"));
    EXPECT_NE(text.find("The attributions add up to 0.35"), std::string::npos);
    EXPECT_NE(text.find("+cat+"), std::string::npos);
}

}  // namespace
}  // namespace whence::render
