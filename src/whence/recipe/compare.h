#pragma once
// One input explained in several ways: what each is compared with, and how far its sum is off.

#include <string>
#include <vector>

#include "whence/recipe/recipe.h"

namespace whence::recipe {

struct ComparisonRequest {
    std::vector<std::string> methods;    ///< at least one
    std::vector<std::string> layers;     ///< "" or "input": the input; empty: as the method chooses
    std::vector<std::string> baselines;  ///< as baseline_for reads them; empty: the default
    std::vector<std::string> targets;    ///< as Recipe::target; empty: the top class
    int64_t top_labels = 0;  ///< instead of targets: so many classes with the largest scores
    Recipe common;  ///< scale, seed, and options given to those methods that have them
};

/// One way of explaining, and what came of it.
struct ComparisonRow {
    std::string method, layer, baseline, target;  ///< as asked for
    std::optional<Explanation> explanation;  ///< none: `failure` says why, in one line
    std::string failure;
};

/// Every method with every layer, every baseline it can use and every target: a method that knows no layers runs
/// once for the input, one that uses no baseline once for all of them. Explanations of several classes share the answers to what they ask alike (their
/// cost counts what each asked the model itself). What cannot be done is a row
/// that says so; only a wrong name (Error(usage) for a method) or a stop ends the comparison.
[[nodiscard]] std::vector<ComparisonRow> compare(const Subject& subject, const Input& input,
                                                 const ComparisonRequest& request, const Run& run);

/// What an attribution adds up to, and what it should: T = f(x) - f(baseline), R = sum, E = R - T.
struct Sums {
    double target = 0, result = 0, error = 0;
    std::optional<double> relative;  ///< |E| / |T|; none where T is nearly zero
};
/// None for a method that claims no completeness.
[[nodiscard]] std::optional<Sums> sums_of(const Explanation& explanation);

}  // namespace whence::recipe
