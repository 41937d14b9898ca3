// Contributions of XGBoost and LightGBM to their own models (shap_golden.npz, made by
// make_shap_golden.py, and golden_xgboost_34.npz, made by make_xgboost_34_golden.py).

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "trees/shap_compare.h"
#include "whence/data/npy.h"
#include "whence/trees/load.h"
#include "whence/trees/shap/tree_shap.h"

namespace whence::trees::testing {
namespace {

const std::filesystem::path folder = WHENCE_SOURCE_DIR "/tests/trees";

std::map<std::string, Tensor> read(const char* name) {
    std::map<std::string, Tensor> all;
    for (const NamedTensor& tensor : data::read_npz(folder / name)) all[tensor.name] = tensor.value;
    return all;
}

std::filesystem::path model_file(const std::string& stem) {
    for (const char* ending : {".json", ".txt"})
        if (exists(folder / "models" / (stem + ending))) return folder / "models" / (stem + ending);
    return {};
}

/// What their values are multiplied with to be those of the margin: LightGBM does not average the
/// contributions to a forest, and leaves out the slope of one-against-all sigmoids.
double scale(const std::string& stem, const Ensemble& ensemble) {
    if (stem.starts_with("lightgbm_forest")) return 1 / ensemble.parts().divisor;
    return stem == "lightgbm_multiclassova" ? 0.7 : 1;
}

TEST(TreeShapLibraries, SaysWhatTheLibrariesSay) {
    std::map<std::string, Tensor> rows = read("golden.npz"), all = read("shap_golden.npz");
    for (auto& [name, values] : read("golden_xgboost_34.npz"))
        (name.ends_with("/shap") ? all : rows)[name] = std::move(values);
    int models = 0;
    for (const auto& [name, shap] : all) {
        const std::string stem = name.substr(0, name.find('/'));
        SCOPED_TRACE(stem);
        const Ensemble ensemble = load_ensemble(model_file(stem));
        const Tensor& x = rows.at(stem + "/x");
        const int64_t count = shap.rows(), features = ensemble.features(),
                      outputs = ensemble.outputs();
        ASSERT_EQ(shap.size(), count * features * outputs);
        const TreeShap explainer(ensemble, {.precision = Precision::float64});
        const TreeShapValues have =
            explainer.values(MatrixView<const double>{x.as<double>().data(), count, features}, {});
        std::vector<double> want(shap.size());  // theirs are [rows, outputs, features]
        for (int64_t i = 0; i < count; ++i)
            for (int64_t k = 0; k < outputs; ++k)
                for (int64_t f = 0; f < features; ++f)
                    want[(i * features + f) * outputs + k] =
                        shap.as<double>()[(i * outputs + k) * features + f] * scale(stem, ensemble);
        // XGBoost works in float32 and reads covers of float32
        EXPECT_LT(error_of(have.values, want), stem.starts_with("xgboost") ? 2e-5 : 1e-9);
        ++models;
    }
    EXPECT_GT(models, 60);
}

}  // namespace
}  // namespace whence::trees::testing
