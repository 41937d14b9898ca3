#pragma once
// The noise that breaks quickshift's ties: NumPy's, number for number.
//
// On plateaus of density (a white plate, a black sky) the noise alone decides which pixels start
// segments, and two draws can differ by more than scikit-image's answers for any two seeds one
// happens to compare with. So the house's own generator is not used here: with the same seed the
// ties break as in scikit-image.

#include <cstdint>
#include <vector>

namespace whence::superpixel {

/// numpy.random.default_rng(seed).standard_normal(): PCG64 (O'Neill 2014, "PCG: a family of simple
/// fast space-efficient statistically good algorithms", variant XSL-RR 128/64) seeded through
/// SeedSequence, normals by the ziggurat of 256 layers (Marsaglia and Tsang 2000). Sequential.
class NumpyNormal {
  public:
    explicit NumpyNormal(uint64_t seed);
    double operator()();

  private:
    uint64_t next64();
    double uniform();
    double tail(bool negative);

    __uint128_t state_ = 0, increment_ = 0;
};

}  // namespace whence::superpixel
