// Fairness: the worked example, slow twins, data with a known answer, COMPAS and adult.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "metrics/support.h"
#include "whence/core/rng.h"
#include "whence/data/csv.h"
#include "whence/metrics/fairness.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

using namespace test;
using testing::expect_within;
using Values = std::vector<std::vector<double>>;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Tensor table(const Values& rows) {
    std::vector<double> all;
    for (const std::vector<double>& row : rows) all.insert(all.end(), row.begin(), row.end());
    return Tensor::of<double>({std::ssize(rows), std::ssize(rows[0])}, all);
}

TEST(Fairness, WorkedExample) {
    const Values values = {{1, -2, 1}, {0, 3, 1}};
    const std::vector<int64_t> sex = {1}, with_proxy = {1, 2};
    EXPECT_EQ(attribution_share(values, sex), (std::vector<double>{0.5, 0.75}));
    EXPECT_EQ(attribution_share(values, with_proxy), (std::vector<double>{0.75, 1}));
    const testing::FormulaModel model({-1, 2}, ElementType::float64,
                                      [](std::span<const double> x) { return x[0] + x[1] - 1.5; });
    const FlipTest test = flip_test(model, {.output = "y", .output_scale = Scale::logit},
                                    Batch({{"x", table({{1, 1}, {0, 1}, {0, 0}})}}), 1, plain_run);
    EXPECT_EQ(test.tried, (std::vector<double>{0, 1}));
    EXPECT_EQ(test.flipped, (std::vector<double>{1, 0, 0}));
    EXPECT_EQ(test.change, (std::vector<double>{-1, -1, 1}));
    EXPECT_EQ(test.evaluations, 6);
    // Of the 6 ways to share 1, 2, 3, 4 out two have a gap of 2.
    const std::vector<double> quality = {1, 2, 3, 4};
    const std::vector<int64_t> groups = {0, 0, 1, 1};
    const GroupGap gap = gap_between_groups(quality, groups, plain_run, 20000);
    EXPECT_DOUBLE_EQ(gap.gap, 2);
    EXPECT_EQ(gap.higher, 1);
    EXPECT_EQ(gap.lower, 0);
    EXPECT_NEAR(gap.p_value, 1.0 / 3, 0.015);  // 4 standard errors of 20000 draws
}

TEST(Fairness, AssociationOfEachKindOfPair) {
    const Schema schema = {{.name = "n"},
                           {.name = "m"},
                           {.name = "c", .categories = {"a", "b"}},
                           {.name = "d", .categories = {"a", "b", "c"}}};
    // m falls as n grows; c tells n exactly; d tells c.
    const Tensor rows = table({{1, 8, 0, 0}, {1, 8, 0, 1}, {2, 1, 1, 2}, {2, 1, 1, 2}});
    EXPECT_NEAR(association(rows, schema, 0, 1), 1, 1e-12);
    EXPECT_NEAR(association(rows, schema, 0, 2), 1, 1e-12);
    EXPECT_NEAR(association(rows, schema, 2, 0), 1, 1e-12);
    EXPECT_NEAR(association(rows, schema, 2, 3), 1, 1e-12);
    // Numbers 0, 1, 2, 3 in categories 0, 0, 1, 1: between 4, total 5.
    const Tensor numbers = table({{0, 0, 0, 0}, {1, 0, 0, 1}, {2, 0, 1, 0}, {3, 0, 1, 1}});
    EXPECT_NEAR(association(numbers, schema, 0, 2), std::sqrt(0.8), 1e-12);
    EXPECT_EQ(association(numbers, schema, 0, 1), 0);           // a constant
    EXPECT_NEAR(association(numbers, schema, 2, 3), 0, 1e-12);  // independent
    // 2 x 2 counts 3, 1, 1, 3: chi^2 = 2 of 8.
    const Tensor crossed = table({{0, 0, 0, 0},
                                  {0, 0, 0, 0},
                                  {0, 0, 0, 0},
                                  {0, 0, 0, 1},
                                  {0, 0, 1, 0},
                                  {0, 0, 1, 1},
                                  {0, 0, 1, 1},
                                  {0, 0, 1, 1}});
    EXPECT_NEAR(association(crossed, schema, 2, 3), 0.5, 1e-12);
    // A missing value is left out.
    EXPECT_NEAR(
        association(table({{1, 8, 0, 0}, {not_a_number, 9, 1, 1}, {2, 1, 1, 2}}), schema, 0, 1), 1,
        1e-12);
}

