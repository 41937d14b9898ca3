// Files that are broken, or of another kind, or say things that no golden model does.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "message_of.h"
#include "random_ensembles.h"
#include "whence/core/file.h"
#include "whence/trees/document.h"
#include "whence/trees/load.h"

namespace whence::trees {
namespace {

const std::filesystem::path models = WHENCE_SOURCE_DIR "/tests/trees/models";

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
Ensemble parse(std::string_view text) {
    return parse_ensemble(bytes(text));
}
std::string refusal(std::string_view text) {
    return message_of(ErrorKind::model, [&] { static_cast<void>(parse(text)); });
}
std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const size_t at = text.find(from);
    if (at == std::string::npos)
        throw std::runtime_error("the test's model has no " + std::string(from));
    return text.replace(at, from.size(), to);
}

// A root, one split below it, three leaves; node 5 is deleted.
const std::string xgboost =
    R"({"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":[],
"gradient_booster":{"model":{"gbtree_model_param":{"num_trees":"1"},"tree_info":[0],"trees":[{
"left_children":[1,3,-1,-1,-1,-1],"right_children":[2,4,-1,-1,-1,-1],"split_indices":[0,1,0,0,0,0],
"split_conditions":[0.5,1.5,10,20,30,99],"default_left":[1,0,0,0,0,0],"sum_hessian":[10,6,4,2,4,0],
"split_type":[0,0,0,0,0,0],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],
"tree_param":{"num_nodes":"6","size_leaf_vector":"0"}}]},"name":"gbtree"},
"learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"2"},
"objective":{"name":"reg:squarederror"}},"version":[1,7,4]})";

double ask(const Ensemble& ensemble, std::vector<double> row) {
    return testing::slow_margins(ensemble, row.data())[0];
}

TEST(XGBoostLoader, LeavesOutWhatNothingLeadsTo) {
    const Ensemble ensemble = parse(xgboost);
    EXPECT_EQ(ensemble.trees()[0].nodes.size(), 5U);
    EXPECT_EQ(ask(ensemble, {0.25, 1}), 20.5);
    EXPECT_EQ(ask(ensemble, {0.5, 1}), 10.5);  // below means below
    EXPECT_EQ(ask(ensemble, {std::nan(""), 1.5}), 30.5);
    EXPECT_EQ(ask(ensemble, {0, std::nan("")}), 30.5);
}

TEST(XGBoostLoader, NamesTreeAndNodeOfWhatIsWrong) {
    const auto broken = [](std::string_view from, std::string_view to) {
        return refusal(replaced(xgboost, from, to));
    };
    EXPECT_EQ(broken("[1,3,-1", "[1,0,-1"),
              "tree 0, node 1: child 0 is reached on another way already");
    EXPECT_EQ(broken("[2,4,-1", "[2,2,-1"),
              "tree 0, node 1: child 2 is reached on another way already");
    EXPECT_EQ(broken("[2,4,-1", "[2,77,-1"),
              "tree 0, node 1: child 77 does not exist: the tree has 6 nodes");
    EXPECT_EQ(broken("[1,3,-1", "[1,-7,-1"),
              "tree 0, node 1: its left child: -7 is no whole number from 0 to 2147483647");
    EXPECT_EQ(broken("[0,1,0,0", "[0,2,0,0"),
              "tree 0, node 1: feature 2 does not exist: the model has 2");
    EXPECT_EQ(broken("[0.5,1.5", "[0.5,NaN"), "tree 0, node 1: its threshold is NaN");
    EXPECT_EQ(broken("10,20", "NaN,20"), "tree 0: leaf value 0 is not finite");
    EXPECT_EQ(broken("[10,6,4", "[10,7,4"),
              "tree 0, node 0: its cover is 10, its children's add up to 11");
    EXPECT_EQ(broken("[10,6,4,2,4,0]", "[10,6,4]"),
              "learner.gradient_booster.model.trees[0].sum_hessian: it has 3 numbers where there "
              "should be 6");
    EXPECT_EQ(broken("\"sum_hessian\"", "\"x\""),
              "learner.gradient_booster.model.trees[0]: it has no 'sum_hessian'");
    EXPECT_EQ(broken("\"tree_info\":[0]", "\"tree_info\":[1]"),
              "tree 0: its output: 1 is no whole number from 0 to 0");
    EXPECT_EQ(broken("[0,0,0,0,0,0],\"categories\"", "[1,0,0,0,0,0],\"categories\""),
              "learner.gradient_booster.model.trees[0]: node 0 splits by categories and has none");
    EXPECT_EQ(
        broken("\"num_class\":\"0\"", "\"num_class\":\"2000000000\""),
        "learner.learner_model_param.num_class: 2000000000 is no whole number from 0 to 1048576");
    EXPECT_EQ(broken("reg:squarederror", "my:own"),
              "learner.objective.name: the objective 'my:own' is not known, and with it what "
              "margins mean");
    EXPECT_EQ(broken("\"5E-1\"", "\"[1,2]\""),
              "learner.learner_model_param.base_score: 2 base scores for 1 outputs");
    EXPECT_EQ(broken("\"5E-1\"", "\"half\""),
              "learner.learner_model_param.base_score: it is no number");
}

