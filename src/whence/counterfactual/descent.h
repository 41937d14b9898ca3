#pragma once
// Many L1-penalised descents at once. Private to this folder.

#include <functional>
#include <span>
#include <vector>

namespace whence::counterfactual {

/// One minimisation of (p(v) - p*)^2 + lambda |v|_1 from v = 0.
struct Descent {
    double lambda = 0;
    std::vector<double> v;  ///< the best point
    double p = 0;           ///< p(v)
    bool settled = false;   ///< stationary; else the iterations ran out
};

struct DescentProblem {
    /// p and its gradient at each point.
    struct Point {
        double value = 0;
        std::vector<double> gradient;
    };
    std::function<std::vector<Point>(const std::vector<std::vector<double>>&)> at;
    double wanted = 1;              ///< p*
    std::vector<double> low, high;  ///< of each coordinate; 0 lies between
    int64_t max_iterations = 1000;
};

/// SpaRSA (Wright, Nowak, Figueiredo 2009, "Sparse reconstruction by separable approximation"):
/// proximal steps with Barzilai-Borwein lengths, shortened until the objective is below the largest
/// of the last five. All lambdas step together, so that each step is one batch.
[[nodiscard]] std::vector<Descent> descend(const DescentProblem& problem,
                                           std::span<const double> lambdas);

}  // namespace whence::counterfactual
