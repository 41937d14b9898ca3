#include "whence/experiment/study.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>

#include "experiment/small_study.h"
#include "message_of.h"
#include "whence/core/rng.h"
#include "whence/experiment/ledger.h"
#include "whence/experiment/rows.h"

namespace whence::experiment {
namespace {

using testing::Folder;
using testing::text_of;

class StudyTest : public ::testing::Test {
  protected:
    void SetUp() override { testing::write_set(folder_ / "blocks"); }

    Outcome go(const std::string& ledger, int threads = 2, const whence::Run& more = {}) const {
        whence::Run run = more;
        run.threads = threads;
        return run_study(spec_, folder_.path(), folder_ / ledger, run);
    }
    [[nodiscard]] std::string text(const std::string& ledger) const {
        return text_of(folder_ / ledger);
    }
    void write(const std::string& ledger, const std::string& text) const {
        std::ofstream(folder_ / ledger, std::ios::binary) << text;
    }

    Folder folder_;
    Spec spec_ = read_spec(testing::small_spec, "small");
};

TEST_F(StudyTest, IsTheSameBytesOnAnyNumberOfThreads) {
    EXPECT_EQ(go("one", 1).units, 12);
    go("two", 2);
    go("eight", 8);
    EXPECT_EQ(text("two"), text("one"));
    EXPECT_EQ(text("eight"), text("one"));
    // Negative control: the seed matters.
    spec_.seed = 4;
    go("other", 2);
    EXPECT_NE(text("other"), text("one"));
}

TEST_F(StudyTest, HasEveryRowOnceAndReadsBack) {
    go("l");
    const Book book = read_book(folder_ / "l");
    const Study study = read_study(book.header, book.rows);
    EXPECT_EQ(study.fingerprint, fingerprint(spec_));
    ASSERT_EQ(study.data.size(), 2U);
    EXPECT_EQ(study.data[0].train, 90);
    EXPECT_EQ(study.data[1].test, 30);
    EXPECT_EQ(study.data[0].surveys.size(), 3U) << "both quickshifts and the grid";
    std::set<std::string> seen;
    for (const ResultRow& row : study.results) {
        seen.insert(row.data_set + row.method + std::to_string(row.iteration) + "." +
                    std::to_string(row.fold) + "." + std::to_string(row.epoch));
        EXPECT_GE(row.accuracy, 0);
        EXPECT_LE(row.accuracy, 1);
        EXPECT_EQ(row.measures.consistency.size(), 2U);
        if (row.method == "shap") {
            EXPECT_LT(row.measures.largest_absolute_error, 1e-9);
        }
        EXPECT_EQ(row.measures.most_pieces, row.method == "pixels"     ? 64
                                            : row.data_set == "blocks" ? 16
                                                                       : 4);
    }
    EXPECT_EQ(study.results.size(), 2U * 3 * 2 * 2 * 3);
    EXPECT_EQ(seen.size(), study.results.size());
    EXPECT_EQ(study.examples.size(), 2U * 3 * 3);
    EXPECT_EQ(study.examples[0].pixels.size(), 64U);
    // Networks learn from one epoch to the next.
    const size_t methods = spec_.methods.size();
    for (size_t i = methods; i < study.results.size(); i += 2 * methods)
        EXPECT_LT(study.results[i].loss, study.results[i - methods].loss);
}

TEST_F(StudyTest, CutAnywhereItContinuesToTheSameBytes) {
    go("whole");
    const std::string all = text("whole");
    Rng rng(8, 1, 1);
    for (int i = 0; i < 12; ++i) {
        write("cut", all.substr(0, rng.below(all.size() + 1)));
        const Outcome outcome = go("cut", 1 + i % 3);
        ASSERT_EQ(text("cut"), all) << i;
        EXPECT_LE(outcome.found, outcome.units);
    }
    EXPECT_EQ(go("cut").found, 12) << "nothing is left to do";
    EXPECT_EQ(text("cut"), all);
}

TEST_F(StudyTest, StoppedItKeepsWhatIsDoneAndContinues) {
    go("whole");
    for (const int64_t after : {1, 4}) {
        std::stop_source stop;
        whence::Run run{.stop = stop.get_token()};
        run.progress = [&](std::string_view, int64_t done, int64_t) {
            if (done >= after) stop.request_stop();
        };
        EXPECT_EQ(message_of(ErrorKind::interrupted, [&] { go("stopped", 2, run); }).empty(),
                  false);
        const Book book = read_book(folder_ / "stopped");
        EXPECT_FALSE(book.torn);
        EXPECT_GE(std::ssize(read_study(book.header, book.rows).results), after * 6);
    }
    EXPECT_GE(go("stopped").found, 4);
    EXPECT_EQ(text("stopped"), text("whole"));
}

TEST_F(StudyTest, RowsOfAnotherMakeAreNotContinued) {
    go("l");
    const Book book = read_book(folder_ / "l");
    // A training cut short whose first row says something else, with a right checksum.
    std::string text = line_of(book.header) + line_of(book.rows[0]) + line_of(book.rows[1]);
    auto row = nlohmann::ordered_json::parse(book.rows[2]);
    row["accuracy"] = 0.123;
    text += line_of(row.dump());
    write("l", text);
    EXPECT_NE(message_of(ErrorKind::input, [&] { go("l"); })
                  .find("row 4 of the ledger is not what comes out here"),
              std::string::npos);
    EXPECT_EQ(this->text("l"), text);
}

TEST_F(StudyTest, OtherDataOrAnotherSpecAreRefused) {
    go("l");
    const std::string before = text("l");
    const auto another = [&] {
        EXPECT_NE(message_of(ErrorKind::usage, [&] { go("l"); }).find("belongs to another study"),
                  std::string::npos);
        EXPECT_EQ(text("l"), before);
    };
    spec_.epochs = 3;
    another();
    spec_ = read_spec(testing::small_spec, "small");
    testing::write_set(folder_ / "blocks", 90, 36, 2);
    another();
}

TEST_F(StudyTest, WhatDoesNotFitTheDataIsSaidBeforeAnythingRuns) {
    spec_.data_sets[1].test = 100;
    EXPECT_EQ(message_of(ErrorKind::input, [&] { go("l"); }),
              "tiles: 100 test pictures are wanted and there are 36");
    spec_ = read_spec(testing::small_spec, "small");
    spec_.data_sets[0].folder = "nowhere";
    EXPECT_THROW(go("l"), Error);
    spec_ = read_spec(testing::small_spec, "small");
    spec_.objects = 4;
    EXPECT_NE(message_of(ErrorKind::input, [&] { go("l"); }).find("a class needs two"),
              std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "l"));
}

TEST_F(StudyTest, MethodsSeeTheSameObjectsInAllArchitectures) {
    spec_.architectures.push_back({.name = "conv", .kind = training::Architecture::cnn});
    spec_.iterations = 1;
    go("l");
    const Book book = read_book(folder_ / "l");
    const Study study = read_study(book.header, book.rows);
    std::map<std::string, std::vector<int64_t>> numbers;
    for (const ExampleRow& row : study.examples)
        if (row.data_set == "blocks" && row.method == "lime")
            numbers[row.architecture].push_back(row.number);
    ASSERT_EQ(numbers.size(), 2U);
    EXPECT_EQ(numbers["small"], numbers["conv"]);
}

}  // namespace
}  // namespace whence::experiment
