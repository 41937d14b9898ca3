#include <gtest/gtest.h>

#include <algorithm>

#include "anchors/support.h"
#include "whence/anchors/anchors.h"
#include "whence/anchors/player_sampler.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"

namespace whence {
namespace {

using anchors::Anchor;
using testing::ClassModel;

// 4 x 4 pixels, one channel, in four squares of 2 x 2; brightness 0.2, 0.4, 0.6, 0.8.
Tensor segments() {
    return Tensor::of<int32_t>(
        {4, 4}, std::vector<int32_t>{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3});
}
Batch picture() {
    std::vector<double> pixels;
    const Tensor labels = segments();
    for (const int32_t label : labels.as<int32_t>()) pixels.push_back(0.2 + 0.2 * label);
    return Batch({{"x", Tensor::of<double>({1, 4, 4, 1}, pixels)}});
}
// Of each square one pixel.
bool lit(std::span<const double> v, int square) {
    return v[8 * (square / 2) + 2 * (square % 2)] > 0;
}

Explanation explained(const ClassModel::Says& says, AnchorImageOptions options = {},
                      int threads = 1) {
    const ClassModel model({-1, 4, 4, 1}, says);
    if (!options.hide) options.hide = baseline::Zeros{};
    return AnchorImage(model, segments(), options)
        .explain(picture(), Target{}, whence::Run{.seed = 4, .threads = threads});
}

TEST(AnchorImage, FindsTheSuperpixelsThatMatter) {
    const Explanation e = explained([](auto v) { return lit(v, 1) && lit(v, 3); });
    ASSERT_EQ(e.rule->conditions.size(), 2);
    EXPECT_EQ(e.rule->conditions[0].feature, 1);
    EXPECT_EQ(e.rule->conditions[1].feature, 3);
    EXPECT_EQ(e.rule->precision, 1);
    EXPECT_EQ(e.rule->coverage, 0.25);
    EXPECT_EQ(e.attribution.values.to_doubles(), (std::vector<double>{0, 1, 0, 1}));
    EXPECT_EQ(e.attribution.segments, segments());
    EXPECT_EQ(e.target.baseline, "zeros");
    EXPECT_EQ(e.diagnostics.converged, true);
}

// All sixteen pictures: the exact precision of every anchor, and the one reported.
TEST(AnchorImage, PrecisionIsTheExactOne) {
    const ClassModel::Says says = [](auto v) {
        return lit(v, 0) + 2 * lit(v, 1) + lit(v, 2) + lit(v, 3) >= 3;
    };
    AnchorImageOptions options;
    options.search.threshold = 0.8;
    options.search.confirm_samples = 20000;
    options.search.confidence = 0.9999;
    const Explanation e = explained(says, options);
    int good = 0, all = 0;
    for (int bits = 0; bits < 16; ++bits) {
        bool holds = true;
        for (const Rule::Condition& c : e.rule->conditions) holds &= bits >> c.feature & 1;
        if (!holds) continue;
        ++all;
        good += (bits & 1) + 2 * (bits >> 1 & 1) + (bits >> 2 & 1) + (bits >> 3 & 1) >= 3;
    }
    const double exact = static_cast<double>(good) / all;
    EXPECT_LT(exact, 1);
    EXPECT_LE(e.rule->precision_low, exact);
    EXPECT_GE(e.rule->precision_high, exact);
    EXPECT_EQ(e.rule->coverage, all / 16.0);
}

TEST(AnchorImage, WhatIsHiddenIsTheMeanColourABaselineOrAnotherPicture) {
    const ClassModel::Says dark = [](auto v) { return v[0] < 0.5; };
    const ClassModel model({-1, 4, 4, 1}, dark);
    const AnchorImage mean(model, segments());
    // Every superpixel is its own mean colour: hiding changes nothing.
    EXPECT_TRUE(mean.explain(picture(), Target{}, whence::Run{}).rule->conditions.empty());
    Tensor other(ElementType::float64, {1, 4, 4, 1});
    for (double& v : other.as<double>()) v = 0.9;
    const Explanation e = explained(dark, {.hide = baseline::Data{other, "other.png"}});
    ASSERT_EQ(e.rule->conditions.size(), 1);
    EXPECT_EQ(e.rule->conditions[0].feature, 0);
    EXPECT_EQ(e.target.baseline, "other.png");
}

TEST(AnchorImage, TheSameBitsOnAnyNumberOfThreads) {
    const auto run = [](int threads) {
        Explanation e =
            explained([](auto v) { return lit(v, 0) + lit(v, 1) + lit(v, 2) + lit(v, 3) >= 2; },
                      {.search = {.beam_size = 2}}, threads);
        e.provenance.seconds = 0;
        return to_json(e);
    };
    EXPECT_EQ(run(2), run(1));
    EXPECT_EQ(run(8), run(1));
}

// 130 superpixels: coins come in blocks of 64.
TEST(PlayerSampler, KeptPicturesAreTheSame) {
    constexpr int64_t players = 130;
    const LabelMasker masker("x", testing::uniform_table(1, players, 1),
                             Tensor(ElementType::float64, {1, players}), column_labels(players));
    const anchors::PlayerSampler sampler(masker, 9);
    const auto draw = [&](const Anchor& anchor) {
        std::vector<anchors::Draw> draws;
        for (int64_t i = 0; i < 128; ++i) draws.push_back({anchor, i});
        Batch rows({{"x", Tensor(ElementType::float64, {128, players})}});
        sampler.draw(draws, rows, whence::Run{});
        return rows[0].value;
    };
    const Anchor anchor = {3, 70};
    const Tensor without = draw(anchor);
    double shown = 0;
    for (const double v : without.as<double>()) shown += v != 0;
    EXPECT_NEAR(shown / (128.0 * players), 0.5, 0.02);
    for (const int32_t p : {0, 63, 64, 129}) {
        Anchor more = anchor;
        more.insert(std::ranges::upper_bound(more, p), p);
        const Tensor with = draw(more);
        for (int64_t i = 0; i < 128; ++i) {
            const bool same = with.slice_rows(i, 1) == without.slice_rows(i, 1);
            EXPECT_EQ(sampler.kept(anchor, p, i / 64) >> (i % 64) & 1, same) << p << " " << i;
            for (const int32_t named : more) EXPECT_NE(with.as<double>()[i * players + named], 0);
        }
    }
}

TEST(AnchorImage, RefusesWhatMakesNoSense) {
    const ClassModel model({-1, 4, 4, 1}, [](auto) { return true; });
    EXPECT_THROW(AnchorImage(model, Tensor(ElementType::float32, {4, 4})), Error);
    EXPECT_THROW(AnchorImage(model, segments(), {.search = {.tau = 0}}), Error);
    const AnchorImage small(model, Tensor(ElementType::int32, {2, 2}));
    EXPECT_THROW(static_cast<void>(small.explain(picture(), Target{}, whence::Run{})), Error);
}

// Of a search that is cut short the best rule that was seen, and of confirmations those there were.
TEST(AnchorImage, WhatWasAnsweredBeforeAFailureIsKept) {
    const ClassModel model({-1, 4, 4, 1}, [](auto v) { return lit(v, 1) && lit(v, 3); });
    const AnchorImageOptions options{.hide = baseline::Zeros{}};
    const auto explained = [&](const Model& asked) {
        return AnchorImage(asked, segments(), options).explain(picture(), Target{}, whence::Run{.seed = 4});
    };
    const auto says = [](const Explanation& e, const std::string& part) {
        return std::ranges::any_of(e.diagnostics.notes, [&](const std::string& note) { return note.find(part) != std::string::npos; });
    };
    const Explanation whole = explained(model);
    const int64_t confirming = whole.provenance.evaluations - 640;
    const Explanation confirmed = explained(testing::LeavingModel(model, confirming));
    EXPECT_EQ(confirmed.rule->conditions.size(), whole.rule->conditions.size());
    EXPECT_EQ(confirmed.diagnostics.converged, false);
    EXPECT_TRUE(says(confirmed, "fresh samples") && says(confirmed, "stopped early: the endpoint is gone"));
    EXPECT_LT(confirmed.rule->precision_low, whole.rule->precision_low) << "fewer samples, a wider interval";
    const Explanation early = explained(testing::LeavingModel(model, 200));
    ASSERT_TRUE(early.rule);
    EXPECT_EQ(early.diagnostics.converged, false);
    EXPECT_TRUE(says(early, "too good on average"));
    EXPECT_THROW((void)explained(testing::LeavingModel(model, 2)), OutOfReach);
}

TEST(AnchorImage, EarlyRulesAreTold) {
    const ClassModel model({-1, 4, 4, 1}, [](auto v) { return lit(v, 1) && lit(v, 3); });
    std::vector<EarlyEstimate> told;
    const whence::Run run{.seed = 4, .early = [&](const EarlyEstimate& early) { told.push_back(early); }};
    static_cast<void>(AnchorImage(model, segments(), {.hide = baseline::Zeros{}}).explain(picture(), Target{}, run));
    ASSERT_EQ(told.size(), 2);
    EXPECT_EQ(told[1].name, "IF segment 1 AND segment 3");
    EXPECT_EQ(told[1].feature, -1);
    EXPECT_GT(told[1].value, told[0].value);
}

}  // namespace
}  // namespace whence
