// Model files of others with their libraries' own answers, where ../shared/data/trees is there.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>

#include "message_of.h"
#include "whence/core/file.h"
#include "whence/data/npy.h"
#include "whence/trees/ensemble_model.h"
#include "whence/trees/load.h"

namespace whence::trees {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class SharedModels : public ::testing::Test {
  protected:
    static inline const std::filesystem::path folder = WHENCE_SHARED_DIR "/data/trees";
    void SetUp() override {
        if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
    }

    static EnsembleModel load(const std::string& path) {
        return EnsembleModel(load_ensemble(folder / path));
    }

    // "label index:value ..." with `missing` for what is not said; `first` is the lowest index.
    static Tensor libsvm(const std::string& path, int64_t features, double missing,
                         int64_t first = 0) {
        std::istringstream lines(read_text(folder / path));
        std::vector<double> values;
        for (std::string line, word; std::getline(lines, line);) {
            std::istringstream words(line);
            words >> word;
            const size_t row = values.size();
            values.resize(row + static_cast<size_t>(features), missing);
            while (words >> word) {
                const size_t colon = word.find(':');
                const int64_t index = std::stoll(word.substr(0, colon)) - first;
                if (index < features)
                    values[row + static_cast<size_t>(index)] = std::stod(word.substr(colon + 1));
            }
        }
        return Tensor::of<double>({static_cast<int64_t>(values.size()) / features, features},
                                  values);
    }

    // Numbers between blanks, tabs or commas; a first column that is the label left out on demand.
    static std::vector<std::vector<double>> table(const std::string& path, size_t skip = 0) {
        std::string text = read_text(folder / path);
        std::ranges::replace(text, ',', ' ');
        std::istringstream lines(text);
        std::vector<std::vector<double>> out;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::vector<double> row;
            for (std::string word; words >> word;) row.push_back(std::stod(word));
            if (!row.empty()) out.emplace_back(row.begin() + static_cast<int64_t>(skip), row.end());
        }
        return out;
    }
    static Tensor matrix(const std::vector<std::vector<double>>& rows) {
        std::vector<double> values;
        for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
        return Tensor::of<double>(
            {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows.at(0).size())}, values);
    }

    static void expect(const EnsembleModel& model, const Tensor& rows,
                       const std::vector<std::vector<double>>& want, bool margins, double slack) {
        const Batch answer = model.predict(Batch({{"features", rows}}), {});
        const Tensor& got = margins ? answer.tensors().back().value : answer[0].value;
        ASSERT_EQ(got.rows(), static_cast<int64_t>(want.size()));
        for (int64_t row = 0; row < got.rows(); ++row) {
            const auto skipped = got.row_size() - static_cast<int64_t>(want[row].size());
            ASSERT_GE(skipped, 0);
            for (size_t k = 0; k < want[row].size(); ++k)
                ASSERT_NEAR(
                    got.as<double>()[row * got.row_size() + skipped + static_cast<int64_t>(k)],
                    want[row][k], slack * (1 + std::abs(want[row][k])))
                    << "row " << row;
        }
    }
};

TEST_F(SharedModels, XGBoost17) {
    for (const char* name : {"adult_binary", "adult_categorical", "breast_cancer_dart",
                             "breast_cancer_rf", "california_reg"})
        for (const char* ending : {".json", ".ubj"}) {
            SCOPED_TRACE(name + std::string(ending));
            const std::string stem = std::string("xgboost_ref/") + name;
            const EnsembleModel model = load(stem + ending);
            const Batch answer = model.predict(
                Batch({{"features", data::read_npy(folder / (stem + ".X.npy"))}}), {});
            const std::vector<double> margins =
                data::read_npy(folder / (stem + ".margin.npy")).to_doubles();
            const std::vector<double> predictions =
                data::read_npy(folder / (stem + ".pred.npy")).to_doubles();
            const std::vector<double> margin = answer.tensors().back().value.to_doubles();
            const std::vector<double> prediction = answer[0].value.to_doubles();
            const auto columns = static_cast<size_t>(answer[0].value.row_size());
            ASSERT_EQ(margin.size(), margins.size());
            for (size_t i = 0; i < margin.size(); ++i) {
                ASSERT_NEAR(margin[i], margins[i], 3e-6 * (1 + std::abs(margins[i])));
                ASSERT_NEAR(prediction[i * columns + columns - 1], predictions[i],
                            3e-6 * (1 + std::abs(predictions[i])));
            }
        }
}

TEST_F(SharedModels, XGBoost14WithCategories) {
    expect(load("treelite/xgb_toy_categorical_model.json"),
           libsvm("treelite/xgb_toy_categorical.test", 2, nan),
           table("treelite/xgb_toy_categorical.test.pred"), false, 1e-6);
}

