#include "whence/clip/counterfactual.h"

#include <gtest/gtest.h>

#include "embeddings.h"
#include "whence/core/error.h"

namespace whence::clip {
namespace {

using namespace testing;

// The answer by its definition: of all rows those that reach the goal, the nearest first.
std::vector<int64_t> by_full_scan(const Confidence& confidence, const Vector& original, double goal,
                                  Aim aim, const Rows& rows, int64_t count) {
    std::vector<std::pair<double, int64_t>> reaching;
    const double wanted = confidence.evidence_of(goal);
    for (size_t id = 0; id < rows.rows.size(); ++id) {
        const double evidence = confidence.evidence(rows.at(id));
        if (aim == Aim::raise ? evidence >= wanted : evidence <= wanted)
            reaching.push_back({-dot(rows.at(id), unit(original)), static_cast<int64_t>(id)});
    }
    std::ranges::sort(reaching);
    std::vector<int64_t> ids;
    for (size_t i = 0; i < std::min<size_t>(reaching.size(), static_cast<size_t>(count)); ++i)
        ids.push_back(reaching[i].second);
    return ids;
}

std::vector<int64_t> ids_of(const EmbeddingCounterfactuals& result) {
    std::vector<int64_t> ids;
    for (const Candidate& candidate : result.found)
        if (candidate.reaches) ids.push_back(candidate.id);
    return ids;
}

double recall(const std::vector<int64_t>& found, const std::vector<int64_t>& expected) {
    if (expected.empty()) return found.empty() ? 1 : 0;
    const auto common = std::ranges::count_if(
        found, [&](int64_t id) { return std::ranges::find(expected, id) != expected.end(); });
    return static_cast<double>(common) / static_cast<double>(expected.size());
}

struct Scene {
    Clusters store;
    std::vector<Vector> texts;
    std::vector<Vector> originals;