TEST(XGBoostLoader, ABaseScoreIsAScoreOfItsObjective) {
    const auto base = [](std::string_view objective, std::string_view score) {
        return parse(replaced(replaced(xgboost, "reg:squarederror", objective), "5E-1", score))
            .parts()
            .base[0];
    };
    EXPECT_EQ(base("reg:squarederror", "[2.5E-1]"), 0.25);
    EXPECT_EQ(base("binary:logistic", "5E-1"), 0);
    EXPECT_EQ(base("binary:logitraw", "2.5E-1"), 0.25);  // a margin already
    EXPECT_NEAR(base("reg:logistic", "2.5E-1"), std::log(0.25 / 0.75), 1e-7);
    EXPECT_NEAR(base("count:poisson", "[2E0]"), std::log(2), 1e-7);
    EXPECT_EQ(
        refusal(replaced(replaced(xgboost, "reg:squarederror", "binary:logistic"), "5E-1", "1E0")),
        "learner.learner_model_param.base_score: 1 is no score of binary:logistic");
}

TEST(XGBoostLoader, RefusesWhatHasNoTrees) {
    EXPECT_EQ(refusal(read_text(models / "xgboost_linear.json")),
              "XGBoost's booster 'gblinear' has no trees: only gbtree and dart have");
}

const std::string lightgbm =
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx="
    "1\nobjective=regression\n"
    "feature_names=a b\nfeature_infos=[0:1] "
    "[0:9]\ntree_sizes=99\n\nTree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\n"
    "threshold=0.5 1.5\ndecision_type=8 8\nleft_child=1 -1\nright_child=-3 -2\nleaf_value=20 30 "
    "10\nleaf_count=2 4 4\n"
    "internal_count=10 6\nis_linear=0\nshrinkage=1\n\n\nend of trees\n\npandas_categorical:null\n";

TEST(LightGBMLoader, ReadsMissingValuesAsEachNodeSays) {
    const auto with = [](std::string_view types) {
        return parse(replaced(lightgbm, "decision_type=8 8", types));
    };
    const double nan = std::nan("");
    EXPECT_EQ(ask(with("decision_type=8 8"), {0.5, 1.5}), 20);  // at the threshold is left
    EXPECT_EQ(ask(with("decision_type=8 8"), {nan, 0}), 10);    // nan, default right
    EXPECT_EQ(ask(with("decision_type=10 8"), {nan, 0}), 20);   // nan, default left
    EXPECT_EQ(ask(with("decision_type=0 0"), {nan, nan}), 20);  // none: NaN counts as zero
    EXPECT_EQ(ask(with("decision_type=4 0"), {0, 0}), 10);      // zero is missing, default right
    EXPECT_EQ(ask(with("decision_type=4 0"), {nan, 0}), 10);
    EXPECT_EQ(ask(with("decision_type=4 0"), {1e-36, 0}), 10);
    EXPECT_EQ(ask(with("decision_type=4 0"), {1e-34, 0}), 20);
    EXPECT_EQ(ask(with("decision_type=4 0"), {-1, 0}), 20);
}

