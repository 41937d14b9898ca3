// Against the tokenizers package: golden/, made by make_tokenizer_golden.py.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "whence/text/tokenizer.h"

namespace whence::text {
namespace {

const std::string folder = WHENCE_SOURCE_DIR "/tests/text/golden/";

class TokenizerGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(TokenizerGolden, GivesTheSameTokensAtTheSamePlaces) {
    const Tokenizer tokenizer = Tokenizer::read(folder + GetParam() + ".json");
    std::ifstream file(folder + GetParam() + ".cases.json");
    const nlohmann::json cases = nlohmann::json::parse(file);
    ASSERT_GE(cases.size(), 30);
    for (const nlohmann::json& one : cases) {
        SCOPED_TRACE(one["text"].dump().substr(0, 200));
        const std::vector<Token> tokens = tokenizer.encode(one["text"].get<std::string>());
        std::vector<int64_t> ids, types, mask, begin, end;
        for (const Token& token : tokens) {
            ids.push_back(token.id);
            types.push_back(token.type);
            mask.push_back(token.padding ? 0 : 1);
            begin.push_back(token.place.begin);
            end.push_back(token.place.end);
        }
        EXPECT_EQ(ids, one["ids"].get<std::vector<int64_t>>());
        EXPECT_EQ(types, one["types"].get<std::vector<int64_t>>());
        EXPECT_EQ(mask, one["mask"].get<std::vector<int64_t>>());
        EXPECT_EQ(begin, one["begin"].get<std::vector<int64_t>>());
        EXPECT_EQ(end, one["end"].get<std::vector<int64_t>>());
    }
}

INSTANTIATE_TEST_SUITE_P(All, TokenizerGolden,
                         ::testing::Values("wordpiece", "wordpiece_cased", "byte_bpe", "gpt2",
                                           "clip", "llama", "llama3", "unigram", "word_level",
                                           "split_previous", "split_next", "split_contiguous",
                                           "split_metaspace", "split_delimiter"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace whence::text
