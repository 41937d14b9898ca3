#include "whence/counterfactual/descent.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace whence::counterfactual {
namespace {

constexpr size_t memory = 5;
constexpr double sufficient = 1e-4, flat = 1e-9;
constexpr double first_step = 0.5;  // MAD: of the coordinate with the steepest slope
constexpr double shortest = 1e-14, longest = 1e14;

using Point = DescentProblem::Point;

double l1(const std::vector<double>& v) {
    double sum = 0;
    for (const double value : v) sum += std::abs(value);
    return sum;
}

struct Walker {
    Descent best;
    double best_objective = 0;
    std::vector<double> v, slope, trial;
    double step = 0, objective = 0;
    std::deque<double> last;
    int quiet = 0;
    bool done = false;
};

// Slope of (p - p*)^2.
std::vector<double> slope_of(const Point& point, double wanted) {
    std::vector<double> slope = point.gradient;
    for (double& s : slope) s *= 2 * (point.value - wanted);
    return slope;
}

double objective_of(const Point& point, const std::vector<double>& v, double wanted,
                    double lambda) {
    return (point.value - wanted) * (point.value - wanted) + lambda * l1(v);
}

// clip(soft(v - step * slope, step * lambda)).
void propose(Walker& walker, const DescentProblem& problem) {
    const double threshold = walker.step * walker.best.lambda;
    walker.trial.resize(walker.v.size());
    for (size_t k = 0; k < walker.v.size(); ++k) {
        const double z = walker.v[k] - walker.step * walker.slope[k];
        const double soft = std::copysign(std::max(0.0, std::abs(z) - threshold), z);
        walker.trial[k] = std::clamp(soft, problem.low[k], problem.high[k]);
    }
}

void accept(Walker& walker, const Point& point, const DescentProblem& problem, double objective) {
    const std::vector<double> slope = slope_of(point, problem.wanted);
    double moved = 0, turned = 0;
    for (size_t k = 0; k < slope.size(); ++k) {
        const double s = walker.trial[k] - walker.v[k];
        moved += s * s;
        turned += s * (slope[k] - walker.slope[k]);
    }
    walker.step = turned > 0 ? std::clamp(moved / turned, shortest, longest)
                             : std::min(2 * walker.step, longest);
    walker.quiet =
        std::abs(walker.objective - objective) <= flat * walker.objective ? walker.quiet + 1 : 0;
    walker.v = walker.trial;
    walker.slope = slope;
    walker.objective = objective;
    walker.last.push_back(objective);
    if (walker.last.size() > memory) walker.last.pop_front();
    if (objective < walker.best_objective) {
        walker.best_objective = objective;
        walker.best.v = walker.v;
        walker.best.p = point.value;
    }
    if (walker.quiet >= static_cast<int>(memory)) walker.done = walker.best.settled = true;
}

void step(std::vector<Walker*>& open, const DescentProblem& problem) {
    std::vector<std::vector<double>> trials;
    for (Walker* walker : open) {
        propose(*walker, problem);
        trials.push_back(walker->trial);
    }
    const std::vector<Point> points = problem.at(trials);
    for (size_t i = 0; i < open.size(); ++i) {
        Walker& walker = *open[i];
        if (walker.trial == walker.v) {
            walker.done = walker.best.settled = true;
            continue;
        }
        const double objective =
            objective_of(points[i], walker.trial, problem.wanted, walker.best.lambda);
        double moved = 0;
        for (size_t k = 0; k < walker.v.size(); ++k)
            moved += (walker.trial[k] - walker.v[k]) * (walker.trial[k] - walker.v[k]);
        const double allowed =
            *std::ranges::max_element(walker.last) - sufficient / (2 * walker.step) * moved;
        if (objective <= allowed) {
            accept(walker, points[i], problem, objective);
        } else {  // also where the model answers NaN
            walker.step /= 2;
            if (walker.step < shortest) walker.done = true;
        }
    }
}

}  // namespace

std::vector<Descent> descend(const DescentProblem& problem, std::span<const double> lambdas) {
    const std::vector<double> zero(problem.low.size(), 0.0);
    const Point start = problem.at({zero}).at(0);
    const std::vector<double> slope = slope_of(start, problem.wanted);
    double steepest = 0;
    for (const double s : slope) steepest = std::max(steepest, std::abs(s));
    std::vector<Walker> walkers;
    for (const double lambda : lambdas) {
        const double objective = objective_of(start, zero, problem.wanted, lambda);
        Walker& walker = walkers.emplace_back();
        walker.best.lambda = lambda;
        walker.best.v = walker.v = zero;
        walker.best.p = start.value;
        walker.best_objective = walker.objective = objective;
        walker.slope = slope;
        walker.step = steepest > 0 ? first_step / steepest : 1;
        walker.last = {objective};
    }
    for (int64_t iteration = 0; iteration < problem.max_iterations; ++iteration) {
        std::vector<Walker*> open;
        for (Walker& walker : walkers)
            if (!walker.done) open.push_back(&walker);
        if (open.empty()) break;
        step(open, problem);
    }
    std::vector<Descent> out;
    for (Walker& walker : walkers) out.push_back(std::move(walker.best));
    return out;
}

}  // namespace whence::counterfactual
