#pragma once
// Concave functions of an embedding, climbed on the unit sphere: what reach.h rests on. Private to
// this folder.

#include <span>
#include <vector>

#include "whence/clip/confidence.h"
#include "whence/clip/vectors.h"

namespace whence::clip {

/// A point of the sphere with what the confidence says there.
struct Place {
    Vector e;             ///< of length 1
    double evidence = 0;  ///< L(e)
    std::vector<double> weights;
    Vector gradient;  ///< of L by e, not projected
};

/// Climbs phi_a(e) = (1 - a) from . e + a L(e) / longest, with L the evidence and `longest` the
/// length of the longest margin, so that both terms change about as fast.
class Ascent {
  public:
    /// `from`: of length 1. `confidence` must outlive this and have a margin that is not zero.
    Ascent(const Confidence& confidence, std::span<const double> from);

    [[nodiscard]] Place at(Vector e) const;
    /// Newton steps on the sphere from `place` to where phi_a stands still. The system is solved by
    /// conjugate gradients in the tangent plane; a step is halved until phi_a rises (Armijo).
    [[nodiscard]] Place climb(double a, Place place) const;
    /// No point of the ball exceeds phi_a at `place` by more: |g| - g . e, since phi_a is concave.
    [[nodiscard]] double gap(double a, const Place& place) const;
    [[nodiscard]] double phi(double a, const Place& place) const {
        return (1 - a) * from_.dot(place.e) + a * place.evidence / longest_;
    }

    [[nodiscard]] const Vector& from() const { return from_; }
    [[nodiscard]] double longest() const { return longest_; }

  private:
    [[nodiscard]] Vector slope(double a, const Place& place) const {
        return (1 - a) * from_ + a / longest_ * place.gradient;
    }
    [[nodiscard]] Vector newton(double a, const Place& place, const Vector& slope) const;

    const Confidence& confidence_;
    Vector from_;
    double longest_ = 1;
};

}  // namespace whence::clip
