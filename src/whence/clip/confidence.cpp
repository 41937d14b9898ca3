#include "whence/clip/confidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "whence/clip/sphere.h"
#include "whence/clip/vectors.h"
#include "whence/core/error.h"

namespace whence::clip {
namespace {

Rows directions(const Tensor& anchors) {
    const int64_t width = anchors.rank() == 1 ? anchors.size() : anchors.row_size();
    const int64_t count = anchors.rank() == 1 ? 1 : anchors.rows();
    if (width == 0 || count == 0)
        throw Error(ErrorKind::input, "no embedding to compare with: the list is empty");
    const std::vector<double> numbers = anchors.to_doubles();
    Rows rows(count, width);
    for (int64_t i = 0; i < count; ++i)
        rows.row(i) = view(normalised(
            std::span(numbers).subspan(static_cast<size_t>(i * width), static_cast<size_t>(width)),
            "an embedding to compare with"));
    return rows;
}

void check_scale(double scale, double bias) {
    if (!(scale > 0) || !std::isfinite(scale) || !std::isfinite(bias))
        throw Error(ErrorKind::usage,
                    fmt::format("scale {} and bias {} are none of a model: the scale is above 0, "
                                "and both are finite",
                                scale, bias));
}

double sigmoid_of(double x) {
    return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

}  // namespace

Confidence Confidence::softmax(const Tensor& anchors, int64_t wanted, double scale) {
    check_scale(scale, 0);
    const Rows rows = directions(anchors);
    if (wanted < 0 || wanted >= rows.rows())
        throw Error(ErrorKind::usage,
                    fmt::format("number {} is not there: there are {}", wanted, rows.rows()));
    Confidence made;
    made.count_ = rows.rows() - 1;
    made.width_ = rows.cols();
    made.margins_.reserve(static_cast<size_t>(made.count_ * made.width_));
    for (int64_t j = 0; j < rows.rows(); ++j) {
        if (j == wanted) continue;
        const Vector margin = scale * (rows.row(wanted) - rows.row(j)).transpose();
        made.margins_.insert(made.margins_.end(), margin.begin(), margin.end());
    }
    return made;
}

Confidence Confidence::of_one(const Tensor& anchor, double scale, double bias, bool odds) {
    check_scale(scale, bias);
    const Rows rows = directions(anchor);
    if (rows.rows() != 1)
        throw Error(ErrorKind::usage,
                    fmt::format("a confidence in one embedding was given {}", rows.rows()));
    Confidence made;
    made.count_ = 1;
    made.width_ = rows.cols();
    const Vector margin = scale * rows.row(0).transpose();
    made.margins_.assign(margin.begin(), margin.end());
    made.bias_ = bias;
    made.odds_ = odds;
    return made;
}

Confidence Confidence::sigmoid(const Tensor& anchor, double scale, double bias) {
    return of_one(anchor, scale, bias, true);
}

Confidence Confidence::cosine(const Tensor& anchor) {
    return of_one(anchor, 1, 0, false);
}

double Confidence::value(std::span<const double> e) const {
    if (static_cast<int64_t>(e.size()) != width_)
        throw Error(ErrorKind::input,
                    fmt::format("an embedding has {} numbers, not {}", e.size(), width_));
    return confidence_of(evidence(normalised(e, "the embedding")));
}

std::vector<double> Confidence::gradient(std::span<const double> e) const {
    const double p = value(e);
    std::vector<double> weights;
    const std::vector<double> unit = normalised(e, "the embedding");
    evidence(unit, weights);
    Vector g = view(margins()).transpose() * view(weights);
    g -= g.dot(view(unit)) * view(unit);
    g *= (odds_ ? p * (1 - p) : 1.0) / view(e).norm();
    return {g.begin(), g.end()};
}

double Confidence::evidence(std::span<const double> point, double floor) const {
    const auto e = view(point);
    const Eigen::Map<const Rows> rows = view(margins());
    if (count_ == 1) return rows.row(0).dot(e) + bias_;
    // No more than the least margin, so one that is too small settles it. The largest term is known
    // only at the end: it is carried along, and the sum is scaled where it grows.
    double least = std::numeric_limits<double>::infinity(), sum = 0;
    for (Eigen::Index j = 0; j < count_; ++j) {
        const double margin = rows.row(j).dot(e) + bias_;
        if (margin < floor) return -std::numeric_limits<double>::infinity();
        if (margin < least) {
            sum = std::isinf(least) ? 1 : sum * std::exp(margin - least) + 1;
            least = margin;
        } else {
            sum += std::exp(least - margin);
        }
    }
    return least - std::log(std::max(sum, 1.0));
}

double Confidence::evidence(std::span<const double> point, std::vector<double>& weights) const {
    weights.assign(static_cast<size_t>(count_), 0);
    if (count_ == 0) return std::numeric_limits<double>::infinity();
    Eigen::Map<Vector> q(weights.data(), count_);
    q = -(view(margins()) * view(point));
    const double largest = q.maxCoeff();
    q = (q.array() - largest).exp();
    const double sum = q.sum();
    q /= sum;
    return bias_ - largest - std::log(sum);
}

double Confidence::confidence_of(double evidence) const {
    return odds_ ? sigmoid_of(evidence) : evidence;
}

double Confidence::evidence_of(double confidence) const {
    const double low = odds_ ? 0 : -1;
    if (!(confidence >= low && confidence <= 1))
        throw Error(ErrorKind::usage,
                    fmt::format("{} is no {}: it lies between {} and 1", confidence,
                                odds_ ? "probability" : "cosine", low));
    return odds_ ? std::log(confidence) - std::log1p(-confidence) : confidence;
}

}  // namespace whence::clip
