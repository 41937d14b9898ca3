#pragma once
// Players of several inputs of a model in one game: superpixels of pictures, columns of rows.

#include <memory>

#include "whence/core/explanation.h"
#include "whence/mask/joint_masker.h"
#include "whence/recipe/methods.h"

namespace whence {
struct Hierarchy;
}

namespace whence::recipe {

/// What stands for the missing.
enum class Filling {
    one,   ///< a superpixel: as the option "hide" says; a column: the background's mean
    many,  ///< a superpixel: the baseline; a column: each row of the background, answers averaged
};

struct MixedPlayers {
    std::vector<std::unique_ptr<const Masker>> own;  ///< one for each input
    std::unique_ptr<const JointMasker> masker;
    std::string hidden;                 ///< what stands for the missing, in words
    std::vector<std::string> displays;  ///< of each player, "" for superpixels
    std::optional<Tensor> segments;     ///< of the first picture; labels are players
    std::vector<int64_t> players;       ///< of each input
};

/// For a task whose input has parts. Players are named "input: column" and "input: segment 3".
/// Throws Error(unsupported) for a part that is neither a picture nor a row of numbers.
[[nodiscard]] MixedPlayers mixed_players(const Task& task, Filling filling);

/// Each input's players are joined first, superpixels by halving the picture, columns by their
/// correlation over the background; then the inputs.
[[nodiscard]] Hierarchy mixed_hierarchy(const Task& task, const MixedPlayers& players);

/// Writes down displays and superpixels.
void place_players(const MixedPlayers& players, Attribution& attribution);

}  // namespace whence::recipe
