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

namespace whence::recipe {
namespace {

std::string ending(const std::filesystem::path& path) {
    std::string text = path.extension().string();
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

Tensor to_tensor(const data::Image& image) {
    std::vector<float> values(image.pixels.begin(), image.pixels.end());
    for (float& value : values) value /= 255;
    return Tensor::of<float>({1, image.height, image.width, image.channels}, values);
}

Input read_picture(const Subject& subject, const std::filesystem::path& path) {
    if (subject.kind() != data::InputKind::image)
        throw Error(ErrorKind::usage,
                    "a picture needs preprocessing: give --preprocess imagenet, unit, tf, caffe, raw255 or mnist, "
                    "a JSON file, or put one beside the model (" +
                        printable(subject.path().stem().string()) + ".json)");
    const data::Image image = data::read_image(path);
    const Shape& shape = subject.model().inputs()[0].shape;
    Input input;
    input.batch = data::prepare_image(image, subject.preprocessing(), shape[1], shape[2]);
    input.picture = to_tensor(image);
    return input;
}

// The columns the model reads: those of the training table, or what the model and the file say.
Schema table_schema(const Subject& subject, const data::Table& table) {
    if (const data::Table* background = subject.background()) return background->schema;
    std::vector<std::string> names = subject.preprocessing().table.features;
    if (names.empty())
        if (const auto read = data::columns_read(subject.model(), table.schema)) names = *read;
    if (names.empty())
        for (const Feature& feature : table.schema)
            if (feature.name != subject.preprocessing().table.target) names.push_back(feature.name);
    return table.select(names).schema;
}

Input table_row(const Subject& subject, const Schema& schema, Tensor row) {
    Input input;
    input.schema = schema;
    const data::TableModel model(subject.model(), schema);  // checks that the columns fit the model
    const std::vector<TensorInfo>& read = subject.model().inputs();
    // A plain matrix of numbers is what gradient methods differentiate with respect to.
    if (read.size() == 1 && (read[0].type == ElementType::float32 || read[0].type == ElementType::float64))
        input.batch = row.cast(read[0].type);
    input.row = std::move(row);
    return input;
}

Input read_row(const Subject& subject, const std::filesystem::path& path, int64_t number) {
    const data::Table table = subject.background() ? data::read_csv(path, subject.background()->schema)
                                                   : data::read_csv(path);
    if (number < 0 || number >= table.rows())
        throw Error(ErrorKind::usage, fmt::format("row {} does not exist: {} has rows 0 to {}", number,
                                                  printable(path.string(), 400), table.rows() - 1));
    const Schema schema = table_schema(subject, table);
    std::vector<std::string> names;
    for (const Feature& feature : schema) names.push_back(feature.name);
    Input input = table_row(subject, schema, table.matrix(names).slice_rows(number, 1));
    input.row_number = number;
    return input;
}

Input read_array_file(const Subject& subject, const std::filesystem::path& path, std::optional<int64_t> row) {
    std::vector<NamedTensor> arrays = data::read_arrays(path);
    if (arrays.empty()) throw Error(ErrorKind::input, printable(path.string(), 400) + ": holds no arrays");
    const auto take = [&](Tensor array, const Shape& wanted) {
        const bool many = array.rank() == static_cast<int64_t>(wanted.size()) && array.rows() > 1;
        if (!many) return array;
        if (row.value_or(0) < 0 || row.value_or(0) >= array.rows())
            throw Error(ErrorKind::usage, fmt::format("row {} does not exist: the array has {}", *row, array.rows()));
        return array.slice_rows(row.value_or(0), 1);
    };
    const std::vector<TensorInfo>& read = subject.model().inputs();
    Input input;
    if (arrays.size() == 1 && read.size() == 1) {
        input = from_array(subject, take(std::move(arrays[0].value), read[0].shape));
    } else {
        for (NamedTensor& array : arrays) input.batch.add(array.name, take(std::move(array.value), {}));
    }
    input.row_number = row;
    return input;
}

}  // namespace

std::optional<Tensor> Input::image() const {
    if (batch.size() != 1 || !image_axes(batch[0].value.shape())) return std::nullopt;
    return batch[0].value;
}

Input read_input(const Subject& subject, const std::filesystem::path& path, std::optional<int64_t> row) {
    const std::string kind = ending(path);
    Input input;
    if (kind == ".csv" || kind == ".tsv") input = read_row(subject, path, row.value_or(0));
    else if (kind == ".npy" || kind == ".npz") input = read_array_file(subject, path, row);
    else if (kind == ".png" || kind == ".jpg" || kind == ".jpeg") input = read_picture(subject, path);
    else throw Error(ErrorKind::usage, "cannot tell what " + printable(path.string(), 400) +
                                           " is: inputs are .png, .jpg, .csv, .npy or .npz");
    input.path = path;
    input.sha256 = sha256_of_file(path);
    return input;
}

Input from_array(const Subject& subject, Tensor array) {
    const std::vector<TensorInfo>& read = subject.model().inputs();
    if (subject.kind() == data::InputKind::table && array.size() > 0 && array.type() != ElementType::string &&
        (array.rank() == 1 || (array.rank() == 2 && array.rows() == 1))) {
        const int64_t columns = array.size();
        Schema schema;
        if (subject.background()) schema = subject.background()->schema;
        for (const std::string& name : subject.preprocessing().table.features)
            if (!subject.background()) schema.push_back({.name = name});
        if (static_cast<int64_t>(schema.size()) == columns)
            return table_row(subject, schema, array.cast(ElementType::float64).reshaped({1, columns}));
    }
    if (read.size() != 1)
        throw Error(ErrorKind::usage, fmt::format("the model has {} inputs; give an array for each by name", read.size()));
    Shape shape = array.shape();
    if (shape.size() + 1 == read[0].shape.size()) shape.insert(shape.begin(), 1);
    if (subject.kind() == data::InputKind::image && shape.size() == 3) shape.push_back(1);
    if (array.type() == ElementType::uint8 && subject.kind() == data::InputKind::image) {
        array = array.cast(ElementType::float32);
        for (float& value : array.as<float>()) value /= 255;
    }
    Input input;
    input.batch = std::move(array).reshaped(shape);
    return input;
}

}  // namespace whence::recipe
