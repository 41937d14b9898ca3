#include <gtest/gtest.h>

#include <set>

#include "anchors/support.h"
#include "whence/anchors/arms.h"
#include "whence/core/error.h"

namespace whence::anchors {
namespace {

using testing::ClassModel;
using testing::row_of;

// Notes every row that is asked for; can lie about what is kept.
class Watched : public Sampler {
  public:
    Watched(const Sampler& inner, bool lies) : inner_(inner), lies_(lies) {}
    [[nodiscard]] int64_t predicates() const override { return inner_.predicates(); }
    [[nodiscard]] bool implied(std::span<const int32_t> a, int32_t p) const override {
        return inner_.implied(a, p);
    }
    void draw(std::span<const Draw> draws, Batch& rows, const Run& run) const override {
        for (const Draw& d : draws)
            asked.emplace_back(Anchor(d.anchor.begin(), d.anchor.end()), d.index);
        inner_.draw(draws, rows, run);
    }
    [[nodiscard]] uint64_t kept(std::span<const int32_t> a, int32_t p, int64_t w) const override {
        return lies_ ? ~uint64_t{0} : inner_.kept(a, p, w);
    }
    [[nodiscard]] double coverage(std::span<const int32_t> a) const override {
        return inner_.coverage(a);
    }
    [[nodiscard]] std::vector<Rule::Condition> conditions(
        std::span<const int32_t> a) const override {
        return inner_.conditions(a);
    }
    mutable std::vector<std::pair<Anchor, int64_t>> asked;

  private:
    const Sampler& inner_;
    bool lies_;
};

struct Setting {
    Tensor rows = testing::uniform_table(300, 4, 7);
    BackgroundTable table{testing::numbers(4), rows, Discretizer::quartile, {}};
    std::vector<double> row = {0.9, 0.1, 0.6, 0.4};
    TabularSampler sampler{table, row, 1000, 11};
    ClassModel model{{-1, 4}, [](auto v) { return v[0] + v[2] > 0.9 + 0.4 * v[1]; }};
    Batch input = row_of(row);
    Run run{.seed = 11, .threads = 1};
};

// The slow twin: each sample of each arm is drawn and asked for by itself.
int64_t hits_one_by_one(const Setting& s, const Anchor& anchor, int64_t count) {
    Judge judge(s.model, Target{}, s.input, 0, s.run);
    int64_t hits = 0;
    for (int64_t i = 0; i < count; ++i)
        hits += judge.same(1, [&](int64_t, Batch& rows) {
            const Draw draw{anchor, i};
            s.sampler.draw({&draw, 1}, rows, s.run);
        })[0];
    return hits;
}

// Pulls arms of three generations in turns of odd sizes.
std::vector<Arm*> pull_some(Arms& arms, const Setting& s) {
    std::vector<Arm*> all = {&arms.empty()};
    for (int32_t p = 0; p < s.sampler.predicates(); ++p)
        all.push_back(&arms.extend(arms.empty(), p));
    Arm& two = arms.extend(*all[2], 5);
    Arm& three = arms.extend(two, 8);
    all.insert(all.end(), {&two, &three});
    arms.pull(std::vector<Arm*>{&three}, 70);  // before its ancestors know anything
    arms.pull(all, 37);
    arms.pull(std::vector<Arm*>{all[1], &two, all[3]}, 101);
    arms.pull(std::vector<Arm*>{&two}, 64);
    return all;
}

TEST(Arms, CountsAreThoseOfSamplesDrawnOneByOne) {
    const Setting s;
    Judge judge(s.model, Target{}, s.input, 0, s.run);
    Arms arms(s.sampler, judge, s.run);
    for (const Arm* arm : pull_some(arms, s))
        EXPECT_EQ(arm->tally.hits, hits_one_by_one(s, arm->anchor, arm->tally.drawn));
}

TEST(Arms, NoRowIsAskedTwice) {
    const Setting s;
    const Watched watched(s.sampler, false);
    Judge judge(s.model, Target{}, s.input, 0, s.run);
    Arms arms(watched, judge, s.run);
    int64_t drawn = 0;
    for (const Arm* arm : pull_some(arms, s)) drawn += arm->tally.drawn;
    const std::set<std::pair<Anchor, int64_t>> distinct(watched.asked.begin(), watched.asked.end());
    EXPECT_EQ(distinct.size(), watched.asked.size());
    EXPECT_LT(static_cast<double>(watched.asked.size()), 0.7 * static_cast<double>(drawn));
    EXPECT_EQ(judge.evaluations(), static_cast<int64_t>(watched.asked.size()) + 2);
}

// With a sampler that wrongly says that all rows are kept the counts are wrong: the first test can
// fail.
TEST(Arms, ASamplerThatLiesIsNoticed) {
    const Setting s;
    const Watched lying(s.sampler, true);
    Judge judge(s.model, Target{}, s.input, 0, s.run);
    Arms arms(lying, judge, s.run);
    bool differs = false;
    for (const Arm* arm : pull_some(arms, s))
        differs |= arm->tally.hits != hits_one_by_one(s, arm->anchor, arm->tally.drawn);
    EXPECT_TRUE(differs);
}

TEST(Judge, SaysWhatTheSamePredictionIs) {
    const Setting s;
    const Judge classes(s.model, Target{}, s.input, 0, s.run);
    EXPECT_EQ(classes.target().index, 1);
    EXPECT_EQ(classes.value(), 0.9);
    EXPECT_EQ(classes.meaning(), "the same top class");

    const testing::FormulaModel number({-1, 4}, ElementType::float64, [](auto v) { return v[0]; });
    Judge near(number, Target{}, s.input, 0.25, s.run);
    EXPECT_EQ(near.same(3,
                        [&](int64_t, Batch& rows) {
                            for (int64_t r = 0; r < 3; ++r)
                                rows[0].value.as<double>()[4 * r] =
                                    0.5 + 0.2 * static_cast<double>(r);
                        }),
              (std::vector<uint8_t>{0, 1, 1}));
}

TEST(Judge, RefusesWhatNoAnchorExplains) {
    const Setting s;
    const testing::FormulaModel number({-1, 4}, ElementType::float64, [](auto v) { return v[0]; });
    EXPECT_THROW(Judge(number, Target{}, s.input, 0, s.run), Error);
    EXPECT_THROW(Judge(s.model, Target{.index = 0}, s.input, 0, s.run), Error);
    EXPECT_THROW(Judge(s.model, Target{.index = 1, .minus = 0}, s.input, 0, s.run), Error);
    EXPECT_NO_THROW(Judge(s.model, Target{.index = 1}, s.input, 0, s.run));
}

}  // namespace
}  // namespace whence::anchors
