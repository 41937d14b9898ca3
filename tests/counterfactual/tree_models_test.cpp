// Nearest rows and rules of models that XGBoost, LightGBM and CatBoost wrote.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>

#include "models.h"
#include "whence/counterfactual/tree.h"
#include "whence/data/npy.h"
#include "whence/trees/load.h"

namespace whence {
namespace {

using namespace testing;
using trees::EnsembleModel;

const std::filesystem::path folder = WHENCE_SOURCE_DIR "/tests/trees";

// Of both golden files; those that only show what is refused have none.
std::optional<Tensor> rows_of(const std::string& stem) {
    static const std::vector<NamedTensor> all = [] {
        std::vector<NamedTensor> both = data::read_npz(folder / "golden.npz");
        std::ranges::move(data::read_npz(folder / "golden_xgboost_34.npz"), std::back_inserter(both));
        return both;
    }();
    const auto found = std::ranges::find(all, stem + "/x", &NamedTensor::name);
    if (found == all.end()) return std::nullopt;
    return Tensor::of<double>(found->value.shape(), found->value.to_doubles());
}

std::vector<std::string> files() {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "models"))
        if (entry.path().extension() != ".ubj" && rows_of(entry.path().stem().string()))
            out.push_back(entry.path().filename().string());
    std::ranges::sort(out);
    return out;
}

class Written : public ::testing::TestWithParam<std::string> {};

// No row that another search finds is nearer, and what is found is what is wanted.
TEST_P(Written, NoOtherSearchFindsANearerRow) {
    const std::string stem = std::filesystem::path(GetParam()).stem().string();
    const std::optional<Tensor> rows = rows_of(stem);
    ASSERT_TRUE(rows);
    const EnsembleModel model(trees::load_ensemble(folder / "models" / GetParam()));
    const int64_t columns = rows->shape()[1];
    Schema schema = numbers(columns);
    for (Feature& feature : schema) feature.allows_missing = true;
    const auto features = counterfactual::read_features(schema, *rows, {});
    for (int64_t r = 0; r < std::min<int64_t>(rows->rows(), 4); ++r) {
        SCOPED_TRACE(r);
        const auto cells = rows->as<double>().subspan(r * columns, columns);
        const std::vector<double> here(cells.begin(), cells.end());
        const Batch answers = model.predict(Batch({{"features", table(columns, here)}}), {});
        Wanted wanted;
        if (model.outputs()[0].scale != Scale::probability) {
            if (model.outputs()[0].shape[1] > 1) GTEST_SKIP() << "several targets";
            const double value = answers[0].value.to_doubles()[0];
            wanted.range = Wanted::Range{.low = value + 0.05 * std::abs(value) + 1e-3};
        }
        CounterfactualOptions others;
        others.wanted = wanted;
        others.count = 1;
        others.diversity = 0;
        TreeCounterfactualOptions options;
        options.wanted = wanted;
        options.budget = 20000;
        const Explanation exact =
            TreeCounterfactual(model, features, options).explain(row(here), {}, {});
        const Explanation local =
            DiverseCounterfactuals(model, features, others).explain(row(here), {}, {});
        const Explanation real =
            NearestUnlikeNeighbour(model, features, others).explain(row(here), {}, {});
        EXPECT_FALSE(exact.diagnostics.notes.empty());
        const bool proven = exact.diagnostics.notes[0].starts_with("proven");
        const auto& found = exact.counterfactuals->found;
        for (const Explanation* other : {&local, &real}) {
            const auto& theirs = other->counterfactuals->found;
            if (theirs.empty() || !theirs[0].valid || !proven) continue;
            // Theirs may become missing, where real rows are; ours may not.
            bool missing = false;
            const std::vector<double> values = theirs[0].values.to_doubles();
            for (int64_t c = 0; c < columns; ++c)
                missing |= std::isnan(values[c]) && !std::isnan(here[c]);
            if (missing) continue;
            ASSERT_EQ(found.size(), 1U);
            EXPECT_TRUE(found[0].valid);
            // Theirs need not be float32: a number that is rounded over the threshold is nearer by
            // half a rounding.
            EXPECT_LE(found[0].distance, theirs[0].distance * (1 + 1e-6) + 1e-6);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Files, Written, ::testing::ValuesIn(files()), [](const auto& given) {
    std::string name = std::filesystem::path(given.param).stem().string();
    std::ranges::replace_if(
        name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return name;
});

}  // namespace
}  // namespace whence
