#pragma once
// Class activation maps from one gradient pass: the features A^k of a layer over a picture, weighed
// by their gradients g^k of the explained scalar y and summed over the channels k.
//
//   M_ij = sum_k w^k_ij A^k_ij
//
// The methods differ by the weights alone (Z positions in a plane; ReLUs inside the weights are
// part of the method):
//
//   Grad-CAM    (1/Z) sum_ab g^k_ab                     Selvaraju et al. 2017, eq. 1 and 2
//   Grad-CAM++  sum_ab a^k_ab ReLU(g^k_ab),             Chattopadhay et al. 2018,
//               a = g^2 / (2 g^2 + g^3 sum_cd A_cd + 1e-6), 0 where g is 0
//   XGrad-CAM   sum_ab g^k_ab A^k_ab / (sum_ab A^k_ab + 1e-7)      Fu et al. 2020
//   HiResCAM    g^k_ij                                  Draelos and Carin 2020
//   LayerCAM    ReLU(g^k_ij)                            Jiang et al. 2021
//
// ODAM (Zhao and Chan 2023) is HiResCAM with one output element of a detector as the target.
//
// The result is the signed map [1, 1, h, w] before the ReLU, normalisation and enlargement with
// which the papers draw it: those are a matter of the view. A map implies a baseline, zero features
// at its layer, and is measured by it: the sum of the map should be h(z) - h(0), h being the part
// of the model above. CAM's own case, global average pooling and a linear head, has no error (all
// but Grad-CAM++ and LayerCAM).
//
// LayerCAM also joins maps of several layers (Jiang et al. 2021, eq. 9): the ReLU of each is
// divided by its largest value, enlarged, scaled to tanh(2 M), and the largest taken at each
// position. Such maps have no units and no sum to be held against.

#include <span>
#include <string>
#include <vector>

#include "whence/core/explainer.h"

namespace whence {

enum class CamWeights { grad_cam, grad_cam_plus_plus, xgrad_cam, hires_cam, layer_cam };

/// "grad-cam", "grad-cam++", "xgrad-cam", "hires-cam", "layer-cam".
[[nodiscard]] const char* name(CamWeights weights);

/// The weights of one channel: `features` and `gradients` are its plane, `weights` as long.
void cam_weights(CamWeights kind, std::span<const double> features,
                 std::span<const double> gradients, std::span<double> weights);

struct CamOptions {
    CamWeights weights = CamWeights::grad_cam;
    /// Tensor of the explained layer, [N, channels, height, width].
    std::string layer;
    /// Further layers whose maps are joined with that of `layer`.
    std::vector<std::string> fuse;
};

class Cam final : public Explainer {
  public:
    using Options = CamOptions;
    /// `model` must outlive the explainer. Throws Error(usage) where no layer is named.
    explicit Cam(const DifferentiableModel& model, Options options);

    /// One pass with gradient, one forward pass through the part above the layer. Throws
    /// Error(unsupported) for a layer whose features are not planes over a picture.
    [[nodiscard]] Explanation explain(const Batch& input, const Target& target,
                                      const Run& run) const override;

  private:
    const DifferentiableModel& model_;
    Options options_;
};

}  // namespace whence
