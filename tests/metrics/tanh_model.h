#pragma once
// c + V tanh(W x + b), the network of robustness.npz, and the gradient of one of its scores.

#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "core/support.h"
#include "whence/core/model.h"
#include "whence/data/npy.h"
#include "whence/metrics/explainer.h"

namespace whence::metrics::test {

inline const Tensor& robustness_golden(const std::string& name) {
    static const std::vector<NamedTensor> all =
        data::read_npz(WHENCE_SOURCE_DIR "/tests/metrics/robustness.npz");
    for (const NamedTensor& tensor : all)
        if (tensor.name == name) return tensor.value;
    throw std::runtime_error("robustness.npz has no " + name);
}

class TanhModel : public Model {
  public:
    static constexpr int64_t pixels = 16, hidden = 6, classes = 3;

    /// All weights in a row: W, b, V, c.
    explicit TanhModel(std::span<const double> weights)
        : w_(weights.begin(), weights.begin() + hidden * pixels),
          b_(weights.begin() + hidden * pixels, weights.begin() + hidden * (pixels + 1)),
          v_(weights.begin() + hidden * (pixels + 1),
             weights.begin() + hidden * (pixels + 1 + classes)),
          c_(weights.end() - classes, weights.end()) {}

    [[nodiscard]] const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    [[nodiscard]] const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    [[nodiscard]] int concurrency() const override { return 1; }
    [[nodiscard]] int64_t preferred_batch() const override { return 8; }
    [[nodiscard]] Batch predict(const Batch& inputs, const Run&) const override {
        const Tensor& x = inputs.at("x");
        Tensor scores(ElementType::float64, {x.rows(), classes});
        for (int64_t row = 0; row < x.rows(); ++row)
            std::ranges::copy(this->scores(x.slice_rows(row, 1).to_doubles()),
                              scores.as<double>().begin() + row * classes);
        return Batch({{"y", std::move(scores)}});
    }

    [[nodiscard]] std::vector<double> activations(std::span<const double> x) const {
        std::vector<double> z(b_);
        for (int64_t h = 0; h < hidden; ++h) {
            for (int64_t p = 0; p < pixels; ++p) z[h] += w_[h * pixels + p] * x[p];
            z[h] = std::tanh(z[h]);
        }
        return z;
    }
    [[nodiscard]] std::vector<double> scores(std::span<const double> x) const {
        const std::vector<double> z = activations(x);
        std::vector<double> y(c_);
        for (int64_t k = 0; k < classes; ++k)
            for (int64_t h = 0; h < hidden; ++h) y[k] += v_[k * hidden + h] * z[h];
        return y;
    }
    [[nodiscard]] std::vector<double> gradient(std::span<const double> x, int64_t k) const {
        const std::vector<double> z = activations(x);
        std::vector<double> g(pixels);
        for (int64_t h = 0; h < hidden; ++h)
            for (int64_t p = 0; p < pixels; ++p)
                g[p] += v_[k * hidden + h] * (1 - z[h] * z[h]) * w_[h * pixels + p];
        return g;
    }

  private:
    std::vector<double> w_, b_, v_, c_;
    std::vector<TensorInfo> inputs_ = {
        {.name = "x", .type = ElementType::float64, .shape = {-1, pixels}}};
    std::vector<TensorInfo> outputs_ = {
        {.name = "y", .type = ElementType::float64, .shape = {-1, classes}}};
};

inline TanhModel golden_model() {
    return TanhModel(robustness_golden("weights").to_doubles());
}
inline Batch golden_image(int64_t i) {
    return Batch({{"x", robustness_golden("x").slice_rows(i, 1).cast(ElementType::float64)}});
}
inline int64_t golden_class(int64_t i) {
    return robustness_golden("y").as<int64_t>()[i];
}

/// Gradients of score k, counting calls and rows.
struct GradientOf {
    const TanhModel& model;
    int64_t k;
    mutable int64_t calls = 0, rows = 0;

    [[nodiscard]] std::vector<std::vector<double>> operator()(const Batch& inputs,
                                                              const Run&) const {
        ++calls;
        std::vector<std::vector<double>> all;
        for (int64_t row = 0; row < inputs.rows(); ++row, ++rows)
            all.push_back(model.gradient(inputs[0].value.slice_rows(row, 1).to_doubles(), k));
        return all;
    }
};

}  // namespace whence::metrics::test