TEST(Fairness, ProxiesAreFoundAndOthersAreNot) {
    Rng rng(1, 1, 1);
    Values rows;
    for (int64_t i = 0; i < 500; ++i) {
        const double sex = rng.uniform() < 0.5 ? 0 : 1;
        rows.push_back({sex, sex + 0.3 * rng.normal(), rng.normal(), sex + 1.0 * rng.normal()});
    }
    const Schema schema = {{.name = "sex", .categories = {"f", "m"}},
                           {.name = "height"},
                           {.name = "luck"},
                           {.name = "income"}};
    const std::vector<int64_t> sex = {0};
    const std::vector<Proxy> found = find_proxies(table(rows), schema, sex);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].column, 1);
    EXPECT_EQ(found[1].column, 3);
    EXPECT_GT(found[0].association, 0.8);
    EXPECT_EQ(find_proxies(table(rows), schema, sex, 0.7).size(), 1U);
}

// The slow twin: one row at a time.
TEST(Fairness, FlipsEqualOneByOne) {
    const auto formula = [](std::span<const double> x) {
        return std::sin(3 * x[0]) + x[1] * x[2] - 0.2;
    };
    const testing::FormulaModel model({-1, 3}, ElementType::float64, formula, 7);
    Rng rng(2, 1, 1);
    Values rows;
    for (int64_t i = 0; i < 40; ++i)
        rows.push_back({rng.normal(), static_cast<double>(rng.below(4)) - 1, rng.normal()});
    const FlipTest test = flip_test(model, {.output = "y", .output_scale = Scale::logit},
                                    Batch({{"x", table(rows)}}), 1, plain_run);
    ASSERT_EQ(test.tried, (std::vector<double>{-1, 0, 1, 2}));
    for (size_t i = 0; i < rows.size(); ++i) {
        double flips = 0, largest = 0;
        for (const double value : test.tried) {
            std::vector<double> other = rows[i];
            other[1] = value;
            const double change = formula(other) - formula(rows[i]);
            flips += (formula(other) > 0) != (formula(rows[i]) > 0);
            if (std::abs(change) > std::abs(largest)) largest = change;
        }
        EXPECT_DOUBLE_EQ(test.flipped[i], flips / 3);
        EXPECT_DOUBLE_EQ(test.change[i], largest);
    }
}

TEST(Fairness, ModelThatDoesNotReadTheColumnNeverFlips) {
    const testing::FormulaModel model({-1, 2}, ElementType::float64,
                                      [](std::span<const double> x) { return x[0]; });
    const FlipTest test =
        flip_test(model, {.output = "y", .output_scale = Scale::probability},
                  Batch({{"x", table({{0.2, 1}, {0.9, 2}, {0.4, 3}})}}), 1, plain_run);
    EXPECT_EQ(test.flipped, (std::vector<double>{0, 0, 0}));
    EXPECT_EQ(test.change, (std::vector<double>{0, 0, 0}));
}

// Under "no difference" p is uniform; with one it is small.
TEST(Fairness, PermutationTestHasItsLevel) {
    int64_t rejected = 0;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Rng rng(seed, 1, 1);
        std::vector<double> values;
        std::vector<int64_t> groups;
        for (int64_t i = 0; i < 30; ++i) {
            values.push_back(rng.normal());
            groups.push_back(i % 3);
        }
        rejected +=
            gap_between_groups(values, groups, whence::Run{.seed = seed}, 199).p_value <= 0.1;
    }
    EXPECT_GT(rejected, 6);  // 20 expected, deviation 4.2
    EXPECT_LT(rejected, 36);
    std::vector<double> values;
    std::vector<int64_t> groups;
    for (int64_t i = 0; i < 60; ++i) {
        groups.push_back(i % 2);
        values.push_back(Rng(1, 2, i).normal() + (i % 2 == 0 ? 0.0 : 2.0));
    }
    EXPECT_LT(gap_between_groups(values, groups, plain_run).p_value, 0.002);
}

