#pragma once
// The unit sphere on which embeddings are compared: angles, and the half-spaces that cut it.

#include <optional>
#include <span>
#include <vector>

namespace whence::clip {

/// Angle between two vectors other than zero, in radians, 0 to pi; exact to a few roundings for
/// small angles too, where the arc cosine is not.
[[nodiscard]] double angle(std::span<const double> a, std::span<const double> b);

/// `vector` over its length. Throws Error(input), naming `what`, where it is empty, zero or not
/// finite.
[[nodiscard]] std::vector<double> normalised(std::span<const double> vector, const char* what);

/// Points e with direction . e >= offset; `direction` has length 1.
struct HalfSpace {
    std::vector<double> direction;
    double offset = 0;
};

/// The point of the sphere in `space` nearest to the unit vector `from`:
///   e' = b d + sqrt(1 - b^2) (e - a d) / sqrt(1 - a^2),   a = e . d,
/// for direction d and offset b; `from` itself where it lies inside. The angle moved is
/// acos a - acos b. None where the offset is above 1. Where `from` is opposite to the direction,
/// all ways are equally short and one is taken, always the same.
[[nodiscard]] std::optional<std::vector<double>> nearest_in(const HalfSpace& space,
                                                            std::span<const double> from);

/// A question for an index of unit vectors: which x have direction . x >= least?
struct Cap {
    std::vector<double> direction;  ///< of length 1
    double least = -1;              ///< above 1: nothing is meant
};

/// The smallest cap around all x in `space` with x . from >= cosine. With p the point of the plane
/// of `from` and the direction that has p . from = cosine and p . direction = offset, it is x . p /
/// |p|
/// >= |p|, for p is a sum of both with weights not below zero; where a weight is below zero, one of
/// the two conditions says all there is to say.
[[nodiscard]] Cap lens(const HalfSpace& space, std::span<const double> from, double cosine);

}  // namespace whence::clip
