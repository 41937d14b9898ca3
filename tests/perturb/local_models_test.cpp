// Lasso, logistic regression and a tree as LIME's local model, on models that are of that form.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "perturb/fake_models.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/core/rng.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/logistic.h"

namespace whence {
namespace {

using testing::FormulaModel;

Schema columns() {
    return {{.name = "age"}, {.name = "height"}, {.name = "sex", .categories = {"male", "female"}}};
}

Tensor background() {
    Tensor data(ElementType::float64, {400, 3});
    Rng rng(1, 0, 0);
    for (int64_t row = 0; row < 400; ++row) {
        data.as<double>()[row * 3] = 20 + 60 * rng.uniform();
        data.as<double>()[row * 3 + 1] = 170 + 10 * rng.normal();
        data.as<double>()[row * 3 + 2] = static_cast<double>(rng.below(2));
    }
    return data;
}

const Tensor person = Tensor::of<double>({1, 3}, std::vector<double>{33, 181, 1});

FormulaModel model_of(FormulaModel::Formula f) {
    return {{-1, 3}, ElementType::float64, std::move(f), 256};
}

double sigmoid(std::span<const double> row) {
    return perturb::probability_of(0.05 * (row[0] - 50) - 0.1 * (row[1] - 170) + (row[2] == 1 ? 0.7 : 0));
}

double weight_of(const Explanation& e, std::string_view column) {
    const auto at =
        std::ranges::find(e.attribution.columns, column) - e.attribution.columns.begin();
    return e.attribution.values.as<double>()[at];
}

Explanation explained(const FormulaModel& model, LimeTabularOptions options, const Run& run = {}) {
    return LimeTabular(model, columns(), background(), std::move(options)).explain(person, {}, run);
}

TEST(LocalModels, LogisticFindsLogOddsExactly) {
    const FormulaModel model = model_of(sigmoid);
    for (const LimeScheme scheme : {LimeScheme::stable, LimeScheme::compatible}) {
        LimeTabularOptions options{.num_samples = 600,
                                   .ridge = 0,
                                   .scheme = scheme,
                                   .local_model = LocalModel::logistic,
                                   .discretizer = Discretizer::none};
        const Explanation e = explained(model, options);
        EXPECT_NEAR(weight_of(e, "sex"), 0.7, 1e-6);
        double age = 0;  // its standard deviation, by which LIME scales numbers
        const Tensor data = background();
        for (int64_t r = 0; r < 400; ++r) age += data.as<double>()[r * 3] / 400;
        double square = 0;
        for (int64_t r = 0; r < 400; ++r)
            square += std::pow(data.as<double>()[r * 3] - age, 2) / 400;
        EXPECT_NEAR(weight_of(e, "age"), 0.05 * std::sqrt(square), 1e-6);
        EXPECT_NEAR(*e.diagnostics.local_prediction, e.target.value, 1e-7);
        EXPECT_NEAR(*e.diagnostics.surrogate_r2, 1, 1e-9);
        EXPECT_NE(e.diagnostics.no_error_because.find("log-odds"), std::string::npos);
        for (const double error : e.attribution.standard_errors) EXPECT_LT(error, 1e-6);
    }
}

// Over many seeds the weights spread as their standard errors say.
TEST(LocalModels, LogisticStandardErrorsAreTheSpreadOfSeeds) {
    const FormulaModel model = model_of([](std::span<const double> row) {
        return perturb::probability_of(std::sin(row[0] / 5) + 0.1 * (row[1] - 170) * row[2]);
    });
    LimeTabularOptions options{.num_samples = 400,
                               .scheme = LimeScheme::compatible,
                               .local_model = LocalModel::logistic};
    double sum = 0, square = 0, stated = 0;
    constexpr int seeds = 60;
    for (uint64_t seed = 0; seed < seeds; ++seed) {
        const Explanation e = explained(model, options, {.seed = seed});
        const double weight = weight_of(e, "height");
        sum += weight;
        square += weight * weight;
        const auto at =
            std::ranges::find(e.attribution.columns, "height") - e.attribution.columns.begin();
        stated += e.attribution.standard_errors[at] / seeds;
    }
    const double spread = std::sqrt((square - sum * sum / seeds) / (seeds - 1));
    // The spread of 60 draws is known to 1 / sqrt(120), 9 %; ridge shrinks it a little.
    EXPECT_NEAR(stated / spread, 1, 0.35);
}

TEST(LocalModels, LogisticRefusesWhatIsNoProbability) {
    const FormulaModel model = model_of([](std::span<const double> row) { return row[0]; });
    try {
        (void)explained(model, {.num_samples = 50, .local_model = LocalModel::logistic});
        FAIL() << "was not refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_NE(std::string(error.what()).find("from 0 to 1"), std::string::npos);
    }
}

TEST(LocalModels, LassoLeavesOutWhatHardlyMatters) {
    const FormulaModel model = model_of([](std::span<const double> row) {
        return 2 * row[2] + 0.001 * row[1] + (row[0] <= 35 ? 0.5 : 0);
    });
    LimeTabularOptions options{.local_model = LocalModel::lasso, .lasso = 0.05};
    const Explanation e = explained(model, options);
    EXPECT_GT(weight_of(e, "sex"), 1.5);
    EXPECT_LT(weight_of(e, "sex"), 2);
    EXPECT_EQ(weight_of(e, "height"), 0);
    EXPECT_TRUE(e.attribution.standard_errors.empty());
    EXPECT_EQ(e.diagnostics.notes.back(),
              "lasso as the local model gives no standard errors: try other seeds");
    options.lasso = 100;
    const Explanation nothing = explained(model, options);
    for (const double weight : nothing.attribution.values.as<double>()) EXPECT_EQ(weight, 0);
}

double branches(std::span<const double> row) {
    if (row[2] != 1) return 0.1;
    return row[0] <= 35 ? 0.9 : 0.4;
}

TEST(LocalModels, ATreeIsSaidAsRules) {
    const Explanation e =
        explained(model_of(branches), {.local_model = LocalModel::tree, .tree_depth = 2});
    ASSERT_EQ(e.local_rules.size(), 3U) << "where sex is another the answer is one";
    const LocalRule& here = e.local_rules[0];
    EXPECT_TRUE(here.holds_here);
    ASSERT_EQ(here.conditions.size(), 2U);
    EXPECT_EQ(here.conditions[0].text, "sex=female");
    EXPECT_TRUE(here.conditions[1].text.starts_with("age <= ")) << here.conditions[1].text;
    EXPECT_NEAR(here.value, 0.9, 0.1);
    EXPECT_EQ(e.diagnostics.local_prediction, here.value);
    double shares = 0, importance = 0;
    for (const LocalRule& rule : e.local_rules) {
        shares += rule.share;
        EXPECT_TRUE(&rule == &here || !rule.holds_here);
        for (const Rule::Condition& condition : rule.conditions)
            EXPECT_NE(condition.text.find(e.attribution.columns[condition.feature]),
                      std::string::npos);
    }
    EXPECT_NEAR(shares, 1, 1e-12);
    for (const double value : e.attribution.values.as<double>()) importance += value;
    EXPECT_NEAR(importance, 1, 1e-12);
    EXPECT_EQ(e.attribution.columns[0], "sex");
    EXPECT_FALSE(e.attribution.intercept);
    EXPECT_TRUE(std::ranges::any_of(e.local_rules, [](const LocalRule& rule) {
        return rule.conditions[0].text == "not (sex=female)";
    }));
}

TEST(LocalModels, ATreeOfNumbersSaysThemInTheirUnits) {
    const Explanation e = explained(model_of(branches), {.local_model = LocalModel::tree,
                                                         .tree_depth = 2,
                                                         .discretizer = Discretizer::none});
    const auto found = std::ranges::find_if(e.local_rules, [](const LocalRule& rule) {
        return std::ranges::any_of(rule.conditions, [](const Rule::Condition& condition) {
            return condition.text.starts_with("age <= 3");
        });
    });
    ASSERT_NE(found, e.local_rules.end());
    EXPECT_NEAR(found->value, 0.9, 0.05);
}

TEST(LocalModels, RulesAndColumnsAreWrittenAndReadBack) {
    const Explanation e =
        explained(model_of(branches), {.local_model = LocalModel::tree, .tree_depth = 2});
    const Explanation back = explanation_from_json(to_json(e));
    EXPECT_EQ(back.attribution.columns, e.attribution.columns);
    ASSERT_EQ(back.local_rules.size(), e.local_rules.size());
    for (size_t i = 0; i < e.local_rules.size(); ++i) {
        EXPECT_EQ(back.local_rules[i].value, e.local_rules[i].value);
        EXPECT_EQ(back.local_rules[i].share, e.local_rules[i].share);
        EXPECT_EQ(back.local_rules[i].holds_here, e.local_rules[i].holds_here);
        ASSERT_EQ(back.local_rules[i].conditions.size(), e.local_rules[i].conditions.size());
        EXPECT_EQ(back.local_rules[i].conditions[0].text, e.local_rules[i].conditions[0].text);
    }
}

TEST(LocalModels, AConstantModelHasOneLeafAndNoWeights) {
    const FormulaModel model = model_of([](std::span<const double>) { return 0.25; });
    for (const LocalModel local : {LocalModel::lasso, LocalModel::logistic, LocalModel::tree}) {
        const Explanation e = explained(model, {.num_samples = 100, .local_model = local});
        for (const double weight : e.attribution.values.as<double>()) EXPECT_NEAR(weight, 0, 1e-9);
        EXPECT_NEAR(*e.diagnostics.local_prediction, 0.25, 1e-9);
        EXPECT_EQ(e.diagnostics.notes.back(),
                  "the model gave every sample the same answer: nothing to explain");
        EXPECT_EQ(e.local_rules.size(), local == LocalModel::tree ? 1U : 0U);
    }
}

TEST(LocalModels, OfPicturesToo) {
    const FormulaModel model({-1, 2, 2, 1}, ElementType::float32,
                             [](std::span<const double> pixels) { return pixels[0] > 0 ? 0.8 : 0.3; });
    Tensor image(ElementType::float32, {1, 2, 2, 1}), segments(ElementType::int32, {2, 2});
    for (int i = 0; i < 4; ++i) {
        image.as<float>()[i] = 1;
        segments.as<int32_t>()[i] = i;
    }
    const LimeImage lime(model, segments,
                         {.num_samples = 200, .local_model = LocalModel::tree, .tree_depth = 1,
                          .hide = baseline::Zeros{}});
    const Explanation e = lime.explain(image, {}, {});
    ASSERT_EQ(e.local_rules.size(), 2U);
    EXPECT_EQ(e.local_rules[0].conditions[0].text, "segment 0 is there");
    EXPECT_EQ(e.local_rules[1].conditions[0].text, "segment 0 is missing");
    EXPECT_NEAR(e.local_rules[0].value, 0.8, 1e-6);
    EXPECT_EQ(e.attribution.values.as<double>()[0], 1);
}

TEST(LocalModels, SameBitsForAnyThreads) {
    for (const LocalModel local : {LocalModel::lasso, LocalModel::logistic, LocalModel::tree}) {
        const auto with = [&](int threads) {
            return explained(model_of(sigmoid), {.num_samples = 700, .local_model = local},
                             {.seed = 3, .threads = threads})
                .attribution;
        };
        const Attribution one = with(1);
        EXPECT_EQ(one.values, with(2).values);
        EXPECT_EQ(one.values, with(8).values);
        EXPECT_EQ(one.standard_errors, with(8).standard_errors);
    }
}

std::string refusal(LimeTabularOptions options) {
    try {
        (void)explained(model_of(sigmoid), std::move(options));
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was refused";
}

TEST(LocalModels, SayWhatIsWrong) {
    EXPECT_EQ(refusal({.local_model = LocalModel::tree, .settle_top = 3}),
              "settle-top needs standard errors, and tree as the local model has none");
    EXPECT_EQ(refusal({.lasso = -1}), "lasso is -1; it must not be negative");
    EXPECT_EQ(refusal({.tree_depth = 0}), "tree-depth is 0; it must be from 1 to 10");
    EXPECT_EQ(refusal({.tree_depth = 11}), "tree-depth is 11; it must be from 1 to 10");
    EXPECT_THROW((void)parse_local_model("forest"), Error);
    EXPECT_THROW((void)parse_distance("far"), Error);
    EXPECT_EQ(parse_distance("l1"), Distance::manhattan);
    EXPECT_EQ(parse_sampling("lhs"), Sampling::latin_hypercube);
}

}  // namespace
}  // namespace whence
