// CLIP's tokenizer against the tokenizers package: golden/, made by make_tokenizer_golden.py.

#include "whence/clip/tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "whence/core/error.h"
#include "whence/core/file.h"

namespace whence::clip {
namespace {

const std::string golden = WHENCE_SOURCE_DIR "/tests/clip/golden/";

void expect_tokens(const text::Tokenizer& tokenizer, const std::string& file) {
    std::ifstream stream(golden + file);
    const nlohmann::json cases = nlohmann::json::parse(stream);
    ASSERT_GE(cases.size(), 30);
    for (const nlohmann::json& one : cases) {
        SCOPED_TRACE(one["text"].dump().substr(0, 200));
        std::vector<int64_t> ids;
        for (const text::Token& token : tokenizer.encode(one["text"].get<std::string>()))
            ids.push_back(token.id);
        EXPECT_EQ(ids, one["ids"].get<std::vector<int64_t>>());
    }
}

TEST(ClipTokenizer, VocabularyAndMergesGiveThePackagesTokens) {
    expect_tokens(read_tokenizer(golden + "small"), "small_tokens.json");
}

TEST(ClipTokenizer, TheAuthorsFileGivesThePackagesTokens) {
    const std::filesystem::path folder = WHENCE_SHARED_DIR "/data/clip";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
    const text::Tokenizer tokenizer = read_tokenizer(folder);
    EXPECT_EQ(tokenizer.id_of("<|startoftext|>"), 49406);
    EXPECT_EQ(tokenizer.id_of("<|endoftext|>"), 49407);
    expect_tokens(tokenizer, "tokens.json");
}

// Negative control: the comparison tells one merge more or less.
TEST(ClipTokenizer, AMergeLessIsSeen) {
    const std::string vocabulary = whence::read_text(golden + "small/vocab.json");
    std::string merges = whence::read_text(golden + "small/merges.txt");
    const auto ids = [&] {
        std::vector<int64_t> out;
        for (const text::Token& token : tokenizer_of(vocabulary, merges).encode("the end"))
            out.push_back(token.id);
        return out;
    };
    const std::vector<int64_t> whole = ids();
    merges = merges.substr(0, merges.find('\n', merges.find('\n') + 1) + 1);  // one merge is left
    EXPECT_NE(ids(), whole);
}

std::string error_of(const auto& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

TEST(ClipTokenizer, BrokenFilesAreOneClearLine) {
    EXPECT_EQ(error_of([] { (void)tokenizer_of("{", ""); }),
              "CLIP's tokenizer: the vocabulary is no JSON");
    EXPECT_EQ(error_of([] { (void)tokenizer_of("[]", ""); }),
              "CLIP's tokenizer: the vocabulary is no JSON object of tokens and numbers");
    EXPECT_EQ(error_of([] { (void)tokenizer_of(R"({"a": 0})", ""); }),
              "CLIP's tokenizer: the vocabulary does not number <|startoftext|>");
    EXPECT_EQ(error_of([] { (void)tokenizer_of(std::string_view("x")); }),
              "CLIP's tokenizer: the file of merges is empty");
    const auto with = [](std::string_view merges) {
        return error_of([&] {
            (void)tokenizer_of(R"({"a": 0, "<|startoftext|>": 1, "<|endoftext|>": 2})", merges);
        });
    };
    EXPECT_NE(with("a b c\n").find("a merge is no two tokens"), std::string::npos);
    EXPECT_NE(with("a z\n").find("a token that the vocabulary does not have"), std::string::npos);
    EXPECT_NE(error_of([] { (void)read_tokenizer("/nowhere"); }).find("/nowhere: no tokenizer here"),
              std::string::npos);
}

}  // namespace
}  // namespace whence::clip
