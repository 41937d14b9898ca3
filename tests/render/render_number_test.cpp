#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "whence/render/number.h"
#include "whence/render/unicode.h"

namespace whence::render {
namespace {

TEST(Number, KeepsThreeDigitsAndAvoidsExponents) {
    EXPECT_EQ(number(0.73149), "0.731");
    EXPECT_EQ(number(12.0), "12");
    EXPECT_EQ(number(1234.4), "1234");
    EXPECT_EQ(number(-0.0001234), "-0.000123");
    EXPECT_EQ(number(0), "0");
    EXPECT_EQ(number(-0.0), "0");
    EXPECT_EQ(number(9.996), "10");
    EXPECT_EQ(number(1.5e-7), "1.5e-07");
    EXPECT_EQ(number(2.5e12), "2.5e+12");
}

TEST(Number, NamesWhatIsNone) {
    EXPECT_EQ(number(NAN), "not a number");
    EXPECT_EQ(number(INFINITY), "infinity");
    EXPECT_EQ(signed_number(-INFINITY), "-infinity");
}

TEST(Number, SignsAndUnits) {
    EXPECT_EQ(signed_number(0.5), "+0.5");
    EXPECT_EQ(signed_number(0), "0");
    EXPECT_EQ(percent(0.0041), "0.41 %");
    EXPECT_EQ(percent(1e-6), "below 0.01 %");
    EXPECT_EQ(percent(0), "0 %");
    EXPECT_EQ(count(999), "999");
    EXPECT_EQ(count(1234567), "1 234 567");
    EXPECT_EQ(count(-123456), "-123 456");
    EXPECT_EQ(duration(0.1234), "0.12 s");
    EXPECT_EQ(duration(200), "3 min 20 s");
    EXPECT_EQ(typeset("-0.5"), "\u22120.5");
}

TEST(Column, SharesDecimals) {
    const Column column(std::vector<double>{0.2314, -0.0312, 0.00001});
    EXPECT_EQ(column(0.2314), "+0.231");
    EXPECT_EQ(column(-0.0312), "-0.031");
    EXPECT_EQ(column(0), "0.000");
    EXPECT_EQ(column(0.00001), "+1e-05");
    EXPECT_EQ(column(NAN), "not a number");
}

TEST(Column, OfNothing) {
    EXPECT_EQ(Column({})(0), "0.000");
}

TEST(Unicode, ShortensInTheMiddle) {
    EXPECT_EQ(shortened("abcdefgh", 5, "."), "ab.gh");
    EXPECT_EQ(shortened("abc", 3, "..."), "abc");
    EXPECT_EQ(shortened("", 0, "..."), "");
}

TEST(Unicode, CountsColumnsNotBytes) {
    EXPECT_EQ(columns("\u00fcber"), 4);
    EXPECT_EQ(columns("\u732b"), 2);
    EXPECT_EQ(padded("\u00fc", 3), "\u00fc  ");
}

TEST(Unicode, WrapsAtSpaces) {
    EXPECT_EQ(wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
}

}  // namespace
}  // namespace whence::render
