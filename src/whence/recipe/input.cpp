#include "whence/recipe/input.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/baseline.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/core/hash.h"
#include "whence/data/csv.h"
#include "whence/data/image.h"
#include "whence/data/npy.h"
#include "whence/data/table_model.h"
#include "whence/recipe/array.h"

namespace whence::recipe {
namespace {

Tensor to_tensor(const data::Image& image) {
    std::vector<float> values(image.pixels.begin(), image.pixels.end());
    for (float& value : values) value /= 255;
    return Tensor::of<float>({1, image.height, image.width, image.channels}, values);
}

Input read_picture(const Subject& subject, const std::filesystem::path& path) {
    if (subject.kind() == data::InputKind::table)
        throw Error(ErrorKind::usage, "this model reads rows of a table; " +
                                          printable(path.string(), 400) + " is a picture");
    if (subject.kind() != data::InputKind::image)
        throw Error(ErrorKind::usage,
                    "a picture needs preprocessing: give --preprocess imagenet, unit, tf, caffe, "
                    "raw255 or mnist, "
                    "a JSON file, or put one beside the model (" +
                        printable(subject.path().stem().string()) + ".json)");
    const data::Image image = data::read_image(path);
    const Shape& shape = subject.model().inputs()[0].shape;
    Input input;
    input.batch = data::prepare_image(image, subject.preprocessing(), shape[1], shape[2]);
    input.picture = to_tensor(image);
    return input;
}

[[noreturn]] void no_row(int64_t number, const std::filesystem::path& path, int64_t rows) {
    throw Error(ErrorKind::usage, fmt::format("row {} does not exist: {} has {} (numbered from 0)",
                                              number, printable(path.string(), 400),
                                              rows == 1 ? "1 row" : fmt::format("{} rows", rows)));
}

data::Table read_table(const Subject& subject, const std::filesystem::path& path) {
    if (subject.kind() == data::InputKind::image)
        throw Error(ErrorKind::usage,
                    "this model reads pictures; " + printable(path.string(), 400) + " is a table");
    return subject.read_table(path);
}

Input read_row(const Subject& subject, const Schema& schema, const Tensor& rows,
               const std::filesystem::path& path, int64_t number) {
    if (number < 0 || number >= rows.rows()) no_row(number, path, rows.rows());
    Input input = from_row(subject, schema, rows.slice_rows(number, 1));
    input.row_number = number;
    return input;
}

// Rows of the arrays in a file that the model reads; an array of one row may leave the batch out.
int64_t rows_of(const Subject& subject, const std::vector<NamedTensor>& arrays) {
    const TensorInfo& first = subject.model().inputs()[0];
    const Tensor& array = arrays[0].value;
    return arrays.size() > 1 || array.rank() == static_cast<int64_t>(first.shape.size())
               ? array.rows()
               : 1;
}

Input read_array_row(const Subject& subject, const std::vector<NamedTensor>& arrays, int64_t rows,
                     int64_t number) {
    const auto take = [&](const Tensor& array) {
        return rows > 1 ? array.slice_rows(number, 1) : array;
    };
    if (arrays.size() == 1 && subject.model().inputs().size() == 1)
        return from_array(subject, take(arrays[0].value));
    Input input;
    for (const NamedTensor& array : arrays) {
        if (array.value.rows() != rows)
            throw Error(ErrorKind::input,
                        fmt::format("array '{}' has {} rows, '{}' has {}", printable(array.name),
                                    array.value.rows(), printable(arrays[0].name), rows));
        input.batch.add(array.name, take(array.value));
    }
    return input;
}

std::vector<NamedTensor> read_array_file(const std::filesystem::path& path) {
    std::vector<NamedTensor> arrays = data::read_arrays(path);
    if (arrays.empty())
        throw Error(ErrorKind::input, printable(path.string(), 400) + ": holds no arrays");
    return arrays;
}

Input read_text_input(const Subject& subject, const std::filesystem::path& path) {
    constexpr uint64_t most_bytes = 16 << 20;
    std::string text = read_text(path, most_bytes);
    // The newline at the end is the editor's.
    if (text.ends_with('\n')) text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
    try {
        return from_text(subject, std::move(text));
    } catch (const Error& error) {
        throw Error(error.kind(), printable(path.string(), 400) + ": " + error.what());
    }
}

[[noreturn]] void unknown_kind(const std::filesystem::path& path) {
    throw Error(ErrorKind::usage, "cannot tell what " + printable(path.string(), 400) +
                                      " is: inputs are .png, .jpg, .csv, .txt, .npy or .npz");
}

}  // namespace

FileKind kind_of(const std::filesystem::path& path) {
    std::string ending = path.extension().string();
    std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
    if (ending == ".csv" || ending == ".tsv") return FileKind::table;
    if (ending == ".npy" || ending == ".npz") return FileKind::array;
    if (ending == ".png" || ending == ".jpg" || ending == ".jpeg") return FileKind::picture;
    return ending == ".txt" ? FileKind::text : FileKind::unknown;
}

std::optional<Tensor> Input::image() const {
    if (batch.size() != 1 || !image_axes(batch[0].value.shape())) return std::nullopt;
    return batch[0].value;
}

Input read_input(const Subject& subject, const std::filesystem::path& path,
                 std::optional<int64_t> row) {
    const FileKind kind = kind_of(path);
    Input input;
    if (kind == FileKind::table) {
        const data::Table table = read_table(subject, path);
        input = read_row(subject, table.schema, table.matrix(), path, row.value_or(0));
    } else if (kind == FileKind::array) {
        const std::vector<NamedTensor> arrays = read_array_file(path);
        const int64_t rows = rows_of(subject, arrays);
        if (row.value_or(0) < 0 || row.value_or(0) >= rows) no_row(*row, path, rows);
        input = read_array_row(subject, arrays, rows, row.value_or(0));
        input.row_number = row;
    } else if (kind == FileKind::picture) {
        if (row) throw Error(ErrorKind::usage, "a picture has no rows: leave --row out");
        input = read_picture(subject, path);
    } else if (kind == FileKind::text) {
        if (row) throw Error(ErrorKind::usage, "a text has no rows: leave --row out");
        input = read_text_input(subject, path);
    } else {
        unknown_kind(path);
    }
    input.path = path;
    input.sha256 = sha256_of_file(path);
    return input;
}

std::vector<Input> read_inputs(const Subject& subject, const std::filesystem::path& path) {
    const FileKind kind = kind_of(path);
    std::vector<Input> inputs;
    if (kind == FileKind::table) {
        const data::Table table = read_table(subject, path);
        const Tensor rows = table.matrix();
        for (int64_t row = 0; row < table.rows(); ++row)
            inputs.push_back(read_row(subject, table.schema, rows, path, row));
    } else if (kind == FileKind::array) {
        const std::vector<NamedTensor> arrays = read_array_file(path);
        const int64_t rows = rows_of(subject, arrays);
        for (int64_t row = 0; row < rows; ++row) {
            inputs.push_back(read_array_row(subject, arrays, rows, row));
            if (rows > 1) inputs.back().row_number = row;
        }
    } else {
        return {read_input(subject, path)};
    }
    for (Input& input : inputs) input.path = path;
    return inputs;
}

Input joined(const Subject& subject, std::vector<Input> parts) {
    const std::vector<data::InputPreprocessing>& inputs = subject.preprocessing().inputs;
    std::string names;
    for (const data::InputPreprocessing& one : inputs)
        names += (names.empty() ? "" : ", ") + printable(one.name, 60);
    if (parts.size() != inputs.size())
        throw Error(ErrorKind::usage,
                    fmt::format("the model reads {} inputs together: give one for "
                                "each, in this order: {}",
                                inputs.size(), names));
    Input out;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].batch.size() != 1)
            throw Error(ErrorKind::unsupported, "input '" + printable(inputs[i].name) +
                                                    "' is no matrix of floating-point numbers");
        out.batch.add(inputs[i].name, parts[i].batch[0].value);
    }
    out.parts = std::move(parts);
    return out;
}

