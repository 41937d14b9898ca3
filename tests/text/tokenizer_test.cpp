#include "whence/text/tokenizer.h"

#include <gtest/gtest.h>
#include <unicode/uregex.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/text/pattern.h"
#include "whence/text/parts.h"

namespace whence::text {
namespace {

std::string error_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return std::string(name(error.kind())) + ": " + error.what();
    }
    return "no error";
}

std::string golden(const std::string& name) {
    std::ifstream file(WHENCE_SOURCE_DIR "/tests/text/golden/" + name + ".json");
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
}

std::vector<int64_t> ids(const std::vector<Token>& tokens) {
    std::vector<int64_t> out;
    for (const Token& token : tokens) out.push_back(token.id);
    return out;
}

constexpr std::string_view small =
    R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "abab": 3}, "merges": ["a b", "ab ab"]}})";

TEST(Tokenizer, MergesTheLowestRankFirst) {
    const Tokenizer t = Tokenizer::from_json(small);
    EXPECT_EQ(ids(t.encode("ababab")), (std::vector<int64_t>{3, 2}));
    EXPECT_EQ(t.encode("ababab")[0].place, (Span{0, 4}));
    EXPECT_EQ(ids(t.encode("xaxb")), (std::vector<int64_t>{2})) << "without unk_token unknown characters vanish";
}

TEST(Tokenizer, MergesThatGoInCirclesEnd) {
    const Tokenizer t = Tokenizer::from_json(
        R"({"model": {"type": "BPE", "vocab": {"a": 0, "aa": 1, "aaa": 1}, "merges": ["a a", "aa a", "a aa"]}})");
    EXPECT_FALSE(t.encode(std::string(1000, 'a')).empty());
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8NamingTheByte) {
    const Tokenizer t = Tokenizer::from_json(small);
    for (const char* text : {"ab\xff", "ab\xc3", "ab\xed\xa0\x80", "ab\xc0\x80", "ab\xf4\x90\x80\x80"})
        EXPECT_EQ(error_of([&] { (void)t.encode(text); }).substr(0, 58),
                  "input: the text is not UTF-8: byte 2 does not belong there");
}

TEST(Tokenizer, RefusesWhatItDoesNotKnowByName) {
    const auto with = [](const std::string& part) {
        return error_of([&] {
            (void)Tokenizer::from_json("{" + part + R"(, "model": {"type": "WordLevel", "vocab": {"a": 0}}})");
        });
    };
    EXPECT_EQ(with(R"("normalizer": {"type": "Precompiled"})"),
              "unsupported: tokenizer: normalizer 'Precompiled' is not known here");
    EXPECT_EQ(with(R"("pre_tokenizer": {"type": "UnicodeScripts"})"),
              "unsupported: tokenizer: pre-tokenizer 'UnicodeScripts' is not known here");
    EXPECT_EQ(with(R"("post_processor": {"type": "X\u001b"})").substr(0, 12), "unsupported:");
    EXPECT_EQ(with(R"("pre_tokenizer": {"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "("}})").substr(0, 6),
              "input:");
    EXPECT_EQ(with(R"("normalizer": 3)"), "input: tokenizer: 'type' must be text");
    EXPECT_EQ(error_of([&] {
                  (void)Tokenizer::from_json(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}})");
              }),
              "unsupported: tokenizer: option 'dropout' is not known here");
}

TEST(Tokenizer, RefusesBrokenFiles) {
    for (const std::string json :
         {"", "[]", "{}", "null", R"({"model": 3})", R"({"model": {"type": "BPE", "vocab": [], "merges": []}})",
          R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})",
          R"({"model": {"type": "BPE", "vocab": {"a": 1e30}, "merges": []}})",
          R"({"model": {"type": "BPE", "vocab": {"a": 99999999999}, "merges": []}})",
          R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})",
          R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}})",
          R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}})",
          R"({"model": {"type": "Unigram", "vocab": []}})",
          R"({"model": {"type": "Unigram", "vocab": [["a", 0]], "unk_id": 7}})",
          R"({"model": {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "[UNK]"}})"})
        EXPECT_EQ(error_of([&] { (void)Tokenizer::from_json(json); }).substr(0, 6), "input:") << json;
    const auto nested = [](int depth, const std::string& open, const std::string& close) {
        std::string out = R"({"model": {"type": "WordLevel", "vocab": {"a": 0}}, "normalizer": )";
        for (int i = 0; i < depth; ++i) out += open;
        out += R"({"type": "NFC"})";
        for (int i = 0; i < depth; ++i) out += close;
        return out + "}";
    };
    const std::string open = R"({"type": "Sequence", "normalizers": [)";
    EXPECT_EQ(error_of([&] { (void)Tokenizer::from_json(nested(10, open, "]}")); }), "no error");
    EXPECT_EQ(error_of([&] { (void)Tokenizer::from_json(nested(20, open, "]}")); }),
              "input: tokenizer: normalizers are nested too deeply");
    EXPECT_EQ(error_of([&] { (void)Tokenizer::from_json(nested(100000, open, "]}")); }),
              "input: tokenizer: JSON is nested too deeply");
}

