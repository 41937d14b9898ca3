#include "whence/text/text_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <mutex>

#include "whence/core/error.h"

namespace whence::text {
namespace {

// Adds up ids that are not masked, each with its place: any slip in order, padding or mask shows.
class TokenSum : public Model {
  public:
    explicit TokenSum(int64_t length, bool mask, ElementType type = ElementType::int64) {
        inputs_.push_back({.name = "input_ids", .type = type, .shape = {-1, length}});
        if (mask) inputs_.push_back({.name = "attention_mask", .type = type, .shape = {-1, length}});
        outputs_ = {{.name = "y", .type = ElementType::float64, .shape = {-1, 2}},
                    {.name = "each", .type = ElementType::float64, .shape = {-1, length}}};
    }
    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return 16; }
    [[nodiscard]] Batch predict(const Batch& batch, const Run&) const override {
        const Tensor& ids = batch.at("input_ids");
        const Tensor* mask = inputs_.size() > 1 ? &batch.at("attention_mask") : nullptr;
        const std::vector<double> id = ids.to_doubles();
        const std::vector<double> on = mask ? mask->to_doubles() : std::vector<double>(id.size(), 1.0);
        Tensor y(ElementType::float64, {ids.rows(), 2});
        for (int64_t r = 0; r < ids.rows(); ++r)
            for (int64_t t = 0; t < ids.row_size(); ++t) {
                const int64_t i = r * ids.row_size() + t;
                y.as<double>()[2 * r] += on[i] * id[i] * static_cast<double>(t + 1);
                y.as<double>()[2 * r + 1] += on[i];
            }
        lengths.push_back(ids.row_size());
        Batch out;
        out.add("y", y);
        out.add("each", Tensor::of<double>(ids.shape(), id));
        return out;
    }
    mutable std::vector<int64_t> lengths;

