#pragma once
// A network by hand with everything the interface promises: layers "h1", "h2", ... (after their
// nonlinearity), their values and gradients, and the rules at nonlinearities.

#include "gradients/fakes.h"
#include "whence/core/explanation.h"

namespace whence::fakes {

class NetModel final : public FunctionModel {
  public:
    explicit NetModel(Net net)
        : FunctionModel(
              static_cast<int64_t>(net.layers[0].weights[0].size()),
              static_cast<int64_t>(net.layers.back().biases.size()),
              [net](const Vector& x) { return net.forward(x).back(); },
              [net](const Vector& x, int64_t index) { return net.gradient(x, index); }),
          net_(std::move(net)) {}

    const Net& net() const { return net_; }

    GradientResult run(const Batch& inputs, const GradientRequest& request,
                       const Run& run) const override {
        GradientRequest plain = request;
        plain.gradients.clear();
        GradientResult result = FunctionModel::run(inputs, plain, run);
        if (!request.gradients.empty()) {
            forward_rows -= inputs.rows();
            gradient_rows += inputs.rows();
        }
        const std::vector<Vector> rows = rows_of(inputs);
        for (const std::string& name : request.values)
            result.values.push_back(
                collect(rows, [&](size_t row) { return level(rows[row], level_of(name)); }));
        std::vector<Vector> references = rows;
        if (request.reference) references = rows_of(*request.reference);
        for (size_t row = 0; request.reference && row < rows.size(); ++row) {
            const Vector scores = net_.forward(reference_of(references, row)).back();
            result.reference_target.push_back(scores[result.index[row]] -
                                              (request.minus ? scores[*request.minus] : 0));
        }
        for (const std::string& name : request.gradients)
            result.gradients.push_back(collect(rows, [&](size_t row) {
                Vector upstream(net_.layers.back().biases.size(), 0.0);
                upstream[result.index[row]] += 1;
                if (request.minus) upstream[*request.minus] -= 1;
                return back(rows[row], reference_of(references, row), upstream, level_of(name),
                            request.rules);
            }));
        return result;
    }

    /// Values of a level: 0 the input, l what leaves the nonlinearity after layer l.
    Vector level(const Vector& x, size_t l) const {
        if (l == 0) return x;
        Vector out = net_.forward(x)[l - 1];
        for (double& v : out) v = activate(v);
        return out;
    }

  private:
    static const Vector& reference_of(const std::vector<Vector>& references, size_t row) {
        return references.size() == 1 ? references[0] : references[row];
    }
    static size_t level_of(const std::string& name) {
        return name == "x" ? 0 : static_cast<size_t>(name.at(1) - '0');
    }
    double activate(double u) const {
        return net_.kind == Net::Kind::relu ? std::max(0.0, u) : std::tanh(u);
    }
    double slope(double u, double u0, double above, Rules rules) const {
        const bool relu = net_.kind == Net::Kind::relu;
        const double slope = relu ? (u > 0 ? 1 : 0) : 1 - std::tanh(u) * std::tanh(u);
        if (rules == Rules::deep_lift && std::abs(u - u0) > 1e-6)
            return (activate(u) - activate(u0)) / (u - u0);
        if (relu && rules == Rules::guided) return above > 0 ? slope : 0;
        if (relu && rules == Rules::deconvolution) return above > 0 ? 1 : 0;
        return slope;
    }
    Vector back(const Vector& x, const Vector& reference, Vector upstream, size_t level,
                Rules rules) const {
        const std::vector<Vector> z = net_.forward(x), z0 = net_.forward(reference);
        for (size_t l = net_.layers.size(); l-- > level;) {
            Vector down(net_.layers[l].weights[0].size(), 0.0);
            for (size_t unit = 0; unit < upstream.size(); ++unit)
                for (size_t i = 0; i < down.size(); ++i)
                    down[i] += upstream[unit] * net_.layers[l].weights[unit][i];
            if (l > level)
                for (size_t i = 0; i < down.size(); ++i)
                    down[i] *= slope(z[l - 1][i], z0[l - 1][i], down[i], rules);
            upstream = down;
        }
        return upstream;
    }
    template <class Make>
    static Tensor collect(const std::vector<Vector>& rows, const Make& make) {
        Vector all;
        for (size_t row = 0; row < rows.size(); ++row) {
            const Vector one = make(row);
            all.insert(all.end(), one.begin(), one.end());
        }
        const auto count = static_cast<int64_t>(rows.size());
        return Tensor::of<double>({count, static_cast<int64_t>(all.size()) / count}, all);
    }

    Net net_;
};

inline Tensor rows_tensor(const std::vector<Vector>& rows) {
    Vector all;
    for (const Vector& row : rows) all.insert(all.end(), row.begin(), row.end());
    return Tensor::of<double>({std::ssize(rows), std::ssize(rows[0])}, all);
}

inline Vector values_of(const Explanation& explanation) {
    return explanation.attribution.values.to_doubles();
}

inline bool has_note(const Explanation& e, const std::string& part) {
    return std::ranges::any_of(e.diagnostics.notes,
                               [&](const std::string& n) { return n.find(part) != n.npos; });
}

/// Largest |a - b|, or a NaN that fails every comparison where the sizes differ.
inline double largest_difference(const Vector& a, const Vector& b) {
    if (a.size() != b.size()) return std::nan("");
    double largest = 0;
    for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

/// f(x) = 1/2 x'Qx + b'x with a fixed symmetric Q: everything about it is known.
struct Quadratic {
    std::vector<Vector> q;
    Vector b;

    static Quadratic random(int64_t size, uint64_t seed) {
        Quadratic f{std::vector<Vector>(size, Vector(size)), Vector(size)};
        Rng rng(seed, 3, 0);
        for (int64_t i = 0; i < size; ++i) {
            f.b[i] = rng.normal();
            for (int64_t j = 0; j <= i; ++j) f.q[i][j] = f.q[j][i] = rng.normal();
        }
        return f;
    }
    Vector gradient(const Vector& x) const {
        Vector out = b;
        for (size_t i = 0; i < x.size(); ++i)
            for (size_t j = 0; j < x.size(); ++j) out[i] += q[i][j] * x[j];
        return out;
    }
    double value(const Vector& x) const {
        const Vector g = gradient(x);
        double sum = 0;
        for (size_t i = 0; i < x.size(); ++i) sum += (g[i] + b[i]) * x[i] / 2;
        return sum;
    }
    FunctionModel model() const {
        return FunctionModel(
            std::ssize(b), 1, [f = *this](const Vector& x) { return Vector{f.value(x)}; },
            [f = *this](const Vector& x, int64_t) { return f.gradient(x); });
    }
};

}  // namespace whence::fakes
