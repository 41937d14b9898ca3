#include <gtest/gtest.h>

#include <algorithm>

#include "render/examples.h"
#include "whence/render/text.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

std::string blocks(int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += "\u2588";
    return out;
}

TEST(Text, TableOfWeights) {
    EXPECT_EQ(to_text(test::table_example(), {.width = 60, .top = 3}),
              "KernelSHAP: malignant\n"
              "  target             malignant (class 0 of 2), probability\n"
              "  f(x)               0.904\n"
              "  baseline           mean\n"
              "  f(baseline)        0.3\n"
              "  attribution error  -0.004 (0.66 %)\n"
              "  cost               2 048 evaluations\n"
              "  seed               7\n"
              "\n"
              "  radius        17.99  +0.500         \u2502" +
                  blocks(20) + "\n" + "  area           1001  +0.250         \u2502" + blocks(10) +
                  "\n"
                  "  texture       10.38  -0.200 " +
                  blocks(8) +
                  "\u2502\n"
                  "  \u2026 and 1 more         +0.050\n"
                  "\n"
                  "The attributions add up to 0.6 of 0.604, the difference\n"
                  "  f(x) - f(baseline): 0.66 % is unexplained.\n");
}

TEST(Text, AsciiPicture) {
    const std::string text = to_text(test::pixel_example(2, 5), {.ascii = true});
    EXPECT_NE(text.find("  ---- .++++\n  ---- .++++\n"), std::string::npos) << text;
}

TEST(Text, LayersNameThemselvesAndTheirStrongestCells) {
    const std::string text = to_text(test::layer_example(), {.ascii = true});
    for (const char* part : {"layer              block/relu", "of the 3 x 2 cells",
                             "row 2 of 2, column 3 of 3", "row 1 of 2, column 1 of 3"})
        EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
    EXPECT_EQ(text.find("feature"), std::string::npos) << text;
}

TEST(Text, SegmentsSayWhereTheyAre) {
    const std::string text = to_text(test::segment_example(6, 6), {});
    EXPECT_NE(text.find("segment 1  right, 50 %  +0.400"), std::string::npos) << text;
}

TEST(Text, AsciiIsAscii) {
    for (const test::Degenerate& example : test::degenerate_tables()) {
        const std::string text = to_text(example.explanation, {.ascii = true});
        EXPECT_TRUE(std::ranges::all_of(text, [](char letter) {
            return letter == '\n' || (letter >= 0x20 && letter < 0x7f);
        })) << example.name;
    }
}

// Names from files must not move the cursor or colour the terminal.
TEST(Text, NoControlCharacters) {
    for (const test::Degenerate& example : test::degenerate_tables())
        EXPECT_EQ(to_text(example.explanation, {}).find('\x1b'), std::string::npos) << example.name;
}

TEST(Text, StaysWithinTheWidth) {
    for (const test::Degenerate& example : test::degenerate_tables())
        for (const int64_t width : {40, 80, 120}) {
            const std::string text = to_text(example.explanation, {.width = width});
            for (size_t at = 0; at < text.size();) {
                const size_t end = text.find('\n', at);
                EXPECT_LE(columns(text.substr(at, end - at)), width)
                    << example.name << ": " << text.substr(at, end - at);
                at = end + 1;
            }
        }
}

TEST(Text, ColorIsSwitchedOffAgain) {
    for (const Explanation& explanation :
         {test::table_example(), test::pixel_example(9, 7), test::segment_example(8, 8)}) {
        const std::string text = to_text(explanation, {.color = true});
        const size_t last = text.rfind("\x1b[");
        ASSERT_NE(last, std::string::npos);
        EXPECT_EQ(text.substr(last, 4), "\x1b[0m");
    }
}

TEST(Text, OnePixelAndOneSegment) {
    EXPECT_FALSE(to_text(test::pixel_example(1, 1), {}).empty());
    Explanation one = test::segment_example(1, 1);
    one.attribution.values = Tensor::of<double>({1}, std::vector<double>{0.3});
    EXPECT_NE(to_text(one, {}).find("segment 0  centre, 100 %  +0.300"), std::string::npos);
}

}  // namespace
}  // namespace whence::render
