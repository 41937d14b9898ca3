#include "whence/counterfactual/constraints.h"
#include <cmath>

#include "models.h"
#include "whence/counterfactual/features.h"
#include "whence/counterfactual/wanted.h"

namespace whence {
namespace {

using namespace testing;

Schema people() {
    Schema schema = numbers(4);
    schema[0].name = "age";
    schema[1].name = "income, yearly";
    schema[2] = {.name = "job", .categories = {"clerk", "cook", "smith"}};
    schema[3].name = "a=b";
    return schema;
}

TEST(ParseConstraints, ListsAndRanges) {
    const Constraints c = Constraints::parse("job, income, yearly", "age", "",
                                             "age=18:65,job=clerk|cook,a=b=:3", people());
    EXPECT_EQ(c.fixed, (std::vector<std::string>{"job", "income, yearly"}));
    EXPECT_EQ(c.increasing, std::vector<std::string>{"age"});
    EXPECT_TRUE(c.decreasing.empty());
    ASSERT_EQ(c.ranges.size(), 3U);
    EXPECT_EQ(c.ranges[0].low, 18);
    EXPECT_EQ(c.ranges[0].high, 65);
    EXPECT_EQ(c.ranges[1].categories, (std::vector<std::string>{"clerk", "cook"}));
    EXPECT_EQ(c.ranges[2].feature, "a=b");
    EXPECT_TRUE(std::isinf(c.ranges[2].low));
    EXPECT_EQ(c.ranges[2].high, 3);
}

TEST(ParseConstraints, WhatIsNone) {
    const auto refused = [](const char* fixed, const char* ranges) {
        return message_of(ErrorKind::usage, [&] {
            static_cast<void>(Constraints::parse(fixed, "", "", ranges, people()));
        });
    };
    EXPECT_NE(refused("ages", "").find("no column 'ages'"), std::string::npos);
    EXPECT_NE(refused("", "size=1:2").find("no column 'size'"), std::string::npos);
    EXPECT_NE(refused("", "age=x:2").find("is no range"), std::string::npos);
    EXPECT_NE(refused("", "age=3:2").find("is empty"), std::string::npos);
    EXPECT_NE(refused("", "age").find("no column"), std::string::npos);
}

TEST(OneHot, IsFoundWhereEachRowHasExactlyOne) {
    Schema schema = numbers(7);
    const char* names[] = {"port_c", "port_q", "port_s", "flag_a", "flag_b", "size", "n_x"};
    for (size_t c = 0; c < schema.size(); ++c) schema[c].name = names[c];
    const Tensor data = table(7, {1, 0, 0, 1, 1, 3, 1,  //
                                  0, 0, 1, 0, 1, 4, 1});
    const auto blocks = find_one_hot(schema, data);
    ASSERT_EQ(blocks.size(), 1U);  // flag_a and flag_b are both 1 in the first row
    EXPECT_EQ(blocks[0], (std::vector<std::string>{"port_c", "port_q", "port_s"}));
    EXPECT_EQ(parse_one_hot("port_c+port_q+port_s", schema), blocks);
    EXPECT_NE(
        message_of(ErrorKind::usage, [&] { static_cast<void>(parse_one_hot("port_c", schema)); })
            .find("at least two"),
        std::string::npos);
    EXPECT_NE(
        message_of(ErrorKind::usage, [&] { static_cast<void>(parse_one_hot("port_c+x", schema)); })
            .find("no column 'x'"),
        std::string::npos);
}

TEST(ParseWanted, ClassesAndRanges) {
    const std::vector<std::string> classes = {"benign", "malignant", "2..3"};
    EXPECT_FALSE(Wanted::parse("other", classes).index);
    EXPECT_FALSE(Wanted::parse("", classes).range);
    EXPECT_EQ(Wanted::parse("malignant", classes).index, 1);
    EXPECT_EQ(Wanted::parse("0", classes).index, 0);
    EXPECT_EQ(Wanted::parse("2..3", classes).index, 2);  // a class by its name comes first
    EXPECT_EQ(Wanted::parse("2..3", {}).range->high, 3);
    EXPECT_EQ(Wanted::parse(">=3.5", {}).range->low, 3.5);
    EXPECT_EQ(Wanted::parse("<= -2", {}).range->high, -2);
    for (const char* wrong : {"bening", ">=x", "3..2", "..", "-1", ">= nan"})
        EXPECT_NE(
            message_of(ErrorKind::usage, [&] { static_cast<void>(Wanted::parse(wrong, classes)); })
                .find("no answer to want"),
            std::string::npos);
}

TEST(Judge, OneProbabilityIsTwoClasses) {
    for (const Scale scale : {Scale::probability, Scale::logit, Scale::log_probability}) {
        const auto outputs = [&](double p) {
            const double shown = scale == Scale::probability ? p
                                 : scale == Scale::logit     ? std::log(p / (1 - p))
                                                             : std::log(p);
            Batch batch;
            batch.add("y", Tensor::of<double>({1, 1}, std::vector<double>{shown}));
            return batch;
        };
        const ResolvedTarget target{.output = "y",
                                    .index = 0,
                                    .minus = {},
                                    .scale = Scale::raw,
                                    .output_scale = scale,
                                    .classes = 1};
        const Judge judge(target, {}, outputs(0.2));
        EXPECT_EQ(judge.original().answer, 0);
        EXPECT_FALSE(judge.original().valid);
        EXPECT_TRUE(judge.judge(outputs(0.7))[0].valid);
        EXPECT_GT(judge.judge(outputs(0.7))[0].margin, 0);
        EXPECT_LT(judge.judge(outputs(0.4))[0].margin, 0);
        EXPECT_EQ(judge.describe({}), "any class but class 0");
    }
}

TEST(Judge, ATieIsDecidedAsTheTopClassIs) {
    Batch tie;
    tie.add("y", Tensor::of<double>({1, 2}, std::vector<double>{0.5, 0.5}));
    const ResolvedTarget target{.output = "y",
                                .index = 0,
                                .minus = {},
                                .scale = Scale::raw,
                                .output_scale = Scale::probability,
                                .classes = 2};
    EXPECT_FALSE(Judge(target, {}, tie).judge(tie)[0].valid);
    Wanted first;
    first.index = 0;
    EXPECT_TRUE(Judge(target, first, tie).judge(tie)[0].valid);
}

// With and without missing values, with limits that cut some of the data, all of it, or none.
TEST(Limits, DistancesAreThoseToTheNearestAllowedValues) {
    Schema schema = people();
    schema[1].allows_missing = true;
    const Tensor data = table(4, {20, 100, 0, 1, 35, NAN, 1, 2, 70, 300, 2, -4, 41, 50, 1, 9});
    const counterfactual::Features features(schema, data, {});
    for (const Constraints& constraints :
         {Constraints{}, Constraints::parse("", "", "", "age=30:50", schema),
          Constraints::parse("job", "age", "a=b", "", schema),
          Constraints::parse("", "", "", "job=clerk|cook,age=0:100", schema)}) {
        const counterfactual::Limits limits(features, constraints, features.example(3));
        const std::vector<double> fast = limits.distances({});
        for (int64_t row = 0; row < 4; ++row) {
            counterfactual::State moved = features.example(row);
            for (size_t f = 0; f < moved.size(); ++f) moved[f] = limits.nearest(f, moved[f]);
            EXPECT_NEAR(fast[row], features.distance(features.example(3), moved), 1e-12) << row;
        }
    }
}

}  // namespace
}  // namespace whence
