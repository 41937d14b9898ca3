#include "whence/metrics/distances.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "whence/core/error.h"
#include "whence/core/parallel.h"
#include "whence/metrics/statistics.h"

namespace whence::metrics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

constexpr std::array<std::pair<Distance, std::string_view>, 6> distances{{
    {Distance::mean_absolute, "mean-absolute"},
    {Distance::euclidean, "euclidean"},
    {Distance::cosine, "cosine"},
    {Distance::pearson, "pearson"},
    {Distance::spearman, "spearman"},
    {Distance::unsigned_spearman, "unsigned-spearman"},
}};
constexpr std::array<std::pair<Normalisation, std::string_view>, 2> normalisations{{
    {Normalisation::none, "none"},
    {Normalisation::largest, "largest"},
}};

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
    return std::ranges::find(table, value, [](const auto& row) { return row.first; })->second;
}

template <class Table>
auto parse_in(const Table& table, std::string_view text, const char* what) {
    std::string choices;
    for (const auto& [value, name] : table) {
        if (name == text) return value;
        choices += (choices.empty() ? "" : ", ") + std::string(name);
    }
    throw Error(ErrorKind::usage,
                fmt::format("there is no {} '{}'; choose {}", what, printable(text), choices));
}

bool constant(std::span<const double> row) {
    return std::ranges::all_of(row, [&](double v) { return v == row[0]; });
}

// After this a cosine or a correlation is the inner product of two rows; NaN where there is none.
void prepare(std::vector<double>& row, Distance kind) {
    if (kind == Distance::mean_absolute || kind == Distance::euclidean) return;
    if (kind == Distance::spearman || kind == Distance::unsigned_spearman) row = mid_ranks(row);
    if (kind != Distance::cosine) {
        if (constant(row)) return row.assign(row.size(), nan);
        const double centre = mean(row);
        for (double& v : row) v -= centre;
    }
    double largest = 0, square = 0;
    for (const double v : row) largest = std::max(largest, std::abs(v));
    for (const double v : row) square += v / largest * (v / largest);
    const double length = largest * std::sqrt(square);
    for (double& v : row) v = length > 0 ? v / length : nan;
}

double between(std::span<const double> a, std::span<const double> b, Distance kind) {
    double sum = 0;
    if (kind == Distance::mean_absolute) {
        for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
        return sum / static_cast<double>(a.size());
    }
    if (kind == Distance::euclidean) {
        for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
        return std::sqrt(sum);
    }
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    if (std::isnan(sum)) return nan;
    const double alike = std::clamp(sum, -1.0, 1.0);
    return kind == Distance::unsigned_spearman ? std::sqrt(1 - std::abs(alike)) : 1 - alike;
}

void divide_by_largest(std::vector<double>& row) {
    double largest = 0;
    for (const double v : row) largest = std::max(largest, std::abs(v));
    if (largest > 0)
        for (double& v : row) v /= largest;
}

}  // namespace

std::string_view name(Distance distance) {
    return name_in(distances, distance);
}
Distance parse_distance(std::string_view text) {
    return parse_in(distances, text, "distance");
}
std::string_view name(Normalisation normalisation) {
    return name_in(normalisations, normalisation);
}
Normalisation parse_normalisation(std::string_view text) {
    return parse_in(normalisations, text, "normalisation");
}

double distance(std::span<const double> a, std::span<const double> b, Distance kind) {
    require_finite(a, "an explanation");
    require_finite(b, "an explanation");
    if (a.size() != b.size())
        throw Error(ErrorKind::input, fmt::format("explanations of {} and of {} values cannot be "
                                                  "compared",
                                                  a.size(), b.size()));
    std::vector<double> of_a(a.begin(), a.end()), of_b(b.begin(), b.end());
    prepare(of_a, kind);
    prepare(of_b, kind);
    return between(of_a, of_b, kind);
}

std::vector<double> pair_distances(MatrixView<const double> explanations, Distance kind,
                                   Normalisation normalisation, const Run& run) {
    const int64_t n = explanations.rows;
    std::vector<std::vector<double>> rows(n);
    parallel_for(run, n, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            require_finite(explanations.row(i), "an explanation");
            rows[i].assign(explanations.row(i).begin(), explanations.row(i).end());
            if (normalisation == Normalisation::largest) divide_by_largest(rows[i]);
            prepare(rows[i], kind);
        }
    });
    std::vector<double> out(n * (n - 1) / 2);
    parallel_for(run, n, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            for (int64_t j = i + 1; j < n; ++j)
                out[i * n - i * (i + 1) / 2 + j - i - 1] = between(rows[i], rows[j], kind);
    });
    return out;
}

}  // namespace whence::metrics