TEST(LightGBMLoader, NamesTreeAndNodeOfWhatIsWrong) {
    const auto broken = [](std::string_view from, std::string_view to) {
        return refusal(replaced(lightgbm, from, to));
    };
    EXPECT_EQ(broken("left_child=1 -1", "left_child=1 0"),
              "tree 0, node 1: child 0 is reached on another way already");
    EXPECT_EQ(broken("left_child=1 -1", "left_child=1 5"),
              "tree 0, node 1: its child: 5 is no whole number from -3 to 1");
    EXPECT_EQ(broken("split_feature=0 1", "split_feature=0 2"),
              "tree 0, node 1: feature 2 does not exist: the model has 2");
    EXPECT_EQ(broken("threshold=0.5 1.5", "threshold=0.5 nan"),
              "tree 0, node 1: its threshold is NaN");
    EXPECT_EQ(broken("threshold=0.5 1.5", "threshold=0.5 x"),
              "tree 0: 'x' in 'threshold' is no number");
    EXPECT_EQ(broken("threshold=0.5 1.5", "threshold=0.5"),
              "tree 0: 'threshold' has 1 numbers where there should be 2");
    EXPECT_EQ(broken("decision_type=8 8", "decision_type=8 12"),
              "tree 0: node 1: decision type 12 is not known");
    EXPECT_EQ(broken("decision_type=8 8", "decision_type=8 1"),
              "tree 0, node 1: its set of categories: 1.5 is no whole number from 0 to -1");
    EXPECT_EQ(broken("leaf_value=20 30 10\n", ""), "tree 0: it has no 'leaf_value'");
    EXPECT_EQ(broken("num_leaves=3", "num_leaves=2000000000"),
              "tree 0: its 'num_leaves': 2000000000 is no whole number from 1 to 1073741823");
    EXPECT_EQ(broken("num_leaves=3", "num_leaves=4"),
              "tree 0: 'leaf_value' has 3 numbers where there should be 4");
    EXPECT_EQ(broken("max_feature_idx=1", "max_feature_idx=2000000000"),
              "the head of the file: 2 feature names for 2000000001 features");
    EXPECT_EQ(broken("num_tree_per_iteration=1", "num_tree_per_iteration=2"),
              "the head of the file: 1 trees are no whole rounds of 2");
    EXPECT_EQ(
        broken("objective=regression", "objective=mine"),
        "the head of the file: the objective 'mine' is not known, and with it what margins mean");
    EXPECT_NE(broken("is_linear=0", "is_linear=1").find("train without linear_tree"),
              std::string::npos);
    EXPECT_NE(refusal(read_text(models / "lightgbm_linear.txt")).find("linear models"),
              std::string::npos);
    const std::string again = replaced(replaced(lightgbm, "split_feature=0 1", "split_feature=0 0"),
                                       "decision_type=8 8", "decision_type=8 4");
    EXPECT_EQ(refusal(again),
              "tree 0: node 1: zeros of feature 0 are missing values here, and numbers elsewhere");
}

TEST(LightGBMLoader, KnowsFilesWithoutCountsOrWithLinesOfWindows) {
    const Ensemble uncounted =
        parse(replaced(replaced(lightgbm, "leaf_count=2 4 4\n", ""), "internal_count=10 6\n", ""));
    EXPECT_FALSE(uncounted.parts().has_covers);
    std::string windows;
    for (const char c : lightgbm) windows += c == '\n' ? "\r\n" : std::string(1, c);
    EXPECT_EQ(ask(parse(windows), {0, 2}), 30);
}

const std::string catboost =
    R"({"features_info":{"float_features":[{"flat_feature_index":0,"nan_value_treatment":"AsTrue"}],
"categorical_features":[{"flat_feature_index":1,"values":[-1,7]}],
"cat_features_hash":[{"hash":4294967295,"value":"red"},{"hash":7,"value":"blue"},{"hash":9,"value":"green"}]},
"oblivious_trees":[{"leaf_values":[1,2,3,4],"leaf_weights":[1,1,1,1],"splits":[
{"split_type":"FloatFeature","float_feature_index":0,"border":0.5},{"split_type":"OneHotFeature","cat_feature_index":0,"value":7}]}],
"scale_and_bias":[2,[10]]})";

TEST(CatBoostLoader, ReadsSplitsScaleAndCategories) {
    const Ensemble ensemble = parse(catboost);
    EXPECT_EQ(ensemble.parts().category_names[1],
              (std::vector<std::string>{"red", "blue", "green"}));
    EXPECT_EQ(ask(ensemble, {0.5, 0}), 12);
    EXPECT_EQ(ask(ensemble, {0.6, 0}), 14);
    EXPECT_EQ(ask(ensemble, {0.5, 1}), 16);
    EXPECT_EQ(ask(ensemble, {std::nan(""), 1}), 18);  // AsTrue
    EXPECT_EQ(ask(ensemble, {0, std::nan("")}), 12);  // no category of the split
    EXPECT_EQ(ask(ensemble, {0, 2}), 12);
}

TEST(CatBoostLoader, SaysWhatItRefuses) {
    const auto broken = [](std::string_view from, std::string_view to) {
        return refusal(replaced(catboost, from, to));
    };
    EXPECT_EQ(broken("\"border\":0.5", "\"border\":NaN"), "tree 0, node 2: its threshold is NaN");
    EXPECT_EQ(broken("[1,2,3,4]", "[1,2,3]"),
              "oblivious_trees: its first tree has no number for each leaf");
    EXPECT_EQ(broken("\"value\":7}]}]", "\"value\":8}]}]"),
              "oblivious_trees[0].splits[1]: its value is not among its feature's values");
    EXPECT_EQ(broken("\"flat_feature_index\":1", "\"flat_feature_index\":0"),
              "features_info.categorical_features[0]: another feature is the same column");
    EXPECT_EQ(broken("\"flat_feature_index\":1", "\"flat_feature_index\":2"),
              "features_info: its features are not the columns 0, 1, 2, ...");
    EXPECT_EQ(broken("\"leaf_weights\":[1,1,1,1]", "\"leaf_weights\":[1,1,1,-1]"),
              "tree 0, node 6: its cover is -1");
    EXPECT_EQ(broken("\"scale_and_bias\":[2,[10]]", "\"scale_and_bias\":[2,[10,11]]"),
              "scale_and_bias[1]: it has 2 numbers where there should be 1");
    EXPECT_NE(refusal(read_text(models / "catboost_counters.json")).find("(CTR)"),
              std::string::npos);
    EXPECT_NE(broken("\"features_info\":{", "\"features_info\":{\"text_features\":[{}],")
                  .find("text_features"),
              std::string::npos);
}

