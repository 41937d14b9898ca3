#include "whence/perturb/discretize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace whence::perturb {
namespace {

// At most eight bins, as lime.
constexpr int tree_depth = 3;

// NumPy's interpolation to the bit: its lerp starts from the nearer end.
double percentile(const std::vector<double>& sorted, double percent) {
    const double at = percent / 100 * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<size_t>(std::floor(at));
    const double a = sorted[below], b = sorted[std::min(below + 1, sorted.size() - 1)];
    const double t = at - std::floor(at);
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

struct Labelled {
    double value;
    int64_t label;
};

// Sum of -count log2(count / all): entropy times the number of rows.
double disorder(const std::map<int64_t, int64_t>& counts, int64_t all) {
    double sum = 0;
    for (const auto& [label, count] : counts)
        if (count > 0)
            sum -= static_cast<double>(count) *
                   std::log2(static_cast<double>(count) / static_cast<double>(all));
    return sum;
}

// The number of rows left of the best cut; 0 where nothing can be cut. Ties go to the first.
size_t best_cut(std::span<const Labelled> rows) {
    std::map<int64_t, int64_t> left, right;
    for (const Labelled& row : rows) ++right[row.label];
    if (right.size() < 2) return 0;
    size_t best = 0;
    double least = 0;
    for (size_t i = 1; i < rows.size(); ++i) {
        ++left[rows[i - 1].label];
        --right[rows[i - 1].label];
        if (rows[i].value <= rows[i - 1].value + 1e-7)
            continue;  // scikit-learn's FEATURE_THRESHOLD
        const double now = disorder(left, static_cast<int64_t>(i)) +
                           disorder(right, static_cast<int64_t>(rows.size() - i));
        if (best == 0 || now < least) {
            least = now;
            best = i;
        }
    }
    return best;
}

void grow(std::span<const Labelled> rows, int depth, std::vector<double>& edges) {
    const size_t cut = depth > 0 ? best_cut(rows) : 0;
    if (cut == 0) return;
    edges.push_back(rows[cut - 1].value / 2 + rows[cut].value / 2);
    grow(rows.first(cut), depth - 1, edges);
    grow(rows.subspan(cut), depth - 1, edges);
}

std::vector<double> tree_edges(std::span<const double> values, std::span<const int64_t> labels) {
    std::vector<Labelled> rows;
    // scikit-learn's trees read float32.
    for (size_t i = 0; i < values.size(); ++i)
        rows.push_back({static_cast<double>(static_cast<float>(values[i])), labels[i]});
    std::ranges::sort(rows, {}, &Labelled::value);
    std::vector<double> edges;
    grow(rows, tree_depth, edges);
    return edges;
}

}  // namespace

std::vector<double> bin_edges(Discretizer discretizer, std::span<const double> values,
                              std::span<const int64_t> labels) {
    std::vector<double> sorted(values.begin(), values.end());
    std::ranges::sort(sorted);
    std::vector<double> edges;
    if (discretizer == Discretizer::quartile)
        for (const double percent : {25, 50, 75}) edges.push_back(percentile(sorted, percent));
    if (discretizer == Discretizer::decile)
        for (int percent = 10; percent < 100; percent += 10)
            edges.push_back(percentile(sorted, percent));
    if (discretizer == Discretizer::entropy) edges = tree_edges(values, labels);
    if (edges.empty()) edges.push_back(percentile(sorted, 50));
    for (double& edge : edges) edge += 0.0;  // no "-0.00" in names
    std::ranges::sort(edges);
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    return edges;
}

}  // namespace whence::perturb
