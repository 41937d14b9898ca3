#include "whence/trees/search/cells.h"

#include <algorithm>
#include <cmath>

namespace whence::trees {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr float infinite_float = std::numeric_limits<float>::infinity();

// Predictor's, which is LightGBM's kZeroThreshold.
constexpr double zero = static_cast<double>(1e-35F);

// The largest float32 that is not above: float32 numbers are on the same side of both.
double float_below(double edge) {
    const auto at = static_cast<float>(edge);
    return static_cast<double>(static_cast<double>(at) > edge ? std::nextafter(at, -infinite_float)
                                                              : at);
}

double read(const Lattice& lattice, double value) {
    return lattice.float_inputs ? static_cast<double>(static_cast<float>(value)) : value;
}

double next(const Lattice& lattice, double value, double towards) {
    if (!lattice.float_inputs) return std::nextafter(value, towards);
    return static_cast<double>(
        std::nextafter(static_cast<float>(value), static_cast<float>(towards)));
}

bool fits(const Cell& cell, double value, const Lattice& lattice) {
    return std::isfinite(value) && value >= lattice.low && value <= lattice.high &&
           cell.holds(read(lattice, value));
}

// The first value that fits from `value` on, in few steps: rounding moved it by one at most.
template <class Next>
std::optional<double> first_fit(const Cell& cell, double value, const Lattice& lattice, Next step) {
    constexpr int most = 4;
    for (int i = 0; i < most; ++i, value = step(value))
        if (fits(cell, value, lattice)) return value;
    return std::nullopt;
}

}  // namespace

std::vector<std::vector<Cell>> cells_of(const Ensemble& ensemble) {
    const bool floats = ensemble.parts().float_inputs;
    std::vector<std::vector<double>> edges(static_cast<size_t>(ensemble.features()));
    const auto cut = [&](size_t column, double edge) {
        edges[column].push_back(floats ? float_below(edge) : edge);
    };
    // The point p is what lies above the number before it, up to itself.
    const auto set_apart = [&](size_t column, double first, double last) {
        cut(column, floats ? std::nextafter(static_cast<float>(first), -infinite_float)
                           : std::nextafter(first, -infinity));
        cut(column, last);
    };
    for (const Tree& tree : ensemble.trees())
        for (const Node& node : tree.nodes) {
            if (node.is_leaf()) continue;
            if (node.categories < 0)
                cut(node.feature, node.threshold);
            else
                for (const int32_t code : tree.categories[node.categories])
                    set_apart(node.feature, code, code);
        }
    const std::vector<bool>& zeros = ensemble.parts().zero_is_missing;
    for (size_t column = 0; column < zeros.size(); ++column)
        if (zeros[column] && !edges[column].empty()) set_apart(column, -zero, zero);
    std::vector<std::vector<Cell>> all(edges.size());
    for (size_t column = 0; column < edges.size(); ++column) {
        std::vector<double>& at = edges[column];
        std::ranges::sort(at);
        at.erase(std::unique(at.begin(), at.end()), at.end());
        double above = -infinity;
        for (const double edge : at) {
            if (edge > above) all[column].push_back({above, edge});
            above = std::max(above, edge);
        }
        if (above < infinity) all[column].push_back({above, infinity});
    }
    return all;
}

std::vector<uint8_t> read_columns(const Ensemble& ensemble) {
    std::vector<uint8_t> read(static_cast<size_t>(ensemble.features()));
    for (const Tree& tree : ensemble.trees())
        for (const Node& node : tree.nodes)
            if (!node.is_leaf()) read[static_cast<size_t>(node.feature)] = 1;
    return read;
}

double as_read(const Ensemble& ensemble, int64_t column, double value) {
    const EnsembleParts& parts = ensemble.parts();
    if (parts.float_inputs) value = static_cast<float>(value);
    if (!parts.zero_is_missing.empty() && parts.zero_is_missing[static_cast<size_t>(column)] &&
        std::abs(value) <= zero)
        return std::numeric_limits<double>::quiet_NaN();
    return value;
}

std::optional<double> nearest_in(const Cell& cell, double x, const Lattice& lattice) {
    if (fits(cell, x, lattice)) return x;
    // The end of what is allowed that is nearer to x, and then away from x.
    const bool up = read(lattice, x) <= cell.above || x < lattice.low;
    const double away = up ? infinity : -infinity;
    const double end = up ? std::max(cell.above, lattice.low) : std::min(cell.upto, lattice.high);
    if (!std::isfinite(end)) return std::nullopt;
    if (fits(cell, 0, lattice) && cell.upto <= zero && cell.above < 0 && cell.above >= -2 * zero)
        return 0;
    if (lattice.per_unit > 0) {
        const double sign = up ? 1 : -1;
        const double whole = std::floor(end * lattice.per_unit * sign) * sign;
        double steps = whole;
        return first_fit(cell, steps / lattice.per_unit, lattice, [&](double) {
            steps += sign;
            return steps / lattice.per_unit;
        });
    }
    const double start = lattice.float_inputs && !(end == lattice.low || end == lattice.high)
                             ? next(lattice, end, -away)
                             : end;
    return first_fit(cell, start, lattice, [&](double v) { return next(lattice, v, away); });
}

}  // namespace whence::trees
