#include "recipe/support.h"
#include "whence/core/explanation_json.h"

namespace whence::recipe::test {
namespace {

std::string first_columns(size_t count) {
    std::string out = "together:";
    const Input input = row(17);
    for (size_t i = 0; i < count; ++i) out += (i ? ", " : " ") + input.schema[i].name;
    return out;
}

// With a layer or a baseline where the method cannot do without; of a picture where it must be one.
Explanation saved(const std::string& name) {
    const MethodSpec& method = find_method(name);
    Recipe recipe{.method = name, .seed = 9};
    if (method.baseline_set) recipe.baseline = "zeros";
    if (method.layer == LayerUse::required) recipe.layer = "/layers/layers.1/Relu_output_0";
    // All 2^30 coalitions of 30 columns are too many: 20 of them play as one.
    if (name == "exact-shap") recipe.options = {{"groups", first_columns(20)}};
    if (name == "blur-ig" || name == "xrai" || name == "sedc")
        return explain(image_subject(), cat(), recipe, whence::Run{});
    return explain(table_subject(), row(17), recipe, whence::Run{});
}

TEST(Replay, GivesTheSameAfterATripThroughJson) {
    for (const MethodSpec& method : methods()) {
        // Those of pictures and transformers are in recipe_layers_test.
        if (method.layer == LayerUse::required || contains(method.name, "attention")) continue;
        if (method.name == "grad-eclip" || method.name == "legrad") continue;
        if (method.name == "linear-shap") continue;  // refuses networks; see recipe_shapley_test
        if (method.name.starts_with("tree-")) continue;  // of ensembles; see recipe_trees_test
        const Explanation loaded = explanation_from_json(to_json(saved(method.name)));
        const Replay replayed = replay(loaded, whence::Run{});
        EXPECT_TRUE(replayed.differences.empty())
            << method.name << ": " << replayed.differences.at(0);
        EXPECT_EQ(replayed.largest_difference, 0) << method.name;
        EXPECT_EQ(replayed.again.provenance.seed, 9U);
    }
}

TEST(Replay, FindsAnEditedValueAndHash) {
    Explanation edited = saved("input-x-gradient");
    edited.provenance.input_sha256[0] = edited.provenance.input_sha256[0] == '0' ? '1' : '0';
    edited.attribution.values.as<float>()[4] *= 1.01F;
    edited.target.value += 0.1;
    const Replay replayed = replay(edited, whence::Run{});
    ASSERT_EQ(replayed.differences.size(), 3U);
    EXPECT_TRUE(contains(replayed.differences[0], "the input"));
    EXPECT_TRUE(contains(replayed.differences[1], "values differ"));
    EXPECT_TRUE(contains(replayed.differences[2], "the prediction"));
}

TEST(Replay, FindsAnEditedCounterfactual) {
    Explanation edited = saved("counterfactuals");
    EXPECT_TRUE(replay(edited, whence::Run{}).differences.empty());
    edited.counterfactuals->found.at(0).values.as<double>()[3] += 1;
    const Replay replayed = replay(edited, whence::Run{});
    ASSERT_EQ(replayed.differences.size(), 1U);
    EXPECT_TRUE(contains(replayed.differences[0], "counterfactuals"));
}

// A difference twice as large as allowed is found, one half as large is not.
TEST(Replay, ToleratesRoundingOnly) {
    for (const auto& [relative, found] : {std::pair{5e-6, false}, {2e-5, true}}) {
        Explanation edited = saved("input-x-gradient");
        const std::span<float> values = edited.attribution.values.as<float>();
        size_t largest = 0;
        for (size_t i = 0; i < values.size(); ++i)
            if (std::abs(values[i]) > std::abs(values[largest])) largest = i;
        values[largest] *= 1 + static_cast<float>(relative);
        EXPECT_EQ(!replay(edited, whence::Run{}).differences.empty(), found) << relative;
    }
}

TEST(Replay, NeedsFiles) {
    Explanation memory = saved("saliency");
    memory.provenance.input_path.clear();
    EXPECT_TRUE(contains(
        message_of(ErrorKind::usage, [&] { static_cast<void>(replay(memory, whence::Run{})); }),
        "memory"));
}

TEST(DefaultMethod, IsIntegratedGradientsWhereThereIsAGradient) {
    EXPECT_EQ(default_method(table_subject(), row(0)).method, "integrated-gradients");
    EXPECT_EQ(default_method(image_subject(), cat()).method, "integrated-gradients");
    EXPECT_TRUE(default_method(image_subject(), cat()).why.empty());
}

TEST(Explain, SuggestsAClass) {
    const Recipe recipe{.method = "saliency", .target = "maligant"};
    const std::string why = message_of(ErrorKind::usage, [&] {
        static_cast<void>(explain(table_subject(), row(0), recipe, whence::Run{}));
    });
    EXPECT_TRUE(contains(why, "did you mean 'malignant'?")) << why;
}

}  // namespace
}  // namespace whence::recipe::test
