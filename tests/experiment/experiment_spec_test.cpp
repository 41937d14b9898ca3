#include "whence/experiment/spec.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "experiment/small_study.h"
#include "message_of.h"
#include "whence/core/file.h"

namespace whence::experiment {
namespace {

using Json = nlohmann::ordered_json;

std::string refused(const std::function<void(Json&)>& change) {
    Json json = Json::parse(testing::small_spec);
    change(json);
    return message_of(ErrorKind::input, [&] { (void)read_spec(json.dump(), "spec.json"); });
}

TEST(Spec, IsReadWithItsDefaults) {
    const Spec spec = read_spec(testing::small_spec, "spec.json");
    EXPECT_EQ(spec.units(), 2 * 1 * 3 * 2);
    EXPECT_EQ(spec.explanations(), 12 * 2 * 3 * 9);
    EXPECT_EQ(spec.data_sets[1].folder, "blocks");
    EXPECT_EQ(spec.data_sets[0].objects, ObjectMask::foreground);
    EXPECT_EQ(spec.methods[0].samples, 60);
    EXPECT_EQ(spec.methods[0].hide, Hide::superpixel_mean);
    EXPECT_EQ(spec.methods_for(spec.data_sets[1])[0].segmentation, "grid:rows=2,columns=2");
    EXPECT_EQ(spec.differences[1].name(), "spearman");
    EXPECT_EQ(spec.mege_scale, metrics::MegeScale::largest_class);
    EXPECT_FALSE(spec.explain_true_class);
    EXPECT_FALSE(spec.pair_by_predicted_class);
}

TEST(Spec, WhatIsWrittenReadsBackTheSame) {
    const Spec spec = read_spec(testing::small_spec, "spec.json");
    const std::string text = to_json(spec);
    EXPECT_EQ(to_json(read_spec(text, "written")), text);
    EXPECT_EQ(fingerprint(read_spec(text, "written")), fingerprint(spec));
    // Defaults written out are the same study; another setting is another.
    Json json = Json::parse(testing::small_spec);
    json["alpha"] = 0.5;
    EXPECT_EQ(fingerprint(read_spec(json.dump(), "spec.json")), fingerprint(spec));
    json["alpha"] = 0.25;
    EXPECT_NE(fingerprint(read_spec(json.dump(), "spec.json")), fingerprint(spec));
}

TEST(Spec, WhatIsWrongIsSaidInOneLine) {
    EXPECT_EQ(refused([](Json& j) { j["fold"] = 3; }).substr(0, 43),
              "spec.json: there is no setting 'fold'; ther");
    EXPECT_EQ(refused([](Json& j) { j["folds"] = 1; }),
              "spec.json: 'folds' must be a whole number from 2 to 100");
    EXPECT_EQ(refused([](Json& j) { j["iterations"] = 2.5; }),
              "spec.json: 'iterations' must be a whole number from 1 to 10000");
    EXPECT_EQ(refused([](Json& j) { j["iterations"] = uint64_t{1} << 63; }),
              "spec.json: 'iterations' must be a whole number from 1 to 10000");
    EXPECT_EQ(refused([](Json& j) { j["alpha"] = -0.1; }),
              "spec.json: 'alpha' must be a number from 0 to 1");
    EXPECT_EQ(refused([](Json& j) { j.erase("methods"); }),
              "spec.json: 'methods' must be a list of 1 to 100 entries");
    EXPECT_EQ(
        refused([](Json& j) { j["methods"][1]["kind"] = "anchors"; }),
        "spec.json: methods[1]: 'kind' must be one of lime, kernel-shap, deep-shap, gradient-shap");
    EXPECT_EQ(refused([](Json& j) { j["methods"][1].erase("kind"); }),
              "spec.json: methods[1]: 'kind' is missing");
    EXPECT_EQ(refused([](Json& j) { j["methods"][1]["name"] = "lime"; }),
              "spec.json: 'methods' has two entries named lime");
    EXPECT_EQ(refused([](Json& j) { j["methods"][0]["name"] = "../x"; }),
              "spec.json: methods[0]: 'name' must be a name of small letters, digits and hyphens");
    EXPECT_EQ(refused([](Json& j) { j["methods"][0]["samples"] = 1; }),
              "spec.json: methods[0]: 'samples' must be 0 (the default) or 2 and more");
    // A setting that this kind of method does not have is no setting.
    EXPECT_NE(refused([](Json& j) { j["methods"][2]["hide"] = "black"; }).find("no setting 'hide'"),
              std::string::npos);
    EXPECT_NE(refused([](Json& j) {
                  j["data-sets"][0]["segmentation"] = "grid:0x3";
              }).find("data-sets[0]"),
              std::string::npos);
    EXPECT_NE(
        refused([](Json& j) { j["differences"][0]["distance"] = "far"; }).find("differences[0]"),
        std::string::npos);
    EXPECT_EQ(refused([](Json& j) { j["differences"][1] = j["differences"][0]; }),
              "spec.json: 'differences' has mean-absolute twice");
    EXPECT_EQ(message_of(ErrorKind::input, [] { (void)read_spec("{", "spec.json"); }),
              "spec.json: this is no JSON");
    EXPECT_EQ(message_of(ErrorKind::input, [] { (void)read_spec("[]", "spec.json"); }),
              "spec.json must be an object {...}");
    EXPECT_EQ(
        message_of(
            ErrorKind::input,
            [] { (void)read_spec(std::string(1000, '[') + std::string(1000, ']'), "spec.json"); }),
        "spec.json: nested too deeply");
}

TEST(Spec, ThoseThatAreShippedAreRead) {
    int64_t found = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(WHENCE_SOURCE_DIR "/examples/experiments")) {
        if (entry.path().extension() != ".json") continue;
        EXPECT_NO_THROW((void)read_spec(read_text(entry.path()), entry.path().string()))
            << entry.path();
        ++found;
    }
    EXPECT_GE(found, 5);
    const Spec main = read_spec(read_text(WHENCE_SOURCE_DIR "/examples/experiments/quality.json"),
                                "quality.json");
    EXPECT_EQ(main.units(), 300);
    EXPECT_EQ(main.explanations(), 300'000);
}

}  // namespace
}  // namespace whence::experiment