// Every prefix and many one-byte changes of real files are read or refused, never worse.
TEST(Tokenizer, SurvivesDamagedFiles) {
    int refused = 0;
    for (const char* name : {"split_next", "split_metaspace", "split_contiguous"}) {
        const std::string whole = golden(name);
        for (size_t length = 0; length < whole.size(); ++length)
            refused += error_of([&] { (void)Tokenizer::from_json(whole.substr(0, length)); }) != "no error";
        for (uint64_t i = 0; i < 2000; ++i) {
            Rng rng(7, 1, i);
            std::string damaged = whole;
            damaged[rng.below(damaged.size())] = static_cast<char>(rng.below(256));
            refused += error_of([&] {
                (void)Tokenizer::from_json(damaged).encode("the film-x 12 is");
            }) != "no error";
        }
    }
    EXPECT_GT(refused, 1000);
}

TEST(Tokenizer, AnExpressionThatBacktracksWithoutEndIsStopped) {
    const Pattern pattern("(a+)+$", Dialect::oniguruma);
    EXPECT_EQ(error_of([&] { (void)pattern.matches(std::string(60, 'a') + "b"); }).substr(0, 6), "limit:");
}

TEST(Tokenizer, LongWordsTakeNoSquareTime) {
    const Tokenizer t = Tokenizer::from_json(golden("byte_bpe"));
    EXPECT_GT(t.encode(std::string(300'000, 'a')).size(), 1000u);
}

// The scanner by hand against the regular expression it stands for.
TEST(Gpt2Pieces, AreWhatTheExpressionMatches) {
    const Pattern slow(
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", Dialect::oniguruma);
    const std::vector<std::string> signs = {"a", "B", "'", "s", "ll", " ", "  ", "\n", "\t", "1", "\u0664", "é", "\u0301",
                                            "\u00a0", "\u2003", "東", "😀", "!", "'re", ".", "\u200d"};
    for (uint64_t i = 0; i < 3000; ++i) {
        Rng rng(3, 1, i);
        std::string text;
        for (uint64_t n = rng.below(12); n > 0; --n) text += signs[rng.below(signs.size())];
        EXPECT_EQ(gpt2_pieces(text), slow.matches(text)) << text;
    }
    EXPECT_NE(gpt2_pieces("it's"), slow.matches("its'")) << "the comparison can fail";
}

TEST(Vocabulary, LooksUpTheWordsItsExpressionMatches) {
    const Tokenizer t = Tokenizer::vocabulary("<PAD> 0\n<S> 1\n<U> 2\ngood 5\nit's 9\r\n",
                                              {.words = "[a-z']+", .start = "<S>", .unknown = "<U>", .pad = "<PAD>"});
    EXPECT_EQ(ids(t.encode("GOOD!! it's, xx", {.most = 4, .least = 6})), (std::vector<int64_t>{1, 5, 9, 2, 0, 0}));
    EXPECT_EQ(t.encode("GOOD!! it's, xx")[2].place, (Span{7, 11}));
    EXPECT_EQ(ids(t.encode("GOOD it's xx", {.most = 3})), (std::vector<int64_t>{1, 5, 9}));
    EXPECT_TRUE(t.separable());
    EXPECT_EQ(ids(Tokenizer::vocabulary("a\nb\n", {}).encode("b a c")), (std::vector<int64_t>{1, 0}));
    EXPECT_EQ(error_of([] { (void)Tokenizer::vocabulary("a x1\n", {}); }), "input: tokenizer: line 1 is no word with a number");
    EXPECT_EQ(error_of([] { (void)Tokenizer::vocabulary("", {}); }), "input: tokenizer: there are no words");
    EXPECT_EQ(error_of([] { (void)Tokenizer::vocabulary("a\n", {.pad = "p"}); }).substr(0, 51),
              "input: tokenizer: the vocabulary has no 'p', which ");
    EXPECT_FALSE(Tokenizer::vocabulary("a\n", {.words = "[^a]+"}).separable()) << "it may match blanks";
}

}  // namespace
}  // namespace whence::text
