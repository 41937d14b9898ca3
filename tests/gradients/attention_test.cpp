// Attention joined over blocks, by hand.

#include "whence/gradients/attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/support.h"
#include "runtime/models.h"

namespace whence {
namespace {

using testing::add_output;
using testing::empty_graph;
using testing::error_of;
using testing::expect_within;
using testing::load;
using testing::plain_run;
using testing::random_tensor;
using testing::value_info;

using Numbers = std::vector<double>;
using Matrix = std::vector<Numbers>;

constexpr int64_t heads = 2, tokens = 3, width = 4;

// x [N, 3, 4] through two blocks of attention with a residual sum; y reads the first token.
graph::Graph transformer() {
    graph::Graph graph = empty_graph({value_info("x", ElementType::float32, {-1, tokens, width})});
    graph::Builder b(graph);
    std::string x = "x";
    for (uint64_t block = 0; block < 2; ++block) {
        const auto split = [&](uint64_t seed) {
            const std::string wide =
                b.node("MatMul", {x, b.constant(random_tensor({width, width}, 10 * block + seed))});
            return b.node("Transpose",
                          {b.reshape(wide, b.ints({-1, tokens, heads, width / heads}))},
                          {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
        };
        const std::string keys =
            b.node("Transpose", {split(2)}, {{"perm", std::vector<int64_t>{0, 1, 3, 2}}});
        const std::string scores = b.node("MatMul", {split(1), keys});
        const std::string name = "attention" + std::to_string(block);
        graph.nodes.push_back({.op = "Softmax",
                               .inputs = {scores},
                               .outputs = {name},
                               .attributes = {{"axis", int64_t{-1}}}});
        const std::string mixed = b.node("Transpose", {b.node("MatMul", {name, split(3)})},
                                         {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
        x = b.add(x, b.reshape(mixed, b.ints({-1, tokens, width})));
    }
    const std::string first =
        b.node("Gather", {x, b.constant(Tensor::of<int64_t>({}, std::vector<int64_t>{0}))},
               {{"axis", int64_t{1}}});
    add_output(graph, b.node("MatMul", {first, b.constant(random_tensor({width, 2}, 99))}), "y",
               value_info("y", ElementType::float32, {-1, 2}));
    return graph;
}

Matrix product(const Matrix& a, const Matrix& b) {
    Matrix out(tokens, Numbers(tokens, 0.0));
    for (int64_t i = 0; i < tokens; ++i)
        for (int64_t j = 0; j < tokens; ++j)
            for (int64_t k = 0; k < tokens; ++k) out[i][j] += a[i][k] * b[k][j];
    return out;
}

// The definitions, whole matrices at a time.
Matrix slow(AttentionRule rule, const GradientResult& pass) {
    Matrix joined(tokens, Numbers(tokens, 0.0));
    for (int64_t i = 0; i < tokens; ++i) joined[i][i] = 1;
    for (size_t block = 0; block < 2; ++block) {
        const Numbers a = pass.values[block].to_doubles(), g = pass.gradients[block].to_doubles();
        Matrix mean(tokens, Numbers(tokens, 0.0));
        for (int64_t h = 0; h < heads; ++h)
            for (int64_t i = 0; i < tokens; ++i)
                for (int64_t j = 0; j < tokens; ++j) {
                    const size_t at = static_cast<size_t>((h * tokens + i) * tokens + j);
                    const double part =
                        rule == AttentionRule::relevance ? std::max(0.0, a[at] * g[at]) : a[at];
                    mean[i][j] += part / heads;
                }
        const Matrix next = product(mean, joined);
        for (int64_t i = 0; i < tokens; ++i)
            for (int64_t j = 0; j < tokens; ++j) {
                if (rule == AttentionRule::raw) joined[i][j] = mean[i][j];
                if (rule == AttentionRule::rollout) joined[i][j] = (next[i][j] + joined[i][j]) / 2;
                if (rule == AttentionRule::relevance) joined[i][j] += next[i][j];
            }
    }
    return joined;
}

class AttentionRules : public ::testing::TestWithParam<AttentionRule> {};

TEST_P(AttentionRules, IsItsDefinition) {
    const OnnxModel model = load(transformer());
    const Tensor x = random_tensor({1, tokens, width}, 5);
    const std::vector<std::string> layers = {"attention0", "attention1"};
    const Matrix wanted = slow(
        GetParam(), model.run(x, {.output = "y", .index = 1, .values = layers, .gradients = layers},
                              plain_run));
    for (int64_t token = 0; token < tokens; ++token) {
        const Explanation e =
            Attention(model, {.rule = GetParam(), .layers = layers, .token = {token}})
                .explain(x, {.index = 1}, plain_run);
        // No picture: every token keeps its place, the read one too.
        EXPECT_EQ(e.attribution.values.shape(), (Shape{1, tokens}));
        const Numbers got = e.attribution.values.to_doubles();
        for (int64_t j = 0; j < tokens; ++j)
            EXPECT_NEAR(got[j], wanted[token][j], 2e-7) << token << " " << j;
        EXPECT_EQ(e.attribution.names, (std::vector<std::string>{"token 0", "token 1", "token 2"}));
        EXPECT_EQ(e.provenance.method, name(GetParam()));
        EXPECT_FALSE(e.diagnostics.attribution_error.has_value());
    }
    const Explanation pooled =
        Attention(model, {.rule = GetParam(), .layers = layers, .token = {std::nullopt}})
            .explain(x, {.index = 1}, plain_run);
    for (int64_t j = 0; j < tokens; ++j)
        EXPECT_NEAR(pooled.attribution.values.to_doubles()[j],
                    (wanted[0][j] + wanted[1][j] + wanted[2][j]) / 3, 2e-7);
}

INSTANTIATE_TEST_SUITE_P(All, AttentionRules,
                         ::testing::Values(AttentionRule::raw, AttentionRule::rollout,
                                           AttentionRule::relevance),
                         [](const auto& rule) {
                             std::string text = name(rule.param);
                             std::erase(text, '-');
                             return text;
                         });

TEST(Attention, OfRowsThatAddUpToOneAddsUpToOne) {
    const OnnxModel model = load(transformer());
    const Explanation e = Attention(model, {.layers = {"attention0", "attention1"}})
                              .explain(random_tensor({1, tokens, width}, 6), {}, plain_run);
    double sum = 0;
    for (const double value : e.attribution.values.to_doubles()) sum += value;
    EXPECT_NEAR(sum, 1, 1e-6);
}

TEST(AttentionErrors, AreOneLine) {
    const OnnxModel model = load(transformer());
    const Tensor x = random_tensor({1, tokens, width}, 7);
    const auto explain = [&](ErrorKind kind, AttentionOptions options) {
        return error_of(kind, [&] { return Attention(model, options).explain(x, {}, plain_run); });
    };
    expect_within(explain(ErrorKind::usage, {}), "attention-rollout needs tensors of attention");
    expect_within(explain(ErrorKind::usage, {.layers = {"attention0"}, .token = {3}}),
                  "there is no token 3");
    expect_within(explain(ErrorKind::usage, {.layers = {"attention0"}, .token = {-2}}),
                  "token -2 is less than 0");
    expect_within(explain(ErrorKind::unsupported, {.layers = {"x"}}), "'x' has shape [1, 3, 4]");
    expect_within(explain(ErrorKind::usage, {.layers = {"attention7"}}), "'attention7'");
}

}  // namespace
}  // namespace whence