TEST(Fairness, MeansHaveIntervals) {
    std::vector<double> values;
    std::vector<int64_t> groups;
    for (int64_t i = 0; i < 400; ++i) {
        values.push_back(Rng(3, 1, i).normal() + static_cast<double>(i % 2));
        groups.push_back(i % 2);
    }
    values.push_back(not_a_number);
    groups.push_back(0);
    const std::vector<GroupMean> means = means_by_group(values, groups, plain_run);
    ASSERT_EQ(means.size(), 2U);
    for (const GroupMean& m : means) {
        EXPECT_EQ(m.rows, 200);
        EXPECT_LT(m.low, m.mean);
        EXPECT_GT(m.high, m.mean);
        // +-1.96 / sqrt(200), and the bootstrap's own error.
        EXPECT_NEAR(m.high - m.low, 2 * 1.96 / std::sqrt(200.0), 0.06);
    }
}

TEST(Fairness, SameBitsWhateverTheThreads) {
    const std::vector<double> values = {1, 4, 2, 8, 5, 7, 3, 1};
    const std::vector<int64_t> groups = {0, 1, 0, 1, 0, 1, 2, 2};
    const auto all = [&](int threads) {
        const whence::Run run{.seed = 5, .threads = threads};
        std::vector<double> out = {gap_between_groups(values, groups, run).p_value};
        for (const GroupMean& m : means_by_group(values, groups, run)) {
            out.push_back(m.low);
            out.push_back(m.high);
        }
        return out;
    };
    EXPECT_EQ(all(1), all(2));
    EXPECT_EQ(all(1), all(8));
}

TEST(Fairness, Degenerate) {
    const std::vector<int64_t> first = {0};
    EXPECT_TRUE(std::isnan(attribution_share(Values{{0, 0}}, first)[0]));
    const std::vector<double> values = {1, 2, 3};
    const std::vector<int64_t> one_group = {0, 0, 0}, alone = {0, 0, 1};
    EXPECT_TRUE(std::isnan(gap_between_groups(values, one_group, plain_run).gap));
    EXPECT_TRUE(std::isnan(gap_between_groups(values, alone, plain_run).gap));
    const testing::FormulaModel model({-1, 1}, ElementType::float64,
                                      [](std::span<const double> x) { return x[0]; });
    const FlipTest constant = flip_test(model, {.output = "y", .output_scale = Scale::logit},
                                        Batch({{"x", table({{1}, {1}})}}), 0, plain_run);
    EXPECT_TRUE(std::isnan(constant.flipped[0]));
    EXPECT_EQ(constant.change[0], 0);
    // One raw score has no class.
    EXPECT_TRUE(std::isnan(
        flip_test(model, {.output = "y"}, Batch({{"x", table({{1}, {2}})}}), 0, plain_run)
            .flipped[0]));
}

TEST(Fairness, Refusals) {
    const std::vector<int64_t> seven = {7};
    const Schema schema = {{.name = "a"}, {.name = "b"}};
    expect_within(testing::error_of(ErrorKind::usage,
                                    [&] {
                                        return attribution_share(Values{{1, 2}}, seven).size();
                                    }),
                  "no column 7");
    expect_within(testing::error_of(ErrorKind::usage,
                                    [&] {
                                        return find_proxies(table({{1, 2}}), schema, seven).size();
                                    }),
                  "no column 7");
    expect_within(testing::error_of(ErrorKind::usage,
                                    [&] {
                                        return find_proxies(table({{1, 2}}), schema, {}, 0).size();
                                    }),
                  "(0, 1]");
    expect_within(testing::error_of(ErrorKind::input,
                                    [&] {
                                        return association(table({{1, 2, 3}}), schema, 0, 1);
                                    }),
                  "3 numbers for 2 columns");
    const testing::FormulaModel model({-1, 1}, ElementType::float64,
                                      [](std::span<const double> x) { return x[0]; });
    Values many;
    for (int i = 0; i < 65; ++i) many.push_back({static_cast<double>(i)});
    expect_within(testing::error_of(ErrorKind::input,
                                    [&] {
                                        return flip_test(model, {.output = "y"},
                                                         Batch({{"x", table(many)}}), 0, plain_run)
                                            .evaluations;
                                    }),
                  "65 different values");
    const std::vector<double> values = {1, 2};
    const std::vector<int64_t> groups = {0};
    expect_within(
        testing::error_of(ErrorKind::input,
                          [&] { return means_by_group(values, groups, plain_run).size(); }),
        "2 values for 1 groups");
}

// A table of the shared data, and a logistic regression of its label (gradient descent on
// standardised columns) explained by weight times distance from the mean.
struct Trained {
    Schema schema;
    Tensor rows;
    std::vector<double> weights, means, deviations;
    double bias = 0;

