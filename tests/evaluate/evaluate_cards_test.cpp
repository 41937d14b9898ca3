// Score cards of the shipped models, end to end: tables, pictures, texts; what must come out worse;
// what is refused; the same bits whatever the threads and whoever stands beside.

#include "whence/evaluate/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "recipe/support.h"
#include "whence/core/rng.h"
#include "whence/metrics/consistency.h"
#include "whence/metrics/interpretation_accuracy.h"

namespace whence::evaluate {
namespace {

using namespace recipe::test;

using Names = std::vector<std::string>;

Pool table_pool() {
    return read_pool(table_subject(),
                     {.paths = {examples / "data/breast_cancer.csv"}, .label = "diagnosis"});
}

// Pictures that the model has something to say about: the cat, moved.
Pool picture_pool(int64_t count) {
    const Tensor cat_pixels = cat().batch[0].value;
    const auto pixels = cat_pixels.as<float>();
    const Shape& s = cat_pixels.shape();
    std::vector<float> all;
    for (int64_t i = 0; i < count; ++i)
        for (int64_t p = 0; p < s[1] * s[2]; ++p)
            for (int64_t c = 0; c < s[3]; ++c) {
                const int64_t row = p / s[2], column = (p % s[2] + 2 * i) % s[2];
                all.push_back(pixels[(row * s[2] + column) * s[3] + c]);
            }
    Pool pool = pool_of(image_subject(), Tensor::of<float>({count, s[1], s[2], s[3]}, all));
    return pool;
}

const ScoreCardRow& row_of(const ScoreCard& card, const std::string& metric) {
    const auto found = std::ranges::find(card.table, metric, &ScoreCardRow::metric);
    if (found == card.table.end()) throw std::runtime_error("no row " + metric);
    return *found;
}

bool has(const ScoreCard& card, const std::string& metric) {
    return std::ranges::find(card.table, metric, &ScoreCardRow::metric) != card.table.end();
}

std::string without_times(ScoreCard card) {
    card.seconds = 0;
    for (ScoredMethod& method : card.methods) method.seconds = 0;
    return to_json(card);
}

TEST(Cards, GradientsBeatRandomValuesOnATable) {
    const ScoreCard card = evaluate(table_subject(), table_pool(),
                                    {.methods = {"integrated-gradients", "random"},
                                     .metrics = {"faithfulness"},
                                     .rows = "0:40"},
                                    {});
    for (const char* metric : {"deletion", "insertion", "comprehensiveness", "sufficiency",
                               "faithfulness-correlation", "infidelity"}) {
        const ScoreCardRow& row = row_of(card, metric);
        EXPECT_TRUE(row.of[0].best) << metric;
        EXPECT_FALSE(row.of[1].best) << metric;
        EXPECT_EQ(row.of[0].defined, 40) << metric;
        EXPECT_LE(row.of[0].low, row.of[0].value);
        EXPECT_GE(row.of[0].high, row.of[0].value);
    }
    // ROAD needs pictures: left out of a category, with the reason.
    EXPECT_FALSE(has(card, "road"));
    EXPECT_TRUE(std::ranges::any_of(card.left_out, [](const LeftOut& left) {
        return left.name == "road" && left.because == "it is of images, and these are tables";
    }));
    EXPECT_GT(*card.accuracy, 0.9);
    EXPECT_EQ(card.rows.size(), 40);
}

TEST(Cards, AMapOfALayerBeatsRandomValuesOnPictures) {
    const ScoreCard card = evaluate(
        image_subject(), picture_pool(10),
        {.methods = {"grad-cam", "random"}, .metrics = {"insertion", "road", "sparseness"}}, {});
    EXPECT_EQ(card.modality, "image");
    EXPECT_EQ(card.players, "pixels");
    EXPECT_TRUE(row_of(card, "insertion").of[0].best);
    EXPECT_EQ(row_of(card, "road").of[0].defined, 10);
    EXPECT_EQ(card.methods[1].evaluations, 0);
}

TEST(Cards, DefaultsExplainAndJudgeTexts) {
    const recipe::Subject subject = recipe::Subject::load(examples / "models/film_reviews.onnx");
    const Pool pool = pool_of(
        subject, Names{"a dull, dull film", "an excellent and moving story", "not good and not bad",
                       "the worst of all films", "wonderful actors in a great film",
                       "boring, awful and too long", "a joy to watch"});
    const ScoreCard card = evaluate(subject, pool, {}, {});
    EXPECT_EQ(card.modality, "text");
    EXPECT_EQ(card.methods.size(), 3);
    EXPECT_EQ(card.methods[2].name, "random");
    for (const char* metric : {"deletion", "sufficiency", "sparseness"})
        EXPECT_EQ(row_of(card, metric).of[0].defined, 7) << metric;
    EXPECT_FALSE(has(card, "reco"));
}

TEST(Cards, SameBitsOnOneAndTwoThreads) {
    const Request request{.methods = {"lime", "kernel-shap", "random"}, .rows = "0:8", .seed = 5};
    const Pool pool = table_pool();
    whence::Run one, two;
    one.threads = 1;
    two.threads = 2;
    EXPECT_EQ(without_times(evaluate(table_subject(), pool, request, one)),
              without_times(evaluate(table_subject(), pool, request, two)));
}

// What stands beside a method changes nothing of it; what they ask in common is asked once.
TEST(Cards, AMethodScoresAloneAsInCompany) {
    const Pool pool = table_pool();
    Request both{.methods = {"saliency", "integrated-gradients"},
                 .metrics = {"infidelity", "sensitivity-n", "deletion"},
                 .rows = "3:9",
                 .scale = Scale::logit};
    Request alone = both;
    alone.methods = {"integrated-gradients"};
    const ScoreCard a = evaluate(table_subject(), pool, both, {}),
                    b = evaluate(table_subject(), pool, alone, {});
    for (size_t m = 0; m < a.table.size(); ++m)
        EXPECT_EQ(a.table[m].of[1].scores, b.table[m].of[0].scores) << a.table[m].metric;
    EXPECT_LT(a.evaluations, 2 * b.evaluations - 6 * 700);  // of 800 random subsets each
}

TEST(Cards, ValuesFromElsewhereScoreAsTheMethodsOwn) {
    const Pool pool = table_pool();
    std::vector<double> values;
    for (int64_t r = 0; r < 10; ++r) {
        const Explanation e =
            recipe::explain(table_subject(), row(r), {.method = "integrated-gradients"}, {});
        std::ranges::move(e.attribution.values.to_doubles(), std::back_inserter(values));
    }
    const Tensor given = Tensor::of<double>({10, 30}, values);
    const ScoreCard card = evaluate(table_subject(), pool,
                                    {.methods = {"integrated-gradients"},
                                     .given = {{"mine", given}},
                                     .metrics = {"deletion", "infidelity", "completeness"},
                                     .rows = "0:10"},
                                    {});
    for (const ScoreCardRow& row : card.table)
        EXPECT_EQ(row.of[0].scores, row.of[1].scores) << row.metric;
    EXPECT_TRUE(card.methods[1].given);
    EXPECT_EQ(
        message_of(ErrorKind::usage,
                   [&] {
                       static_cast<void>(evaluate(table_subject(), pool,
                                                  {.given = {{"mine", given}}, .rows = "0:9"}, {}));
                   }),
        "the attributions 'mine' have 10 rows for 569 inputs");
}

// The slow twins: the library's own functions on all explanations.
TEST(Cards, DataSetMetricsAreTheLibrarys) {
    Pool pool = table_pool();
    const int64_t n = 20;
    Tensor masks(ElementType::uint8, {static_cast<int64_t>(pool.inputs.size()), 30});
    for (int64_t i = 0; i < masks.size(); ++i) masks.as<uint8_t>()[i] = i % 7 < 2;
    use_masks(pool, masks);
    const ScoreCard card =
        evaluate(table_subject(), pool,
                 {.methods = {"input-x-gradient"},
                  .metrics = {"mege", "reco", "interpretation-accuracy", "roc-auc"},
                  .rows = "0:20"},
                 {});
    std::vector<double> values;
    std::vector<int64_t> labels;
    std::vector<uint8_t> own(n * 30, 0), correct;
    for (int64_t r = 0; r < n; ++r) {
        const Explanation e =
            recipe::explain(table_subject(), row(r), {.method = "input-x-gradient"}, {});
        const std::vector<double> one = e.attribution.values.to_doubles();
        values.insert(values.end(), one.begin(), one.end());
        labels.push_back(classes_of(table_subject(), {pool.labels[r]})[0]);
        correct.push_back(e.target.resolved.index == labels.back());
        std::vector<int> order(30);
        std::iota(order.begin(), order.end(), 0);
        std::ranges::stable_sort(order, std::greater<>{}, [&](int c) { return one[c]; });
        const auto object = masks.as<uint8_t>().subspan(r * 30, 30);
        for (int64_t k = 0; k < std::ranges::count(object, 1); ++k) own[r * 30 + order[k]] = 1;
    }
    const metrics::ClassPairs pairs =
        metrics::class_pairs({values.data(), n, 30}, labels, metrics::Distance::mean_absolute,
                             metrics::Normalisation::largest, {});
    EXPECT_DOUBLE_EQ(row_of(card, "mege").of[0].value, metrics::mege(pairs));
    EXPECT_DOUBLE_EQ(row_of(card, "reco").of[0].value, metrics::reco(pairs).value);
    EXPECT_TRUE(row_of(card, "reco").of_data_set);
    EXPECT_DOUBLE_EQ(row_of(card, "interpretation-accuracy").of[0].value,
                     metrics::interpretation_accuracy({own.data(), n, 30},
                                                      {masks.as<uint8_t>().data(), n, 30}, correct)
                         .value);
}

TEST(Cards, ScalesThatDoNotMeetAreNotCompared) {
    const ScoreCard card = evaluate(table_subject(), table_pool(),
                                    {.methods = {"integrated-gradients", "lime"},
                                     .metrics = {"completeness", "deletion"},
                                     .rows = "0:6"},
                                    {});
    // LIME can explain in the scale of the first.
    EXPECT_EQ(card.methods[0].scale, card.methods[1].scale);
    EXPECT_EQ(card.scale, card.methods[0].scale);
}

TEST(Cards, RefusesWhatCannotBeHad) {
    const Pool pool = table_pool();
    const auto refused = [&](ErrorKind kind, const Request& request) {
        return message_of(kind,
                          [&] { static_cast<void>(evaluate(table_subject(), pool, request, {})); });
    };
    const Names random = {"random"};
    EXPECT_EQ(refused(ErrorKind::unsupported, {.methods = random, .metrics = {"road"}}),
              "road: it is of images, and these are tables");
    EXPECT_EQ(refused(ErrorKind::unsupported, {.methods = random, .metrics = {"pointing-game"}}),
              "pointing-game: it needs to know where the object is: give masks (--masks)");
    EXPECT_NE(refused(ErrorKind::unsupported, {.methods = random, .metrics = {"fold-reco"}})
                  .find("fold-reco: it compares models"),
              std::string::npos);
    EXPECT_NE(refused(ErrorKind::unsupported, {.methods = {"anchors"}, .metrics = {"deletion"}})
                  .find("anchors: it gives a rule"),
              std::string::npos);
    EXPECT_NE(
        refused(ErrorKind::usage, {.methods = {"tree-shap"}}).find("tree-shap reads the trees"),
        std::string::npos);
    EXPECT_NE(refused(ErrorKind::usage, {.methods = {"nothing"}}).find("nothing"),
              std::string::npos);
    EXPECT_EQ(refused(ErrorKind::usage, {.methods = {"random", "random"}}), "'random' comes twice");
    EXPECT_EQ(refused(ErrorKind::usage,
                      {.methods = random, .options = {{"lime", {"num-samples", int64_t{5}}}}}),
              "lime.num-samples: lime is neither a method nor a metric of this evaluation");
    EXPECT_EQ(refused(ErrorKind::usage, {.methods = random, .rows = "600:700"}),
              "rows 600:700: there are 569, and none of these");
    EXPECT_EQ(
        refused(ErrorKind::usage, {.methods = random, .options = {{"random", {"x", int64_t{5}}}}}),
        "random.x: random is neither a method nor a metric of this evaluation");
}

TEST(Cards, OneSampleHasNoIntervalAndNoBest) {
    const ScoreCard card =
        evaluate(table_subject(), table_pool(),
                 {.methods = {"integrated-gradients", "random"}, .rows = "0:1"}, {});
    for (const ScoreCardRow& row : card.table)
        for (const ScoreEstimate& e : row.of) {
            EXPECT_TRUE(std::isnan(e.low)) << row.metric;
            EXPECT_FALSE(e.best) << row.metric;
        }
    EXPECT_FALSE(row_of(card, "mege").of[0].undefined_because.empty());
}

TEST(Cards, StopsWhenAsked) {
    std::stop_source stop;
    whence::Run run;
    run.stop = stop.get_token();
    run.progress = [&](std::string_view, int64_t, int64_t) { stop.request_stop(); };
    EXPECT_NE(message_of(ErrorKind::interrupted,
                         [&] {
                             static_cast<void>(evaluate(table_subject(), table_pool(),
                                                        {.methods = {"random"}}, run));
                         }),
              "");
}

TEST(Samples, RowsAreChosenByTheSeed) {
    EXPECT_EQ(choose_rows(5, "", 0, 1), (std::vector<int64_t>{0, 1, 2, 3, 4}));
    EXPECT_EQ(choose_rows(5, "1:3", 0, 1), (std::vector<int64_t>{1, 2}));
    EXPECT_EQ(choose_rows(500, "", 0, 1).size(), 50);
    EXPECT_EQ(choose_rows(500, "all", 0, 1).size(), 500);
    const auto some = choose_rows(500, "100:", 20, 1);
    EXPECT_EQ(some.size(), 20);
    EXPECT_TRUE(std::ranges::is_sorted(some));
    EXPECT_GE(some[0], 100);
    EXPECT_EQ(some, choose_rows(500, "100:", 20, 1));
    EXPECT_NE(some, choose_rows(500, "100:", 20, 2));
    for (const char* rows : {"3", "a:b", "4:4", "-2:3"})
        EXPECT_NE(
            message_of(ErrorKind::usage, [&] { static_cast<void>(choose_rows(9, rows, 0, 1)); }),
            "")
            << rows;
}

TEST(Samples, LabelsAreNamesOrNumbers) {
    EXPECT_EQ(classes_of(image_subject(), {image_subject().classes()[3], "7"}),
              (std::vector<int64_t>{3, 7}));
    EXPECT_EQ(message_of(ErrorKind::usage,
                         [&] { static_cast<void>(classes_of(image_subject(), {"unicorn"})); }),
              "label 'unicorn' is neither a class of the model nor its number");
}

}  // namespace
}  // namespace whence::evaluate
