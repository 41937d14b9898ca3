#include "whence/clip/sphere.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/clip/vectors.h"
#include "whence/core/error.h"

namespace whence::clip {
namespace {

// A unit vector at right angles to d; zero on the sphere of one dimension, which has none.
Vector across(const Vector& d) {
    Eigen::Index axis = 0;
    d.cwiseAbs().minCoeff(&axis);
    Vector other = Vector::Unit(d.size(), axis) - d[axis] * d;
    const double length = other.norm();
    return length > 0 ? Vector(other / length) : Vector(Vector::Zero(d.size()));
}

}  // namespace

double angle(std::span<const double> a, std::span<const double> b) {
    const Vector u = view(a).normalized(), v = view(b).normalized();
    return 2 * std::atan2((u - v).norm(), (u + v).norm());
}

std::vector<double> normalised(std::span<const double> vector, const char* what) {
    const double largest = vector.empty() ? 0 : view(vector).cwiseAbs().maxCoeff();
    if (!view(vector).allFinite() || !(largest > 0))
        throw Error(ErrorKind::input, fmt::format("{} has no direction: it is {}", what,
                                                  vector.empty() ? "empty"
                                                  : largest == 0 ? "zero"
                                                                 : "not finite"));
    return list((view(vector) / largest).normalized());
}

std::optional<std::vector<double>> nearest_in(const HalfSpace& space,
                                              std::span<const double> from) {
    if (space.offset > 1) return std::nullopt;
    const Vector d = view(space.direction), e = view(from);
    const double a = e.dot(d), b = space.offset;
    if (a >= b) return list(e);
    Vector side = e - a * d;
    const double length = side.norm();
    side = length > 1e-12 ? Vector(side / length) : across(d);
    return list((b * d + std::sqrt(std::max(0.0, 1 - b * b)) * side).normalized());
}

Cap lens(const HalfSpace& space, std::span<const double> from, double cosine) {
    const Cap of_space{space.direction, space.offset}, of_from{{from.begin(), from.end()}, cosine};
    const Vector d = view(space.direction), e = view(from);
    const double rho = e.dot(d), b = space.offset, plane = 1 - rho * rho;
    if (plane < 1e-12) return rho > 0 && cosine > b ? of_from : of_space;
    const double of_e = (cosine - rho * b) / plane, of_d = (b - rho * cosine) / plane;
    if (of_d <= 0) return of_from;
    if (of_e <= 0) return of_space;
    const Vector p = of_e * e + of_d * d;
    return {list(p.normalized()), p.norm()};
}

}  // namespace whence::clip
