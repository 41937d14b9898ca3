#pragma once
// What a player is, and how it is switched off.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "whence/core/batch.h"
#include "whence/core/run.h"

namespace whence {

/// Knows the players of one input (columns, groups of columns, superpixels, words) and how to remove
/// them.
///
/// A missing player can be filled in one way or, from the rows of a background, in several:
/// fillings(). apply writes the explained tensor of row r whole, for coalition (first + r) /
/// fillings() of `present` and way (first + r) % fillings(): all ways of the first coalition, then
/// those of the next. Player j is as in the input where present(coalition, j) is not 0. Other tensors
/// of `rows` are left alone. const, safe from several threads on different batches; it spreads large
/// batches over run.threads itself.
class Masker {
  public:
    virtual ~Masker() = default;
    [[nodiscard]] virtual int64_t players() const = 0;
    /// Name of each player; empty where they have none (superpixels).
    [[nodiscard]] virtual const std::vector<std::string>& names() const = 0;
    /// In how many ways missing players are filled, at least 1, and how much each counts: the
    /// weights add up to 1; empty: all the same.
    [[nodiscard]] virtual int64_t fillings() const { return 1; }
    [[nodiscard]] virtual std::span<const double> weights() const { return {}; }
    virtual void apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
                       const Run& run) const = 0;
};

/// Players that are sets of elements of one tensor: element i belongs to player labels[i], and to
/// none (always as in the input) where labels[i] is -1. Columns, groups of columns and superpixels
/// differ in their labels only. Costs one copy of the row: neighbours with the same label are
/// copied together.
class LabelMasker : public Masker {
  public:
    /// `input_name`: the tensor of the batch that is explained. `input` is one row, `baseline` one
    /// or more of the same type and shape, of any type but string; `weights` of those rows, in any
    /// unit. Throws Error(input) where sizes differ, a weight is negative or all are 0, a label is
    /// below -1, or a number between 0 and the largest label is not used.
    LabelMasker(std::string input_name, Tensor input, Tensor baseline,
                const std::vector<int32_t>& labels, std::vector<std::string> names = {},
                std::vector<double> weights = {});

    [[nodiscard]] int64_t players() const override { return players_; }
    [[nodiscard]] const std::vector<std::string>& names() const override { return names_; }
    [[nodiscard]] int64_t fillings() const override { return baseline_.rows(); }
    [[nodiscard]] std::span<const double> weights() const override { return weights_; }
    void apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
               const Run& run) const override;

    [[nodiscard]] const Tensor& input() const { return input_; }
    [[nodiscard]] const Tensor& baseline() const { return baseline_; }
    /// Of each element: whose it is, -1 for nobody's.
    [[nodiscard]] std::vector<int32_t> labels() const;

  private:
    // Bytes [begin, next run's begin) of a row, all of one player.
    struct Segment {
        int64_t begin;
        int32_t player;
    };
    // Elements [begin, begin + count) that belong to players `player`, `player` + 1, ...
    struct Stretch {
        int64_t begin, count;
        int32_t player;
    };
    void cut_segments(const std::vector<int32_t>& labels);
    void find_stretches(const std::vector<int32_t>& labels);
    void write_row(const uint8_t* present, const std::byte* filling, std::byte* out) const;
    // The same for rows [begin, end) of `out`, a coalition's mask made once for all its fillings.
    void write_overlaid(MatrixView<const uint8_t> present, int64_t first, int64_t begin, int64_t end,
                        Tensor& out) const;

    std::string input_name_;
    Tensor input_, baseline_;
    std::vector<std::string> names_;
    std::vector<double> weights_;
    int64_t players_ = 0;
    std::vector<Segment> segments_;  // closed by one that begins at the end of the row
    std::vector<Stretch> stretches_;  // where players are elements one after the other; else empty
};

/// Labels 0, 1, 2, ... : every column is a player.
[[nodiscard]] std::vector<int32_t> column_labels(int64_t columns);

/// The label of each element of `image` (one row, either layout) from the label of each pixel
/// (`segments`: int32 [height, width]). Throws Error(input) where the sizes do not fit.
[[nodiscard]] std::vector<int32_t> pixel_labels(const Tensor& image, const Tensor& segments);

/// Segments numbered 0, 1, 2, ... in the order of their labels: int32, whatever integers came in.
/// Throws Error(input) if it is not a matrix of integers.
[[nodiscard]] Tensor renumbered(const Tensor& segments);

/// The image with every pixel replaced by the mean colour of its superpixel (lime's hide_color
/// None).
[[nodiscard]] Tensor superpixel_means(const Tensor& image, const Tensor& segments);

}  // namespace whence
