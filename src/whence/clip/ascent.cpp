#include "whence/clip/ascent.h"

#include <algorithm>
#include <cmath>

namespace whence::clip {
namespace {

Vector tangent(const Vector& v, const Vector& e) {
    return v - v.dot(e) * e;
}

}  // namespace

Ascent::Ascent(const Confidence& confidence, std::span<const double> from)
    : confidence_(confidence),
      from_(view(from)),
      longest_(view(confidence.margins()).rowwise().norm().maxCoeff()) {}

Place Ascent::at(Vector e) const {
    Place place;
    place.e = std::move(e);
    place.evidence = confidence_.evidence(view(place.e), place.weights);
    place.gradient = view(confidence_.margins()).transpose() * view(place.weights);
    return place;
}

double Ascent::gap(double a, const Place& place) const {
    const Vector g = slope(a, place);
    return std::max(0.0, g.norm() - g.dot(place.e));
}

// The direction d in the tangent plane with (-P H P + nu) d = P g, where H is the Hessian of phi_a,
// a / longest * -(sum q r r^T - gradient gradient^T), and nu = g . e what the sphere bends. Where
// nu is not above zero a little is taken instead: then it is no Newton step, but it climbs.
Vector Ascent::newton(double a, const Place& place, const Vector& g) const {
    const auto rows = view(confidence_.margins());
    const auto q = view(place.weights);
    const double nu = std::max(g.dot(place.e), 1e-3 * g.norm()), curved = a / longest_;
    const auto apply = [&](const Vector& v) -> Vector {
        const Vector along = rows * v;
        const Vector bent = q.array() * (along.array() - q.dot(along));
        return tangent(curved * (rows.transpose() * bent), place.e) + nu * v;
    };
    const Vector right = tangent(g, place.e);
    Vector d = Vector::Zero(right.size()), residual = right, way = right;
    double left = residual.squaredNorm();
    const double enough = left * 1e-20;
    for (Eigen::Index step = 0; step < 2 * rows.rows() + 10 && left > enough; ++step) {
        const Vector pushed = apply(way);
        const double length = left / way.dot(pushed);
        d += length * way;
        residual -= length * pushed;
        const double next = residual.squaredNorm();
        way = residual + next / left * way;
        left = next;
    }
    return tangent(d, place.e);
}

Place Ascent::climb(double a, Place place) const {
    constexpr int most_steps = 200;
    for (int step = 0; step < most_steps; ++step) {
        const Vector g = slope(a, place);
        const Vector right = tangent(g, place.e);
        if (right.norm() <= 1e-13 * g.norm()) break;
        const Vector d = newton(a, place, g);
        const double length = d.norm(), rise = right.dot(d), here = phi(a, place);
        if (!(length > 0) || !(rise > 0)) break;
        double part = std::min(1.0, 1.5 / length);  // no further than most of a quarter turn
        bool climbed = false;
        for (int halving = 0; halving < 50 && !climbed; ++halving, part /= 2) {
            Place next =
                at((std::cos(part * length) * place.e + std::sin(part * length) / length * d)
                       .normalized());
            // Near the top the rise drowns in rounding; there the slope must shrink instead.
            const double risen = phi(a, next) - here;
            climbed = risen >= 1e-4 * part * rise && risen > 0;
            if (!climbed && rise < 1e-13 * std::max(1.0, std::abs(here))) {
                const Vector there = slope(a, next);
                climbed = tangent(there, next.e).norm() < 0.5 * right.norm();
            }
            if (climbed) place = std::move(next);
        }
        if (!climbed) break;
    }
    return place;
}

}  // namespace whence::clip
