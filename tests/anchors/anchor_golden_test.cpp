// Against the anchor package on two tables: anchors.npz, made by make_anchor_golden.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "anchors/support.h"
#include "whence/anchors/anchors.h"
#include "whence/anchors/judge.h"
#include "whence/core/file.h"
#include "whence/data/csv.h"
#include "whence/data/npy.h"

namespace whence::anchors {
namespace {

const Tensor& golden(const std::string& name) {
    static const std::vector<NamedTensor> all =
        data::read_npz(WHENCE_SOURCE_DIR "/tests/anchors/anchors.npz");
    for (const NamedTensor& tensor : all)
        if (tensor.name == name) return tensor.value;
    throw std::runtime_error("anchors.npz has no " + name);
}
std::vector<double> values(const std::string& name) {
    return golden(name).to_doubles();
}

// A table without its last column, the labels.
struct Rows {
    Schema schema;
    Tensor rows;
};
Rows without_labels(const data::Table& table) {
    const Schema schema(table.schema.begin(), table.schema.end() - 1);
    std::vector<std::string> names;
    for (const Feature& feature : schema) names.push_back(feature.name);
    return {schema, table.matrix(names)};
}

// The logistic regression of the script.
testing::ClassModel::Says model_of(const std::string& name, const Schema& schema) {
    const std::vector<double> weights = values(name + "/model"), mean = values(name + "/mean"),
                              scale = values(name + "/scale");
    return [=](std::span<const double> row) {
        double score = weights[0];
        size_t at = 1, number = 0;
        for (size_t c = 0; c < row.size(); ++c)
            if (!schema[c].categorical()) {
                score += weights[at++] * (row[c] - mean[number]) / scale[number];
                ++number;
            }
        for (size_t c = 0; c < row.size(); ++c)
            if (schema[c].categorical()) {
                score += weights[at + static_cast<size_t>(row[c])];
                at += schema[c].categories.size();
            }
        return score > 0;
    };
}

// The predicates of the package's anchor among ours; those that hold for every row we leave out.
Anchor ours(const TabularSampler& sampler, const BackgroundTable& table, const Tensor& conditions) {
    Anchor anchor;
    const std::span<const double> cells = conditions.as<double>();
    for (int64_t i = 0; i < conditions.rows(); ++i) {
        const auto column = static_cast<int64_t>(cells[3 * i]);
        const auto kind = static_cast<int>(cells[3 * i + 1]);  // equal, at most, above
        const double edge = cells[3 * i + 2];
        int32_t found = -1;
        for (int32_t p = 0; p < sampler.predicates(); ++p) {
            const Condition mine = sampler.merged(Anchor{p})[0];
            const double own = kind == 0 ? mine.value : kind == 1 ? mine.high : mine.low;
            if (mine.column == column && mine.exact == (kind == 0) && own == edge) found = p;
        }
        const Condition theirs = kind == 0
                                     ? Condition{.column = column, .exact = true, .value = edge}
                                 : kind == 1 ? Condition{.column = column, .high = edge}
                                             : Condition{.column = column, .low = edge};
        bool always = true;
        for (int64_t r = 0; r < table.rows(); ++r) always &= theirs.holds(table.row(r)[column]);
        EXPECT_EQ(found >= 0, !always) << "column " << column << ", edge " << edge;
        if (found >= 0) anchor.push_back(found);
    }
    std::ranges::sort(anchor);
    return anchor;
}

constexpr int64_t samples = 40000;

double precision(const TabularSampler& sampler, Judge& judge, const Anchor& anchor) {
    std::vector<Draw> draws;
    int64_t hits = 0;
    for (const uint8_t same : judge.same(samples, [&](int64_t first, Batch&rows) {
             draws.clear();
             for (int64_t r = 0; r < rows.rows(); ++r) draws.push_back({anchor, first + r});
             sampler.draw(draws, rows, whence::Run{});
         }))
        hits += same;
    return static_cast<double>(hits) / samples;
}

// Same predicates, same coverage, and the same precision up to the error of both samples; and our
// own rule is as precise as it says, which the package's often is not.
void compare(const std::string& name, const Rows& data) {
    const BackgroundTable table(data.schema, data.rows, Discretizer::quartile, {});
    const auto columns = static_cast<int64_t>(data.schema.size());
    const testing::ClassModel model({-1, columns}, model_of(name, data.schema));
    int found = 0;
    for (const double number : values(name + "/rows")) {
        const auto row = static_cast<int64_t>(number);
        const std::vector<double> input(table.row(row).begin(), table.row(row).end());
        const Batch batch = testing::row_of(input);
        const whence::Run run{.seed = 1};
        const TabularSampler sampler(table, input, table.rows(), 1);
        Judge judge(model, Target{}, batch, 0, run);
        for (int i = 0; i < 4; ++i) {
            const std::string key = name + "/" + std::to_string(row) + "/" + std::to_string(i);
            SCOPED_TRACE(key);
            const Anchor anchor = ours(sampler, table, golden(key + "/conditions"));
            EXPECT_NEAR(sampler.coverage(anchor), values(key + "/coverage")[0], 1e-12);
            const double theirs = values(key + "/precision")[0];
            const double error = std::sqrt(2 * theirs * (1 - theirs) / samples);
            EXPECT_NEAR(precision(sampler, judge, anchor), theirs, 4.5 * error + 1e-4);
        }
        const Explanation e = explain(model, sampler, batch, Target{}, {}, run);
        found += *e.diagnostics.converged;
        EXPECT_GE(e.rule->precision_high, 0.9) << name << " " << row;
    }
    EXPECT_GE(found, 4);  // for one row of adult no rule short of the row itself is precise enough
}

TEST(AnchorGolden, BreastCancer) {
    compare(
        "breast_cancer",
        without_labels(data::read_csv(WHENCE_SOURCE_DIR "/examples/data/breast_cancer_train.csv")));
}

TEST(AnchorGolden, Adult) {
    const std::filesystem::path path = WHENCE_SHARED_DIR "/data/tabular/adult_train.csv";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no table " << path;
    std::string text;  // the file has no header; rows with missing cells are left out
    for (int c = 0; c < 14; ++c) text.append("c").append(std::to_string(c)).append(",");
    text += "income\n";
    std::istringstream lines(read_text(path));
    for (std::string line; std::getline(lines, line);)
        if (line.find('?') == std::string::npos) text.append(line).append("\n");
    compare("adult", without_labels(data::parse_csv(text, "adult")));
}

}  // namespace
}  // namespace whence::anchors
