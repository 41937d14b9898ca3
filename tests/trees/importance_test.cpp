// Importances read off the splits: by hand, and as XGBoost and LightGBM give them
// (importance_golden.npz, made by make_importance_golden.py).

#include "whence/trees/importance.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "trees/shap_compare.h"
#include "whence/data/npy.h"
#include "whence/trees/load.h"

namespace whence::trees::testing {
namespace {

const std::filesystem::path folder = WHENCE_SOURCE_DIR "/tests/trees";

EnsembleParts two_trees() {
    Tree tree{.values = {1, 2, 3}};
    tree.nodes = {{.feature = 2, .left = 1, .right = 2, .threshold = 0, .cover = 10, .gain = 5},
                  {.cover = 4, .leaf = 0},
                  {.feature = 0, .left = 3, .right = 4, .threshold = 1, .cover = 6, .gain = 0.5},
                  {.cover = 5, .leaf = 1},
                  {.cover = 1, .leaf = 2}};
    Tree stump{.values = {1, 2}};
    stump.nodes = {{.feature = 2, .left = 1, .right = 2, .threshold = 3, .cover = 8, .gain = 2},
                   {.cover = 4, .leaf = 0},
                   {.cover = 4, .leaf = 1}};
    return {
        .trees = {tree, stump}, .features = 4, .base = {0}, .has_covers = true, .has_gains = true};
}

TEST(SplitImportance, AddsUpSplits) {
    const SplitImportance found = split_importance(Ensemble::build(two_trees()));
    EXPECT_EQ(found.splits, (std::vector<int64_t>{1, 0, 2, 0}));
    EXPECT_EQ(found.gains, (std::vector<double>{0.5, 0, 7, 0}));
    EXPECT_EQ(found.covers, (std::vector<double>{6, 0, 18, 0}));
}

TEST(SplitImportance, SaysWhatTheFileHolds) {
    EnsembleParts parts = two_trees();
    parts.trees[0].nodes[2].gain = std::numeric_limits<double>::quiet_NaN();
    parts.has_covers = false;
    const Ensemble ensemble = Ensemble::build(parts);
    EXPECT_FALSE(ensemble.parts().has_gains);
    EXPECT_TRUE(split_importance(ensemble).gains.empty());
    EXPECT_TRUE(split_importance(ensemble).covers.empty());
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "models")) {
        const std::string stem = entry.path().stem().string();
        if (!stem.starts_with("catboost") || stem == "catboost_counters") continue;  // refused
        EXPECT_FALSE(load_ensemble(entry.path()).parts().has_gains) << entry.path();
        ++files;
    }
    EXPECT_GT(files, 3);
}

TEST(SplitImportance, DoesWithoutGainsInAFile) {
    std::ifstream in(folder / "models/lightgbm_binary.txt");
    std::string text{std::istreambuf_iterator<char>(in), {}};
    for (size_t at = 0; (at = text.find("split_gain=", at)) != std::string::npos;)
        text.replace(at, 10, "other_gain");
    const auto path = std::filesystem::temp_directory_path() / "whence_without_gains.txt";
    std::ofstream(path) << text;
    const Ensemble ensemble = load_ensemble(path);
    std::filesystem::remove(path);
    EXPECT_FALSE(ensemble.parts().has_gains);
    EXPECT_EQ(split_importance(ensemble).splits,
              split_importance(load_ensemble(folder / "models/lightgbm_binary.txt")).splits);
}

TEST(SplitImportance, IsThatOfTheLibraries) {
    int lists = 0;
    for (const NamedTensor& golden : data::read_npz(folder / "importance_golden.npz")) {
        SCOPED_TRACE(golden.name);
        const size_t slash = golden.name.find('/');
        const std::string stem = golden.name.substr(0, slash), kind = golden.name.substr(slash + 1);
        const auto json = folder / "models" / (stem + ".json");
        const Ensemble ensemble =
            load_ensemble(exists(json) ? json : folder / "models" / (stem + ".txt"));
        const SplitImportance found = split_importance(ensemble);
        const std::vector<double> splits(found.splits.begin(), found.splits.end());
        const std::vector<double>& have = kind == "splits"  ? splits
                                          : kind == "gains" ? found.gains
                                                            : found.covers;
        const std::vector<double> want = golden.value.to_doubles();
        ASSERT_EQ(have.size(), want.size());
        EXPECT_LT(error_of(have, want), 1e-5);  // theirs are sums in float32
        ++lists;
    }
    EXPECT_GT(lists, 40);
}

}  // namespace
}  // namespace whence::trees::testing
