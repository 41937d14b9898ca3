#include "whence/core/rng.h"

#include <gtest/gtest.h>

namespace whence {
namespace {

// Known answer of Philox4x32-10 for key 0 and counter 0 (Random123 distribution, kat_vectors).
TEST(Rng, MatchesPublishedPhiloxVector) {
    Rng rng(0, 0, 0);
    EXPECT_EQ(rng.next32(), 0x6627e8d5U);
    EXPECT_EQ(rng.next32(), 0xe169c58dU);
    EXPECT_EQ(rng.next32(), 0xbc57ac4cU);
    EXPECT_EQ(rng.next32(), 0x9b00dbd8U);
}

// Values by Newton's method with 40 digits; each of the three branches of the approximation.
TEST(NormalQuantile, AgreesWithManyDigits) {
    const auto expect = [](double p, double x) { EXPECT_NEAR(normal_quantile(p) / x, 1, 1e-15) << p; };
    expect(0.3, -0.52440051270804078);
    expect(0.975, 1.9599639845400539);
    expect(0.001, -3.0902323061678136);
    expect(1e-20, -9.2623400897984078);
    EXPECT_EQ(normal_quantile(0.5), 0);
    for (const double p : {0.01, 0.0749, 0.0751, 0.4, 0.93, 0.9999})
        EXPECT_NEAR(normal_cdf(normal_quantile(p)) / p, 1, 1e-14);
}

}  // namespace
}  // namespace whence
