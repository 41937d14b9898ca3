#include "whence/experiment/report.h"

#include <gtest/gtest.h>

#include <fstream>

#include "experiment/small_study.h"
#include "message_of.h"
#include "whence/core/rng.h"

namespace whence::experiment {
namespace {

// What a study could have found: MeGe and ReCo follow accuracy with these slopes, and noise.
Study made_up(double mege_slope, double reco_slope, int64_t iterations = 12) {
    Study study{.spec = read_spec(testing::small_spec, "small"),
                .version = "0",
                .fingerprint = std::string(64, 'f')};
    study.spec.iterations = iterations;
    study.spec.methods.resize(2);
    Rng rng(1, 2, 3);
    for (const DataSetSpec& set : study.spec.data_sets) {
        study.data.push_back({.data_set = set.name,
                              .train = 90,
                              .test = 36,
                              .height = 2,
                              .width = 2,
                              .channels = 1,
                              .classes = {"a", "b"},
                              .note = "half of everything"});
        study.data.back().surveys.push_back({"grid:rows=1,columns=2", 36, 5, 1, 2, 1.5});
        for (int64_t i = 0; i < iterations; ++i)
            for (int64_t f = 0; f < 2; ++f)
                for (int64_t e = 1; e <= 2; ++e) {
                    const double better = 0.05 * static_cast<double>(e) + 0.03 * rng.normal();
                    for (const MethodSpec& method : study.spec.methods) {
                        ResultRow row{.data_set = set.name,
                                      .architecture = "small",
                                      .method = method.name,
                                      .iteration = i,
                                      .fold = f,
                                      .epoch = e,
                                      .accuracy = 0.5 + better,
                                      .loss = 1};
                        const double m = 0.4 + mege_slope * better + 0.005 * rng.normal(),
                                     r = 0.6 + reco_slope * better + 0.005 * rng.normal();
                        row.measures.consistency = {{m, m, m, r, 0}, {m, m, m, r, 0}};
                        row.measures.interpretation = {0.5 + better, 0.4, 0.3 + 0.01 * rng.normal(),
                                                       0.3};
                        row.measures.mean_absolute_error = 0.01;
                        row.measures.largest_absolute_error = 0.02;
                        row.measures.mean_pieces = 2;
                        study.results.push_back(std::move(row));
                    }
                }
        for (const MethodSpec& method : study.spec.methods)
            for (int64_t label = 0; label < 2; ++label)
                study.examples.push_back({.data_set = set.name,
                                          .architecture = "small",
                                          .method = method.name,
                                          .label = label,
                                          .predicted = 0,
                                          .probability = 0.9,
                                          .pixels = {0, 80, 160, 255},
                                          .map = {.values = {0.2, -0.1}, .pieces = {0, 0, 1, 1}}});
    }
    return study;
}

const ReportOptions options{
    .folder = "figures", .resamples = 200, .permutations = 100, .command = "made up"};

Document document(const Study& study, const std::vector<Study>& others = {}) {
    return report(study, others, options, {});
}

bool says(const Document& d, const std::string& text) {
    return d.markdown.find(text) != std::string::npos;
}

TEST(Report, SaysWhetherTheClaimHeld) {
    const Document held = document(made_up(1, 1));
    EXPECT_TRUE(says(held,
                     "| blocks | **held** (above 0: MeGe of lime, ReCo of lime, MeGe of shap and "
                     "ReCo of shap)"));
    EXPECT_TRUE(says(held, "held on blocks and tiles."));
    EXPECT_FALSE(says(held, "**failed**"));
    const Document failed = document(made_up(1, -1));
    EXPECT_TRUE(says(
        failed,
        "| blocks | **failed** (above 0: MeGe of lime and MeGe of shap; below 0: ReCo of lime and "
        "ReCo of shap)"));
    EXPECT_FALSE(says(failed, "**held**"));
    const Document open = document(made_up(1, 0));
    EXPECT_TRUE(says(open, "**undecided**"));
    EXPECT_TRUE(says(open, "not told from 0"));
}

TEST(Report, HasItsFiguresAndNamesThem) {
    const Document d = document(made_up(1, 1));
    std::vector<std::string> files;
    for (const Figure& figure : d.figures) {
        files.push_back(figure.file);
        EXPECT_TRUE(says(d, "(figures/" + figure.file + ")"));
        ASSERT_GT(figure.bytes.size(), 100U);
        EXPECT_EQ(figure.bytes[1], std::byte{'P'});
    }
    EXPECT_EQ(files,
              (std::vector<std::string>{"matrix-lime.png", "matrix-shap.png", "accuracy-reco.png",
                                        "examples-blocks.png", "examples-tiles.png"}));
}

TEST(Report, IsTheSameTwiceOnAnyNumberOfThreads) {
    const Study study = made_up(1, 1);
    const Document one = report(study, {}, options, {.threads = 1}),
                   four = report(study, {}, options, {.threads = 4});
    EXPECT_EQ(one.markdown, four.markdown);
    for (size_t i = 0; i < one.figures.size(); ++i)
        EXPECT_EQ(one.figures[i].bytes, four.figures[i].bytes);
}

TEST(Report, SaysWhatTheDataLackAndHowManyPiecesThereAre) {
    const Document d = document(made_up(1, 1));
    EXPECT_TRUE(says(d, "the files hold half of everything"));
    EXPECT_TRUE(says(d, "| blocks | `grid:rows=1,columns=2` | 36 | 5 | 1.5 | 1 | 2 |"));
}

TEST(Report, LeavesOutWhatIsNotWholeAndSaysSo) {
    Study study = made_up(1, 1);
    EXPECT_FALSE(says(document(study), "not finished"));
    study.results.pop_back();
    EXPECT_TRUE(says(document(study), "**The ledger is not finished**: 191 of 192 rows"));
    study.results.resize(3);
    EXPECT_NE(
        message_of(ErrorKind::input, [&] { (void)document(study); }).find("no whole iteration"),
        std::string::npos);
}

TEST(Report, SetsOtherLedgersBesideAndComparesKindsOfNetworks) {
    Study other = made_up(1, 1, 6);
    other.spec.title = "Another kind";
    other.spec.architectures[0].name = "conv";
    for (ResultRow& row : other.results) {
        row.architecture = "conv";
        row.accuracy += 0.2;
        for (Consistency& c : row.measures.consistency) c.reco = *c.reco - 0.1;
    }
    const Document d = document(made_up(1, 1), {other});
    EXPECT_TRUE(says(d, "## Another kind"));
    EXPECT_TRUE(says(d, "too short to lean on"));
    EXPECT_TRUE(says(d, "conv less small | 50 % / 50 % | +0.2"));
    EXPECT_TRUE(says(d, "In 0 of 4 comparisons accuracy and ReCo go the same way"));
    EXPECT_FALSE(says(document(made_up(1, 1)), "conv"));
    EXPECT_TRUE(says(document(made_up(1, 1)), "hold no data set on which two kinds"));
}

TEST(Rows, ReadBackWhatWasWritten) {
    const Study study = made_up(1, 1);
    std::vector<std::string> rows{to_json(study.data[0]), to_json(study.results[0], study.spec),
                                  to_json(study.examples[0])};
    const Study back = read_study(header(study.spec, {"x"}), rows);
    EXPECT_EQ(to_json(back.data[0]), rows[0]);
    EXPECT_EQ(to_json(back.results[0], back.spec), rows[1]);
    EXPECT_EQ(to_json(back.examples[0]), rows[2]);
    for (const char* wrong : {"{}", "[]", R"({"row":"other"})", R"({"row":"result"})", "x"})
        EXPECT_THROW((void)read_study(header(study.spec, {}), {wrong}), Error) << wrong;
    EXPECT_THROW((void)read_study(R"({"whence-experiment":2})", {}), Error);
}

}  // namespace
}  // namespace whence::experiment
