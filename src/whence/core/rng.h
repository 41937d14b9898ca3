#pragma once
// Counter-based random numbers: the value depends on (seed, stream, index) alone, so any thread may
// draw any sample and the result is the same bits for any number of threads.

#include <cstdint>
#include <span>

namespace whence {

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3").
/// One Rng is a short sequential stream for one purpose (`stream`) and one sample (`index`).
class Rng {
 public:
    Rng(uint64_t seed, uint32_t stream, uint64_t index);

    uint32_t next32();
    uint64_t next64();
    /// Uniform in [0, 1), 53 bits.
    double uniform();
    /// Uniform in (0, 1): safe for logarithms and inverse distribution functions.
    double open_uniform();
    /// The next words.size() of next64(), several times faster where there are many.
    void next64s(std::span<uint64_t> words);
    /// The same of open_uniform().
    void open_uniforms(std::span<double> values);
    /// Uniform integer in [0, n), unbiased (Lemire 2019). n > 0.
    uint64_t below(uint64_t n);
    /// Standard normal (Box, Muller 1958; both values used in turn). Its logarithm, sine and cosine are
    /// polynomials of its own: the same bits on every machine, within 1e-15 of the true ones.
    double normal();
    /// The next `values.size()` of normal(), many times faster.
    void normals(std::span<double> values);
    /// Random order of `values` (Fisher-Yates).
    void shuffle(std::span<int32_t> values);

 private:
    void refill();
    uint32_t key_[2];
    uint32_t counter_[4];
    uint32_t block_[4];
    int used_ = 4;
    double spare_ = 0;
    bool has_spare_ = false;
};

/// Inverse of the standard normal distribution function, p in (0, 1). Relative error about 1e-15
/// (Wichura 1988, "Algorithm AS 241: the percentage points of the normal distribution", PPND16).
[[nodiscard]] double normal_quantile(double p);
/// values = normal_quantile(values), the same bits, several times faster.
void normal_quantiles(std::span<double> values);
/// Standard normal distribution function.
[[nodiscard]] double normal_cdf(double x);

}  // namespace whence
