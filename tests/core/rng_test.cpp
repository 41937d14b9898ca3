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

}  // namespace
}  // namespace whence
