// What is kept of a background: made once, and again for another one.

#include <gtest/gtest.h>

#include "recipe/support.h"
#include "whence/recipe/kept.h"

namespace whence::recipe {
namespace {

using namespace test;

TEST(Kept, MakesEachThingOnceAndForgetsTheOldest) {
    Kept kept;
    int made = 0;
    const auto get = [&](const std::string& key) {
        return *kept.get<int>(key, [&] { return std::make_shared<const int>(++made); });
    };
    EXPECT_EQ(get("a"), 1);
    EXPECT_EQ(get("b"), 2);
    EXPECT_EQ(get("a"), 1);
    for (int i = 0; i < 20; ++i) get(std::to_string(i));
    EXPECT_EQ(get("a"), 23);
}

// A copy of the subject has nothing kept when its background is replaced by an equal one.
TEST(Kept, ExplanationsFromWhatWasKeptAreTheSame) {
    for (const char* method : {"lime", "anchors", "counterfactuals", "nearest-unlike-neighbour"}) {
        SCOPED_TRACE(method);
        Subject fresh = table_subject();
        fresh.use_background(*table_subject().background());
        const auto values = [&](const Subject& subject) {
            const Explanation e = explain(subject, row(3), {.method = method}, {});
            std::vector<double> out = e.attribution.values.to_doubles();
            if (e.counterfactuals)
                for (const auto& one : e.counterfactuals->found) out.push_back(one.distance);
            if (e.rule) out.push_back(e.rule->precision);
            return out;
        };
        const std::vector<double> first = values(fresh);
        EXPECT_EQ(values(fresh), first);
        EXPECT_EQ(values(table_subject()), first);
    }
}

TEST(Kept, AnotherBackgroundIsReadAnew) {
    Subject subject = table_subject();
    const auto coverage = [&] {
        return explain(subject, row(3), {.method = "anchors"}, {}).rule->coverage;
    };
    const double of_all = coverage();
    data::Table few = *subject.background();
    for (auto& column : few.columns) column.resize(7);
    subject.use_background(few);
    EXPECT_EQ(subject.background_matrix()->rows(), 7);
    EXPECT_NE(coverage(), of_all);
}

}  // namespace
}  // namespace whence::recipe
