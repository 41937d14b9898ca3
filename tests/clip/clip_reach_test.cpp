#include "whence/clip/reach.h"

#include <gtest/gtest.h>

#include <numbers>

#include "embeddings.h"
#include "whence/clip/margins.h"
#include "whence/core/error.h"

namespace whence::clip {
namespace {

using namespace testing;

// ---- slow twins
// -----------------------------------------------------------------------------------

// One step along the Riemannian gradient, halved until the confidence rises; repeated until the
// goal is reached: the iterated step of the formulas. It reaches the goal, not at the nearest
// place.
Vector walk(const Confidence& confidence, Vector e, double goal) {
    for (int step = 0; step < 5000 && confidence.value(e) < goal; ++step) {
        const Vector g = confidence.gradient(e);
        const double length = std::sqrt(dot(g, g)), before = confidence.value(e);
        if (length < 1e-14) break;
        for (double h = 0.05;; h /= 2) {
            const Vector next = unit(plus(scaled(e, std::cos(h)), g, std::sin(h) / length));
            if (confidence.value(next) > before || h < 1e-12) {
                e = next;
                break;
            }
        }
    }
    return e;
}

// All directions of the circle or of the sphere, on a grid.
template <class Visit>
void for_each_direction(size_t width, int steps, const Visit& visit) {
    for (int i = 0; i < steps; ++i) {
        const double phi = 2 * std::numbers::pi * i / steps;
        if (width == 2) {
            visit(Vector{std::cos(phi), std::sin(phi)});
            continue;
        }
        for (int j = 0; j <= steps / 2; ++j) {
            const double theta = std::numbers::pi * j / (steps / 2.0);
            visit(Vector{std::sin(theta) * std::cos(phi), std::sin(theta) * std::sin(phi),
                         std::cos(theta)});
        }
    }
}

struct Grid {
    double angle = 10, highest = -2, lowest = 2;
};

Grid by_grid(const Confidence& confidence, const Vector& from, double goal, Aim aim, int steps) {
    Grid grid;
    for_each_direction(from.size(), steps, [&](const Vector& e) {
        const double p = confidence.value(e);
        if (aim == Aim::raise ? p >= goal : p <= goal)
            grid.angle = std::min(grid.angle, angle(from, e));
        grid.highest = std::max(grid.highest, p);
        grid.lowest = std::min(grid.lowest, p);
    });
    return grid;
}

// ---- the sphere
// -----------------------------------------------------------------------------------

TEST(ClipSphere, ClosedFormOfACosineIsTheNearestPoint) {
    Rng rng(1, 0, 0);
    for (int repeat = 0; repeat < 20; ++repeat) {
        const Vector e = random_unit(rng, 5), t = random_unit(rng, 5);
        const double c0 = dot(e, t), c = 0.8;
        const auto found = nearest_in({t, c}, e);
        ASSERT_TRUE(found);
        EXPECT_NEAR(dot(*found, t), c0 > c ? c0 : c, 1e-12);
        EXPECT_NEAR(angle(*found, e), c0 > c ? 0 : std::acos(c0) - std::acos(c), 1e-12);
        for (int other = 0; other < 500; ++other) {
            const Vector x = unit(plus(*found, random_unit(rng, 5), 0.05));
            if (dot(x, t) >= c) {
                EXPECT_GE(angle(x, e), angle(*found, e) - 1e-12);
            }
        }
    }
}

TEST(ClipSphere, OppositeDirectionsAndSpacesThatAreEmpty) {
    const auto opposite = nearest_in({{0, 1, 0}, 0.5}, Vector{0, -1, 0});
    ASSERT_TRUE(opposite);
    EXPECT_NEAR((*opposite)[1], 0.5, 1e-15);
    EXPECT_NEAR(dot(*opposite, *opposite), 1, 1e-15);
    EXPECT_FALSE(nearest_in({{0, 1, 0}, 1.001}, Vector{0, 1, 0}));
    EXPECT_EQ(*nearest_in({{1}, 1}, Vector{-1}), Vector{1});
}

TEST(ClipSphere, ALensHoldsAllThatIsMeant) {
    Rng rng(2, 0, 0);
    int held = 0;
    for (int repeat = 0; repeat < 300; ++repeat) {
        const Vector from = random_unit(rng, 4);
        const HalfSpace space{random_unit(rng, 4), rng.uniform() * 1.4 - 0.7};
        const double cosine = rng.uniform() * 1.4 - 0.7;
        const Cap cap = lens(space, from, cosine);
        // None smaller around this direction: some point comes near its edge.
        double least = 2;
        for (int i = 0; i < 300; ++i) {
            const Vector x = random_unit(rng, 4);
            if (dot(x, from) < cosine || dot(x, space.direction) < space.offset) continue;
            ++held;
            EXPECT_GE(dot(x, cap.direction), cap.least - 1e-12);
            least = std::min(least, dot(x, cap.direction));
        }
        if (least < 2) {
            EXPECT_LT(cap.least, 1);
        }
    }
    EXPECT_GT(held, 1000);
    const HalfSpace space{{0, 1}, 0.5};
    EXPECT_GT(lens(space, Vector{1, 0}, 0.9).least, 1) << "no point keeps both";
}

// ---- margins
// --------------------------------------------------------------------------------------

TEST(ClipMargins, TheNearestPointKeepsThemAndNoOtherIsNearer) {
    Rng rng(3, 0, 0);
    for (const size_t count : {1, 2, 5, 29})
        for (int repeat = 0; repeat < 10; ++repeat) {
            const size_t width = 40;
            const Vector common = random_unit(rng, width);
            std::vector<Vector> rows;
            for (size_t j = 0; j < count; ++j)
                rows.push_back(unit(plus(common, random_unit(rng, width), 1.5)));
            const Tensor matrix = rows_of(rows);
            const Vector from = random_unit(rng, width);
            const double least = 0.2;
            const auto found =
                nearest_with_margins(from,
                                     {matrix.as<double>().data(), static_cast<int64_t>(count),
                                      static_cast<int64_t>(width)},
                                     Vector(count, least));
            ASSERT_TRUE(found);
            // What proves a minimum of a convex program (Karush, Kuhn, Tucker): inside, pulled only
            // by margins that hold it back, and those pulls lead from the start to the point.
            Vector sum = from;
            for (size_t j = 0; j < count; ++j) {
                const double margin = dot(rows[j], found->point);
                EXPECT_GE(margin, least - 1e-10);
                EXPECT_GE(found->multipliers[j], 0);
                EXPECT_NEAR(found->multipliers[j] * (margin - least), 0, 1e-9);
                sum = plus(sum, rows[j], found->multipliers[j]);
            }
            for (size_t i = 0; i < width; ++i) EXPECT_NEAR(sum[i], found->point[i], 1e-11);
            // Onto the sphere: dividing by a length below 1 keeps them.
            if (dot(found->point, found->point) > 1) continue;
            for (const Vector& row : rows) EXPECT_GE(dot(row, unit(found->point)), least - 1e-10);
        }
}

TEST(ClipMargins, ContradictionsAreSeenAndDuplicatesDoNoHarm) {
    const Vector against = {1, 0, -1, 0};
    EXPECT_FALSE(nearest_with_margins(Vector{0, 1}, {against.data(), 2, 2}, Vector{0.1, 0.1}));
    const Vector zero = {0, 0};
    EXPECT_FALSE(nearest_with_margins(Vector{0, 1}, {zero.data(), 1, 2}, Vector{0.1}));
    const Vector same = {1, 0, 1, 0, 1, 0};
    const auto found =
        nearest_with_margins(Vector{0, 1}, {same.data(), 3, 2}, Vector{0.5, 0.5, 0.5});
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->point[0], 0.5, 1e-12);
    EXPECT_NEAR(found->point[1], 1, 1e-12);
}

// ---- raising
// --------------------------------------------------------------------------------------

TEST(ClipReach, TwoClassesAreTheClosedForm) {
    Rng rng(4, 0, 0);
    for (int repeat = 0; repeat < 20; ++repeat) {
        const auto texts = random_texts(rng, 2, 16);
        const auto confidence = Confidence::softmax(rows_of(texts), 0, 100);
        Vector e = random_unit(rng, 16);
        if (confidence.value(e) > 0.5) e = scaled(e, -1);
        const Reach found = reach(confidence, e, 0.9);
        ASSERT_TRUE(found.reachable);
        const Vector d = plus(texts[0], texts[1], -1);
        const double length = std::sqrt(dot(d, d)), b = std::log(9.0) / (100 * length),
                     a = dot(e, d) / length;
        const Vector expected = plus(scaled(d, b / length), plus(e, d, -a / length),
                                     std::sqrt(1 - b * b) / std::sqrt(1 - a * a));
        for (size_t i = 0; i < e.size(); ++i) EXPECT_NEAR(found.embedding[i], expected[i], 1e-11);
        EXPECT_NEAR(found.confidence, 0.9, 1e-11);
        EXPECT_TRUE(found.converged);
        // The greatest confidence lies along d.
        EXPECT_NEAR(found.extreme, 1 / (1 + std::exp(-100 * length)), 1e-12);
    }
}

TEST(ClipReach, ManyClassesReachTheGoalAndNothingNearerDoes) {
    Rng rng(5, 0, 0);
    for (const size_t count : {3, 10, 30})
        for (const double spread : {0.3, 1.0})
            for (const double goal : {0.3, 0.9, 0.999}) {
                const auto texts = random_texts(rng, count, 64, spread);
                const auto confidence = Confidence::softmax(rows_of(texts), 0, 100);
                const Vector e = unit(plus(texts[1], random_unit(rng, 64), 2));
                if (confidence.value(e) >= goal) continue;
                const Reach found = reach(confidence, e, goal);
                ASSERT_TRUE(found.reachable);
                EXPECT_TRUE(found.converged);
                EXPECT_GE(found.confidence, goal - 1e-12);
                EXPECT_NEAR(found.confidence, goal, 1e-9);
                EXPECT_NEAR(dot(found.embedding, found.embedding), 1, 1e-12);
                EXPECT_NEAR(found.angle, angle(e, found.embedding), 1e-12);
                // No nearer by the plain walk, nor by margins that suffice.
                const Vector walked = walk(confidence, e, goal);
                EXPECT_GE(angle(e, walked), found.angle - 1e-9);
                // Nor by any small move that keeps the goal.
                for (int i = 0; i < 300; ++i) {
                    const Vector x =
                        unit(plus(found.embedding, random_unit(rng, 64), 0.02 * rng.uniform()));
                    if (confidence.value(x) >= goal) {
                        EXPECT_GE(angle(e, x), found.angle - 1e-9);
                    }
                }
                EXPECT_LE(found.least_angle, found.angle);
                EXPECT_GT(found.least_angle, found.angle - 1e-6);
            }
}

TEST(ClipReach, AgreesWithAGridOfTheSphere) {
    Rng rng(6, 0, 0);
    for (int repeat = 0; repeat < 12; ++repeat) {
        std::vector<Vector> texts;
        const size_t count = 2 + static_cast<size_t>(repeat) % 2;  // no more texts than dimensions
        for (size_t i = 0; i < count; ++i) texts.push_back(random_unit(rng, 3));
        const auto confidence = Confidence::softmax(rows_of(texts), 0, 4);
        const Vector e = random_unit(rng, 3);
        for (const Aim aim : {Aim::raise, Aim::lower}) {
            const double goal = aim == Aim::raise ? 0.8 : 0.1;
            const int steps = 500;
            const double mesh = 2 * std::numbers::pi / steps;
            const Reach found = reach(confidence, e, goal, aim);
            const Grid grid = by_grid(confidence, e, goal, aim, steps);
            const double extreme = aim == Aim::raise ? grid.highest : grid.lowest;
            ASSERT_EQ(found.reachable, grid.angle < 10);
            if (found.already) continue;
            EXPECT_NEAR(found.extreme, extreme, 4 * mesh * mesh + 1e-3 * mesh);
            if (found.reachable) {
                EXPECT_NEAR(found.angle, grid.angle, 2 * mesh);
            }
            EXPECT_LE(found.least_angle, found.angle);
        }
    }
}

TEST(ClipReach, WhatIsProvenHoldsForRandomEmbeddings) {
    Rng rng(7, 0, 0);
    const auto texts = random_texts(rng, 6, 8);
    const auto confidence = Confidence::softmax(rows_of(texts), 2, 15);
    const Vector e = unit(plus(texts[0], random_unit(rng, 8)));
    for (const Aim aim : {Aim::raise, Aim::lower}) {
        const double goal = aim == Aim::raise ? 0.7 : confidence.value(e) / 4;
        const Reach found = reach(confidence, e, goal, aim);
        ASSERT_TRUE(found.reachable && !found.already);
        int reaching = 0;
        for (int i = 0; i < 20000; ++i) {
            const Vector x = unit(plus(found.embedding, random_unit(rng, 8), 1.5 * rng.uniform()));
            const double p = confidence.value(x);
            EXPECT_TRUE(aim == Aim::raise ? p <= found.extreme_bound + 1e-12
                                          : p >= found.extreme_bound - 1e-12);
            if (aim == Aim::raise ? p < goal : p > goal) continue;
            ++reaching;
            EXPECT_GE(angle(e, x), found.least_angle - 1e-9);
            bool covered = false;
            for (const Cover& cover : found.covers)
                covered = covered || (dot(cover.near.direction, x) >= cover.near.offset - 1e-9 &&
                                      dot(cover.far.direction, x) >= cover.far.offset - 1e-9);
            EXPECT_TRUE(covered);
        }
        EXPECT_GT(reaching, 300);
    }
}

TEST(ClipReach, TheHighestConfidenceIsTheOneThatAWalkFinds) {
    Rng rng(8, 0, 0);
    for (const size_t count : {3, 30}) {
        // Close texts: the confidence stays far from 1.
        const auto texts = random_texts(rng, count, 40, 0.05);
        const auto confidence = Confidence::softmax(rows_of(texts), 0, 10);
        const Vector e = random_unit(rng, 40);
        const Reach found = reach(confidence, e, 0.999999);
        EXPECT_FALSE(found.reachable);
        EXPECT_TRUE(found.covers.empty());
        const double walked = confidence.value(walk(confidence, e, 2));
        EXPECT_GE(found.extreme, walked - 1e-9);
        EXPECT_NEAR(found.extreme, walked, 1e-4);
        EXPECT_NEAR(found.extreme, found.extreme_bound, 1e-9);
        EXPECT_LT(found.extreme, 0.9);
        EXPECT_NEAR(confidence.value(found.embedding), found.extreme, 1e-12);
        // A hair below the highest there is an answer, a hair above none.
        EXPECT_TRUE(reach(confidence, e, found.extreme - 1e-7).reachable);
        EXPECT_FALSE(reach(confidence, e, found.extreme + 1e-7).reachable);
    }
}

TEST(ClipReach, SigmoidAndCosine) {
    Rng rng(9, 0, 0);
    const Vector t = random_unit(rng, 32), e = random_unit(rng, 32);
    const auto siglip = Confidence::sigmoid(rows_of({t}), 117, -12.9);
    const Reach found = reach(siglip, e, 0.8);
    EXPECT_NEAR(siglip.value(found.embedding), 0.8, 1e-10);
    const double c = (std::log(4.0) + 12.9) / 117;
    EXPECT_NEAR(found.angle, std::acos(dot(e, t)) - std::acos(c), 1e-10);
    const auto cosine = Confidence::cosine(rows_of({t}));
    EXPECT_NEAR(reach(cosine, e, 1).angle, std::acos(dot(e, t)), 1e-7);
    EXPECT_NEAR(reach(cosine, e, -1, Aim::lower).angle, std::numbers::pi - std::acos(dot(e, t)),
                1e-7);
    EXPECT_TRUE(reach(cosine, e, -1).already);
}

// ---- lowering
// -------------------------------------------------------------------------------------

TEST(ClipReach, LoweringTwoClassesIsRaisingTheOther) {
    Rng rng(10, 0, 0);
    const auto texts = random_texts(rng, 2, 16);
    const Vector e = unit(plus(texts[0], random_unit(rng, 16), 0.3));
    const Reach down = reach(Confidence::softmax(rows_of(texts), 0, 30), e, 0.2, Aim::lower);
    const Reach up = reach(Confidence::softmax(rows_of(texts), 1, 30), e, 0.8, Aim::raise);
    EXPECT_NEAR(down.angle, up.angle, 1e-9);
    EXPECT_NEAR(down.confidence, 0.2, 1e-9);
    EXPECT_TRUE(down.converged);
}

TEST(ClipReach, LoweringManyIsNoFurtherThanAnyOneRunnerUp) {
    Rng rng(11, 0, 0);
    for (const size_t count : {3, 10, 30}) {
        const auto texts = random_texts(rng, count, 64);
        const auto confidence = Confidence::softmax(rows_of(texts), 0, 100);
        const Vector e = unit(plus(texts[0], random_unit(rng, 64), 0.5));
        const Reach found = reach(confidence, e, 0.2, Aim::lower);
        ASSERT_TRUE(found.reachable);
        EXPECT_NEAR(found.confidence, 0.2, 1e-6);
        EXPECT_LE(found.confidence, 0.2 + 1e-12);
        for (size_t j = 1; j < count; ++j) {
            const auto pair = Confidence::softmax(rows_of({texts[0], texts[j]}), 0, 100);
            EXPECT_LE(found.angle, reach(pair, e, 0.2, Aim::lower).angle + 1e-9);
        }
        for (int i = 0; i < 300; ++i) {
            const Vector x =
                unit(plus(found.embedding, random_unit(rng, 64), 0.02 * rng.uniform()));
            if (confidence.value(x) <= 0.2) {
                EXPECT_GE(angle(e, x), found.angle - 1e-6);
            }
        }
    }
}

// ---- edges
// ----------------------------------------------------------------------------------------

TEST(ClipReach, CertaintyIsOutOfReachAndNothingIsAlwaysThere) {
    Rng rng(12, 0, 0);
    const auto texts = random_texts(rng, 4, 8);
    const auto confidence = Confidence::softmax(rows_of(texts), 0, 10);
    const Vector e = random_unit(rng, 8);
    EXPECT_FALSE(reach(confidence, e, 1).reachable);
    EXPECT_LT(reach(confidence, e, 1).extreme, 1);
    EXPECT_TRUE(reach(confidence, e, 0).already);
    EXPECT_FALSE(reach(confidence, e, 0, Aim::lower).reachable);
    EXPECT_GT(reach(confidence, e, 0, Aim::lower).extreme, 0);
    EXPECT_TRUE(reach(confidence, e, 1, Aim::lower).already);
    EXPECT_THROW((void)reach(confidence, e, 1.5), Error);
    EXPECT_THROW((void)reach(confidence, e, -0.1), Error);
    EXPECT_THROW((void)reach(confidence, e, std::nan("")), Error);
    EXPECT_THROW((void)reach(confidence, Vector{1, 2}, 0.5), Error);
    EXPECT_THROW((void)reach(confidence, Vector(8, 0), 0.5), Error);
    EXPECT_THROW((void)reach(confidence, Vector(8, std::nan("")), 0.5), Error);
}

TEST(ClipReach, OneTextDuplicatesAndOpposites) {
    Rng rng(13, 0, 0);
    const Vector t = random_unit(rng, 8), u = random_unit(rng, 8), e = random_unit(rng, 8);
    const auto alone = Confidence::softmax(rows_of({t}), 0, 10);
    EXPECT_TRUE(reach(alone, e, 1).already);
    EXPECT_FALSE(reach(alone, e, 0.5, Aim::lower).reachable);
    // A second label of the same text: never above a half.
    const auto twice = Confidence::softmax(rows_of({t, t, u}), 0, 100);
    const Reach half = reach(twice, e, 0.6);
    EXPECT_FALSE(half.reachable);
    EXPECT_NEAR(half.extreme, 0.5, 1e-9);
    EXPECT_TRUE(reach(twice, plus(t, u, -1), 0.4999).reachable);
    const auto all = Confidence::softmax(rows_of({t, t}), 0, 100);
    EXPECT_FALSE(reach(all, e, 0.6).reachable);
    EXPECT_NEAR(reach(all, e, 0.6).extreme, 0.5, 1e-15);
    // Duplicates among the others count twice and do no harm.
    const auto others = Confidence::softmax(rows_of({t, u, u}), 0, 100);
    EXPECT_NEAR(reach(others, scaled(t, -1), 0.9).confidence, 0.9, 1e-9);
    // The original is opposite to what is wanted.
    const auto opposite = Confidence::softmax(rows_of({t, scaled(t, -1)}), 0, 10);
    const Reach turned = reach(opposite, scaled(t, -1), 0.9);
    EXPECT_NEAR(turned.confidence, 0.9, 1e-9);
    EXPECT_NEAR(reach(Confidence::cosine(rows_of({t})), scaled(t, -1), 1).angle, std::numbers::pi,
                1e-7);
}

TEST(ClipReach, MoreTextsThanDimensions) {
    // Proofs need a direction that no text speaks of; without one the answer still reaches the
    // goal.
    Rng rng(14, 0, 0);
    std::vector<Vector> texts;
    for (int i = 0; i < 30; ++i) texts.push_back(random_unit(rng, 3));
    const auto confidence = Confidence::softmax(rows_of(texts), 0, 30);
    for (int i = 0; i < 10; ++i) {
        const Vector e = random_unit(rng, 3);
        const Reach found = reach(confidence, e, 0.05);
        const Grid grid = by_grid(confidence, e, 0.05, Aim::raise, 300);
        EXPECT_EQ(found.reachable, grid.angle < 10);
        EXPECT_LE(found.least_angle, grid.angle + 1e-9);
        if (found.reachable) {
            EXPECT_GE(found.confidence, 0.05 - 1e-12);
        }
        if (found.converged && !found.already) {
            EXPECT_NEAR(found.angle, grid.angle, 0.05);
        }
    }
}

TEST(ClipReach, TheSameBitsEachTime) {
    Rng rng(15, 0, 0);
    const auto texts = random_texts(rng, 12, 33);
    const auto confidence = Confidence::softmax(rows_of(texts), 3, 100);
    const Vector e = random_unit(rng, 33);
    for (const Aim aim : {Aim::raise, Aim::lower}) {
        const double goal = aim == Aim::raise ? 0.9 : 1e-6;
        EXPECT_EQ(reach(confidence, e, goal, aim).embedding,
                  reach(confidence, e, goal, aim).embedding);
    }
}

}  // namespace
}  // namespace whence::clip
