#pragma once
// From the explanations of one network to the numbers of one row.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "whence/core/run.h"
#include "whence/experiment/maps.h"
#include "whence/experiment/objects.h"
#include "whence/experiment/spec.h"

namespace whence::experiment {

/// MeGe and ReCo by one way of comparing; none where no two explanations can be compared.
struct Consistency {
    std::optional<double> mege_largest_class, mege_largest_pair, mege_absolute, reco;
    int64_t skipped = 0;  ///< pairs without a distance

    [[nodiscard]] const std::optional<double>& mege(metrics::MegeScale scale) const;
};

struct Interpretation {
    double right_predictions = 0, right_interpretations = 0;  ///< N_p / N, both ways of counting
    double overlap_micro = 0, overlap_macro = 0;              ///< Jaccard
};

struct Measures {
    std::vector<Consistency> consistency;  ///< for each of spec.differences
    Interpretation interpretation;
    double mean_absolute_error = 0, largest_absolute_error = 0;  ///< attribution errors
    int64_t fewest_pieces = 0, most_pieces = 0, single = 0;  ///< `single`: pictures in one piece
    double mean_pieces = 0;
};

/// `maps`: one for each object, of its image. `located`: of the picture that shows its place, the
/// same maps where that is the image. `predicted`: the class of each object's image.
[[nodiscard]] Measures measure(const Spec& spec, const MethodSpec& method,
                               std::span<const Object> objects, std::span<const Map> maps,
                               std::span<const Map> located, std::span<const int64_t> predicted,
                               const Run& run);

/// The pieces of largest positive value: until they cover as many pixels as the object has, or the
/// first `most` of them (0: any number).
[[nodiscard]] std::vector<uint8_t> mask_of(const Map& map, int64_t pixels, int64_t most);

}  // namespace whence::experiment
