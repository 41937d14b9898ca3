// Words as lime sees them (golden/lime_words.json, made by make_lime_text_golden.py), and what switches them off.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/text/word_masker.h"

namespace whence::text {
namespace {

TEST(LimeGolden, WordsPlacesAndRemovalsAreThePackages) {
    std::ifstream file(WHENCE_SOURCE_DIR "/tests/text/golden/lime_words.json");
    const nlohmann::json cases = nlohmann::json::parse(file);
    ASSERT_GE(cases.size(), 40);
    for (const nlohmann::json& one : cases) {
        SCOPED_TRACE(one.dump().substr(0, 300));
        const bool bow = one["bow"], characters = one["char_level"];
        const Words words = split_words(one["text"], {.split_expression = one["split_expression"], .bow = bow, .char_level = characters});
        EXPECT_EQ(words.names, one["words"].get<std::vector<std::string>>());
        std::vector<std::vector<int64_t>> begins(words.players());
        for (const Words::Part& part : words.parts)
            if (part.player >= 0) begins[part.player].push_back(part.place.begin);
        EXPECT_EQ(begins, one["begins"].get<std::vector<std::vector<int64_t>>>());
        const WordMasker masker(words, bow ? std::nullopt : std::optional<std::string>(one["mask_string"]));
        for (const nlohmann::json& removal : one["removals"]) {
            std::vector<uint8_t> present(words.players(), 1);
            for (const int64_t player : removal["removed"]) present[player] = 0;
            EXPECT_EQ(masker.masked(present), removal["text"].get<std::string>());
        }
    }
}

TEST(WordMasker, WritesEachRowTheSameOnAnyNumberOfThreads) {
    const WordMasker masker(split_words("a bad film, a very bad film; not good at all"));
    const int64_t rows = 500, players = masker.players();
    std::vector<uint8_t> present(rows * players);
    Rng rng(1, 1, 0);
    for (uint8_t& bit : present) bit = rng.next32() & 1;
    std::vector<std::string> slow;
    for (int64_t r = 0; r < rows; ++r) slow.push_back(masker.masked({present.data() + r * players, static_cast<size_t>(players)}));
    for (const int threads : {1, 2, 8}) {
        ::whence::Run run;
        run.threads = threads;
        Batch batch(Tensor(ElementType::string, {rows}));
        masker.apply({present.data(), rows, players}, 0, batch, run);
        const auto texts = batch[0].value.as<std::string>();
        EXPECT_EQ(std::vector<std::string>(texts.begin(), texts.end()), slow);
    }
    EXPECT_NE(slow[0], slow[1]) << "rows differ, or nothing was tested";
    Batch wrong(Tensor(ElementType::float32, {rows}));
    EXPECT_THROW(masker.apply({present.data(), rows, players}, 0, wrong, {}), Error);
}

TEST(TokenMasker, PutsTheHiddenTokenForEachTokenOfAWord) {
    const Tokenizer t = Tokenizer::read(WHENCE_SOURCE_DIR "/tests/text/golden/wordpiece.json");
    const std::string text = "Unbelievable film; the film.";
    const std::vector<Token> tokens = t.encode(text, {.least = 14});
    std::vector<int64_t> ids;
    for (const Token& token : tokens) ids.push_back(token.id);
    const Words words = split_words(text);
    ASSERT_EQ(words.names, (std::vector<std::string>{"Unbelievable", "film", "the"}));
    const Tensor row = Tensor::of<int64_t>({1, static_cast<int64_t>(ids.size())}, ids);
    const LabelMasker masker = token_masker("input_ids", row, words, tokens, *t.mask_id());
    for (size_t player = 0; player < 3; ++player) {
        std::vector<uint8_t> present(3, 1);
        present[player] = 0;
        Batch batch;
        batch.add("input_ids", row);
        masker.apply({present.data(), 1, 3}, 0, batch, {});
        int64_t hidden = 0;
        for (size_t i = 0; i < ids.size(); ++i) {
            const bool own = !tokens[i].special && std::ranges::any_of(words.parts, [&](const Words::Part& part) {
                return part.player == static_cast<int32_t>(player) && part.place.begin <= tokens[i].place.begin &&
                       tokens[i].place.end <= part.place.end;
            });
            EXPECT_EQ(batch[0].value.as<int64_t>()[i], own ? *t.mask_id() : ids[i]) << "token " << i;
            hidden += own;
        }
        EXPECT_GT(hidden, 0);
    }
    EXPECT_THROW((void)token_masker("input_ids", row.slice_rows(0, 1), words, {tokens.begin(), tokens.begin() + 2}, 0), Error)
        << "a word that was cut off";
}

TEST(Words, RefusesWhatItCannotSplit) {
    EXPECT_THROW((void)split_words("a b", {.split_expression = "("}), Error);
    EXPECT_THROW((void)split_words("a\xff"), Error);
    EXPECT_EQ(split_words("").players(), 0);
    EXPECT_EQ(split_words("... !!").players(), 0);
}

}  // namespace
}  // namespace whence::text