    // Texts lie a third along the centres, as captions of pictures do (the modality gap).
    explicit Scene(uint64_t seed, size_t rows = 3000, size_t clusters = 12, size_t width = 32)
        : store([&] {
              Rng rng(seed, 0, 0);
              return Clusters(rng, rows, clusters, width);
          }()) {
        Rng rng(seed, 1, 0);
        const Vector gap = random_unit(rng, width);
        for (const Vector& centre : store.centres)
            texts.push_back(
                unit(plus(plus(scaled(centre, 0.35), gap), random_unit(rng, width), 0.1)));
        for (size_t i = 0; i < 6; ++i)
            originals.push_back(unit(plus(store.centres[i], random_unit(rng, width), 0.6)));
    }
    [[nodiscard]] Confidence softmax(size_t count, int64_t wanted) const {
        return Confidence::softmax(
            rows_of({texts.begin(), texts.begin() + static_cast<long>(count)}), wanted, 60);
    }
};

TEST(ClipCounterfactual, AnExactIndexAnswersAsAFullScanDoes) {
    int answered = 0, scored = 0, asked = 0;
    for (const uint64_t seed : {1, 2}) {
        const Scene scene(seed);
        const Collection exact = scene.store.rows.exact();
        for (const size_t count : {2, 3, 12})
            for (const Vector& original : scene.originals)
                for (const Aim aim : {Aim::raise, Aim::lower}) {
                    const Confidence confidence = scene.softmax(count, 1);
                    const double goal = aim == Aim::raise ? 0.6 : confidence.value(original) / 3;
                    const auto result =
                        find_counterfactuals(confidence, original, goal, aim, exact, {}, {});
                    if (result.reach.already) continue;
                    EXPECT_TRUE(result.exact);
                    EXPECT_EQ(ids_of(result),
                              by_full_scan(confidence, original, goal, aim, scene.store.rows, 5));
                    ++answered;
                    scored += static_cast<int>(result.scored);
                    asked += static_cast<int>(result.size);
                    for (size_t i = 0; i < result.found.size(); ++i) {
                        const Candidate& candidate = result.found[i];
                        const Vector row = scene.store.rows.at(static_cast<size_t>(candidate.id));
                        EXPECT_NEAR(candidate.confidence, confidence.value(row), 1e-12);
                        EXPECT_NEAR(candidate.angle, angle(row, original), 1e-7);
                        if (i > 0 && candidate.reaches) {
                            EXPECT_GE(candidate.angle, result.found[i - 1].angle);
                        }
                    }
                }
    }
    EXPECT_GT(answered, 50);
    EXPECT_LT(scored, asked * 0.6) << "the proof came from the cap, not from looking at all";
}

TEST(ClipCounterfactual, CosineAndSigmoidToo) {
    const Scene scene(3);
    const Collection exact = scene.store.rows.exact();
    for (const Confidence& confidence : {Confidence::cosine(rows_of({scene.texts[4]})),
                                         Confidence::sigmoid(rows_of({scene.texts[4]}), 60, -15)})
        for (const Vector& original : scene.originals) {
            const double before = confidence.value(original);
            const double goal = before + 0.3 * (1 - before);
            const auto result =
                find_counterfactuals(confidence, original, goal, Aim::raise, exact, {}, {});
            EXPECT_TRUE(result.exact);
            EXPECT_EQ(ids_of(result),
                      by_full_scan(confidence, original, goal, Aim::raise, scene.store.rows, 5));
        }
}

TEST(ClipCounterfactual, AnApproximateIndexFindsNearlyAll) {
    double sum = 0;
    int count = 0;
    for (const uint64_t seed : {4, 5, 6}) {
        const Scene scene(seed, 4000, 20);
        // Probing 6 of 20 clusters misses what lies in the others.
        const Collection approximate = scene.store.approximate(6);
        for (const Vector& original : scene.originals) {
            const Confidence confidence = scene.softmax(20, 8);
            const auto result =
                find_counterfactuals(confidence, original, 0.5, Aim::raise, approximate, {}, {});
            EXPECT_FALSE(result.exact);
            const auto expected =
                by_full_scan(confidence, original, 0.5, Aim::raise, scene.store.rows, 5);
            ASSERT_FALSE(expected.empty());
            sum += recall(ids_of(result), expected);
            ++count;
            EXPECT_NE(result.notes.size(), 0U);
        }
    }
    EXPECT_GE(sum / count, 0.99);
}

// The negative control of the recall: one cluster probed is not enough.
TEST(ClipCounterfactual, AnIndexThatMissesMostIsSeenToMiss) {
    const Scene scene(4, 4000, 20);
    Collection broken = scene.store.approximate(1);
    const auto good = broken.nearest;
    broken.nearest = [good](std::span<const float> query, int64_t count) {
        auto all = good(query, count);
        std::erase_if(all, [](const auto& neighbour) { return neighbour.id % 3 != 0; });
        return all;
    };
    double sum = 0;
    for (const Vector& original : scene.originals) {
        const Confidence confidence = scene.softmax(20, 8);
        sum += recall(
            ids_of(find_counterfactuals(confidence, original, 0.5, Aim::raise, broken, {}, {})),
            by_full_scan(confidence, original, 0.5, Aim::raise, scene.store.rows, 5));
    }
    EXPECT_LT(sum / 6, 0.9);
}

TEST(ClipCounterfactual, WhatCannotBeReachedIsSaidWithTheHighestThereIs) {
    const Scene scene(7, 500);
    const Confidence confidence =
        Confidence::softmax(rows_of({scene.texts[0], scene.texts[1]}), 0, 1);
    const auto result = find_counterfactuals(confidence, scene.originals[1], 0.99, Aim::raise,
                                             scene.store.rows.exact(), {}, {});
    EXPECT_FALSE(result.reach.reachable);
    EXPECT_LT(result.reach.extreme, 0.99);
    ASSERT_EQ(result.found.size(), 5U);
    for (const Candidate& candidate : result.found) {
        EXPECT_FALSE(candidate.reaches);
        EXPECT_LE(candidate.confidence, result.reach.extreme_bound);
    }
    ASSERT_FALSE(result.notes.empty());
    EXPECT_NE(result.notes[0].find("no embedding at all reaches 0.99"), std::string::npos);
}

TEST(ClipCounterfactual, NothingInTheStoreGivesTheBestFound) {
    const Scene scene(8, 2000);
    const Vector t = scene.texts[3];
    const Confidence confidence = Confidence::cosine(rows_of({t}));
    const auto result = find_counterfactuals(confidence, scene.originals[0], 0.97, Aim::raise,
                                             scene.store.rows.exact(), {.count = 3}, {});
    EXPECT_TRUE(result.reach.reachable);
    EXPECT_TRUE(result.exact);
    std::vector<std::pair<double, int64_t>> best;
    for (size_t id = 0; id < scene.store.rows.rows.size(); ++id)
        best.push_back({-dot(scene.store.rows.at(id), unit(t)), static_cast<int64_t>(id)});
    std::ranges::sort(best);
    ASSERT_EQ(result.found.size(), 3U);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(result.found[i].id, best[i].second);
        EXPECT_FALSE(result.found[i].reaches);
    }
    EXPECT_LT(result.scored, result.size) << "a proof that none reaches it needs no full scan here";
}

TEST(ClipCounterfactual, FewerThanWanted) {
    const Scene scene(9, 1500);
    const Confidence confidence = scene.softmax(12, 2);
    const Vector original = scene.originals[0];
    const auto all = by_full_scan(confidence, original, 0.9, Aim::raise, scene.store.rows, 100000);
    ASSERT_FALSE(all.empty());
    const auto result =
        find_counterfactuals(confidence, original, 0.9, Aim::raise, scene.store.rows.exact(),
                             {.count = static_cast<int64_t>(all.size()) + 7}, {});
    EXPECT_EQ(ids_of(result), all);
    EXPECT_TRUE(result.exact);
}

TEST(ClipCounterfactual, EmptyAndTinyStores) {
    const Scene scene(10, 12);
    const Confidence confidence = scene.softmax(3, 1);
    const auto none =
        find_counterfactuals(confidence, scene.originals[0], 0.9, Aim::raise, {}, {}, {});
    EXPECT_TRUE(none.found.empty());
    EXPECT_EQ(none.notes.back(), "the store is empty");
    Rows one;
    one.add(scene.texts[1]);
    const auto result =
        find_counterfactuals(confidence, scene.originals[0], 0.9, Aim::raise, one.exact(), {}, {});
    ASSERT_EQ(result.found.size(), 1U);
    EXPECT_TRUE(result.found[0].reaches);
    EXPECT_TRUE(result.exact);
}

TEST(ClipCounterfactual, AnOriginalThatIsThereAlready) {
    const Scene scene(11, 100);
    const Confidence confidence = scene.softmax(3, 0);
    const auto result = find_counterfactuals(confidence, scene.texts[0], 0.5, Aim::raise,
                                             scene.store.rows.exact(), {}, {});
    EXPECT_TRUE(result.reach.already);
    EXPECT_TRUE(result.found.empty());
    EXPECT_NE(result.notes.at(0).find("already"), std::string::npos);
}

TEST(ClipCounterfactual, RowsWithoutADirectionAreLeftOutAndCounted) {
    Scene scene(12, 600);
    scene.store.rows.rows[7].assign(32, 0);
    scene.store.rows.rows[8].assign(32, std::numeric_limits<float>::quiet_NaN());
    Collection collection = scene.store.rows.exact();
    const auto nearest = collection.nearest;
    // Such rows come first: the worst an index can do.
    collection.nearest = [nearest](std::span<const float> query, int64_t count) {
        auto all = nearest(query, count);
        std::erase_if(all, [](const auto& n) { return n.id == 7 || n.id == 8; });
        all.insert(all.begin(), {{7, 1.0}, {8, 1.0}});
        all.resize(std::min<size_t>(all.size(), static_cast<size_t>(count)));
        return all;
    };
    const auto result = find_counterfactuals(scene.softmax(3, 1), scene.originals[0], 0.6,
                                             Aim::raise, collection, {}, {});
    EXPECT_EQ(result.notes.at(0), "2 embeddings of the store have no direction and were left out");
    for (const Candidate& candidate : result.found) {
        EXPECT_NE(candidate.id, 7);
        EXPECT_TRUE(std::isfinite(candidate.confidence));
    }
}

TEST(ClipCounterfactual, EqualRowsComeInTheOrderOfTheirIds) {
    const Scene scene(13, 60);
    Rows rows;
    for (int i = 0; i < 9; ++i) rows.add(scene.texts[1]);
    const auto result =
        find_counterfactuals(scene.softmax(3, 1), scene.originals[0], 0.9, Aim::raise, rows.exact(),
                             {.count = 4, .first = 9}, {});
    EXPECT_EQ(ids_of(result), (std::vector<int64_t>{0, 1, 2, 3}));
}

TEST(ClipCounterfactual, TheSameAnswerEachTimeAndRefusals) {
    const Scene scene(14, 800);
    const Confidence confidence = scene.softmax(12, 5);
    const auto ask = [&] {
        return find_counterfactuals(confidence, scene.originals[0], 0.7, Aim::raise,
                                    scene.store.rows.exact(), {}, {});
    };
    const auto a = ask(), b = ask();
    EXPECT_EQ(ids_of(a), ids_of(b));
    EXPECT_EQ(a.scored, b.scored);
    const Collection exact = scene.store.rows.exact();
    EXPECT_THROW(
        (void)find_counterfactuals(confidence, scene.originals[0], 1.7, Aim::raise, exact, {}, {}),
        Error);
    EXPECT_THROW((void)find_counterfactuals(confidence, scene.originals[0], 0.7, Aim::raise, exact,
                                            {.count = 0}, {}),
                 Error);
    EXPECT_THROW((void)find_counterfactuals(confidence, Vector(32, std::nan("")), 0.7, Aim::raise,
                                            exact, {}, {}),
                 Error);
    Rows narrow;
    narrow.add({1, 0});
    EXPECT_THROW((void)find_counterfactuals(confidence, scene.originals[0], 0.7, Aim::raise,
                                            narrow.exact(), {}, {}),
                 Error);
    std::stop_source stop;
    stop.request_stop();
    whence::Run stopped;
    stopped.stop = stop.get_token();
    EXPECT_THROW((void)find_counterfactuals(confidence, scene.originals[0], 0.7, Aim::raise, exact,
                                            {}, stopped),
                 Error);
}

}  // namespace
}  // namespace whence::clip
