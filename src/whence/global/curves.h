#pragma once
// The target against one feature: partial dependence, individual curves, accumulated local effects.

#include "whence/global/task.h"

namespace whence::global {

enum class GridKind { quantiles, equal };
/// "quantiles", "equal". Throws Error(usage) naming the choices.
[[nodiscard]] GridKind parse_grid(std::string_view text);

struct CurveOptions {
    GridKind grid = GridKind::quantiles;
    int64_t points = 20;         ///< of the grid, at least 2; fewer where values repeat
    std::vector<double> values;  ///< dependence: the grid itself, if given; rising
    bool centered = false;       ///< dependence: 0 at the first point, every line by itself
};

/// Points at which a column is looked at. Numbers: all different values where there are no more
/// than `points`, else quantiles at equal steps (linear between values, as numpy) or equal steps
/// from the least to the largest. Categories: the codes that occur. Missing values are left out;
/// empty where all are missing.
[[nodiscard]] std::vector<double> grid_of(const Task& task, int64_t feature,
                                          const CurveOptions& options);

/// Partial dependence and ICE: line i is f(v, x_i without j) over the grid's v (Goldstein,
/// Kapelner, Bleich, Pitkin 2015, "Peeking inside the black box", section 3), their mean the
/// partial dependence (Friedman 2001, "Greedy function approximation", eq. 53). Lines hold every
/// row.
///
/// Cost: rows x points evaluations. Misleads where the feature depends on others: the model is
/// asked about combinations that do not occur (then see accumulated_effects); a flat mean may hide
/// lines that cross (then see the lines).
[[nodiscard]] Curve dependence(const Task& task, int64_t feature, const CurveOptions& options,
                               const Run& run);

/// Accumulated local effects, first order (Apley and Zhu 2020, "Visualizing the effects of
/// predictor variables in black box supervised learning models", eq. 15 and 16): rows are moved
/// only to the ends of the interval they lie in; the mean differences of the intervals are summed
/// and centred so that the mean over rows is 0, interval by interval at its middle, as in the
/// package ALEPlot. Intervals end at values of the column (inverse of its distribution function at
/// equal steps). Categories are taken in the order of their codes: a row is moved to the neighbours
/// of its own.
///
/// Cost: 2 evaluations a row. Rows without a value are left out. Only differences within intervals
/// are meant: far from each other, points of the curve rest on different rows. For categories the
/// order decides what a neighbour is.
[[nodiscard]] Curve accumulated_effects(const Task& task, int64_t feature,
                                        const CurveOptions& options, const Run& run);

}  // namespace whence::global