Input read_together(const Subject& subject, const std::vector<std::filesystem::path>& paths,
                    std::optional<int64_t> row) {
    const std::vector<Subject>& parts = subject.parts();
    if (parts.empty() && paths.size() == 1) return read_input(subject, paths[0], row);
    if (parts.empty())
        throw Error(ErrorKind::usage,
                    "several inputs are explained together where the model reads several and its "
                    "preprocessing says what they are (kind mixed); whence compare takes one after "
                    "the other");
    std::vector<Input> inputs;
    for (size_t i = 0; i < std::min(paths.size(), parts.size()); ++i)
        inputs.push_back(
            read_input(parts[i], paths[i], kind_of(paths[i]) == FileKind::picture ? std::nullopt : row));
    if (paths.size() > parts.size()) inputs.emplace_back();
    return joined(subject, std::move(inputs));
}

Input from_text(const Subject& subject, std::string text) {
    const text::TextEncoder* encoder = subject.text_encoder();
    if (!encoder)
        throw Error(ErrorKind::usage,
                    "a text needs preprocessing that says how it becomes numbers: a JSON beside the "
                    "model (" +
                        printable(subject.path().stem().string()) +
                        ".json) of kind text, or --preprocess FILE.json");
    Input input;
    input.batch = encoder->encode(text);
    input.text = TextInput{.text = text, .tokens = encoder->tokens(text)};
    return input;
}

Input from_row(const Subject& subject, const Schema& schema, Tensor row) {
    Input input;
    input.schema = schema;
    const data::TableModel model(subject.model(), schema);  // checks that the columns fit the model
    const std::vector<TensorInfo>& read = subject.model().inputs();
    // A plain matrix of numbers is what gradient methods differentiate with respect to.
    if (read.size() == 1 &&
        (read[0].type == ElementType::float32 || read[0].type == ElementType::float64))
        input.batch = row.cast(read[0].type);
    input.row = std::move(row);
    return input;
}

Input from_array(const Subject& subject, Tensor array) {
    const bool rows = subject.kind() == data::InputKind::table || subject.background() ||
                      subject.ensemble_or_null();
    if (rows && array.size() > 0 &&
        array.type() != ElementType::string &&
        (array.rank() == 1 || (array.rank() == 2 && array.rows() == 1))) {
        const int64_t columns = array.size();
        if (const Schema schema = subject.array_schema(columns); !schema.empty())
            return from_row(subject, schema,
                             array.cast(ElementType::float64).reshaped({1, columns}));
    }
    FittedArray fitted = fit_array(subject, std::move(array));
    Input input;
    input.batch = Batch(std::move(fitted.array));
    input.white = fitted.white;
    return input;
}

}  // namespace whence::recipe
