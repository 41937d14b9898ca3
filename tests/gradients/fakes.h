#pragma once
// Differentiable models written out by hand, in double or float, that count what they are asked.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "../message_of.h"
#include "whence/core/error.h"
#include "whence/core/model.h"
#include "whence/core/rng.h"

namespace whence::fakes {

using Vector = std::vector<double>;

/// Inside a TEST the name Run is a member of GoogleTest.
inline const Run plain_run;

/// y = score(x), one gradient per class. The numbers inside are double; `type` is what goes in.
class FunctionModel : public DifferentiableModel {
  public:
    using Scores = std::function<Vector(const Vector& x)>;
    using Gradient = std::function<Vector(const Vector& x, int64_t index)>;

    FunctionModel(int64_t features, int64_t classes, Scores scores, Gradient gradient,
                  ElementType type = ElementType::float64)
        : scores_(std::move(scores)),
          gradient_(std::move(gradient)),
          inputs_{{"x", type, {-1, features}}},
          outputs_{{"y", ElementType::float64, {-1, classes}}} {}

    const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    int concurrency() const override { return 1; }
    int64_t preferred_batch() const override { return batch; }

    Batch predict(const Batch& inputs, const Run&) const override {
        ++predictions;
        Vector all;
        for (const Vector& row : rows_of(inputs))
            for (const double score : scores_(row)) all.push_back(score);
        return Batch({{"y", Tensor::of<double>({inputs.rows(), outputs_[0].shape[1]}, all)}});
    }

    GradientResult run(const Batch& inputs, const GradientRequest& request,
                       const Run& run) const override {
        run.check();
        ++calls;
        (request.gradients.empty() ? forward_rows : gradient_rows) += inputs.rows();
        largest = std::max(largest.load(), inputs.rows());
        GradientResult result;
        Vector gradients;
        for (const Vector& row : rows_of(inputs)) {
            const Vector scores = scores_(row);
            const int64_t index =
                request.index.value_or(std::ranges::max_element(scores) - scores.begin());
            result.index.push_back(index);
            result.target.push_back(scores[index] - (request.minus ? scores[*request.minus] : 0));
            if (request.gradients.empty()) continue;
            Vector gradient = gradient_(row, index);
            if (request.minus) {
                const Vector other = gradient_(row, *request.minus);
                for (size_t i = 0; i < gradient.size(); ++i) gradient[i] -= other[i];
            }
            gradients.insert(gradients.end(), gradient.begin(), gradient.end());
        }
        if (!request.gradients.empty())
            result.gradients.push_back(
                Tensor::of<double>(inputs.at("x").shape(), gradients).cast(inputs_[0].type));
        return result;
    }

    int64_t batch = 4;
    mutable std::atomic<int64_t> predictions = 0, calls = 0, forward_rows = 0, gradient_rows = 0,
                                 largest = 0;

  protected:
    static std::vector<Vector> rows_of(const Batch& inputs) {
        const Tensor& x = inputs.at("x");
        const Vector all = x.to_doubles();
        std::vector<Vector> rows;
        for (int64_t row = 0; row < x.rows(); ++row)
            rows.emplace_back(all.begin() + row * x.row_size(),
                              all.begin() + (row + 1) * x.row_size());
        return rows;
    }

    Scores scores_;
    Gradient gradient_;
    std::vector<TensorInfo> inputs_, outputs_;
};

/// Fully connected layers with ReLU or tanh between, random weights, backpropagation by hand.
struct Net {
    enum class Kind { relu, tanh };
    struct Layer {
        std::vector<Vector> weights;  ///< one row per unit
        Vector biases;
    };
    std::vector<Layer> layers;
    Kind kind = Kind::relu;

    static Net random(std::vector<int64_t> widths, Kind kind, uint64_t seed, bool biases = true) {
        Net net{.kind = kind};
        Rng rng(seed, 1, 0);
        for (size_t l = 1; l < widths.size(); ++l) {
            Layer layer{std::vector<Vector>(widths[l], Vector(widths[l - 1])),
                        Vector(widths[l], 0.0)};
            for (Vector& row : layer.weights)
                for (double& w : row)
                    w = rng.normal() * std::sqrt(2.0 / static_cast<double>(widths[l - 1]));
            for (double& b : layer.biases) b = biases ? 0.5 * rng.normal() : 0;
            net.layers.push_back(std::move(layer));
        }
        return net;
    }

    /// Values before the activation of every layer; the last are the scores.
    std::vector<Vector> forward(const Vector& x) const {
        std::vector<Vector> all;
        Vector in = x;
        for (const Layer& layer : layers) {
            Vector out = layer.biases;
            for (size_t unit = 0; unit < out.size(); ++unit)
                for (size_t i = 0; i < in.size(); ++i) out[unit] += layer.weights[unit][i] * in[i];
            all.push_back(out);
            for (double& v : out) v = kind == Kind::relu ? std::max(0.0, v) : std::tanh(v);
            in = out;
        }
        return all;
    }

    Vector gradient(const Vector& x, int64_t index) const {
        const std::vector<Vector> z = forward(x);
        Vector upstream(z.back().size(), 0.0);
        upstream[index] = 1;
        for (size_t l = layers.size(); l-- > 0;) {
            Vector down(l == 0 ? x.size() : z[l - 1].size(), 0.0);
            for (size_t unit = 0; unit < upstream.size(); ++unit)
                for (size_t i = 0; i < down.size(); ++i)
                    down[i] += upstream[unit] * layers[l].weights[unit][i];
            if (l > 0)
                for (size_t i = 0; i < down.size(); ++i) {
                    const double t = std::tanh(z[l - 1][i]);
                    down[i] *= kind == Kind::relu ? (z[l - 1][i] > 0 ? 1 : 0) : 1 - t * t;
                }
            upstream = down;
        }
        return upstream;
    }

    FunctionModel model(ElementType type = ElementType::float64) const {
        return FunctionModel(
            static_cast<int64_t>(layers[0].weights[0].size()),
            static_cast<int64_t>(layers.back().biases.size()),
            [net = *this](const Vector& x) { return net.forward(x).back(); },
            [net = *this](const Vector& x, int64_t index) { return net.gradient(x, index); }, type);
    }
};

inline Vector random_input(int64_t size, uint64_t seed) {
    Rng rng(seed, 2, 0);
    Vector x(size);
    for (double& v : x) v = rng.normal();
    return x;
}

inline Batch batch_of(const Vector& x) {
    return Batch(Tensor::of<double>({1, static_cast<int64_t>(x.size())}, x));
}

inline double sum(const Vector& values) {
    double total = 0;
    for (const double v : values) total += v;
    return total;
}

}  // namespace whence::fakes
