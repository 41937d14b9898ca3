#pragma once
// The common ground on which methods are judged: what the players of an input are, what it means to
// remove them, and which answer is read. The same for every method, whatever its own players and
// baseline are.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "whence/mask/masker.h"
#include "whence/recipe/recipe.h"
#include "whence/text/words.h"

namespace whence::evaluate {

/// Who plays in a metric.
enum class Players {
    all,      ///< pixels, columns, words, or elements of an array
    regions,  ///< of a picture superpixels; else as all
    imputed,  ///< pixels that are filled in from those around them; pictures only
};

struct GroundOptions {
    std::string baseline;  ///< as recipe::baseline_for; empty: mean for pictures and tables with a
                           ///< background
    std::string regions = "grid:8x8";  ///< see parse_segmentation
};

/// What the model of a set of inputs is asked with: rows of a table, texts, or its own arrays.
class Asked {
  public:
    /// `subject` must outlive it. Throws Error(unsupported) for several inputs explained together.
    Asked(const recipe::Subject& subject, const recipe::Input& like);
    [[nodiscard]] const Model& model() const { return *model_; }
    /// One row for `model`.
    [[nodiscard]] Batch row_of(const recipe::Input& input) const;
    /// The inverse: row `row` of a batch for `model`, else as `like`.
    [[nodiscard]] recipe::Input input_of(const Batch& rows, int64_t row,
                                         const recipe::Input& like) const;

  private:
    const recipe::Subject& subject_;
    std::unique_ptr<const Model> own_;
    const Model* model_;
};

class Ground {
  public:
    /// All must outlive it but the options. Throws Error(usage) for a baseline or regions that the
    /// input cannot have, Error(input) for a text without words.
    Ground(const recipe::Subject& subject, const Asked& asked, const recipe::Input& input,
           ResolvedTarget target, const GroundOptions& options, const Run& run);

    [[nodiscard]] const recipe::Input& input() const { return input_; }
    [[nodiscard]] const Asked& asked() const { return asked_; }
    /// One row, as the model is asked.
    [[nodiscard]] const Batch& row() const { return row_; }
    [[nodiscard]] const ResolvedTarget& target() const { return target_; }
    /// "table", "image", "text", "vector".
    [[nodiscard]] std::string_view modality() const;
    /// Height and width of a picture.
    [[nodiscard]] bool is_image() const { return height_ > 0; }
    [[nodiscard]] int64_t height() const { return height_; }
    [[nodiscard]] int64_t width() const { return width_; }
    /// Pixels, columns, words.
    [[nodiscard]] int64_t players() const { return masker_->players(); }
    /// In words: "pixels", "columns", ...; and what stands for those that are removed.
    [[nodiscard]] std::string_view players_in_words() const;
    [[nodiscard]] const std::string& removed() const { return removed_; }

    /// Throws Error(unsupported) for imputed players of what is no picture.
    [[nodiscard]] const Masker& masker(Players players) const;
    /// Values of all players as values of these: superpixels have the sum, or the mean, of their
    /// pixels.
    [[nodiscard]] std::vector<double> values_of(Players players, bool mean,
                                                std::span<const double> values) const;

    /// What an explanation says of each player. A superpixel's or a layer's value is shared evenly
    /// by its pixels and a word's by its places, so that sums stay; channels are added up. Throws
    /// Error(unsupported) for an explanation that gives no values, or values of something else,
    /// Error(input) for one that is not a finite number.
    [[nodiscard]] std::vector<double> values_of(const Explanation& explanation) const;
    /// The same of an array that came from elsewhere: one value for each player, or for each
    /// element of a picture in either layout. Throws Error(input) for another size.
    [[nodiscard]] std::vector<double> values_of(const Tensor& given) const;
    /// Who of the players belongs to an object, from a mask of their number or of a picture. Throws
    /// Error(input) for another size.
    [[nodiscard]] std::vector<uint8_t> mask_of(const Tensor& mask) const;

  private:
    void use_image(const recipe::Subject& subject, const Tensor& image,
                   const GroundOptions& options, const Run& run);
    void use_text();
    void use_elements(const recipe::Subject& subject, const GroundOptions& options, const Run& run);
    [[nodiscard]] std::vector<double> of_columns(const Attribution& attribution) const;
    [[nodiscard]] std::vector<double> of_words(const Attribution& attribution) const;
    [[nodiscard]] std::vector<double> of_pixels(const Attribution& attribution) const;

    const Asked& asked_;
    const recipe::Input& input_;
    ResolvedTarget target_;
    Batch row_;
    std::unique_ptr<const Masker> masker_, regions_, imputed_;
    std::vector<int32_t> region_of_;  // of each pixel
    std::string removed_;
    int64_t height_ = 0, width_ = 0;
    text::Words words_;
};

}  // namespace whence::evaluate
