#include "whence/core/error.h"

#include <gtest/gtest.h>

#include <set>

#include "core/support.h"

namespace whence {
namespace {

constexpr ErrorKind all[] = {ErrorKind::usage,       ErrorKind::input,   ErrorKind::model,
                             ErrorKind::unsupported, ErrorKind::limit,   ErrorKind::io,
                             ErrorKind::interrupted, ErrorKind::internal};

TEST(Error, EveryKindHasItsOwnExitCodeAndName) {
    std::set<int> codes;
    std::set<std::string_view> names;
    for (const ErrorKind kind : all) {
        codes.insert(exit_code(kind));
        names.insert(name(kind));
        EXPECT_GT(exit_code(kind), 1);
        EXPECT_EQ(Error(kind, "x").kind(), kind);
    }
    EXPECT_EQ(codes.size(), std::size(all));
    EXPECT_EQ(names.size(), std::size(all));
}

TEST(Printable, LeavesTextAsItIs) {
    EXPECT_EQ(printable("relu_1/out:0"), "relu_1/out:0");
    EXPECT_EQ(printable("Größe, 大小, размер, 😀"), "Größe, 大小, размер, 😀");
    EXPECT_EQ(printable("\u00a0\u07ff\u0800\uc7ff\ue000\uffef\U00010000\U0003fffd"),
              "\u00a0\u07ff\u0800\uc7ff\ue000\uffef\U00010000\U0003fffd");
    EXPECT_EQ(printable(""), "");
}

TEST(Printable, ReplacesControlCharacters) {
    EXPECT_EQ(printable("a\nb\r\tc\x1b[31md\x7f"), "a?b??c?[31md?");
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
    EXPECT_EQ(printable("\u0085\u009b"), "??");  // next line, and CSI in one character
}

TEST(Printable, ReplacesInvalidUtf8ByteByByte) {
    EXPECT_EQ(printable("\x80"), "?");                 // continuation without a lead
    EXPECT_EQ(printable("a\xc3"), "a?");               // ends too early
    EXPECT_EQ(printable("\xe2\x82"), "??");            //
    EXPECT_EQ(printable("\xc3("), "?(");               // lead without continuation
    EXPECT_EQ(printable("\xf5\x80\x80\x80"), "????");  // no such lead
    EXPECT_EQ(printable("\xff\xfe"), "??");
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????");  // above U+10FFFF
}

TEST(Printable, ReplacesOverlongForms) {
    EXPECT_EQ(printable("\xc0\xaf"), "??");  // '/' in two bytes
    EXPECT_EQ(printable("\xc1\xbf"), "??");
    EXPECT_EQ(printable("\xe0\x80\xaf"), "???");       // in three
    EXPECT_EQ(printable("\xe0\x9f\xbf"), "???");       // U+07FF
    EXPECT_EQ(printable("\xf0\x80\x80\xaf"), "????");  // in four
    EXPECT_EQ(printable("\xf0\x8f\xbf\xbf"), "????");  // U+FFFF
    EXPECT_EQ(printable("\xe0\x82\x9b"), "???");       // the control character U+009B
}

TEST(Printable, ReplacesSurrogatesAndNoncharacters) {
    EXPECT_EQ(printable("\xed\xa0\x80"), "???");
    EXPECT_EQ(printable("\xed\xbf\xbf"), "???");
    EXPECT_EQ(printable("\ufdd0\uffff\U0001fffe"), "???");
}

// A name that is shown reversed is a lie about a file (CVE-2021-42574).
TEST(Printable, ReplacesWhatReordersOrHides) {
    for (const char* mark : {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067",
                             "\u2068", "\u2069", "\u200e", "\u200f", "\u061c", "\u2028", "\u2029",
                             "\u200b", "\u2060", "\ufeff", "\u00ad", "\U000e0041"})
        EXPECT_EQ(printable(std::string("a") + mark + "b"), "a?b");
}

TEST(Printable, CutsBetweenCharacters) {
    EXPECT_EQ(printable("abcdef", 3), "abc...");
    EXPECT_EQ(printable("abc", 3), "abc");
    EXPECT_EQ(printable("ééé", 3), "éé...");  // never half a character
    EXPECT_EQ(printable(std::string(1000, 'x')).size(), 123U);
}

// Every two bytes and many longer strings: what comes out is printable itself.
TEST(Printable, IsItsOwnFixedPoint) {
    for (int first = 0; first < 256; ++first)
        for (int second = 0; second < 256; ++second)
            for (const char* rest : {"", "\x80", "\x80\x80", "\xbf\xbf", "x"}) {
                const std::string text = {static_cast<char>(first), static_cast<char>(second)};
                const std::string once = printable(text + rest);
                EXPECT_EQ(printable(once), once) << first << ' ' << second;
            }
}

}  // namespace
}  // namespace whence
