// Attention relevance, Grad-ECLIP and LeGrad of a small CLIP against slow twins in float64
// (tests/gradients/make_clip_relevance_golden.py), with attention as each exporter writes it.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "recipe/support.h"
#include "whence/data/npy.h"
#include "whence/graph/attention_blocks.h"

namespace whence::recipe::test {
namespace {

const std::filesystem::path golden =
    std::filesystem::path(WHENCE_SOURCE_DIR) / "tests/gradients/clip_relevance";
using Numbers = std::vector<double>;

// Three blocks in float32, some ten sums of up to a hundred products each good to 6e-8, forward and
// back; the twins are in double. Relative to the largest value of a map.
constexpr double single_precision = 1e-5;

const std::vector<NamedTensor>& arrays() {
    static const std::vector<NamedTensor> all = data::read_npz(golden / "relevance.npz");
    return all;
}
const Tensor& array(const std::string& name) {
    const auto found = std::ranges::find(arrays(), name, &NamedTensor::name);
    EXPECT_NE(found, arrays().end()) << name;
    return found->value;
}
Numbers numbers(const std::string& name) {
    return array(name).to_doubles();
}

double distance(const Numbers& ours, const Numbers& theirs) {
    EXPECT_EQ(ours.size(), theirs.size());
    if (ours.size() != theirs.size()) return INFINITY;
    double size = 0, worst = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
        size = std::max(size, std::abs(theirs[i]));
        worst = std::max(worst, std::abs(ours[i] - theirs[i]));
    }
    return worst / size;
}

Numbers without_first(Numbers values) {
    values.erase(values.begin());
    return values;
}

constexpr int64_t text_end = 5;  // where IDS of the script end

class Styles : public testing::TestWithParam<const char*> {
  protected:
    Subject subject(const std::string& side) const {
        return Subject::load(golden / (side + "_" + GetParam() + ".onnx"), "none");
    }
    static Input input(const Subject& subject, const std::string& side) {
        return from_array(subject, array(side == "image" ? "pixel_values" : "input_ids"));
    }
    static Explanation explained(const Subject& of, const std::string& side, const std::string& method,
                                 std::vector<Option> options, int64_t target = 1) {
        return explain(of, input(of, side),
                       {.method = method, .target = std::to_string(target), .options = std::move(options)}, {});
    }
    Explanation explained(const std::string& side, const std::string& method, std::vector<Option> options) const {
        return explained(subject(side), side, method, std::move(options));
    }
};

TEST_P(Styles, BlocksAreFoundWithAllTheirParts) {
    for (const char* side : {"image", "text"}) {
        const Subject of = subject(side);
        const auto blocks = graph::attention_blocks(of.onnx().differentiable_graph());
        ASSERT_EQ(blocks.size(), 3u) << side;
        std::string input;
        for (const graph::AttentionBlock& block : blocks) {
            EXPECT_EQ(block.width, 16);
            EXPECT_EQ(block.tokens, std::string(side) == "image" ? 17 : 10);
            EXPECT_FALSE(block.pools);
            EXPECT_FALSE(block.projected.empty());
            EXPECT_FALSE(block.output.empty());
            // The stream goes from block to block.
            if (!input.empty()) { EXPECT_EQ(block.input, input); }
            input = block.output;
        }
        EXPECT_EQ(graph::read_position(of.onnx().differentiable_graph()).empty(), std::string(side) == "image");
    }
}

TEST_P(Styles, PredictTheSame) {
    for (const char* side : {"image", "text"}) {
        const Explanation e = explained(side, "raw-attention", {});
        EXPECT_NEAR(e.target.value, numbers(std::string(side) + "_logit")[0], 1e-5) << side;
    }
}

TEST_P(Styles, AttentionRelevanceIsItsTwin) {
    for (const int64_t blocks : {1, 3}) {
        const std::vector<Option> options = {{"blocks", blocks}};
        const std::string count = std::to_string(blocks);
        const Explanation image = explained("image", "attention-relevance", options);
        ASSERT_EQ(image.attribution.values.shape(), (Shape{1, 1, 4, 4}));
        EXPECT_LE(distance(image.attribution.values.to_doubles(), without_first(numbers("image_relevance_" + count))),
                  single_precision);
        const Explanation text = explained("text", "attention-relevance", options);
        ASSERT_EQ(text.attribution.values.shape(), (Shape{1, 10}));
        EXPECT_LE(distance(text.attribution.values.to_doubles(), numbers("text_relevance_" + count)), single_precision);
        // The negative control: another number of blocks.
        EXPECT_GT(distance(text.attribution.values.to_doubles(), numbers("text_relevance_" + std::to_string(4 - blocks))),
                  2 * single_precision);
    }
}

TEST_P(Styles, MultiHeadGradEclipIsItsTwinAndAddsUp) {
    for (const int64_t blocks : {1, 3}) {
        const std::vector<Option> options = {{"blocks", blocks}};
        const std::string count = std::to_string(blocks);
        const Explanation image = explained("image", "grad-eclip", options);
        const Numbers all = numbers("image_multi_" + count);
        EXPECT_LE(distance(image.attribution.values.to_doubles(), without_first(all)), single_precision);
        const Explanation text = explained("text", "grad-eclip", options);
        EXPECT_LE(distance(text.attribution.values.to_doubles(), numbers("text_multi_" + count)), single_precision);
        for (const auto& [side, e] : {std::pair{"image", &image}, std::pair{"text", &text}}) {
            const double wanted = numbers(std::string(side) + "_product_" + count)[0];
            ASSERT_TRUE(e->diagnostics.attribution_error && e->diagnostics.relative_error) << side;
            EXPECT_LE(std::abs(*e->diagnostics.attribution_error), 1e-5 * std::abs(wanted)) << side;
            EXPECT_FALSE(e->target.baseline_value.has_value());
        }
        // What the picture shows and what the class token has are together what the note says.
        const Numbers shown = image.attribution.values.to_doubles();
        EXPECT_NEAR(std::accumulate(shown.begin(), shown.end(), 0.0) + all[0], numbers("image_product_" + count)[0],
                    1e-5 * std::abs(numbers("image_product_" + count)[0]));
        EXPECT_GT(distance(image.attribution.values.to_doubles(),
                           without_first(numbers("image_multi_" + std::to_string(4 - blocks)))),
                  2 * single_precision);
    }
}

TEST_P(Styles, PublishedGradEclipIsItsTwin) {
    for (const int64_t blocks : {1, 3}) {
        const std::vector<Option> options = {{"form", std::string("single-head")}, {"blocks", blocks}};
        const std::string count = std::to_string(blocks);
        const Explanation image = explained("image", "grad-eclip", options);
        EXPECT_LE(distance(image.attribution.values.to_doubles(), numbers("image_single_" + count)), single_precision);
        EXPECT_FALSE(image.diagnostics.attribution_error.has_value());
        EXPECT_FALSE(image.diagnostics.no_error_because.empty());
        const Explanation text = explained("text", "grad-eclip", options);
        const Numbers words = text.attribution.values.to_doubles();
        EXPECT_LE(distance(Numbers(words.begin() + 1, words.begin() + text_end), numbers("text_single_" + count)),
                  single_precision);
        EXPECT_GT(distance(image.attribution.values.to_doubles(), without_first(numbers("image_multi_" + count))),
                  2 * single_precision);
    }
}

TEST_P(Styles, LegradIsItsTwin) {
    for (const int64_t blocks : {2, 3}) {
        const std::vector<Option> options = {{"blocks", blocks}};
        const std::string count = std::to_string(blocks), other = std::to_string(5 - blocks);
        const Numbers image = explained("image", "legrad", options).attribution.values.to_doubles();
        EXPECT_LE(distance(image, without_first(numbers("image_legrad_" + count))), single_precision);
        EXPECT_GT(distance(image, without_first(numbers("image_legrad_" + other))), 2 * single_precision);
        const Numbers text = explained("text", "legrad", options).attribution.values.to_doubles();
        EXPECT_LE(distance(text, numbers("text_legrad_" + count)), single_precision);
    }
}

INSTANTIATE_TEST_SUITE_P(All, Styles, testing::Values("separate", "module", "sdpa", "fused", "operator"),
                         [](const auto& style) { return std::string(style.param); });

class Relevance : public Styles {};

TEST_P(Relevance, DependsOnTheTargetAndNotOnThreads) {
    const auto on = [](int threads) { return Subject::load(golden / "image_separate.onnx", "none", threads); };
    const Subject image = on(1);
    for (const auto& options : {std::vector<Option>{}, std::vector<Option>{{"form", std::string("single-head")}}}) {
        const std::string method = GetParam();
        if (!options.empty() && method != "grad-eclip") continue;
        const Explanation first = explained(image, "image", method, options);
        for (const int threads : {2, 8})
            EXPECT_EQ(explained(on(threads), "image", method, options).attribution.values, first.attribution.values);
        EXPECT_NE(explained(image, "image", method, options, 2).attribution.values, first.attribution.values);
        EXPECT_EQ(first.provenance.method, method);
        EXPECT_GT(first.provenance.gradient_evaluations, 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Methods, Relevance, testing::Values("attention-relevance", "grad-eclip", "legrad"),
                         [](const auto& method) {
                             std::string name = method.param;
                             std::erase(name, '-');
                             return name;
                         });

TEST(ReadTokens, AreNumbersOrWords) {
    const Subject text = Subject::load(golden / "text_separate.onnx", "none");
    const auto of = [&](const std::string& token) {
        return explain(text, from_array(text, array("input_ids")),
                       {.method = "raw-attention", .target = "1", .options = {{"token", token}}}, {});
    };
    EXPECT_EQ(of("auto").attribution.values, of("5").attribution.values);
    EXPECT_EQ(of("end").attribution.values, of("5").attribution.values);
    EXPECT_NE(of("0").attribution.values, of("5").attribution.values);
    EXPECT_EQ(of("mean").attribution.values, of("-1").attribution.values);
    EXPECT_TRUE(contains(message_of(ErrorKind::usage, [&] { return of("last"); }), "'last' is not auto, mean, end"));
    EXPECT_TRUE(contains(message_of(ErrorKind::usage, [&] { return of("10"); }), "there is no token 10"));
    const Subject image = Subject::load(golden / "image_separate.onnx", "none");
    const auto no_end = [&] {
        return explain(image, from_array(image, array("pixel_values")),
                       {.method = "legrad", .target = "1", .options = {{"token", std::string("end")}}}, {});
    };
    EXPECT_TRUE(contains(message_of(ErrorKind::usage, no_end), "looks for no end of its text"));
}

TEST(RelevanceErrors, AreOneLine) {
    for (const char* method : {"grad-eclip", "legrad", "attention-relevance"}) {
        const auto of_a_convolution = [&] { return explain(image_subject(), cat(), {.method = method}, {}); };
        EXPECT_TRUE(contains(message_of(ErrorKind::unsupported, of_a_convolution), "no attention found in the model")) << method;
    }
    const Subject image = Subject::load(golden / "image_separate.onnx", "none");
    const auto with = [&](const char* method, Option option) {
        return message_of(ErrorKind::usage, [&] {
            return explain(image, from_array(image, array("pixel_values")), {.method = method, .options = {option}}, {});
        });
    };
    EXPECT_TRUE(contains(with("grad-eclip", {"form", std::string("two-head")}), "no form 'two-head'"));
    EXPECT_TRUE(contains(with("legrad", {"blocks", int64_t{-1}}), "blocks is -1"));
}

}  // namespace
}  // namespace whence::recipe::test
