// One side of a tiny CLIP explained against the other (tests/clip/golden/pair): recorded, replayed, added up.

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "clip/pair_folder.h"
#include "recipe/support.h"
#include "whence/core/explanation_json.h"
#include "whence/recipe/predict.h"

namespace whence::recipe {
namespace {

using clip::test::PairFolder;
using test::contains;

const std::filesystem::path cat_file = test::examples / "data/cat.png";
const std::filesystem::path photo_file = std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/data/files/photo_46x50.png";
const std::vector<std::string> texts = {"a photo of a cat", "a dog", "the quick brown fox"};

Subject of_pictures(const PairFolder& folder, std::vector<std::string> with = texts) {
    return Subject::load(folder.path(), data::Preprocessing{.kind = data::InputKind::image, .texts = std::move(with)});
}
Subject of_texts(const PairFolder& folder) {
    return Subject::load(folder.path(), data::Preprocessing{.kind = data::InputKind::text,
                                                            .images = {{.path = cat_file}, {.path = photo_file}}});
}

double sum(const Explanation& e) {
    double out = 0;
    for (const double value : e.attribution.values.to_doubles()) out += value;
    return out;
}

double value_of(const Explanation& e, const std::string& name) {
    const auto& names = e.attribution.names;
    return e.attribution.values.to_doubles().at(std::ranges::find(names, name) - names.begin());
}

/// scale * cosine of the picture and the text, from embeddings made apart.
double score(const clip::Pair& pair, const std::filesystem::path& picture, const std::string& text) {
    return clip::logits_of(pair, pair.embed_images(std::span(&picture, 1)).values, pair.embed_texts({&text, 1}).values)[0];
}

TEST(RecipeClip, PicturesAreScoredAgainstTexts) {
    const PairFolder folder;
    const Subject subject = of_pictures(folder);
    ASSERT_NE(subject.pair_or_null(), nullptr);
    EXPECT_EQ(subject.classes(), texts);
    EXPECT_EQ(subject.sha256(), subject.pair_or_null()->fingerprint());
    const Scores scores = scores_of(subject, predict(subject, read_input(subject, cat_file), {}), "");
    std::vector<double> expected;
    for (const std::string& text : texts) expected.push_back(score(*subject.pair_or_null(), cat_file, text));
    expected = clip::confidences_of(clip::Activation::softmax, expected, expected.size());
    for (size_t i = 0; i < texts.size(); ++i) EXPECT_NEAR(scores.values[i], expected[i], 1e-4);
}

TEST(RecipeClip, EveryKindOfMethodExplainsThePicture) {
    const PairFolder folder;
    folder.write("config.json", R"({"logit_scale": 5})");  // of 100 the probability is 1 to the last digit
    const Subject subject = of_pictures(folder);
    const Input input = read_input(subject, cat_file);
    for (const char* method : {"saliency", "integrated-gradients", "smoothgrad", "input-x-gradient", "deep-lift", "attention-rollout",
                               "attention-relevance", "lime", "kernel-shap", "occlusion"}) {
        SCOPED_TRACE(method);
        Recipe how{.method = method, .target = "a dog"};
        if (std::string_view(method) == "lime" || std::string_view(method) == "kernel-shap")
            how.options = {{"segmentation", std::string("grid:4x4")}};
        const Explanation e = explain(subject, input, how, {});
        EXPECT_EQ(e.target.label, "a dog");
        EXPECT_TRUE(std::ranges::any_of(e.attribution.values.to_doubles(), [](double v) { return v != 0; }));
        EXPECT_EQ(e.provenance.model_path, folder.path().string());
    }
}

TEST(RecipeClip, IntegratedGradientsAddUpToTheDifferenceOfScores) {
    const PairFolder folder;
    const Subject subject = of_pictures(folder, {texts[0]});
    const Input input = read_input(subject, cat_file);
    const Explanation e = explain(subject, input, {.method = "integrated-gradients", .options = {{"steps", int64_t{200}}}}, {});
    EXPECT_NEAR(e.target.value, score(*subject.pair_or_null(), cat_file, texts[0]), 1e-3);
    EXPECT_NEAR(sum(e), e.target.value - *e.target.baseline_value, 1e-2 * std::abs(e.target.value - *e.target.baseline_value));
    EXPECT_NEAR(*e.diagnostics.attribution_error, sum(e) - (e.target.value - *e.target.baseline_value), 1e-6);
}

TEST(RecipeClip, WordsAreExplainedFromTheirEmbeddings) {
    const PairFolder folder;
    const Subject subject = of_texts(folder);
    EXPECT_EQ(subject.classes(), (std::vector<std::string>{"cat.png", "photo_46x50.png"}));
    const Input input = from_text(subject, "the quick brown dog");
    const Explanation e = explain(subject, input, {.method = "integrated-gradients", .target = "cat.png", .options = {{"steps", int64_t{200}}}}, {});
    EXPECT_NEAR(e.target.value, score(*subject.pair_or_null(), cat_file, "the quick brown dog"), 1e-3);
    for (const char* word : {"the", "quick", "brown", "dog"})
        EXPECT_NE(std::ranges::find(e.attribution.names, word), e.attribution.names.end()) << word;
    const double difference = e.target.value - *e.target.baseline_value;
    EXPECT_NEAR(sum(e), difference, 1e-2 * std::abs(difference));
    // Tokens around the text stay as they are: the baseline differs in words alone.
    for (size_t i = 0; i < e.attribution.names.size(); ++i)
        if (e.attribution.names[i].starts_with("(")) {
            EXPECT_EQ(e.attribution.values.to_doubles()[i], 0);
        }
    EXPECT_EQ(e.target.baseline, "padding");
}

TEST(RecipeClip, LeaveOneOutIsWhatTheScoreLoses) {
    const PairFolder folder;
    const Subject subject = of_texts(folder);
    const std::string text = "the quick brown dog";
    const Explanation e = explain(subject, from_text(subject, text),
                                  {.method = "occlusion", .target = "cat.png", .scale = Scale::raw, .options = {{"bow", true}}}, {});
    const double whole = score(*subject.pair_or_null(), cat_file, text);
    EXPECT_NEAR(value_of(e, "quick"), whole - score(*subject.pair_or_null(), cat_file, "the  brown dog"), 1e-3);
    EXPECT_NEAR(value_of(e, "dog"), whole - score(*subject.pair_or_null(), cat_file, "the quick brown "), 1e-3);
}

// A missing word's token must not look like the end of the text, where the encoder reads.
TEST(RecipeClip, MaskedTokensAreNoEnds) {
    const PairFolder folder;
    const Subject subject = of_texts(folder);
    const text::TextEncoder& encoder = *subject.text_encoder();
    EXPECT_NE(encoder.hidden_id(), encoder.tokenizer()->id_of("<|endoftext|>"));
    EXPECT_EQ(encoder.tokenizer()->pad_id(), encoder.tokenizer()->id_of("<|endoftext|>"));
    EXPECT_EQ(encoder.hidden_id(), 0);
}

TEST(RecipeClip, AttentionOfTextsIsReadAtTheirEnd) {
    const PairFolder folder;
    const Subject subject = of_texts(folder);
    const Input input = from_text(subject, "a dog");
    const Explanation at_end = explain(subject, input, {.method = "attention-relevance", .target = "cat.png"}, {});
    int64_t end = 0;
    while (!input.text->tokens[end].special || end == 0) ++end;
    const Explanation same = explain(subject, input, {.method = "attention-relevance", .target = "cat.png", .options = {{"token", std::to_string(end)}}}, {});
    EXPECT_TRUE(at_end.attribution.values == same.attribution.values);
    EXPECT_NE(std::ranges::find(at_end.attribution.names, "dog"), at_end.attribution.names.end());
    EXPECT_NE(value_of(at_end, "dog"), 0);
    for (const char* method : {"lime", "kernel-shap", "attention-rollout"})
        EXPECT_NE(value_of(explain(subject, input, {.method = method, .target = "cat.png"}, {}), "dog"), 0) << method;
}

TEST(RecipeClip, ReplayMakesBothSidesAgainAndSeesOtherModels) {
    const PairFolder folder, other;
    other.change("preprocessor_config.json", [](nlohmann::json& how) { how["image_mean"][0] = 0.4; });
    const auto saved = [](const Explanation& e) { return explanation_from_json(to_json(e)); };
    const Subject pictures = of_pictures(folder);
    const Explanation picture = saved(explain(pictures, read_input(pictures, cat_file), {.method = "input-x-gradient"}, {}));
    const Subject of_words = of_texts(folder);
    const Explanation words = saved(explain(of_words, from_text(of_words, "a dog"), {.method = "integrated-gradients"}, {}));
    for (const Explanation* e : {&picture, &words}) {
        EXPECT_EQ(replay(*e, {}).differences, std::vector<std::string>());
        const Replay changed = replay(*e, {}, {}, {.path = other.path().string()});
        ASSERT_FALSE(changed.differences.empty());
        EXPECT_TRUE(contains(changed.differences[0], "its fingerprint differs")) << changed.differences[0];
    }
    for (const char* method : {"grad-eclip", "legrad", "attention-relevance"}) {
        SCOPED_TRACE(method);
        const Explanation map = saved(explain(pictures, read_input(pictures, cat_file), {.method = method}, {}));
        EXPECT_EQ(replay(map, {}).differences, std::vector<std::string>());
        const Explanation row = saved(explain(of_words, from_text(of_words, "a dog"), {.method = method}, {}));
        EXPECT_EQ(replay(row, {}).differences, std::vector<std::string>());
    }
    EXPECT_TRUE(contains(words.provenance.preprocessing, "cat.png"));
    EXPECT_TRUE(contains(picture.provenance.preprocessing, "a photo of a cat"));
}

TEST(RecipeClip, WhatIsMissingOrCutIsSaid) {
    const PairFolder folder;
    EXPECT_TRUE(contains(message_of(ErrorKind::usage, [&] { (void)Subject::load(folder.path()); }), "say what pictures are scored against"));
    EXPECT_TRUE(contains(message_of(ErrorKind::input, [&] {
        (void)Subject::load(folder.path(), data::Preprocessing{.kind = data::InputKind::text, .images = {{.path = cat_file, .sha256 = "0"}}});
    }), "this is not the picture that the preprocessing means"));
    const std::string far = "the quick brown fox jumps over the lazy dog and on and on and on";
    const Subject subject = of_pictures(folder, {far});
    EXPECT_TRUE(std::ranges::any_of(subject.notes(), [](const std::string& note) { return contains(note, "more than the 12 tokens"); }));
    const Subject words = of_texts(folder);
    const auto notes = explain(words, from_text(words, far), {.method = "lime"}, {}).diagnostics.notes;
    EXPECT_TRUE(std::ranges::any_of(notes, [](const std::string& note) { return contains(note, "more than the 12 tokens"); }));
}

// SigLIP's texts do not compete: the score is explained, never a softmax.
TEST(RecipeClip, ASigmoidIsNoSoftmax) {
    const PairFolder folder;
    folder.write("config.json", R"({"model_type": "siglip", "logit_scale": 14.5, "logit_bias": -3.25})");
    const Subject subject = of_pictures(folder);
    const Input input = read_input(subject, cat_file);
    const Explanation e = explain(subject, input, {.method = "occlusion", .target = "a dog"}, {});
    EXPECT_NEAR(e.target.value, score(*subject.pair_or_null(), cat_file, "a dog"), 1e-3);
    EXPECT_TRUE(contains(message_of(ErrorKind::usage, [&] {
        (void)explain(subject, input, {.method = "occlusion", .target = "a dog", .scale = Scale::probability}, {});
    }), "judges each text by itself"));
}

}  // namespace
}  // namespace whence::recipe
