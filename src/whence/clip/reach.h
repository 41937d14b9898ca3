#pragma once
// Where on the sphere a confidence is reached: the nearest such embedding, and the most there can
// be.

#include <cstdint>
#include <span>
#include <vector>

#include "whence/clip/confidence.h"
#include "whence/clip/sphere.h"

namespace whence::clip {

enum class Aim { raise, lower };

/// Half-spaces that hold every embedding of a part of those that reach the goal: an index asked for
/// all that lies in one of them has been asked for all that counts.
struct Cover {
    HalfSpace near;  ///< touches the reaching embeddings where they are nearest to the original
    HalfSpace far;   ///< touches them, or lies beyond, in the direction of the greatest confidence
};

/// What is to be known about a goal before any search.
struct Reach {
    bool already = false;    ///< the original embedding reaches the goal itself
    bool reachable = false;  ///< some embedding of the sphere reaches it
    /// The nearest embedding that reaches the goal; where none does, the one that comes closest to
    /// it.
    std::vector<double> embedding;
    double confidence = 0;  ///< there
    double angle = 0;       ///< from the original, in radians
    double least_angle =
        0;               ///< proven: no embedding that reaches the goal is nearer (0: nothing is)
    double extreme = 0;  ///< the highest confidence found on the sphere (to lower: the lowest)
    double extreme_bound = 0;  ///< proven: none goes beyond this
    bool converged = true;     ///< answers and proofs meet: 1e-6 in the angle, 1e-6 in the log-odds
    std::vector<Cover>
        covers;  ///< together they hold all that reaches the goal; none: nothing does
};

/// The embedding nearest to `from` (any length) whose confidence is at least `goal` (to lower: at
/// most), over the whole sphere.
///
/// To raise. With one margin (cosine, sigmoid, softmax of two) in closed form (nearest_in). With
/// more: evidence L is concave, so over the ball
///   max (1 - a) from . e + a L(e) / s,   0 <= a <= 1,
/// is a concave problem, and any e on the sphere where the gradient g of the sum points outwards
/// along e solves it: nothing in the ball exceeds the value there by more than |g| - g . e. Of all
/// a the one is taken at which L(e) is the goal: then e is the nearest. a = 1 gives the highest
/// confidence. Each a is solved by Newton steps on the sphere (conjugate gradients, Armijo
/// backtracking along the geodesic); a is found by bracketing, which starts where a small quadratic
/// program of margins that suffice (margins.h) leads. Proofs fail only where there are as many
/// anchors as the width or more and the original is opposite to all that reaches the goal; then
/// `converged` says so.
///
/// To lower, -L = log sum exp is convex: the half-space of its tangent at a reaching point holds
/// reaching points only, so the nearest point of it (closed form) is nearer and reaches too. That
/// is repeated to a standstill, from one start for each of the nearest other anchors. With more
/// than one margin the answer is a local one; what is proven is looser by log(margins) in the
/// evidence.
///
/// Throws Error(input) for an embedding without a direction, Error(usage) for a goal that is no
/// confidence. Cost: about a hundred times the evidence; deterministic.
[[nodiscard]] Reach reach(const Confidence& confidence, std::span<const double> from, double goal,
                          Aim aim = Aim::raise);

}  // namespace whence::clip
