#include <gtest/gtest.h>

#include "render/examples.h"
#include "render/markup.h"
#include "whence/render/escape.h"
#include "whence/render/html.h"

namespace whence::render {
namespace {

ReportItem item_of(Explanation explanation) {
    return {.explanation = std::move(explanation)};
}

size_t occurrences(const std::string& text, std::string_view part) {
    size_t out = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++out;
    return out;
}

TEST(Html, EscapesForTextAndAttributes) {
    EXPECT_EQ(escaped("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    EXPECT_EQ(escaped("a\x1b\u202e\xff"), "a???");
}

TEST(Html, DataUri) {
    const std::string text = "Man is";
    EXPECT_EQ(data_uri("text/plain", std::as_bytes(std::span(text).first(6))),
              "data:text/plain;base64,TWFuIGlz");
    EXPECT_EQ(data_uri("a", std::as_bytes(std::span(text).first(5))), "data:a;base64,TWFuIGk=");
    EXPECT_EQ(data_uri("a", std::as_bytes(std::span(text).first(4))), "data:a;base64,TWFuIA==");
    EXPECT_EQ(data_uri("a", {}), "data:a;base64,");
}

TEST(Report, TellsAllItMust) {
    ReportItem item = item_of(test::table_example());
    item.replay = "whence replay it.json";
    item.scores = {{"malignant", 0.904}, {"benign", 0.096}};
    item.explanation.provenance.model_sha256 = "abc123";
    item.explanation.provenance.options = {{"samples", int64_t{2048}},
                                           {"kernel", std::string("shapley")}};
    const std::string page = report({item}, {.title = "Tumours"});
    for (const char* words : {"<title>Tumours</title>", "How far to trust this", "How it was made",
                              "0.66 % is unexplained", "whence replay it.json", "samples = 2048",
                              "SHA-256 <code>abc123", "kernel-shap", "benign",
                              "Content-Security-Policy", "default-src 'none'"})
        EXPECT_NE(page.find(words), std::string::npos) << words;
    EXPECT_EQ(test::markup_fault(page), "");
}

TEST(Report, FetchesNothingAndRunsNothing) {
    ReportItem item = item_of(test::pixel_example(6, 6));
    item.image = Tensor(ElementType::float32, {1, 6, 6, 3});
    item.original = Tensor(ElementType::float32, {1, 20, 30, 3});
    const std::string page = report({item, item_of(test::segment_example(6, 6))});
    EXPECT_EQ(test::markup_fault(page), "");
    for (const char* forbidden : {"<script", "http:", "https:", "//cdn", "@import", "url("})
        EXPECT_EQ(page.find(forbidden), std::string::npos) << forbidden;
    EXPECT_EQ(occurrences(page, "<img "), occurrences(page, "<img alt=\""));
    EXPECT_NE(page.find("what the model sees, 6 \u00d7 6"), std::string::npos);
    EXPECT_NE(page.find("The model sees 6 x 6 pixels"), std::string::npos);
}

TEST(Report, HostileStringsStayText) {
    for (const test::Degenerate& example : test::degenerate_tables()) {
        ReportItem item = item_of(example.explanation);
        item.title = item.note = item.replay = test::hostile;
        item.scores = {{test::hostile, NAN}};
        const std::string page = report({item}, {.title = test::hostile});
        EXPECT_EQ(page.find("<script"), std::string::npos) << example.name;
        EXPECT_EQ(page.find('\x1b'), std::string::npos) << example.name;
        EXPECT_EQ(test::markup_fault(page), "") << example.name;
        EXPECT_EQ(test::markup_fault(html_fragment(item)), "") << example.name;
    }
}

TEST(Report, HasTheFullTable) {
    const std::string page = report({item_of(test::many_features(40))}, {.top = 5});
    EXPECT_NE(page.find("All 40 weights"), std::string::npos);
    EXPECT_NE(page.find("feature 39"), std::string::npos);
    EXPECT_NE(page.find("and 35 more, their sum"), std::string::npos);
}

TEST(Report, NamesTheCellsOfALayer) {
    ReportItem item{.explanation = test::layer_example()};
    item.image = Tensor(ElementType::float32, {1, 8, 12, 3});
    const std::string page = report({item});
    EXPECT_NE(page.find("row 2 of 2, column 3 of 3"), std::string::npos);
    EXPECT_NE(page.find("Map of block/relu, 3 x 2, enlarged smoothly."), std::string::npos);
}

TEST(Report, OfNothing) {
    const std::string page = report({});
    EXPECT_NE(page.find("There are no explanations"), std::string::npos);
    EXPECT_EQ(test::markup_fault(page), "");
}

TEST(Report, SeveralHaveContentsAndTheirOwnIds) {
    const std::string page =
        report({item_of(test::table_example()), item_of(test::pixel_example(4, 4))});
    EXPECT_EQ(occurrences(page, "<article id=\"e"), 2U);
    EXPECT_EQ(occurrences(page, "href=\"#e2\""), 1U);
    EXPECT_EQ(page, report({item_of(test::table_example()), item_of(test::pixel_example(4, 4))}));
}

TEST(Report, JsonCanBeLeftOut) {
    EXPECT_EQ(
        report({item_of(test::table_example())}, {.attach_json = false}).find("application/json"),
        std::string::npos);
}

}  // namespace
}  // namespace whence::render
