// Pairs of words and patches against a slow twin in float64 (tests/gradients/make_clip_relevance_golden.py), and
// of the tiny pair of golden/pair.

#include "whence/clip/pairwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "../message_of.h"
#include "clip/pair_folder.h"
#include "whence/core/error.h"
#include "whence/data/npy.h"

namespace whence::clip::test {
namespace {

using Numbers = std::vector<double>;

const std::filesystem::path twins = std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/gradients/clip_relevance";

// As recipe_clip_relevance_test: float32 against double.
constexpr double single_precision = 1e-5;

Tensor array(const std::string& name) {
    static const std::vector<NamedTensor> all = data::read_npz(twins / "relevance.npz");
    const auto found = std::ranges::find(all, name, &NamedTensor::name);
    EXPECT_NE(found, all.end()) << name;
    return found->value;
}

double sum(const Tensor& values) {
    const Numbers all = values.to_doubles();
    return std::accumulate(all.begin(), all.end(), 0.0);
}

double distance(const Tensor& ours, const Numbers& theirs, double scale) {
    const Numbers values = ours.to_doubles();
    EXPECT_EQ(values.size(), theirs.size());
    double size = 0, worst = 0;
    for (size_t i = 0; i < std::min(values.size(), theirs.size()); ++i) {
        size = std::max(size, std::abs(theirs[i]));
        worst = std::max(worst, std::abs(values[i] * scale - theirs[i]));
    }
    return worst / size;
}

class Twins : public testing::TestWithParam<const char*> {
  protected:
    const OnnxModel image = OnnxModel::load(twins / (std::string("image_encoder_") + GetParam() + ".onnx"));
    const OnnxModel text = OnnxModel::load(twins / (std::string("text_encoder_") + GetParam() + ".onnx"));
    PairwiseInput input() const {
        const Tensor pixels = array("pixel_values");
        PairwiseInput in;
        in.image.add("pixel_values", pixels);
        in.image_reference.add("pixel_values", Tensor(pixels.type(), pixels.shape()));
        in.text.add("input_ids", array("input_ids"));
        in.text_reference.add("input_ids", array("reference_ids"));
        return in;
    }
    PairwiseMatrix matrix(const PairwiseOptions& options) const {
        return pairwise_matrix(image, text, input(), options, {});
    }
};

TEST_P(Twins, PairsAreTheirs) {
    const Numbers norms = array("pairwise_norms").to_doubles(), terms = array("pairwise_terms").to_doubles();
    const double lengths = norms[0] * norms[1];
    for (const int64_t steps : {2, 10}) {
        const PairwiseMatrix m = matrix({.steps = steps, .rule = {}});
        ASSERT_EQ(m.values.shape(), (Shape{10, 17}));
        EXPECT_LE(distance(m.values, array("pairwise_" + std::to_string(steps)).to_doubles(), lengths), single_precision);
        EXPECT_NEAR(m.cosine * lengths, terms[0], 1e-5 * std::abs(terms[0]));
        EXPECT_NEAR(m.against_references * lengths, terms[0] - terms[1] - terms[2] + terms[3], 1e-4);
    }
    // The negative control: other points.
    EXPECT_GT(distance(matrix({.steps = 2, .rule = {}}).values, array("pairwise_10").to_doubles(), lengths), 2 * single_precision);
}

TEST_P(Twins, PairsAddUpToTheFourTermsAsStepsGrow) {
    const auto error = [&](const PairwiseOptions& options) {
        const PairwiseMatrix m = matrix(options);
        return std::abs(sum(m.values) - m.against_references) / std::abs(m.against_references);
    };
    // A sum of right ends converges as 1 / n.
    const double coarse = error({.steps = 8, .rule = {}}), fine = error({.steps = 64, .rule = {}});
    EXPECT_LT(fine, coarse / 4);
    EXPECT_LT(error({.steps = 64}), 1e-3);
    EXPECT_GT(coarse, 1e-3);  // the negative control
}

// Before the first block the class token and the ends of the text are those of the references.
TEST_P(Twins, BeforeAllBlocksWordsAndPatchesHaveEverything) {
    const PairwiseMatrix m = matrix({.steps = 64, .blocks = 0});
    const Numbers values = m.values.to_doubles();
    for (int64_t text_token = 0; text_token < 10; ++text_token)
        for (int64_t patch = 0; patch < 17; ++patch)
            if (patch == 0 || text_token == 0 || text_token > 4) { EXPECT_EQ(values[text_token * 17 + patch], 0); }
    EXPECT_NEAR(sum(m.values), m.against_references, 0.02 * std::abs(m.against_references));
    EXPECT_NE(m.values, matrix({.steps = 64}).values);
}

TEST_P(Twins, PairsOfTheReferenceItselfAreNothing) {
    PairwiseInput in = input();
    in.text = in.text_reference;
    const PairwiseMatrix m = pairwise_matrix(image, text, in, {}, {});
    EXPECT_EQ(sum(m.values), 0);
    EXPECT_NEAR(m.against_references, 0, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(All, Twins, testing::Values("separate", "module"),
                         [](const auto& style) { return std::string(style.param); });

const std::filesystem::path cat_file = std::filesystem::path(WHENCE_SOURCE_DIR) / "examples/data/cat.png";

PairwiseExplanation of_the_cat(const Pair& pair, const std::string& text, const PairwiseOptions& options = {}) {
    return explain_pairwise(pair, data::read_image(cat_file), text, options);
}

TEST(ClipPairwise, IsOfWordsAndPatches) {
    const PairFolder folder;
    const Pair pair = Pair::load(folder.path());
    const PairwiseExplanation e = of_the_cat(pair, "a photo of a cat, please");
    EXPECT_EQ(e.words, (std::vector<std::string>{"a", "photo", "of", "a", "cat", ",", "please"}));
    EXPECT_EQ(e.values.shape(), (Shape{7, e.height * e.width}));
    EXPECT_EQ(e.text.text, "a photo of a cat, please");
    EXPECT_EQ(e.text.parts.size(), 7U);
    ASSERT_TRUE(e.diagnostics.attribution_error && e.target.baseline_value);
    EXPECT_NEAR(e.target.value,
                (logits_of(pair, pair.embed_images(std::span(&cat_file, 1)).values,
                           pair.embed_texts(std::vector<std::string>{e.text.text}).values)[0] - pair.logit_bias()) / pair.logit_scale(),
                1e-5);
    // Either way of summing says the same.
    EXPECT_NEAR(sum(of_words(e).attribution.values), sum(e.values), 1e-12);
    EXPECT_NEAR(sum(of_patches(e).attribution.values), sum(e.values), 1e-12);
    const Explanation cat = of_patches(e, {4});
    EXPECT_EQ(cat.attribution.values.shape(), (Shape{1, 1, e.height, e.width}));
    EXPECT_DOUBLE_EQ(cat.attribution.values.as<double>()[1], e.values.as<double>()[4 * e.height * e.width + 1]);
    EXPECT_DOUBLE_EQ(of_words(e, {1}).attribution.values.as<double>()[4], e.values.as<double>()[4 * e.height * e.width + 1]);
    EXPECT_FALSE(cat.diagnostics.attribution_error.has_value());
    // More words than letters: the same word in two places has two rows, of two values.
    EXPECT_NE(of_words(e).attribution.values.as<double>()[0], of_words(e).attribution.values.as<double>()[3]);
}

TEST(ClipPairwise, DependsOnNothingButItsInput) {
    const PairFolder folder;
    const PairwiseExplanation one = of_the_cat(Pair::load(folder.path(), 1), "a photo of a cat", {.steps = 3});
    for (const int threads : {2, 8})
        EXPECT_EQ(of_the_cat(Pair::load(folder.path(), threads), "a photo of a cat", {.steps = 3}).values, one.values);
    EXPECT_NE(of_the_cat(Pair::load(folder.path()), "a photo of a dog", {.steps = 3}).values, one.values);
}

TEST(ClipPairwise, StandsInAFile) {
    const PairFolder folder;
    const PairwiseExplanation e = of_the_cat(Pair::load(folder.path()), "\"caf\u00e9\" & <b>", {.steps = 2});
    const std::string json = to_json(e);
    const PairwiseExplanation back = pairwise_from_json(json);
    EXPECT_EQ(back.values, e.values);
    EXPECT_EQ(back.words, e.words);
    EXPECT_EQ(back.text, e.text);
    EXPECT_EQ(back.height, e.height);
    EXPECT_EQ(to_json(back), json);
    const auto wrong = [&](const std::string& from, const std::string& to) {
        std::string changed = json;
        changed.replace(changed.rfind(from), from.size(), to);
        return message_of(ErrorKind::input, [&] { return pairwise_from_json(changed); });
    };
    EXPECT_NE(wrong("\"words\": [", "\"words\": [\"more\", ").find("not as many"), std::string::npos);
    EXPECT_NE(wrong("\"words\"", "\"signs\"").find("'words' is missing"), std::string::npos);
    EXPECT_NE(wrong("\"words\": [", "\"words\": [1, ").find("a word is no text"), std::string::npos);
}

TEST(ClipPairwise, ErrorsAreOneLine) {
    const PairFolder folder;
    const Pair pair = Pair::load(folder.path());
    const auto error = [&](ErrorKind kind, const std::string& text, const PairwiseOptions& options) {
        return message_of(kind, [&] { return of_the_cat(pair, text, options); });
    };
    EXPECT_NE(error(ErrorKind::usage, "a cat", {.steps = 0}).find("pairwise: 0 steps"), std::string::npos);
    EXPECT_NE(error(ErrorKind::usage, "a cat", {.blocks = -1}).find("blocks is -1"), std::string::npos);
    EXPECT_NE(error(ErrorKind::input, "", {}).find("no words to explain"), std::string::npos);
    const PairwiseExplanation e = of_the_cat(pair, "a cat", {.steps = 1});
    EXPECT_NE(message_of(ErrorKind::usage, [&] { return of_patches(e, {2}); }).find("there is no word 2"), std::string::npos);
    EXPECT_NE(message_of(ErrorKind::usage, [&] { return of_words(e, {-1}); }).find("there is no patch -1"), std::string::npos);
}

}  // namespace
}  // namespace whence::clip::test
