#include "whence/shapley/elimination.h"

#include <algorithm>
#include <cmath>

#include "whence/core/vector_clones.h"

namespace whence::shapley {
namespace {

// Rows that are taken away at once: each row below is loaded and stored once for all of them; and
// numbers in a vector. Matrices are padded to whole panels.
constexpr int64_t panel = 8;
typedef double Doubles __attribute__((vector_size(64), aligned(8), may_alias));

const Doubles& at(const double* values) {
    return *reinterpret_cast<const Doubles*>(values);
}
Doubles& at(double* values) {
    return *reinterpret_cast<Doubles*>(values);
}

int64_t padded(int64_t n) {
    return (n + panel - 1) / panel * panel;
}

// to[0, width) -= factor * from[0, width).
WHENCE_VECTOR_CLONES
void take_away_row(const double* from, double factor, double* to, int64_t width) {
    for (int64_t i = 0; i < width; i += panel) at(to + i) -= factor * at(from + i);
}

// A panel of rows `from` (of this stride), taken away from rows `to` below or above them, [first,
// last): row j loses factors[p][j] times row p of the panel, in columns [0, end) or, with
// `triangle`, from the vector that column j is in.
WHENCE_VECTOR_CLONES
void take_away(const double* from, const double* factors, int64_t factor_stride, int64_t first,
               int64_t last, double* to, int64_t stride, int64_t end, bool triangle) {
    const double *a = from, *b = a + stride, *c = b + stride, *d = c + stride;
    const double *e = d + stride, *f = e + stride, *g = f + stride, *h = g + stride;
    for (int64_t j = first; j < last; ++j) {
        const double* factor = factors + j;
        const double fa = factor[0], fb = factor[factor_stride], fc = factor[2 * factor_stride],
                     fd = factor[3 * factor_stride], fe = factor[4 * factor_stride],
                     ff = factor[5 * factor_stride], fg = factor[6 * factor_stride],
                     fh = factor[7 * factor_stride];
        double* row = to + j * stride;
        for (int64_t i = triangle ? j / panel * panel : 0; i < end; i += panel)
            at(row + i) -= ((fa * at(a + i) + fb * at(b + i)) + (fc * at(c + i) + fd * at(d + i))) +
                           ((fe * at(e + i) + ff * at(f + i)) + (fg * at(g + i) + fh * at(h + i)));
    }
}

// L^-1 b of the rows of b, [n][stride], up to `end(last row of a panel)` columns.
template <class End>
void divide_rows(const double* upper, int64_t n, double* b, int64_t stride, const End& end) {
    for (int64_t first = 0; first < n; first += panel) {
        const int64_t below = first + panel, width = end(below);
        for (int64_t p = first; p < below; ++p) {
            double* const row = b + p * stride;
            for (int64_t q = first; q < p; ++q)
                take_away_row(b + q * stride, upper[q * n + p], row, width);
            for (int64_t i = 0; i < width; ++i) row[i] /= upper[p * n + p];
        }
        take_away(b + first * stride, upper + first * n, n, below, n, b, stride, width, false);
    }
}

// From rows of `columns` numbers to rows of `to` numbers, the rest 0.
AlignedVector<double> with_rows_of(std::span<const double> from, int64_t columns, int64_t to,
                                   int64_t rows) {
    AlignedVector<double> out(rows * to);
    const int64_t given = std::min<int64_t>(rows, std::ssize(from) / columns);
    for (int64_t r = 0; r < given; ++r)
        std::copy_n(from.data() + r * columns, std::min(columns, to), out.data() + r * to);
    return out;
}

}  // namespace

Factor::Factor(AlignedVector<double> k, int64_t n) : n_(n), padded_(padded(n)) {
    upper_ = n == padded_ ? std::move(k) : with_rows_of(k, n, padded_, padded_);
    double* const u = upper_.data();
    for (int64_t i = n; i < padded_; ++i) u[i * padded_ + i] = 1;
    for (int64_t first = 0; first < padded_; first += panel) {
        const int64_t below = first + panel, width = padded_ - first;
        for (int64_t p = first; p < below; ++p) {
            double* const row = u + p * padded_;
            for (int64_t q = first; q < p; ++q)
                take_away_row(u + q * padded_ + first, u[q * padded_ + p], row + first, width);
            if (!(row[p] > 0)) return;
            const double root = std::sqrt(row[p]);
            for (int64_t i = p; i < padded_; ++i) row[i] /= root;
        }
        take_away(u + first * padded_, u + first * padded_, padded_, below, padded_, u, padded_,
                  padded_, true);
    }
    exists_ = true;
}

void Factor::divide(std::span<double> b, int64_t columns) const {
    const int64_t width = padded(columns);
    AlignedVector<double> rows = with_rows_of(b, columns, width, padded_);
    divide_rows(upper_.data(), padded_, rows.data(), width, [&](int64_t) { return width; });
    std::ranges::copy(with_rows_of(rows, width, columns, n_), b.begin());
}

AlignedVector<double> Factor::inverse() const {
    AlignedVector<double> out(padded_ * padded_);
    for (int64_t k = 0; k < padded_; ++k) out[k * padded_ + k] = 1;
    divide_rows(upper_.data(), padded_, out.data(), padded_, [](int64_t below) { return below; });
    return n_ == padded_ ? out : with_rows_of(out, padded_, n_, n_);
}

AlignedVector<double> turned_product(std::span<const double> lower, std::span<const double> b,
                                     int64_t n, int64_t columns) {
    const int64_t width = padded(columns), all = padded(n);
    // Taken away from nothing: the product of what has the other sign.
    const AlignedVector<double> rows = with_rows_of(b, columns, width, all);
    AlignedVector<double> copy, out(all * width);
    if (n != all) lower = copy = with_rows_of(lower, n, all, all);
    for (int64_t first = 0; first < all; first += panel)
        take_away(rows.data() + first * width, lower.data() + first * all, all, 0, first + panel,
                  out.data(), width, width, false);
    for (double& value : out) value = -value;
    return with_rows_of(out, width, columns, n);
}

}  // namespace whence::shapley