    [[nodiscard]] double score(std::span<const double> x) const {
        double sum = bias;
        for (size_t c = 0; c < weights.size(); ++c) sum += value(x, c);
        return sum;
    }
    [[nodiscard]] double value(std::span<const double> x, size_t c) const {
        return weights[c] * (std::isnan(x[c]) ? 0 : (x[c] - means[c]) / deviations[c]);
    }
    [[nodiscard]] Values explanations() const {
        Values all;
        for (int64_t row = 0; row < rows.rows(); ++row) {
            const auto x = rows.as<double>().subspan(row * rows.row_size(), rows.row_size());
            all.emplace_back();
            for (size_t c = 0; c < weights.size(); ++c) all.back().push_back(value(x, c));
        }
        return all;
    }
    [[nodiscard]] int64_t column(const std::string& name) const {
        for (size_t c = 0; c < schema.size(); ++c)
            if (schema[c].name == name) return static_cast<int64_t>(c);
        throw std::runtime_error("no column " + name);
    }
    [[nodiscard]] std::vector<int64_t> groups(int64_t column) const {
        std::vector<int64_t> out;
        for (int64_t row = 0; row < rows.rows(); ++row)
            out.push_back(static_cast<int64_t>(rows.as<double>()[row * rows.row_size() + column]));
        return out;
    }
};

Trained train(const data::Table& table, const std::vector<std::string>& columns,
              const std::string& label, int64_t most) {
    Trained out;
    std::vector<int64_t> from;
    int64_t label_column = -1;
    for (size_t c = 0; c < table.schema.size(); ++c)
        if (table.schema[c].name == label) label_column = static_cast<int64_t>(c);
    for (const std::string& name : columns)
        for (size_t c = 0; c < table.schema.size(); ++c)
            if (table.schema[c].name == name) {
                from.push_back(static_cast<int64_t>(c));
                out.schema.push_back(table.schema[c]);
            }
    const Tensor all = table.matrix();
    const int64_t n = std::min(most, all.rows()), width = std::ssize(from);
    out.rows = Tensor(ElementType::float64, {n, width});
    std::vector<double> y;
    for (int64_t row = 0; row < n; ++row) {
        y.push_back(all.as<double>()[row * all.row_size() + label_column]);
        for (int64_t c = 0; c < width; ++c)
            out.rows.as<double>()[row * width + c] =
                all.as<double>()[row * all.row_size() + from[c]];
    }
    out.means.assign(width, 0);
    out.deviations.assign(width, 1);
    out.weights.assign(width, 1);
    for (int64_t c = 0; c < width; ++c) {
        double sum = 0, squares = 0, there = 0;
        for (int64_t row = 0; row < n; ++row) {
            const double v = out.rows.as<double>()[row * width + c];
            if (std::isnan(v)) continue;
            sum += v;
            squares += v * v;
            ++there;
        }
        out.means[c] = sum / there;
        out.deviations[c] =
            std::sqrt(std::max(1e-12, squares / there - out.means[c] * out.means[c]));
    }
    const Values x = out.explanations();  // standardised, for weights of 1
    out.weights.assign(width, 0);
    for (int step = 0; step < 150; ++step) {
        std::vector<double> slope(width);
        double slope_of_bias = 0;
        for (int64_t row = 0; row < n; ++row) {
            double sum = out.bias;
            for (int64_t c = 0; c < width; ++c) sum += out.weights[c] * x[row][c];
            const double error = 1 / (1 + std::exp(-sum)) - y[row];
            for (int64_t c = 0; c < width; ++c) slope[c] += error * x[row][c];
            slope_of_bias += error;
        }
        for (int64_t c = 0; c < width; ++c) out.weights[c] -= slope[c] / static_cast<double>(n);
        out.bias -= slope_of_bias / static_cast<double>(n);
    }
    return out;
}

double mean_of(const std::vector<double>& values) {
    return mean(values);
}

