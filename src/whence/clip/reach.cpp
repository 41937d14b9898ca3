#include "whence/clip/reach.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <ranges>

#include "whence/clip/ascent.h"
#include "whence/clip/margins.h"
#include "whence/clip/vectors.h"
#include "whence/core/error.h"

namespace whence::clip {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// All x of the ball with L(x) >= goal satisfy L(e) + g . (x - e) >= goal, for L is concave.
HalfSpace tangent_space(const Place& place, double goal) {
    const double length = place.gradient.norm();
    if (!(length > 0)) return {list(place.e), -1};  // flat, as far as numbers go: all of the sphere
    return {list(place.gradient / length),
            (goal - place.evidence) / length + place.gradient.dot(place.e) / length};
}

Vector normal(const Vector& v, const Vector& otherwise) {
    const double length = v.norm();
    return length > 0 ? Vector(v / length) : otherwise;
}

// The greatest evidence on the sphere and what bounds it.
struct Top {
    Place place;
    double bound = 0;
};

Top highest(const Ascent& ascent, const Confidence& confidence) {
    const auto rows = view(confidence.margins());
    const Vector middle = normal(rows.colwise().mean().transpose(), ascent.from());
    Eigen::Index longest = 0;
    rows.rowwise().norm().maxCoeff(&longest);
    const Vector starts[] = {middle, ascent.from(), rows.row(longest).transpose().normalized()};
    Top best;
    best.bound = infinity;
    for (const Vector& start : starts) {
        Place top = ascent.climb(1, ascent.at(start));
        best.bound = std::min(best.bound, top.evidence + ascent.gap(1, top) * ascent.longest());
        if (best.place.e.size() == 0 || top.evidence > best.place.evidence)
            best.place = std::move(top);
        if (best.bound - best.place.evidence <= 1e-9 * (1 + std::abs(best.bound))) break;
    }
    return best;
}

struct Nearest {
    Place place;
    double least_angle = 0;
};

// The closed form, moved by roundings until the goal is really reached; none where it is not.
template <class Reaches>
std::optional<Vector> reaching_in(HalfSpace space, const Vector& from, const Reaches& reaches) {
    for (double more = 1e-16; more < 1e-9; more *= 2) {
        const auto found = nearest_in(space, view(from));
        if (!found) break;
        Vector e = view(*found);
        if (reaches(e)) return e;
        space.offset += more;
    }
    return std::nullopt;
}

// One margin.
Place nearest_of_one(const Ascent& ascent, const Confidence& confidence, double goal,
                     const Place& top) {
    const Vector row = view(confidence.margins()).row(0);
    const double length = row.norm();
    const auto e =
        reaching_in({list(row / length), (goal - confidence.bias()) / length}, ascent.from(),
                    [&](const Vector& x) { return ascent.at(x).evidence >= goal; });
    return e ? ascent.at(*e) : top;
}

// Where to begin: margins of goal + log(margins) suffice, for then the sum of exp(-margin) is at
// most exp(-goal). The multipliers of the nearest such point add up to a / (1 - a), for the
// gradient of L is a mean of the margins' rows.
std::optional<std::pair<double, Place>> sufficient(const Ascent& ascent,
                                                   const Confidence& confidence, double goal) {
    const Rows rows = view(confidence.margins()) / ascent.longest();
    const double least =
        (goal + std::log(static_cast<double>(rows.rows())) - confidence.bias()) / ascent.longest();
    const auto found =
        nearest_with_margins(view(ascent.from()), {rows.data(), rows.rows(), rows.cols()},
                             std::vector(static_cast<size_t>(rows.rows()), least));
    if (!found) return std::nullopt;
    const double pull = std::accumulate(found->multipliers.begin(), found->multipliers.end(), 0.0);
    const Vector point = view(found->point);
    if (!(pull > 0) || !(point.norm() > 1e-6)) return std::nullopt;
    return std::pair{pull / (1 + pull), ascent.at(point.normalized())};
}

// phi_a is climbed for the a at which the evidence is the goal (Illinois' form of the false
// position, halving where it stalls).
Nearest nearest_of_many(const Ascent& ascent, const Confidence& confidence, double goal,
                        const Place& start, const Place& top) {
    double low = 0, high = 1, below = start.evidence - goal, above = top.evidence - goal;
    Place reaching = top, trial = start;
    double a = 0.5;
    if (const auto begin = sufficient(ascent, confidence, goal)) {
        a = begin->first;
        trial = begin->second;
    }
    int same_side = 0;
    for (int step = 0; step < 100; ++step) {
        trial = ascent.climb(a, std::move(trial));
        const double miss = trial.evidence - goal;
        if (miss >= 0) {
            high = a;
            above = miss;
            reaching = trial;
            below *= ++same_side > 1 ? 0.5 : 1;
            same_side = std::max(same_side, 1);
        } else {
            low = a;
            below = miss;
            above *= --same_side < -1 ? 0.5 : 1;
            same_side = std::min(same_side, -1);
        }
        if (miss >= 0 && miss <= 1e-12 * (1 + std::abs(goal))) break;
        if (high - low <= 1e-15 * high) break;
        a = low - below * (high - low) / (above - below);
        if (step % 4 == 3 || !(a > low && a < high)) a = low + 0.5 * (high - low);
    }
    // For x of the ball that reach the goal: phi_a(x) <= phi_a(e) + gap and L(x) >= goal.
    const double rest = high / ascent.longest() * (reaching.evidence - goal);
    const double cosine =
        high < 1 ? ascent.from().dot(reaching.e) + (rest + ascent.gap(high, reaching)) / (1 - high)
                 : 1;
    return {reaching, std::acos(std::clamp(cosine, -1.0, 1.0))};
}

void state(Reach& reach, const Confidence& confidence, std::span<const double> from,
           const Vector& e) {
    reach.embedding = list(e);
    reach.confidence = confidence.confidence_of(confidence.evidence(reach.embedding));
    reach.angle = angle(from, reach.embedding);
}

Reach raise(const Confidence& confidence, const Ascent& ascent, double goal) {
    Reach reach;
    const std::span<const double> from = view(ascent.from());
    const Place start = ascent.at(ascent.from());
    const Top top = highest(ascent, confidence);
    reach.extreme = confidence.confidence_of(top.place.evidence);
    reach.extreme_bound = confidence.confidence_of(top.bound);
    reach.converged = top.bound - top.place.evidence <= 1e-6 * (1 + std::abs(top.bound));
    reach.reachable = top.place.evidence >= goal;
    if (!reach.reachable) {
        state(reach, confidence, from, top.place.e);
        return reach;
    }
    Nearest found;
    if (confidence.margins().rows == 1) {
        found.place = nearest_of_one(ascent, confidence, goal, top.place);
        found.least_angle = angle(from, view(found.place.e));
    } else {
        found = nearest_of_many(ascent, confidence, goal, start, top.place);
    }
    state(reach, confidence, from, found.place.e);
    reach.least_angle = std::min(found.least_angle, reach.angle);
    reach.converged = reach.converged && reach.angle - reach.least_angle <= 1e-6;
    reach.covers.push_back({tangent_space(found.place, goal), tangent_space(top.place, goal)});
    return reach;
}

// The point nearest to `from` that the repeated tangent of -L (convex) leads to; -L >= level there.
Vector settle(const Ascent& ascent, Vector e, double level) {
    for (int step = 0; step < 500; ++step) {
        const Place place = ascent.at(e);
        const double length = place.gradient.norm();
        if (!(length > 0)) break;
        const HalfSpace inside{list(-place.gradient / length),
                               (level + place.evidence - place.gradient.dot(e)) / length};
        const auto next = nearest_in(inside, view(ascent.from()));
        // Rounding may leave it a hair short of the level: then the last one stands.
        if (!next || -ascent.at(view(*next)).evidence < level) break;
        const double moved = angle(view(e), *next);
        if (ascent.from().dot(view(*next)) < ascent.from().dot(e)) break;
        e = view(*next);
        if (moved < 1e-10) break;
    }
    return e;
}

// The lowest evidence that repeated maximisation of the tangent of -L leads to.
Place lowest(const Ascent& ascent, Place place) {
    for (int step = 0; step < 500; ++step) {
        const double length = place.gradient.norm();
        if (!(length > 0)) break;
        Place next = ascent.at(-place.gradient / length);
        const double fall = place.evidence - next.evidence;
        if (!(fall > 0)) break;
        place = std::move(next);
        if (fall < 1e-12 * (1 + std::abs(place.evidence))) break;
    }
    return place;
}

Reach lower(const Confidence& confidence, const Ascent& ascent, double goal) {
    constexpr size_t most_starts = 16;
    Reach reach;
    const auto rows = view(confidence.margins());
    const std::span<const double> from = view(ascent.from());
    const double level = -goal, loose = std::log(static_cast<double>(rows.rows()));

    // One half-space for each margin: -r_j . e - bias >= level. Inside any of them the goal is
    // reached; where it is reached, one of them holds that is wider by log(margins).
    struct Way {
        double angle = infinity;
        std::optional<Vector> nearest;
        Vector direction;
    };
    std::vector<Way> ways;
    double bound = -infinity, least_angle = infinity;
    for (Eigen::Index j = 0; j < rows.rows(); ++j) {
        const double length = rows.row(j).norm(), wide = level - loose + confidence.bias();
        bound = std::max(bound, length - confidence.bias() + loose);
        if (!(length > 0)) {
            // The same anchor again: its margin is 0 everywhere.
            if (wide <= 0) {
                const HalfSpace all{list(ascent.from()), -1};
                reach.covers.push_back({all, all});
                least_angle = 0;
            }
            continue;
        }
        Way way;
        way.direction = -rows.row(j).transpose() / length;
        const HalfSpace outer{list(way.direction), wide / length};
        if (const auto touched = nearest_in(outer, from)) {
            reach.covers.push_back({outer, outer});
            least_angle = std::min(least_angle, angle(from, *touched));
        }
        way.nearest =
            reaching_in({list(way.direction), (level + confidence.bias()) / length}, ascent.from(),
                        [&](const Vector& x) { return -ascent.at(x).evidence >= level; });
        if (way.nearest) way.angle = angle(from, view(*way.nearest));
        ways.push_back(std::move(way));
    }
    std::ranges::stable_sort(reach.covers, {}, [&](const Cover& cover) {
        return angle(from, *nearest_in(cover.near, from));
    });
    std::ranges::stable_sort(ways, {}, &Way::angle);
    if (ways.size() > most_starts) ways.resize(most_starts);

    std::optional<Vector> best;
    std::optional<Place> bottom;
    for (const Way& way : ways) {
        Place low = lowest(ascent, ascent.at(way.direction));
        // No single margin may suffice where several together do.
        const Vector begin = way.nearest.value_or(low.e);
        if (!bottom || low.evidence < bottom->evidence) bottom = std::move(low);
        if (-ascent.at(begin).evidence < level) continue;
        Vector e = settle(ascent, begin, level);
        if (!best || ascent.from().dot(e) > ascent.from().dot(*best)) best = std::move(e);
    }
    reach.extreme = confidence.confidence_of(bottom->evidence);
    reach.extreme_bound = confidence.confidence_of(-bound);
    reach.reachable = best.has_value();
    state(reach, confidence, from, best ? *best : bottom->e);
    if (!best) reach.covers.clear();
    reach.least_angle = best ? std::min(least_angle, reach.angle) : 0;
    reach.converged = rows.rows() == 1;
    return reach;
}

}  // namespace

Reach reach(const Confidence& confidence, std::span<const double> from, double goal, Aim aim) {
    if (static_cast<int64_t>(from.size()) != confidence.width())
        throw Error(ErrorKind::input,
                    fmt::format("the embedding has {} numbers, those it is compared with {}",
                                from.size(), confidence.width()));
    const std::vector<double> unit = normalised(from, "the embedding");
    const double wanted = confidence.evidence_of(goal);
    const double here = confidence.evidence(unit);
    const bool reached = aim == Aim::raise ? here >= wanted : here <= wanted;
    const auto rows = view(confidence.margins());
    const bool constant = rows.rows() == 0 || rows.cwiseAbs().maxCoeff() == 0;
    if (!reached && !constant) {
        const Ascent ascent(confidence, unit);
        return aim == Aim::raise ? raise(confidence, ascent, wanted)
                                 : lower(confidence, ascent, wanted);
    }
    Reach reach;
    reach.already = reach.reachable = reached;
    state(reach, confidence, unit, view(unit));
    reach.extreme = reach.extreme_bound = reach.confidence;
    return reach;
}

}  // namespace whence::clip
