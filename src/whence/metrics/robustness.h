#pragma once
// Do inputs that are nearly alike have explanations that are nearly alike?
//
// Inputs close to each input are drawn and explained once, all of them together, for one target
// (the explained input's, whatever the model answers nearby); every metric here then reads the same
// explanations. All are lower better, and all judge method and model together: where the model
// itself changes fast a faithful explanation must.

#include <string>
#include <vector>

#include "whence/metrics/explainer.h"
#include "whence/metrics/questions.h"

namespace whence::metrics {

enum class Noise {
    uniform,  ///< in [-size, size] for each number
    normal,   ///< of standard deviation `size`
};
/// "uniform", "normal".
[[nodiscard]] std::string_view name(Noise noise);

struct NeighbourOptions {
    int64_t samples = 10;  ///< for each input, at least 1
    Noise noise = Noise::uniform;
    double size = 0.02;  ///< in units of the input, above 0
    /// What the noise of each number of a row is multiplied with, so that columns of a table change
    /// in their own units; 0: it stays (a category). Empty: 1 for all.
    std::vector<double> scale;
    /// The noise itself instead of drawn: [row * samples + sample][element]. Then `samples` is how
    /// many there are for each row, and the two above do not count.
    std::vector<std::vector<double>> given;
};

/// Inputs, `samples` others close to each, and what is said of them. Of input i the numbers stand
/// at i * (samples + 1), those of its neighbours after it.
struct Neighbours {
    int64_t rows = 0, samples = 0;
    std::vector<std::vector<double>> inputs;           ///< of the tensor that was changed
    std::vector<std::vector<double>> explanations;     ///< one value for each player
    std::vector<std::vector<double>> outputs;          ///< logits of a classifier; empty: no model
    std::vector<int64_t> classes;                      ///< the top class by them
    std::vector<std::vector<double>> representations;  ///< of the layer; empty where none is named

    /// Where sample `sample` of input `row` stands; sample -1: the input.
    [[nodiscard]] int64_t at(int64_t row, int64_t sample) const {
        return row * (samples + 1) + 1 + sample;
    }
};

/// What the relative stabilities ask beside explanations.
struct Reading {
    const Model* model = nullptr;  ///< none: outputs stay empty
    ResolvedTarget target;         ///< whose output is read, all its scores
    /// A tensor of the model, which must then be differentiable; empty: no representations.
    std::string layer;
};

/// Draws `options.samples` neighbours of each row by changing the tensor `input_name`, and explains
/// all, in calls of at most 2^24 numbers. Neighbour s of row i depends on the seed, i and s alone.
/// Throws Error(usage) for options out of range, Error(input) for an input without rows or with
/// numbers to be changed that are not finite, or explanations that are not as many finite numbers
/// each; Error(unsupported) where the tensor does not hold numbers with a fraction (token ids have
/// no neighbours). Cost: rows * (samples + 1) explanations, as many evaluations with a model.
[[nodiscard]] Neighbours explain_neighbours(const Explainer& explain, const Batch& inputs,
                                            const std::string& input_name,
                                            const NeighbourOptions& options, const Reading& reading,
                                            const Run& run);

/// max_s |phi(x_s) - phi(x)| / |phi(x)|, Euclidean (Yeh et al. 2019, "On the (in)fidelity and
/// sensitivity of explanations", definition 3, over the neighbours drawn, relative as captum and
/// Quantus have it). Of each input; not defined where phi(x) is 0. A lower bound of the true
/// maximum.
[[nodiscard]] std::vector<Score> max_sensitivity(const Neighbours& near);

/// The mean instead of the maximum; with its standard error.
[[nodiscard]] std::vector<Score> avg_sensitivity(const Neighbours& near);

/// max_s |phi(x_s) - phi(x)| / |x_s - x|, Euclidean (Alvarez-Melis, Jaakkola 2018, "On the
/// robustness of interpretability methods", equation 2, over the neighbours drawn). In units of the
/// values over those of the input: compare methods of one scale only.
[[nodiscard]] std::vector<Score> local_lipschitz(const Neighbours& near);

/// max_s |(phi(x_s) - phi(x)) / phi(x)| / max(|(x_s - x) / x|, 1e-6), divided number by number,
/// where a divisor that is 0 counts as 1e-6 (Agarwal et al. 2022, "Rethinking stability for
/// attribution-based explanations", equation 2). As in the paper only neighbours for which the
/// model has the same top class count; not defined where none has. Throws Error(usage) where no
/// model was read.
[[nodiscard]] std::vector<Score> relative_input_stability(const Neighbours& near);

/// The same over max(|h(x_s) - h(x)|, 1e-6), h the model's logits (equation 5).
[[nodiscard]] std::vector<Score> relative_output_stability(const Neighbours& near);

/// The same over max(|(L(x_s) - L(x)) / L(x)|, 1e-6), L a layer of the model (equation 3). Throws
/// Error(usage) where no layer was read.
[[nodiscard]] std::vector<Score> relative_representation_stability(const Neighbours& near);

}  // namespace whence::metrics