TEST(Fairness, Compas) {
    const std::string path = WHENCE_SHARED_DIR "/data/tabular/compas_two_years.csv";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
    const Trained with =
        train(data::read_csv(path), {"sex", "age", "race", "juv_fel_count", "priors_count"},
              "two_year_recid", 3000);
    const std::vector<int64_t> race = {with.column("race")};
    const std::vector<double> shares = attribution_share(with.explanations(), race);
    const double share = mean_of(shares);
    EXPECT_GT(share, 0.005);
    EXPECT_LT(share, 0.5);
    const std::vector<GroupMean> means = means_by_group(shares, with.groups(race[0]), plain_run);
    EXPECT_EQ(means.size(), with.schema[race[0]].categories.size());
    const testing::FormulaModel model({-1, 5}, ElementType::float64,
                                      [&](std::span<const double> x) { return with.score(x); });
    const ResolvedTarget target{.output = "y", .output_scale = Scale::logit};
    const FlipTest flips = flip_test(model, target, Batch({{"x", with.rows}}), race[0], plain_run);
    EXPECT_GT(mean_of(flips.flipped), 0.001);
    EXPECT_LT(mean_of(flips.flipped), 0.5);

    // A model that never saw race neither flips nor gives it a share; priors are still its proxy.
    const Trained without =
        train(data::read_csv(path), {"sex", "age", "juv_fel_count", "priors_count"},
              "two_year_recid", 3000);
    const testing::FormulaModel blind({-1, 5}, ElementType::float64,
                                      [&](std::span<const double> x) {
                                          const std::vector<double> seen = {x[0], x[1], x[3], x[4]};
                                          return without.score(seen);
                                      });
    for (const double f :
         flip_test(blind, target, Batch({{"x", with.rows}}), race[0], plain_run).flipped)
        EXPECT_EQ(f, 0);
    // Not constant: race and priors go together, if weakly.
    EXPECT_GT(association(with.rows, with.schema, with.column("priors_count"), race[0]), 0.1);
}

// Of values 1, 2 and 3, 4 the resampled means are 1, 1.5, 2 and 3, 3.5, 4: each end of the difference, 1 and 3, has
// one chance in 16.
TEST(Fairness, IntervalOfAGap) {
    const std::vector<double> values = {1, 2, 3, 4};
    const std::vector<int64_t> groups = {0, 0, 1, 1};
    const GroupGap gap = gap_between_groups(values, groups, plain_run);
    EXPECT_EQ(gap.gap, 2);
    EXPECT_EQ(gap.low, 1);
    EXPECT_EQ(gap.high, 3);
    const std::vector<double> same = {7, 7, 5, 5};
    const GroupGap fixed = gap_between_groups(same, groups, plain_run);
    EXPECT_EQ(fixed.low, 2);
    EXPECT_EQ(fixed.high, 2);
    EXPECT_EQ(fixed.higher, 0);
    const std::vector<int64_t> one = {0, 0, 0, 0};
    EXPECT_TRUE(std::isnan(gap_between_groups(values, one, plain_run).low));
    whence::Run two = plain_run;
    two.threads = 2;
    EXPECT_EQ(gap_between_groups(values, groups, two, 300, 300).p_value, gap_between_groups(values, groups, plain_run, 300, 300).p_value);
}

TEST(Fairness, Adult) {
    const std::string path = WHENCE_SHARED_DIR "/data/tabular/adult_train.csv";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
    // It has no header, and a space after each comma.
    std::ifstream file(path);
    std::stringstream content;
    content
        << "age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,"
           "race,sex,capital_gain,capital_loss,hours,country,income\n"
        << file.rdbuf();
    std::string text = content.str();
    std::erase(text, ' ');
    const data::Table table = data::parse_csv(text, "adult");
    const Trained model =
        train(table, {"age", "education_num", "relationship", "sex", "capital_gain", "hours"},
              "income", 3000);
    const std::vector<int64_t> sex = {model.column("sex")};
    // Husband and Wife say the sex: relationship is its strongest proxy, age none.
    const std::vector<Proxy> proxies = find_proxies(model.rows, model.schema, sex);
    ASSERT_FALSE(proxies.empty());
    EXPECT_EQ(proxies[0].column, model.column("relationship"));
    EXPECT_GT(proxies[0].association, 0.6);
    for (const Proxy& proxy : proxies) EXPECT_NE(proxy.column, model.column("age"));
    std::vector<int64_t> with_proxies = sex;
    for (const Proxy& proxy : proxies) with_proxies.push_back(proxy.column);
    const Values values = model.explanations();
    EXPECT_GT(mean_of(attribution_share(values, with_proxies)),
              mean_of(attribution_share(values, sex)) + 0.02);
}

}  // namespace
}  // namespace whence::metrics