TEST_F(SharedModels, LightGBM2) {
    expect(load("leaves/testdata/lgmulticlass.model"),
           matrix(table("leaves/testdata/multiclass_test.tsv", 1)),
           table("leaves/testdata/lgmulticlass_true_predictions.txt"), false, 1e-12);
    expect(load("leaves/testdata/lgmulticlass.model"),
           matrix(table("leaves/testdata/multiclass_test.tsv", 1)),
           table("leaves/testdata/lgmulticlass_true_raw_predictions.txt"), true, 1e-12);
    expect(load("leaves/testdata/lg_dart_breast_cancer.model"),
           matrix(table("leaves/testdata/breast_cancer_test.tsv")),
           table("leaves/testdata/lg_dart_breast_cancer_true_predictions.txt"), false, 1e-12);
    expect(load("leaves/testdata/lg_rf_iris.model"),
           libsvm("leaves/testdata/iris_test.libsvm", 4, 0),
           table("leaves/testdata/lg_rf_iris_true_predictions.txt"), true, 1e-12);
    expect(load("leaves/testdata/lg_kddcup99.model"),
           matrix(table("leaves/testdata/kddcup99_test.tsv")),
           table("leaves/testdata/lg_kddcup99_true_predictions.txt"), true, 1e-12);
    for (const char* name : {"genlin_fmtp_gamma_AvgClaimAmount", "genlin_fmtp_poisson_Frequency"}) {
        const std::string stem = std::string("leaves/testdata/") + name;
        expect(load(stem + ".model"), matrix(table(stem + "_features.tsv")),
               table(stem + "_true_predictions.txt"), false, 1e-12);
    }
}

TEST_F(SharedModels, LightGBMWithCategories) {
    expect(load("treelite/lightgbm_toy_categorical_model.txt"),
           libsvm("treelite/toy_categorical.test", 2, 0),
           table("treelite/toy_categorical.test.pred"), false, 1e-6);
    EXPECT_NO_THROW(load("treelite/lightgbm_model_with_constant_tree.txt"));
}

TEST_F(SharedModels, CatBoost2019) {
    for (const char* name : {"and", "or", "xor", "regression"}) {
        SCOPED_TRACE(name);
        // {"x": [[...], ...], "y": [...]}
        std::string text = read_text(folder / ("catboost/" + std::string(name) + ".json"));
        const size_t y = text.find("\"y\"");
        ASSERT_NE(y, std::string::npos);
        const auto numbers = [](std::string part) {
            for (char& c : part)
                if (!std::isdigit(static_cast<unsigned char>(c)) && c != '.' && c != '-' &&
                    c != 'e')
                    c = ' ';
            std::istringstream words(part);
            std::vector<double> out;
            for (double value; words >> value;) out.push_back(value);
            return out;
        };
        const std::vector<double> x = numbers(text.substr(text.find('['), y - text.find('[')));
        std::vector<std::vector<double>> want;
        for (const double value : numbers(text.substr(text.find('[', y)))) want.push_back({value});
        const auto rows = static_cast<int64_t>(want.size());
        expect(load("catboost/" + std::string(name) + "-model.json"),
               Tensor::of<double>({rows, static_cast<int64_t>(x.size()) / rows}, x), want, false,
               1e-12);
    }
}

TEST_F(SharedModels, OldBinaryFormatsAreRefusedWithTheLineThatConvertsThem) {
    for (const char* path :
         {"xgboost_ref/adult_binary.model", "xgboost_ref/breast_cancer_dart.model",
          "leaves/testdata/xgagaricus.model", "leaves/testdata/xgblin_agaricus.model",
          "treelite/mushroom.model", "treelite/dermatology.model",
          "xgboost_predictor/model/gbtree/v47/pairwise.model",
          "xgboost_predictor/model/gbtree/v40/multi-softmax.model",
          "xgboost_predictor/model/dart/rank-pairwise.model",
          "xgboost_predictor/model/gbtree/spark/iris.model.spark"}) {
        const std::string said = message_of(ErrorKind::model, [&] { load(path); });
        EXPECT_NE(said.find("save_model('model.json')"), std::string::npos) << path << ": " << said;
    }
    for (const char* path : {"catboost/adult.cbm", "catboost/titanic.cbm"}) {
        const std::string said = message_of(ErrorKind::model, [&] { load(path); });
        EXPECT_NE(said.find("format='json'"), std::string::npos) << path << ": " << said;
    }
    const std::string dump =
        message_of(ErrorKind::model, [] { load("leaves/testdata/lg_dart_breast_cancer.json"); });
    EXPECT_NE(dump.find("booster.save_model('model.txt')"), std::string::npos) << dump;
    const std::string pickle =
        message_of(ErrorKind::model, [] { load("leaves/testdata/sk_iris.model"); });
    EXPECT_NE(pickle.find("pickle"), std::string::npos) << pickle;
}

}  // namespace
}  // namespace whence::trees
