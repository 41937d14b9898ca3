#pragma once
// InterpretationAccuracy: right predictions and right places in one number.

#include <cstdint>
#include <span>

#include "whence/core/tensor.h"

namespace whence::metrics {

struct InterpretationOptions {
    /// Weight of the share of right ones, in [0, 1]; the overlap has the rest, beta = 1 - alpha.
    double alpha = 0.5;
    enum class Average {
        micro,  ///< intersections and unions are summed over all objects first, as in the study's
                ///< listing
        macro,  ///< mean of the objects' own overlaps
    } average = Average::micro;
    enum class Counted {
        predictions,      ///< N_p: objects that are predicted right, as in the study's listing
        interpretations,  ///< N_p: objects whose overlap is above the threshold, as in its words
    } counted = Counted::predictions;
    double threshold = 0.5;  ///< of the overlap, for `interpretations`, in [0, 1]
};

struct InterpretationAccuracy {
    double value = 0;    ///< alpha * right + beta * overlap
    double right = 0;    ///< N_p / N
    double overlap = 0;  ///< Jaccard's |A and B| / |A or B|; 1 where both are empty
};

/// alpha N_p / N + beta Jaccard(explanation's mask, object's mask), in [0, 1], higher is better (a
/// study of LIME and SHAP on vision models). `explanations` and `objects`: one row for each object,
/// not 0 where the mask is; `correct`: one for each object, 1 where it is predicted right; may be
/// empty where interpretations are counted. Throws Error(input) where sizes differ or there is
/// nothing, Error(usage) for a weight or threshold outside [0, 1].
///
/// Two different things are added: a good classifier with useless masks and a bad one with perfect
/// masks can have the same value. Look at the parts.
[[nodiscard]] InterpretationAccuracy interpretation_accuracy(
    MatrixView<const uint8_t> explanations, MatrixView<const uint8_t> objects,
    std::span<const uint8_t> correct, const InterpretationOptions& options = {});

}  // namespace whence::metrics
