#include "whence/shapley/elimination.h"

#include <algorithm>
#include <cmath>

#include "whence/core/vector_clones.h"

namespace whence::shapley {
namespace {

// Rows that are taken away at once: each row below is loaded and stored once for all of them.
constexpr int64_t panel = 8;

// to[begin, end) -= sum over the panel of factor[p] * from[p][begin, end).
WHENCE_VECTOR_CLONES
void take_away(const double* from, int64_t stride, int64_t count, const double* factor,
               double* __restrict to, int64_t begin, int64_t end) {
    if (count == panel) {
        const double *a = from, *b = a + stride, *c = b + stride, *d = c + stride;
        const double *e = d + stride, *f = e + stride, *g = f + stride, *h = g + stride;
        const double fa = factor[0], fb = factor[1], fc = factor[2], fd = factor[3];
        const double fe = factor[4], ff = factor[5], fg = factor[6], fh = factor[7];
        for (int64_t i = begin; i < end; ++i)
            to[i] -= ((fa * a[i] + fb * b[i]) + (fc * c[i] + fd * d[i])) +
                     ((fe * e[i] + ff * f[i]) + (fg * g[i] + fh * h[i]));
        return;
    }
    for (int64_t p = 0; p < count; ++p)
        for (int64_t i = begin; i < end; ++i) to[i] -= factor[p] * from[p * stride + i];
}

}  // namespace

Factor::Factor(std::vector<double> k, int64_t n) : n_(n), upper_(std::move(k)) {
    double* const u = upper_.data();
    for (int64_t first = 0; first < n; first += panel) {
        const int64_t count = std::min(panel, n - first);
        for (int64_t p = first; p < first + count; ++p) {
            double* const row = u + p * n;
            for (int64_t q = first; q < p; ++q)
                take_away(u + q * n, n, 1, u + q * n + p, row, p, n);
            if (!(row[p] > 0)) return;
            const double root = std::sqrt(row[p]);
            for (int64_t i = p; i < n; ++i) row[i] /= root;
        }
        for (int64_t j = first + count; j < n; ++j) {
            double factors[panel];
            for (int64_t p = 0; p < count; ++p) factors[p] = u[(first + p) * n + j];
            take_away(u + first * n, n, count, factors, u + j * n, j, n);
        }
    }
    exists_ = true;
}

void Factor::divide(std::span<double> b, int64_t columns) const {
    const double* const u = upper_.data();
    for (int64_t first = 0; first < n_; first += panel) {
        const int64_t count = std::min(panel, n_ - first);
        for (int64_t p = first; p < first + count; ++p) {
            double* const row = b.data() + p * columns;
            for (int64_t q = first; q < p; ++q)
                take_away(b.data() + q * columns, columns, 1, u + q * n_ + p, row, 0, columns);
            for (int64_t i = 0; i < columns; ++i) row[i] /= u[p * n_ + p];
        }
        for (int64_t j = first + count; j < n_; ++j) {
            double factors[panel];
            for (int64_t p = 0; p < count; ++p) factors[p] = u[(first + p) * n_ + j];
            take_away(b.data() + first * columns, columns, count, factors, b.data() + j * columns,
                      0, columns);
        }
    }
}

std::vector<double> Factor::inverse() const {
    const double* const u = upper_.data();
    std::vector<double> out(n_ * n_, 0);
    for (int64_t k = 0; k < n_; ++k) out[k * n_ + k] = 1;
    for (int64_t first = 0; first < n_; first += panel) {
        const int64_t count = std::min(panel, n_ - first), width = first + count;
        for (int64_t p = first; p < width; ++p) {
            double* const row = out.data() + p * n_;
            for (int64_t q = first; q < p; ++q)
                take_away(out.data() + q * n_, n_, 1, u + q * n_ + p, row, 0, width);
            for (int64_t i = 0; i < width; ++i) row[i] /= u[p * n_ + p];
        }
        for (int64_t j = width; j < n_; ++j) {
            double factors[panel];
            for (int64_t p = 0; p < count; ++p) factors[p] = u[(first + p) * n_ + j];
            take_away(out.data() + first * n_, n_, count, factors, out.data() + j * n_, 0, width);
        }
    }
    return out;
}

std::vector<double> turned_product(std::span<const double> lower, std::span<const double> b,
                                   int64_t n, int64_t columns) {
    std::vector<double> out(n * columns, 0);
    for (int64_t first = 0; first < n; first += panel) {
        const int64_t count = std::min(panel, n - first);
        for (int64_t i = 0; i < first + count; ++i) {
            double factors[panel];
            for (int64_t p = 0; p < count; ++p) factors[p] = -lower[(first + p) * n + i];
            take_away(b.data() + first * columns, columns, count, factors, out.data() + i * columns,
                      0, columns);
        }
    }
    return out;
}

}  // namespace whence::shapley
