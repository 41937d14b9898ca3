#include "whence/perturb/lars.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

namespace whence::perturb {
namespace {

// As scikit-learn: a feature whose part outside the active ones is this small (squared, relative)
// counts as a combination of them; correlations this much below the first one are zero.
constexpr double dependent = 1e-14;
constexpr double settled = 1e-12;
constexpr double infinity = std::numeric_limits<double>::infinity();

class Path {
  public:
    Path(const Moments& moments, PathKind kind)
        : m_(moments),
          kind_(kind),
          state_(moments.cross.size(), State::out),
          coefficients_(Eigen::VectorXd::Zero(moments.cross.size())),
          correlation_(moments.cross) {}

    std::vector<Eigen::VectorXd> walk() {
        std::vector<Eigen::VectorXd> knots{coefficients_};
        const double start = largest_outside();
        for (int64_t step = 0; step < 8 * m_.cross.size(); ++step) {
            if (!dropped_) enter(settled * start);
            if (active_.empty()) break;
            const bool last = advance();
            knots.push_back(coefficients_);
            if (last) break;
        }
        return knots;
    }

  private:
    enum class State : uint8_t { out, in, refused };

    double largest_outside() const {
        double largest = 0;
        for (size_t j = 0; j < state_.size(); ++j)
            if (state_[j] == State::out) largest = std::max(largest, std::abs(correlation_[j]));
        return largest;
    }

    // Takes the most correlated feature in, passing over those that depend on the active ones.
    void enter(double zero) {
        while (true) {
            Eigen::Index best = -1;
            for (size_t j = 0; j < state_.size(); ++j)
                if (state_[j] == State::out && std::abs(correlation_[j]) > zero &&
                    (best < 0 || std::abs(correlation_[j]) > std::abs(correlation_[best])))
                    best = static_cast<Eigen::Index>(j);
            if (best < 0) return;
            if (independent(best)) {
                state_[best] = State::in;
                active_.push_back(static_cast<int32_t>(best));
                return;
            }
            state_[best] = State::refused;
        }
    }

    bool independent(Eigen::Index j) const {
        const double own = m_.gram(j, j);
        if (active_.empty()) return own > 0;
        const Eigen::VectorXd shared = m_.gram(active_, j);
        const Eigen::MatrixXd gram = m_.gram(active_, active_);
        return own - shared.dot(gram.ldlt().solve(shared)) > dependent * own;
    }

    // Along the direction in which all active correlations shrink alike, up to the next event:
    // another feature as correlated, an active one back at zero, or no correlation left (then
    // true).
    bool advance() {
        const auto k = static_cast<Eigen::Index>(active_.size());
        Eigen::VectorXd signs(k);
        double level = 0;
        for (Eigen::Index i = 0; i < k; ++i) {
            signs[i] = correlation_[active_[i]] < 0 ? -1 : 1;
            level = std::max(level, std::abs(correlation_[active_[i]]));
        }
        const Eigen::MatrixXd gram = m_.gram(active_, active_);
        const Eigen::VectorXd direction = gram.ldlt().solve(signs);
        const Eigen::VectorXd shrink = m_.gram(Eigen::all, active_) * direction;
        double step = level;
        for (size_t j = 0; j < state_.size(); ++j)
            if (state_[j] == State::out)
                step = std::min(step, meeting(level, correlation_[j], shrink[j]));
        const bool last = step == level;
        const Eigen::Index gone = first_at_zero(direction, step);
        coefficients_(active_) += step * direction;
        correlation_ -= step * shrink;
        dropped_ = gone >= 0;
        if (dropped_) {
            coefficients_[active_[gone]] = 0;
            state_[active_[gone]] = State::out;
            active_.erase(active_.begin() + gone);
        }
        return last && !dropped_;
    }

    // The step after which a feature outside is as correlated as the active ones. Right after it
    // was dropped a feature sits on the level itself; that is no meeting.
    static double meeting(double level, double correlation, double shrink) {
        double step = infinity;
        for (const double sign : {1.0, -1.0}) {
            const double gap = level - sign * correlation, speed = 1 - sign * shrink;
            if (speed > 0 && gap > 1e-14 * level) step = std::min(step, gap / speed);
        }
        return step;
    }

    Eigen::Index first_at_zero(const Eigen::VectorXd& direction, double& step) const {
        Eigen::Index gone = -1;
        if (kind_ == PathKind::least_angle) return gone;
        for (Eigen::Index i = 0; i < direction.size(); ++i) {
            const double at = -coefficients_[active_[i]] / direction[i];
            if (at <= 0 || at >= step) continue;
            step = at;
            gone = i;
        }
        return gone;
    }

    const Moments& m_;
    PathKind kind_;
    std::vector<State> state_;
    std::vector<int32_t> active_;
    Eigen::VectorXd coefficients_, correlation_;
    bool dropped_ = false;
};

}  // namespace

std::vector<Eigen::VectorXd> lasso_path(const Moments& moments, PathKind kind) {
    return Path(moments, kind).walk();
}

}  // namespace whence::perturb