TEST(Json, ReadsWhatPythonWrites) {
    const Value value = parse_json(
        R"( {"a": [1, -2.5e3, NaN, true], "b": "\u00fc\ud83d\ude00\n", "c": [], "d": [1, "x", null]} )");
    const View file(value);
    const Numbers& a = file.at("a").numbers(4);
    EXPECT_EQ(a[1], -2500);
    EXPECT_TRUE(std::isnan(a[2]));
    EXPECT_EQ(a[3], 1);
    EXPECT_EQ(file.at("b").text(), "ü😀\n");
    EXPECT_EQ(file.at("c").size(), 0U);
    EXPECT_EQ(file.at("d").at(0).number(), 1);
    EXPECT_EQ(file.at("d").at(1).text(), "x");
}

TEST(Json, RefusesTheRest) {
    for (const char* text :
         {"", "{", "{\"a\"}", "{\"a\":}", "[1,]", "[1 2]", "{\"a\":1}x", "\"a", "\"\\x\"",
          "\"\\u12\"", "\"\\ud83d\\u0041\"", "01x", "nan", "1e999", "tru"})
        message_of(ErrorKind::model, [&] { static_cast<void>(parse_json(text)); });
    message_of(ErrorKind::model, [] { static_cast<void>(parse_json(std::string(100000, '['))); });
}

TEST(Ubjson, ReadsNumbersOfEachType) {
    using namespace std::string_literals;
    const std::string text =
        "{i\x01"
        "a[$I#i\x02\xFF\xFE\x01\x00i\x01"
        "b[#U\x02Ti\xFD"
        "i\x01"
        "cSi\x02hi"
        "i\x01"
        "d[d\x3F\x80\x00\x00SU\x01x]}"s;
    const Value value = parse_ubjson(bytes(text));
    const View file(value);
    EXPECT_EQ(file.at("a").numbers(), (Numbers{-2, 256}));
    EXPECT_EQ(file.at("b").numbers(), (Numbers{1, -3}));
    EXPECT_EQ(file.at("c").text(), "hi");
    EXPECT_EQ(file.at("d").at(0).number(), 1);
    EXPECT_EQ(file.at("d").at(1).text(), "x");
}

TEST(Ubjson, RefusesLengthsBeyondTheFile) {
    using namespace std::string_literals;
    for (const std::string& text :
         {""s, "{"s, "[$d#L\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s,
          "[$Z#L\x00\x00\x00\x00\x7F\x00\x00\x00"s, "[#L\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s,
          "Si\x05"
          "ab"s,
          "[$d"s, "[$d#d\x3F\x80\x00\x00"s,
          "{i\x01"
          "a?}"s,
          "[]]"s, "H"s, std::string(1000, '[')})
        message_of(ErrorKind::model, [&] { static_cast<void>(parse_ubjson(bytes(text))); });
}

TEST(LoadEnsemble, TellsFormatsApartAndSaysHowToConvert) {
    EXPECT_NE(refusal("CBM1....").find("format='json'"), std::string::npos);
    EXPECT_NE(refusal("binf\1\2\3").find("save_model('model.json')"), std::string::npos);
    EXPECT_NE(refusal("\x80\x04.pickle").find("pickle"), std::string::npos);
    EXPECT_NE(refusal("{\"kind\": \"table\"}").find("no tree ensemble"), std::string::npos);
    EXPECT_NE(refusal("PK..").find("known format"), std::string::npos);
    EXPECT_TRUE(looks_like_ensemble(bytes("tree\nversion=v4")));
    EXPECT_TRUE(looks_like_ensemble(bytes("  {\"a\"")));
    EXPECT_FALSE(looks_like_ensemble(bytes("\x08\x07")));
    EXPECT_FALSE(looks_like_ensemble({}));
    const std::string said =
        message_of(ErrorKind::io, [] { static_cast<void>(load_ensemble("/nowhere/model.json")); });
    EXPECT_NE(said.find("/nowhere/model.json"), std::string::npos);
}

}  // namespace
}  // namespace whence::trees
