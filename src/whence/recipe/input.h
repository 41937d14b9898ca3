#pragma once
// What is explained: one picture, one row of a table, a text, or arrays as they stand.

#include <filesystem>
#include <optional>

#include "whence/recipe/subject.h"
#include "whence/text/tokenizer.h"

namespace whence::recipe {

/// A text and the tokens that the model reads of it (none where it reads strings).
struct TextInput {
    std::string text;
    std::vector<text::Token> tokens;
};

struct Input {
    Batch batch;  ///< one row, as the subject's model reads it
    std::optional<Tensor>
        picture;                 ///< the whole photograph, [1, H, W, C] in [0, 1], as it was found
    std::optional<Tensor> row;   ///< float64 [1, columns] of a table
    Schema schema;               ///< of the row
    std::optional<TextInput> text;
    std::vector<Input> parts;  ///< what was read for each input of the subject's parts; else empty
    std::filesystem::path path;  ///< empty for arrays in memory
    std::string sha256;
    std::optional<int64_t> row_number;
    double white =
        1;  ///< full brightness of a picture in `batch`; 255 where the model reads 8-bit pixels

    [[nodiscard]] bool is_table() const { return row.has_value(); }
    /// The image the model sees, [1, H, W, C] or [1, C, H, W]; none if the input is no image.
    [[nodiscard]] std::optional<Tensor> image() const;
};

/// What a file holds, by the ending of its name.
enum class FileKind { table, array, picture, text, unknown };
[[nodiscard]] FileKind kind_of(const std::filesystem::path& path);

/// Reads a picture (PNG, JPEG), one row of a CSV, a text (.txt), or a .npy/.npz array; `row` counts from 0 and
/// defaults to 0. Throws Error(usage) where the kind of file does not fit the subject, saying what
/// to do, Error(input) for what is wrong in the file.
[[nodiscard]] Input read_input(const Subject& subject, const std::filesystem::path& path,
                               std::optional<int64_t> row = std::nullopt);

/// A file for each input of a model whose preprocessing is mixed, in its order. Without `row` each
/// table or array gives its row 0. Of other models one file, as read_input. Throws Error(usage) for
/// another number of files.
[[nodiscard]] Input read_together(const Subject& subject,
                                  const std::vector<std::filesystem::path>& paths,
                                  std::optional<int64_t> row = std::nullopt);

/// Inputs that were read by the subject's parts, as one. Throws Error(usage) for another number of
/// them, Error(unsupported) for one that the model does not read as one matrix.
[[nodiscard]] Input joined(const Subject& subject, std::vector<Input> parts);

/// A text in memory. Throws Error(usage) where the model reads no texts, Error(input) for text that
/// is not UTF-8.
[[nodiscard]] Input from_text(const Subject& subject, std::string text);

/// Every row of a CSV or of an array file; one input for a picture. Throws as read_input.
[[nodiscard]] std::vector<Input> read_inputs(const Subject& subject,
                                             const std::filesystem::path& path);

/// A row of numbers [1, columns] as `schema` says what they are. Throws Error(input) where the columns
/// do not fit the model.
[[nodiscard]] Input from_row(const Subject& subject, const Schema& schema, Tensor row);

/// An array in memory, made to fit as fit_array says. Where the subject has a table schema
/// (background) a vector of numbers is one of its rows.
[[nodiscard]] Input from_array(const Subject& subject, Tensor array);

}  // namespace whence::recipe
