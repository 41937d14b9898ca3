#include "whence/counterfactual/sedc.h"

#include <algorithm>
#include <bit>

#include "models.h"
#include "perturb/fake_models.h"
#include "whence/mask/masker.h"

namespace whence {
namespace {

using namespace testing;

constexpr int64_t players = 9;

LabelMasker ones_and_zeros(const Tensor& baseline = Tensor(ElementType::float64, {1, players})) {
    return {"rows", Tensor::of<double>({1, players}, std::vector<double>(players, 1.0)), baseline,
            column_labels(players)};
}

Batch all_there() {
    Batch batch;
    batch.add("rows", Tensor::of<double>({1, players}, std::vector<double>(players, 1.0)));
    return batch;
}

ScoreModel random_model(uint64_t seed) {
    Rng rng(seed, 8, 0);
    std::vector<double> w;
    for (int64_t i = 0; i < 2 * players; ++i) w.push_back(rng.normal());
    return two_classes(players, [w](std::span<const double> x) {
        double sum = 0;
        for (size_t i = 0; i < players; ++i)
            sum += w[i] * x[i] + 0.8 * w[players + i] * x[i] * x[(i + 1) % players];
        return sum;
    });
}

bool changes(const ScoreModel& model, uint32_t removed) {
    std::vector<double> x(players, 1.0), all = x;
    for (size_t i = 0; i < players; ++i)
        if (removed >> i & 1) x[i] = 0;
    return (model.at(x)[1] > 0.5) != (model.at(all)[1] > 0.5);
}

uint32_t bits(const Counterfactual& one) {
    uint32_t out = 0;
    for (const Counterfactual::Change& change : one.changes) out |= 1U << change.feature;
    return out;
}

TEST(Sedc, FindsASmallestSet) {
    int several = 0;
    for (uint64_t seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE(seed);
        const ScoreModel model = random_model(seed);
        int smallest = players + 1;
        for (uint32_t set = 1; set < 1U << players; ++set)
            if (changes(model, set)) smallest = std::min(smallest, std::popcount(set));
        const LabelMasker masker = ones_and_zeros();
        const Explanation e = Sedc(model, masker).explain(all_there(), {}, {});
        const Counterfactual& one = e.counterfactuals->found.at(0);
        if (!one.valid) {
            EXPECT_EQ(e.diagnostics.converged, false);
            continue;
        }
        EXPECT_TRUE(changes(model, bits(one)));
        EXPECT_EQ(std::popcount(bits(one)), smallest);
        EXPECT_EQ(one.distance, smallest);
        EXPECT_NE(e.diagnostics.notes.at(0).find("no smaller set exists"), std::string::npos);
        several += smallest > 1;
        // The row is what the model was asked, and the attribution marks what is gone.
        const std::vector<double> row = one.values.to_doubles(),
                                  marks = e.attribution.values.to_doubles();
        for (size_t i = 0; i < players; ++i) EXPECT_EQ(row[i], 1 - marks[i]);
    }
    EXPECT_GT(several, 10);
}

TEST(Sedc, IsIrreducibleOnASmallBudget) {
    int checked = 0;
    for (uint64_t seed = 0; seed < 60; ++seed) {
        const ScoreModel model = random_model(seed);
        const LabelMasker masker = ones_and_zeros();
        SedcOptions options;
        options.budget = 45;
        const Explanation e = Sedc(model, masker, options).explain(all_there(), {}, {});
        EXPECT_LE(e.provenance.evaluations, 46);
        const Counterfactual& one = e.counterfactuals->found.at(0);
        if (!*e.diagnostics.converged) continue;
        ++checked;
        for (const Counterfactual::Change& change : one.changes)
            EXPECT_FALSE(bits(one) != (1U << change.feature) &&
                         changes(model, bits(one) & ~(1U << change.feature)));
    }
    EXPECT_GT(checked, 20);
}

TEST(Sedc, SaysWhereThereIsNone) {
    const ScoreModel model =
        two_classes(players, [](std::span<const double> x) { return 3 - x[0]; });
    const LabelMasker masker = ones_and_zeros();
    const Explanation e = Sedc(model, masker).explain(all_there(), {}, {});
    EXPECT_EQ(e.diagnostics.converged, false);
    EXPECT_FALSE(e.counterfactuals->found.at(0).valid);
    EXPECT_NE(e.diagnostics.notes.at(0).find("no set of players"), std::string::npos);
}

TEST(Sedc, TakesTheMeanOverFillings) {
    // Missing players become 0 in one filling and 1 in the other: only both together decide.
    std::vector<double> rows(players, 0.0);
    rows.insert(rows.end(), players, 1.0);
    const LabelMasker masker = ones_and_zeros(Tensor::of<double>({2, players}, rows));
    const ScoreModel model(players, 2, [](std::span<const double> x) {
        const double p = x[0] == 0 ? 0.1 : x[1] == 0 ? 0.2 : 0.7;
        return std::vector<double>{1 - p, p};
    });
    const Explanation e = Sedc(model, masker).explain(all_there(), {}, {});
    const Counterfactual& one = e.counterfactuals->found.at(0);
    EXPECT_EQ(bits(one), 1U);
    EXPECT_NEAR(one.prediction, (0.1 + 0.7) / 2, 1e-12);
    EXPECT_TRUE(one.valid);
}

TEST(Sedc, SameBitsOnAnyNumberOfThreadsAndStops) {
    const ScoreModel model = random_model(4);
    const LabelMasker masker = ones_and_zeros();
    std::vector<uint32_t> sets;
    for (const int threads : {1, 2, 8}) {
        ::whence::Run run;
        run.threads = threads;
        sets.push_back(
            bits(Sedc(model, masker).explain(all_there(), {}, run).counterfactuals->found.at(0)));
    }
    EXPECT_EQ(sets[0], sets[1]);
    EXPECT_EQ(sets[0], sets[2]);
    ::whence::Run late;
    late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
    EXPECT_NE(
        message_of(ErrorKind::limit,
                   [&] { static_cast<void>(Sedc(model, masker).explain(all_there(), {}, late)); })
            .find("time limit"),
        std::string::npos);
}

// Cut short at any row: never a set that is not what it says, and the same as in the end where it was
// known by then.
TEST(Sedc, WhatWasAnsweredBeforeAFailureIsKept) {
    int kept = 0, thrown = 0;
    for (uint64_t seed = 0; seed < 20; ++seed) {
        const ScoreModel model = random_model(seed);
        const LabelMasker masker = ones_and_zeros();
        const Explanation whole = Sedc(model, masker).explain(all_there(), Target{}, {});
        bool any = false;
        for (int64_t enough = 2; enough < whole.provenance.evaluations; ++enough) {
            SCOPED_TRACE(enough);
            const LeavingModel leaving(model, enough);
            try {
                const Explanation e = Sedc(leaving, masker).explain(all_there(), Target{}, {});
                const Counterfactual& one = e.counterfactuals->found[0];
                EXPECT_EQ(one.valid, changes(model, bits(one)));
                EXPECT_EQ(e.diagnostics.converged, false);
                EXPECT_TRUE(std::ranges::any_of(e.diagnostics.notes, [](const std::string& note) {
                    return note.find("the endpoint is gone") != std::string::npos;
                }));
                any = true;
                ++kept;
            } catch (const OutOfReach&) {
                EXPECT_FALSE(any) << "once there is a set it is kept";
                ++thrown;
            }
        }
    }
    EXPECT_GT(kept, 0);
    EXPECT_GT(thrown, 0);
}

}  // namespace
}  // namespace whence
