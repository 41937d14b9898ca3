#pragma once
// The inputs that methods are judged on, with their labels and object masks.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "whence/recipe/input.h"

namespace whence::evaluate {

/// Inputs there are. They are read when they are wanted.
struct Pool {
    std::vector<std::function<recipe::Input()>> inputs;
    std::vector<std::string> labels;             ///< of each, as written; empty: none are known
    std::vector<std::function<Tensor()>> masks;  ///< of each, not 0 where the object is; or none
    std::string data;                            ///< where they are from, in words
};

struct PoolRequest {
    std::vector<std::filesystem::path> paths;  ///< files, or folders of pictures or texts
    /// A column of the table; a file with a label for each input (.npy, or text with one on each
    /// line); or "folder": the name of the folder that a file is in. Empty: none.
    std::string label;
    /// A folder with a picture for each picture, of the same name but for the ending (bright where
    /// the object is; resized and cropped as the pictures are); or a .npy array, a row for each
    /// input. Empty: none.
    std::filesystem::path masks;
};
/// `subject` must outlive the pool. Throws as recipe::read_inputs, Error(usage) for a folder
/// without inputs, labels or masks that are not as many as inputs, and a mask that is not there.
[[nodiscard]] Pool read_pool(const recipe::Subject& subject, const PoolRequest& request);

/// Arrays in memory: a row for each input.
[[nodiscard]] Pool pool_of(const recipe::Subject& subject, Tensor rows);
/// Texts in memory.
[[nodiscard]] Pool pool_of(const recipe::Subject& subject, std::vector<std::string> texts);
/// Gives a pool labels, or masks (a row for each input). Throws Error(usage) for another number.
void use_labels(Pool& pool, std::vector<std::string> labels);
void use_masks(Pool& pool, const Tensor& masks);

/// Rows "all" or "A:B" (from A up to but without B) of `available`; of those `count` at random in
/// their order, if there are more. Empty rows and count 0: at most 50 of all. Throws Error(usage)
/// for rows that are none.
[[nodiscard]] std::vector<int64_t> choose_rows(int64_t available, const std::string& rows,
                                               int64_t count, uint64_t seed);

/// Classes by number, of labels that are names of the subject's classes or numbers. Throws
/// Error(usage) naming the label that is neither.
[[nodiscard]] std::vector<int64_t> classes_of(const recipe::Subject& subject,
                                              const std::vector<std::string>& labels);

}  // namespace whence::evaluate
