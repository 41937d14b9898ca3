#include "whence/clip/margins.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "whence/clip/vectors.h"

namespace whence::clip {
namespace {

// Least squares min |E u - f|, u >= 0, with E = [rows^T; h^T] and f = (0, ..., 0, 1): active sets
// (Lawson, Hanson, chapter 23, algorithm NNLS). E is never made; of E^T E only the part of the
// columns in use.
class LeastSquares {
  public:
    LeastSquares(const Eigen::Map<const Rows>& rows, const Vector& h)
        : rows_(rows),
          h_(h),
          u_(Vector::Zero(h.size())),
          refused_(static_cast<size_t>(h.size()), false) {}

    bool solve() {
        const double tolerance = 1e-13 * (1 + h_.cwiseAbs().maxCoeff());
        for (Eigen::Index step = 0; step < 10 * h_.size() + 20; ++step) {
            const Eigen::Index entering = steepest(tolerance);
            if (entering < 0) return true;
            used_.push_back(entering);
            if (!settle(entering)) return false;
        }
        return false;
    }
    [[nodiscard]] const Vector& u() const { return u_; }

  private:
    // The unused column by which the residual falls most, -1: none.
    [[nodiscard]] Eigen::Index steepest(double tolerance) const {
        const Vector fall = h_ * (1 - h_.dot(u_)) - rows_ * (rows_.transpose() * u_);
        Eigen::Index best = -1;
        for (Eigen::Index j = 0; j < h_.size(); ++j)
            if (!refused_[static_cast<size_t>(j)] && fall[j] > tolerance &&
                std::ranges::find(used_, j) == used_.end() && (best < 0 || fall[j] > fall[best]))
                best = j;
        return best;
    }

    [[nodiscard]] Vector of_used() const {
        const auto count = static_cast<Eigen::Index>(used_.size());
        Rows part(count, rows_.cols() + 1);
        Vector h(count);
        for (Eigen::Index i = 0; i < count; ++i) {
            const Eigen::Index j = used_[static_cast<size_t>(i)];
            part.row(i) << rows_.row(j), h_[j];
            h[i] = h_[j];
        }
        return (part * part.transpose()).ldlt().solve(h);
    }

    // Solves for the columns in use, leaving out those that would go below zero, one at a time.
    bool settle(Eigen::Index entering) {
        while (!used_.empty()) {
            const Vector z = of_used();
            if (!z.allFinite()) return false;
            double step = 1;
            for (size_t i = 0; i < used_.size(); ++i) {
                const double now = u_[used_[i]], then = z[static_cast<Eigen::Index>(i)];
                if (then > 0) continue;
                // A column that depends on those in use would come and go for ever.
                if (used_[i] == entering && now == 0)
                    refused_[static_cast<size_t>(entering)] = true;
                step = std::min(step, now > then ? now / (now - then) : 0.0);
            }
            for (size_t i = 0; i < used_.size(); ++i)
                u_[used_[i]] += step * (z[static_cast<Eigen::Index>(i)] - u_[used_[i]]);
            if (step == 1) return true;
            std::erase_if(used_, [&](Eigen::Index j) {
                if (u_[j] > 1e-14) return false;
                u_[j] = 0;
                return true;
            });
        }
        return true;
    }

    Eigen::Map<const Rows> rows_;
    const Vector& h_;
    Vector u_;
    std::vector<Eigen::Index> used_;
    std::vector<bool> refused_;
};

}  // namespace

std::optional<MarginPoint> nearest_with_margins(std::span<const double> from,
                                                MatrixView<const double> rows,
                                                std::span<const double> least) {
    const Eigen::Map<const Rows> a = view(rows);
    const Eigen::Map<const Vector> start = view(from);
    // From the origin: x = e - from, a x >= h.
    const Vector h = view(least) - a * start;
    if (!h.allFinite()) return std::nullopt;
    LeastSquares squares(a, h);
    if (!squares.solve()) return std::nullopt;
    const double left = 1 - h.dot(squares.u());
    if (!(left > 1e-12)) return std::nullopt;  // no residual: the margins contradict each other
    const Vector multipliers = squares.u() / left;
    const Vector point = start + a.transpose() * multipliers;
    const double longest = rows.rows ? a.rowwise().norm().maxCoeff() : 0;
    if (rows.rows && !((a * point - view(least)).minCoeff() >= -1e-9 * std::max(longest, 1e-300)))
        return std::nullopt;
    return MarginPoint{list(point), list(multipliers)};
}

}  // namespace whence::clip
