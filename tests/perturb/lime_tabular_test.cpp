#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

#include "perturb/fake_models.h"
#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/perturb/lime.h"
#include "whence/perturb/training_stats.h"

namespace whence {
namespace {

using testing::FormulaModel;

Schema columns() {
    return {{.name = "age"}, {.name = "height"}, {.name = "sex", .categories = {"male", "female"}}};
}

Tensor background(int64_t rows = 400) {
    Tensor data(ElementType::float64, {rows, 3});
    Rng rng(1, 0, 0);
    for (int64_t row = 0; row < rows; ++row) {
        data.as<double>()[row * 3] = 20 + 60 * rng.uniform();
        data.as<double>()[row * 3 + 1] = 170 + 10 * rng.normal();
        data.as<double>()[row * 3 + 2] = static_cast<double>(rng.below(2));
    }
    return data;
}

Tensor row_of(std::vector<double> values) {
    return Tensor::of<double>({1, 3}, values);
}
const Tensor person = row_of({33, 181, 1});

FormulaModel model_of(FormulaModel::Formula f, int64_t batch = 256) {
    return {{-1, 3}, ElementType::float64, std::move(f), batch};
}

double straight(std::span<const double> row) {
    return 0.01 * row[0] - 0.02 * row[1] + 3 * row[2];
}
double bent(std::span<const double> row) {
    return std::sin(row[0] / 10) + row[2] * row[1] / 50;
}

LimeTabularOptions with(LimeScheme scheme, Discretizer discretizer, int64_t samples = 5000) {
    return {.num_samples = samples, .scheme = scheme, .discretizer = discretizer};
}

double weight_of(const Explanation& e, std::string_view name) {
    const auto at = std::ranges::find(e.attribution.names, name) - e.attribution.names.begin();
    return e.attribution.values.as<double>()[at];
}

TEST(LimeTabular, LinearModelWithoutBinsIsFoundExactly) {
    const FormulaModel model = model_of(straight);
    for (const LimeScheme scheme : {LimeScheme::stable, LimeScheme::compatible}) {
        LimeTabularOptions options = with(scheme, Discretizer::none, 500);
        options.ridge = 0;
        const Explanation e =
            LimeTabular(model, columns(), background(), options).explain(person, {}, {});
        EXPECT_NEAR(weight_of(e, "sex=female"), 3, 1e-10);
        EXPECT_NEAR(*e.diagnostics.surrogate_r2, 1, 1e-12);
        EXPECT_NEAR(*e.diagnostics.local_prediction, e.target.value, 1e-10);
        EXPECT_EQ(e.attribution.names, (std::vector<std::string>{"sex=female", "height", "age"}));
        EXPECT_EQ(e.attribution.displays, (std::vector<std::string>{"female", "181", "33"}));
    }
}

TEST(LimeTabular, BinsAreNamedAsInLime) {
    const Explanation e =
        LimeTabular(model_of(straight), columns(), background(), {}).explain(person, {}, {});
    ASSERT_EQ(e.attribution.names.size(), 3U);
    EXPECT_EQ(e.attribution.names[0], "sex=female");
    EXPECT_TRUE(std::ranges::any_of(
        e.attribution.names, [](const std::string& n) { return n.starts_with("height > "); }));
    EXPECT_TRUE(std::ranges::any_of(e.attribution.names,
                                    [](const std::string& n) { return n.starts_with("age <= "); }));
    EXPECT_NEAR(e.attribution.values.as<double>()[0], 3, 0.1);
}

// Both schemes tend to the same weights: each within 4.5 of its own standard errors of the other's,
// and of the shift by the ridge: weights below 2, n times the least variance times weight 5000 *
// 0.1 * 0.2.
TEST(LimeTabular, BothSchemesTendToTheSameLimit) {
    const FormulaModel model = model_of(bent);
    for (const Discretizer discretizer : {Discretizer::quartile, Discretizer::none}) {
        const auto explained = [&](LimeScheme scheme) {
            LimeTabularOptions options = with(scheme, discretizer, 20000);
            options.ridge = 1e-3;
            return LimeTabular(model, columns(), background(), options)
                .explain(person, {}, {.seed = 1});
        };
        const Explanation stable = explained(LimeScheme::stable),
                          compatible = explained(LimeScheme::compatible);
        for (size_t i = 0; i < 3; ++i) {
            const std::string& name = stable.attribution.names[i];
            const auto other = std::ranges::find(compatible.attribution.names, name) -
                               compatible.attribution.names.begin();
            ASSERT_LT(other, 3);
            EXPECT_NEAR(stable.attribution.values.as<double>()[i],
                        compatible.attribution.values.as<double>()[other],
                        4.5 * std::hypot(stable.attribution.standard_errors[i],
                                         compatible.attribution.standard_errors[other]))
                << name;
        }
    }
}

TEST(LimeTabular, KeepsAsManyFeaturesAsAsked) {
    for (const char* how : {"auto", "forward_selection", "highest-weights", "lasso-path"}) {
        LimeTabularOptions options;
        options.num_features = 1;
        options.feature_selection = parse_feature_selection(how);
        const Explanation e = LimeTabular(model_of(straight), columns(), background(), options)
                                  .explain(person, {}, {});
        EXPECT_EQ(e.attribution.names, std::vector<std::string>{"sex=female"}) << how;
    }
}

TEST(LimeTabular, SameBitsForAnyThreadsAndBatches) {
    for (const LimeScheme scheme : {LimeScheme::stable, LimeScheme::compatible}) {
        const auto run_with = [&](int threads, int64_t batch) {
            return LimeTabular(model_of(bent, batch), columns(), background(),
                               with(scheme, Discretizer::quartile, 1001))
                .explain(person, {}, {.seed = 2, .threads = threads})
                .attribution;
        };
        const Attribution one = run_with(1, 256);
        EXPECT_EQ(one.values, run_with(2, 256).values);
        EXPECT_EQ(one.values, run_with(2, 10).values);
        EXPECT_EQ(one.standard_errors, run_with(4, 5000).standard_errors);
    }
}

TEST(LimeTabular, ReadsFloat32RowsToo) {
    const FormulaModel model({-1, 3}, ElementType::float32, straight, 100);
    const Explanation e = LimeTabular(model, columns(), background(), {})
                              .explain(person.cast(ElementType::float32), {}, {});
    EXPECT_NEAR(weight_of(e, "sex=female"), 3, 0.1);
}

TEST(LimeTabular, ConstantColumnAndOneRow) {
    const FormulaModel model = model_of(straight);
    for (const Discretizer discretizer :
         {Discretizer::none, Discretizer::quartile, Discretizer::decile})
        for (const LimeScheme scheme : {LimeScheme::stable, LimeScheme::compatible}) {
            const Explanation e =
                LimeTabular(model, columns(), person, with(scheme, discretizer, 100))
                    .explain(row_of({33, 170, 0}), {}, {});
            for (const double value : e.attribution.values.as<double>())
                EXPECT_TRUE(std::isfinite(value));
        }
}

TEST(LimeTabular, ConstantModel) {
    const Explanation e =
        LimeTabular(model_of([](auto) { return 7.0; }), columns(), background(), {})
            .explain(person, {}, {});
    for (const double value : e.attribution.values.as<double>()) EXPECT_NEAR(value, 0, 1e-12);
    EXPECT_EQ(e.diagnostics.notes.back(),
              "the model gave every sample the same answer: nothing to explain");
}

TEST(LimeTabular, NotesACategoryTheBackgroundDoesNotHave) {
    Tensor men = background();
    for (int64_t row = 0; row < men.rows(); ++row) men.as<double>()[row * 3 + 2] = 0;
    const Explanation e =
        LimeTabular(model_of(straight), columns(), men, {}).explain(person, {}, {});
    EXPECT_EQ(e.diagnostics.notes[1], "no background row has sex=female: samples never keep it");
    EXPECT_EQ(weight_of(e, "sex=female"), 0);
}

TEST(LimeTabular, EntropyBinsCutWhereTheClassChanges) {
    const Tensor data = background();
    LimeTabularOptions options;
    options.discretizer = Discretizer::entropy;
    for (int64_t row = 0; row < data.rows(); ++row)
        options.background_labels.push_back(data.as<double>()[row * 3] > 50);
    const Explanation e = LimeTabular(model_of([](auto row) { return row[0] > 50 ? 1.0 : 0.0; }),
                                      columns(), data, options)
                              .explain(person, {}, {});
    EXPECT_TRUE(e.attribution.names[0].starts_with("age <= ")) << e.attribution.names[0];
    EXPECT_NEAR(e.attribution.values.as<double>()[0], -1, 0.02);
}

template <class Work>
std::string refusal(Work work) {
    try {
        work();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was refused";
}

TEST(LimeTabular, SaysWhatIsWrong) {
    const FormulaModel model = model_of(straight);
    const auto with_background = [&](const Tensor& data, LimeTabularOptions options = {}) {
        return refusal([&] { LimeTabular(model, columns(), data, options); });
    };
    EXPECT_EQ(with_background(Tensor(ElementType::float64, {4, 2})),
              "the background must be float64 [rows, 3], not float64 [4, 2]");
    EXPECT_EQ(with_background(Tensor(ElementType::float64, {0, 3})), "the background has no rows");
    EXPECT_EQ(with_background(row_of({1, NAN, 0})),
              "background row 0, column 'height' holds NaN: LIME cannot draw from missing values");
    EXPECT_EQ(
        with_background(person, with(LimeScheme::stable, Discretizer::entropy)),
        "the entropy discretizer needs the class of each background row: 0 labels for 1 rows");
    EXPECT_EQ(with_background(person, {.num_samples = 1}),
              "num-samples is 1; LIME needs at least 2 samples");
    const LimeTabular lime(model, columns(), background());
    EXPECT_EQ(refusal([&] {
                  (void)lime.explain(row_of({1, 2, NAN}), {}, {});
              }),
              "input '' holds NaN at position 2");
    EXPECT_EQ(refusal([&] {
                  (void)lime.explain(Tensor(ElementType::float64, {1, 4}), {}, {});
              }),
              "the row has 4 columns, the background 3");
    EXPECT_EQ(refusal([] { (void)parse_discretizer("halves"); }),
              "no discretizer 'halves'; choose from none, quartile, decile, entropy");
}

// The kernel as a function weighs samples that are drawn without it; both schemes then answer alike.
TEST(LimeTabular, AGivenKernelIsTheKernel) {
    const FormulaModel model = model_of(bent);
    for (const Discretizer discretizer : {Discretizer::quartile, Discretizer::none}) {
        LimeTabularOptions options = with(LimeScheme::compatible, discretizer, 2000);
        const Explanation own = LimeTabular(model, columns(), background(), options).explain(person, {}, {});
        std::set<std::thread::id> threads;
        options.kernel = [&](double d, double w) {
            threads.insert(std::this_thread::get_id());
            return std::sqrt(std::exp(-d * d / (w * w)));
        };
        whence::Run run;
        run.threads = 4;
        const Explanation given = LimeTabular(model, columns(), background(), options).explain(person, {}, run);
        EXPECT_EQ(threads.size(), 1U);
        EXPECT_EQ(given.attribution.names, own.attribution.names);
        for (size_t i = 0; i < own.attribution.names.size(); ++i)
            EXPECT_NEAR(given.attribution.values.to_doubles()[i], own.attribution.values.to_doubles()[i], 1e-9);
        options.scheme = LimeScheme::stable;
        options.num_samples = 20000;
        const Explanation stable = LimeTabular(model, columns(), background(), options).explain(person, {}, {});
        options.kernel = nullptr;
        const Explanation glime = LimeTabular(model, columns(), background(), options).explain(person, {}, {});
        for (const std::string& name : glime.attribution.names)
            EXPECT_NEAR(weight_of(stable, name), weight_of(glime, name), 0.03);
    }
}

TEST(LimeTabular, StatisticsStandForTheTrainingData) {
    const FormulaModel model = model_of(bent);
    for (const Discretizer discretizer : {Discretizer::quartile, Discretizer::decile}) {
        const LimeTabularOptions options = with(LimeScheme::stable, discretizer, 1000);
        const std::string json = perturb::to_json(perturb::training_stats(columns(), background(), options));
        const auto space = perturb::read_space(columns(), perturb::parse_training_stats(json, columns()));
        const Explanation with_data = LimeTabular(model, columns(), background(), options).explain(person, {}, {});
        const Explanation without = LimeTabular(model, space, options).explain(person, {}, {});
        EXPECT_EQ(without.attribution.names, with_data.attribution.names);
        EXPECT_EQ(without.attribution.values.to_doubles(), with_data.attribution.values.to_doubles());
    }
    EXPECT_THROW((void)perturb::training_stats(columns(), background(), with(LimeScheme::stable, Discretizer::none)), Error);
}

TEST(LimeTabular, StatisticsByNameAndCountsAreRead) {
    const std::string json = R"({"bins": {"age": [30], "1": [170]}, "means": {"age": [25, 50], "1": [165, 175]},
        "stds": {"age": [2, 0], "1": [1, 1]}, "mins": {"age": [20, 30], "1": [160, 170]}, "maxs": {"age": [30, 80], "1": [170, 180]},
        "feature_values": {"age": [1], "1": [0, 1], "sex": [0, 1]}, "feature_frequencies": {"age": [12], "1": [3, 1], "sex": [1, 3]}})";
    const perturb::TrainingStats stats = perturb::parse_training_stats(json, columns());
    EXPECT_EQ(stats.columns[1].frequencies, (std::vector<double>{0.75, 0.25}));
    EXPECT_TRUE(stats.columns[2].bins.empty());
    const auto space = perturb::read_space(columns(), stats);
    EXPECT_TRUE(LimeTabular(model_of(bent), space, with(LimeScheme::stable, Discretizer::quartile, 200))
                    .explain(person, {}, {})
                    .diagnostics.surrogate_r2);
    const auto error = [&](std::string_view from, std::string_view to) {
        std::string broken = json;
        broken.replace(broken.find(from), from.size(), to);
        try {
            (void)perturb::parse_training_stats(broken, columns());
        } catch (const Error& e) {
            return std::string(e.what());
        }
        return std::string("no error");
    };
    EXPECT_EQ(error("[25, 50]", "[25]"), "training_data_stats: 'means' of column 'age' has 1 numbers for 2 bins");
    EXPECT_EQ(error("\"stds\"", "\"std\""), "training_data_stats: 'stds' is missing: an object with a list for each column");
    EXPECT_EQ(error("\"sex\": [0, 1]", "\"six\": [0, 1]"), "training_data_stats: 'feature_values' says nothing of column 2, 'sex'");
    EXPECT_EQ(error("[30]", "\"x\""), "training_data_stats: 'bins' of column 'age' is no list of numbers");
    EXPECT_EQ(error("\"age\": [1]", "\"age\": [2]"), "training_data_stats: column 'age' has no bin 2");
    EXPECT_EQ(error("[3, 1]", "[-3, 9]"), "training_data_stats: the frequencies of column 'height' are no frequencies");
    EXPECT_EQ(error("{\"bins\"", "[\"bins\""), "training_data_stats: this is no JSON object");
}

}  // namespace
}  // namespace whence
