// Every model of models/ against what its own library says of the same rows (golden.npz, made by
// make_golden.py, and golden_xgboost_34.npz, made by make_xgboost_34_golden.py).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <set>

#include "random_ensembles.h"
#include "whence/data/npy.h"
#include "whence/trees/ensemble_model.h"
#include "whence/trees/load.h"

namespace whence::trees {
namespace {

const std::filesystem::path folder = WHENCE_SOURCE_DIR "/tests/trees";

const Tensor* find(const std::string& name) {
    static const std::vector<NamedTensor> all = [] {
        std::vector<NamedTensor> both = data::read_npz(folder / "golden.npz");
        std::ranges::move(data::read_npz(folder / "golden_xgboost_34.npz"), std::back_inserter(both));
        return both;
    }();
    for (const NamedTensor& tensor : all)
        if (tensor.name == name) return &tensor.value;
    return nullptr;
}

// What a sum over these trees can lose in arithmetic of this precision.
double rounding(const EnsembleParts& parts, double epsilon) {
    double sum = 0;
    for (const double base : parts.base) sum += std::abs(base);
    for (const Tree& tree : parts.trees) {
        double largest = 0;
        for (const double value : tree.values) largest = std::max(largest, std::abs(value));
        sum += largest;
    }
    return epsilon * sum * static_cast<double>(parts.trees.size() + 2);
}

std::vector<std::string> golden_files() {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "models"))
        if (find(entry.path().stem().string() + "/x"))
            out.push_back(entry.path().filename().string());
    std::ranges::sort(out);
    return out;
}

class Golden : public ::testing::TestWithParam<std::string> {
  protected:
    [[nodiscard]] std::string stem() const {
        return std::filesystem::path(GetParam()).stem().string();
    }
    [[nodiscard]] const Tensor& at(const std::string& what) const {
        return *find(stem() + "/" + what);
    }
    // XGBoost works in float32, the others in double.
    [[nodiscard]] double epsilon() const {
        return stem().starts_with("xgboost") ? 0x1p-24 : 0x1p-53;
    }
};

TEST_P(Golden, SaysWhatItsLibrarySays) {
    const EnsembleModel model(load_ensemble(folder / "models" / GetParam()));
    const EnsembleParts& parts = model.ensemble().parts();
    EXPECT_TRUE(stem().starts_with(parts.format));
    EXPECT_TRUE(parts.has_covers);
    Tensor x = at("x");
    // CatBoost numbers categories as it met them: the archive has them as the script did.
    if (stem() == "catboost_one_hot") {
        const std::vector<std::string> words = {"red", "green", "blue", "grün", ""};
        const auto code = [&](int64_t column, const std::string& text) {
            const std::vector<std::string>& names = parts.category_names.at(column);
            return static_cast<double>(std::ranges::find(names, text) - names.begin());
        };
        for (int64_t row = 0; row < x.rows(); ++row) {
            double* values = x.as<double>().data() + row * 5;
            values[1] = code(1, words[static_cast<size_t>(values[1])]);
            values[3] = code(3, std::to_string(static_cast<int>(values[3])));
        }
    }
    const Batch answer = model.predict(Batch({{"features", x}}), {});
    const Tensor& margin = answer.tensors().back().value;
    const double slack = rounding(parts, epsilon());
    ASSERT_EQ(margin.size(), at("margin").size());
    for (int64_t i = 0; i < margin.size(); ++i)
        ASSERT_NEAR(margin.as<double>()[i], at("margin").as<double>()[i], slack)
            << "row " << i / parts.outputs;

    const Tensor& prediction = answer[0].value;
    const Tensor& theirs = at("prediction");
    const int64_t skipped =
        prediction.row_size() - theirs.row_size();  // they give the second of two classes
    ASSERT_TRUE(skipped == 0 || (skipped == 1 && parts.link == Link::logistic));
    for (int64_t row = 0; row < theirs.rows(); ++row)
        for (int64_t k = 0; k < theirs.row_size(); ++k) {
            const double want = theirs.as<double>()[row * theirs.row_size() + k];
            ASSERT_NEAR(prediction.as<double>()[row * prediction.row_size() + skipped + k], want,
                        (slack + 8 * epsilon()) * (1 + 2 * std::abs(want)))
                << "row " << row;
        }
    const std::vector<double> slow = testing::slow_margins(model.ensemble(), x.as<double>().data());
    EXPECT_EQ(slow, std::vector<double>(margin.as<double>().begin(),
                                        margin.as<double>().begin() + parts.outputs));
}

INSTANTIATE_TEST_SUITE_P(Models, Golden, ::testing::ValuesIn(golden_files()), [](const auto& one) {
    std::string name = one.param;
    std::ranges::replace(name, '.', '_');
    return name;
});

// A golden test that finds no files would pass.
TEST(GoldenFiles, AreThere) {
    const std::vector<std::string> files = golden_files();
    std::set<std::string> formats;
    for (const std::string& file : files)
        formats.insert(file.substr(0, file.find('_')) + file.substr(file.rfind('.')));
    EXPECT_EQ(formats, (std::set<std::string>{"catboost.json", "lightgbm.txt", "xgboost.json",
                                              "xgboost.ubj"}));
    EXPECT_GT(files.size(), 60U);
}

TEST(Loaders, KeepTheNamesOfColumnsAndCategories) {
    for (const char* file : {"xgboost_frame.json", "xgboost_frame.ubj", "lightgbm_frame.txt"}) {
        const Ensemble ensemble = load_ensemble(folder / "models" / file);
        EXPECT_EQ(ensemble.parts().feature_names, (std::vector<std::string>{"age", "job", "floor"}))
            << file;
        EXPECT_EQ(ensemble.parts().category_names,
                  (std::vector<std::vector<std::string>>{
                      {}, {"clerk", "cook", "nurse"}, {"3", "7", "11"}}))
            << file;
    }
}

TEST(Loaders, ReadTheSameFromJsonAndUbjson) {
    for (const char* name : {"softprob", "dart", "partition", "vector_leaves", "base_score"}) {
        const std::string stem = std::string("xgboost_") + name;
        const EnsembleParts json = load_ensemble(folder / "models" / (stem + ".json")).parts();
        const EnsembleParts ubj = load_ensemble(folder / "models" / (stem + ".ubj")).parts();
        EXPECT_EQ(json.base, ubj.base);
        ASSERT_EQ(json.trees.size(), ubj.trees.size());
        for (size_t i = 0; i < json.trees.size(); ++i) {
            ASSERT_EQ(json.trees[i].nodes.size(), ubj.trees[i].nodes.size());
            EXPECT_EQ(json.trees[i].categories, ubj.trees[i].categories);
            for (size_t n = 0; n < json.trees[i].nodes.size(); ++n) {
                EXPECT_EQ(json.trees[i].nodes[n].threshold, ubj.trees[i].nodes[n].threshold);
                EXPECT_EQ(json.trees[i].nodes[n].missing_left, ubj.trees[i].nodes[n].missing_left);
            }
        }
    }
}

TEST(Loaders, NameTheClassesOfCatBoost) {
    const EnsembleModel labels(load_ensemble(folder / "models/catboost_labels.json"));
    EXPECT_EQ(labels.class_labels(), (std::vector<std::string>{"eggs", "ham", "spam"}));
    const EnsembleModel numbers(load_ensemble(folder / "models/catboost_Logloss.json"));
    EXPECT_EQ(numbers.class_labels(), (std::vector<std::string>{"0", "1"}));
}

}  // namespace
}  // namespace whence::trees