  private:
    std::vector<TensorInfo> inputs_, outputs_;
};

Tokenizer golden(const std::string& name) {
    return Tokenizer::read(WHENCE_SOURCE_DIR "/tests/text/golden/" + name + ".json");
}

const std::vector<std::string> texts = {"the film is good",
                                        "",
                                        "an unbelievably long   antidisestablishmentarianism of a film, don't you think? 東京 \xF0\x9F\x98\x80",
                                        "bad",
                                        "  the\tfilm\nis good  ",
                                        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"};

Batch strings(const std::vector<std::string>& all) {
    return Batch(Tensor::of<std::string>({static_cast<int64_t>(all.size())}, all));
}

// The slow twin: Tokenizer::encode, one text after the other.
double expected(const Tokenizer& tokenizer, const std::string& text, int64_t most, bool mask) {
    double sum = 0, place = 0;
    // No text is no tokens for some: without a mask the one that pads is then read.
    for (const Token& token : tokenizer.encode(text, {.most = most, .least = mask ? 0 : 1})) sum += static_cast<double>(token.id) * ++place;
    return sum;
}

class TextModelOf : public ::testing::TestWithParam<const char*> {};

TEST_P(TextModelOf, AnswersAsTheModelDoesToItsTokens) {
    const Tokenizer tokenizer = golden(GetParam());
    for (const bool mask : {false, true})
        for (const int64_t length : {int64_t{-1}, int64_t{20}}) {
            if (length > 0 && !mask) continue;  // padding would count
            const TokenSum inner(length, mask);
            const TextEncoder encoder(tokenizer, {.max_length = length > 0 ? 0 : 50}, inner.inputs());
            for (const int threads : {1, 2, 8}) {
                ::whence::Run run;
                run.threads = threads;
                const TextModel model(inner, encoder);
                for (int time = 0; time < 2; ++time) {  // the second time parts are remembered
                    const Batch answer = model.predict(strings(texts), run);
                    for (size_t i = 0; i < texts.size(); ++i)
                        EXPECT_EQ(answer.at("y").as<double>()[2 * i], expected(tokenizer, texts[i], length > 0 ? 20 : 50, mask))
                            << texts[i] << " mask " << mask << " length " << length;
                }
            }
        }
}
INSTANTIATE_TEST_SUITE_P(All, TextModelOf, ::testing::Values("wordpiece", "byte_bpe", "clip", "unigram", "word_level"),
                         [](const auto& param) { return std::string(param.param); });

TEST(TextModel, RemembersPartsOnlyWhereBlanksPartThem) {
    EXPECT_TRUE(golden("wordpiece").separable());
    EXPECT_TRUE(golden("clip").separable());
    EXPECT_FALSE(golden("byte_bpe").separable()) << "a blank belongs to the next word";
    EXPECT_FALSE(golden("llama").separable());
    EXPECT_FALSE(golden("unigram").separable());
    EXPECT_FALSE(golden("word_level").separable()) << "its added tokens look at their neighbours";
}

// More parts than the table begins with, some told apart by their last letter alone.
TEST(TextModel, RemembersManyParts) {
    const Tokenizer tokenizer = golden("wordpiece");
    const TokenSum inner(-1, true);
    const TextEncoder encoder(tokenizer, {.max_length = 40}, inner.inputs());
    const TextModel model(inner, encoder);
    std::vector<std::string> many;
    for (int i = 0; i < 1500; ++i)
        many.push_back("film" + std::to_string(i) + " good" + std::to_string(i * 7919 % 1500) + "\tx" + std::to_string(i % 10));
    for (int time = 0; time < 2; ++time) {
        const Batch answer = model.predict(strings(many), {});
        for (size_t i = 0; i < many.size(); ++i)
            ASSERT_EQ(answer.at("y").as<double>()[2 * i], expected(tokenizer, many[i], 40, true)) << many[i];
    }
}

TEST(TextModel, ARowsLengthDependsOnThatRowAlone) {
    const TokenSum inner(-1, true);
    const TextEncoder encoder(golden("wordpiece"), {.max_length = 40}, inner.inputs());
    const TextModel model(inner, encoder);
    const Batch all = model.predict(strings(texts), {});
    EXPECT_EQ(all.find("each"), nullptr) << "its size depends on the length";
    for (const int64_t length : inner.lengths) EXPECT_TRUE(length == 16 || length == 32 || length == 40) << length;
    inner.lengths.clear();
    (void)model.predict(strings({"bad"}), {});
    EXPECT_EQ(inner.lengths, (std::vector<int64_t>{16}));
}

TEST(TextModel, PadsWithTypesAndInt32AsTheModelReads) {
    const TokenSum inner(12, true, ElementType::int32);
    const Tokenizer tokenizer = golden("wordpiece");
    const TextEncoder encoder(tokenizer, {}, inner.inputs());
    const Batch batch = encoder.encode("the film");
    const auto ids = batch.at("input_ids").as<int32_t>(), mask = batch.at("attention_mask").as<int32_t>();
    const std::vector<Token> tokens = encoder.tokens("the film");
    ASSERT_EQ(tokens.size(), 12u);
    for (size_t i = 0; i < 12; ++i) {
        EXPECT_EQ(ids[i], tokens[i].id);
        EXPECT_EQ(mask[i], tokens[i].padding ? 0 : 1);
    }
    EXPECT_EQ(mask[3], 1);
    EXPECT_EQ(mask[4], 0);
}

TEST(TextEncoder, NamesTheInputThatNothingFills) {
    const std::vector<TensorInfo> inputs = {{.name = "input_ids", .type = ElementType::int64, .shape = {-1, -1}},
                                            {.name = "position_ids", .type = ElementType::int64, .shape = {-1, -1}}};
    try {
        const TextEncoder encoder(golden("wordpiece"), {}, inputs);
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("'position_ids'"), std::string::npos);
    }
    EXPECT_THROW(TextEncoder(std::nullopt, {}, {inputs[0]}), Error);
    EXPECT_THROW(TextEncoder(golden("wordpiece"), {.ids = "tokens"}, {inputs[0]}), Error);
}

TEST(TextEncoder, WithoutTokenizerPassesStrings) {
    const std::vector<TensorInfo> inputs = {{.name = "s", .type = ElementType::string, .shape = {-1, 1}}};
    const TextEncoder encoder(std::nullopt, {}, inputs);
    EXPECT_EQ(encoder.encode("a b").at("s"), Tensor::of<std::string>({1, 1}, {"a b"}));
}

}  // namespace
}  // namespace whence::text
