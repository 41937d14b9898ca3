#pragma once
// Sets of small labelled pictures, as networks are trained on: MNIST, Fashion-MNIST, CIFAR-10.
//
// Files are untrusted: every count is checked against the bytes that are there before anything is
// allocated, labels against the classes. Errors are Error(input), one line that begins with the
// name of the file; Error(io) for what cannot be read; Error(limit) beyond 2 GiB.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whence/core/tensor.h"
#include "whence/data/image.h"

namespace whence::data {

/// Pictures of one size, each of one class. Pixels stay the bytes of the file: a quarter of the
/// memory.
struct LabelledImages {
    int64_t height = 0, width = 0, channels = 0;
    std::vector<uint8_t> pixels;  ///< [count, height, width, channels]
    std::vector<int32_t> labels;  ///< [count], positions in `classes`
    std::vector<std::string> classes;

    [[nodiscard]] int64_t count() const { return static_cast<int64_t>(labels.size()); }
    [[nodiscard]] int64_t image_size() const { return height * width * channels; }
    /// The pictures of these numbers as a model reads them: float32 [n, height, width, channels],
    /// byte / 255. Throws Error(usage) for a number that is not there.
    [[nodiscard]] Tensor rows(std::span<const int64_t> numbers) const;
    /// The same into `out`, which has room for numbers.size() * image_size() values.
    void copy_rows(std::span<const int64_t> numbers, std::span<float> out) const;
    [[nodiscard]] Image image(int64_t number) const;
    /// How many pictures there are of each class.
    [[nodiscard]] std::vector<int64_t> class_counts() const;
};

struct ImageSet {
    std::string name;  ///< of the folder it was read from
    LabelledImages train, test;
    /// What the files lack of the published set, such as "20000 of the 50000 training images of
    /// CIFAR-10"; empty if nothing is known to be missing. Documents that use the set say it.
    std::string note;
};

/// The set in a folder, by the files that lie there:
///
/// - train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
///   t10k-labels-idx1-ubyte, each as it is or with .gz: MNIST and sets of its form;
/// - data_batch_1.bin to data_batch_5.bin (those that are there) and test_batch.bin: CIFAR-10,
/// binary version;
/// - train_labels.csv and test_labels.csv (columns sheet, index, label) with PNG sheets of 32x32
///   tiles, tile j at row j / (tiles across), column j % (tiles across): CIFAR-10 without loss.
///
/// CIFAR-10's Python version is pickles, which run code when they are read: they never are, and a
/// folder that holds only those is refused. Names of classes: classes.txt or batches.meta.txt, one
/// a line; without these those of Fashion-MNIST where the folder's name contains "fashion", else
/// the labels as numbers. Throws Error(input) also for a folder that holds none of these.
[[nodiscard]] ImageSet read_image_set(const std::filesystem::path& folder);

/// The idx form (LeCun, "The MNIST database"): unsigned bytes of one to four dimensions, gzipped or
/// not.
[[nodiscard]] Tensor decode_idx(std::span<const std::byte> bytes,
                                std::string_view name = "the data");
/// Records of CIFAR-10's binary version: a label from 0 to 9, then 32x32 red, green and blue bytes.
/// `classes` of the result is empty.
[[nodiscard]] LabelledImages decode_cifar10(std::span<const std::byte> bytes,
                                            std::string_view name = "the data");

}  // namespace whence::data
