#pragma once
// How sure a model is of one thing, as a function of where an embedding lies on the unit sphere.

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "whence/core/tensor.h"

namespace whence::clip {

/// The confidence that a pair of encoders has in one anchor (a text, where the embedding is an
/// image's; an image, where it is a text's). All three forms are
///   evidence(e) = -log sum_j exp(-(r_j . e + b)),   confidence = sigmoid(evidence) or evidence
///   itself,
/// and evidence is concave in e (a log-sum-exp of linear functions with the sign turned): that is
/// why the questions of reach.h have proven answers. Evidence is the log-odds, which do not run
/// into 1 as the confidence does.
///
/// Anchors need not be of length 1, only of a direction; so does the embedding.
class Confidence {
  public:
    /// p_c = softmax_j(scale * cos(e, t_j)) of the anchor number `wanted` (Radford et al. 2021,
    /// "Learning transferable visual models from natural language supervision"). One margin
    /// r_j = scale * (t_c - t_j) for each other anchor; with one anchor alone p_c = 1 everywhere.
    /// `anchors`: float [anchors, width]. Throws Error(input) for anchors without a direction,
    /// Error(usage) for one that does not exist or a scale that is not above zero.
    static Confidence softmax(const Tensor& anchors, int64_t wanted, double scale);
    /// sigmoid(scale * cos(e, t) + bias) (Zhai et al. 2023, "Sigmoid loss for language image
    /// pre-training"). `anchor`: float [width] or [1, width].
    static Confidence sigmoid(const Tensor& anchor, double scale, double bias);
    /// cos(e, t), from -1 to 1.
    static Confidence cosine(const Tensor& anchor);

    [[nodiscard]] int64_t width() const { return width_; }
    /// Of e / |e|. Throws Error(input) for an embedding without a direction, or of another width.
    [[nodiscard]] double value(std::span<const double> e) const;
    /// Its gradient by e, which is at right angles to e: for softmax
    /// p_c (scale / |e|) (I - u u^T) (t_c - sum_j p_j t_j), u = e / |e|.
    [[nodiscard]] std::vector<double> gradient(std::span<const double> e) const;

    /// At a point as it stands, of whatever length. May return -infinity where the evidence is
    /// below `floor`, which is quicker.
    [[nodiscard]] double evidence(std::span<const double> point,
                                  double floor = -std::numeric_limits<double>::infinity()) const;
    /// The same, with the weights q_j = softmax_j(-(r_j . e + b)): the gradient is sum_j q_j r_j.
    double evidence(std::span<const double> point, std::vector<double>& weights) const;
    [[nodiscard]] double confidence_of(double evidence) const;
    /// Inverse of it; infinite for 0 and 1. Throws Error(usage) for what no confidence can be.
    [[nodiscard]] double evidence_of(double confidence) const;

    /// r_j, a row each: [margins, width].
    [[nodiscard]] MatrixView<const double> margins() const {
        return {margins_.data(), count_, width_};
    }
    [[nodiscard]] double bias() const { return bias_; }

  private:
    Confidence() = default;
    static Confidence of_one(const Tensor& anchor, double scale, double bias, bool odds);

    std::vector<double> margins_;
    int64_t count_ = 0, width_ = 0;
    double bias_ = 0;
    bool odds_ = true;  // evidence is a log-odds; else it is the confidence
};

}  // namespace whence::clip
