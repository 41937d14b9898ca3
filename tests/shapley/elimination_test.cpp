// Triangular factors against their definitions.

#include "whence/shapley/elimination.h"

#include <gtest/gtest.h>

#include <cmath>

#include "whence/core/rng.h"

namespace whence::shapley {
namespace {

AlignedVector<double> normals(int64_t count, uint64_t seed) {
    AlignedVector<double> out(count);
    Rng rng(seed, 0, 0);
    for (double& value : out) value = rng.normal();
    return out;
}

// G G^T + 1/10, row-major.
AlignedVector<double> positive(int64_t n) {
    const AlignedVector<double> g = normals(n * n, 7);
    AlignedVector<double> out(n * n);
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) {
            for (int64_t k = 0; k < n; ++k) out[i * n + j] += g[i * n + k] * g[j * n + k];
            if (i == j) out[i * n + j] += 0.1;
        }
    return out;
}

TEST(Factor, InverseAndQuotientsAreThoseOfTheMatrix) {
    for (const int64_t n : {1, 3, 4, 7, 30, 61}) {
        const AlignedVector<double> k = positive(n);
        const Factor factor(k, n);
        ASSERT_TRUE(factor.exists());
        const AlignedVector<double> inverse = factor.inverse();
        // (L^-1)^T L^-1 K = 1
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < n; ++j) {
                double sum = 0;
                for (int64_t a = 0; a < n; ++a) {
                    double row = 0;
                    for (int64_t b = 0; b < n; ++b) row += inverse[a * n + b] * k[b * n + j];
                    sum += inverse[a * n + i] * row;
                }
                ASSERT_NEAR(sum, i == j, 1e-7) << n << " " << i << " " << j;
            }
        for (int64_t i = 0; i < n; ++i)
            for (int64_t j = i + 1; j < n; ++j) ASSERT_EQ(inverse[i * n + j], 0);
        const AlignedVector<double> b = normals(n * 5, 9);
        AlignedVector<double> divided = b;
        factor.divide(divided, 5);
        const AlignedVector<double> product = turned_product(inverse, b, n, 5);
        for (int64_t i = 0; i < n; ++i)
            for (int64_t c = 0; c < 5; ++c) {
                double wanted = 0, turned = 0;
                for (int64_t a = 0; a < n; ++a) {
                    wanted += inverse[i * n + a] * b[a * 5 + c];
                    turned += inverse[a * n + i] * b[a * 5 + c];
                }
                ASSERT_NEAR(divided[i * 5 + c], wanted, 1e-8);
                ASSERT_NEAR(product[i * 5 + c], turned, 1e-8);
            }
    }
}

TEST(Factor, OfAMatrixThatIsNotPositiveDefiniteDoesNotExist) {
    EXPECT_FALSE(Factor({1, 2, 2, 1}, 2).exists());
    EXPECT_FALSE(Factor({1, 0, 0, NAN}, 2).exists());
    EXPECT_TRUE(Factor({2, 1, 1, 2}, 2).exists());
}

}  // namespace
}  // namespace whence::shapley
