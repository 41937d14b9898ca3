#include "table_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "whence/core/error.h"

namespace whence::data {
namespace {

constexpr size_t none = std::numeric_limits<size_t>::max();

[[noreturn]] void fail(const std::string& why) {
    throw Error(ErrorKind::input, why);
}

std::string shown(std::string_view name) {
    return fmt::format("'{}'", printable(name));
}

/// One matrix of all columns; else one input for each column.
bool reads_matrix(const Model& model) {
    return model.inputs().size() == 1 && model.inputs()[0].shape.size() == 2;
}

/// A name without what people write differently: case, blanks, underscores.
std::string plain(std::string_view name) {
    std::string out;
    for (const char c : name)
        if (c != ' ' && c != '_')
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

/// The column of exactly this name, else the only one that reads the same; none if there is no
/// such.
size_t column_named(const Schema& schema, const std::vector<TensorInfo>& inputs,
                    const std::string& name) {
    for (size_t i = 0; i < schema.size(); ++i)
        if (schema[i].name == name) return i;
    const std::string wanted = plain(name);
    const auto rivals = std::count_if(inputs.begin(), inputs.end(), [&](const TensorInfo& input) {
        return plain(input.name) == wanted;
    });
    size_t found = none;
    for (size_t i = 0; i < schema.size(); ++i) {
        if (plain(schema[i].name) != wanted) continue;
        if (found != none || rivals > 1) return none;
        found = i;
    }
    return found;
}

std::string listed(const Schema& schema) {
    constexpr size_t most = 12;
    std::string out;
    for (size_t i = 0; i < std::min(schema.size(), most); ++i)
        out += (i ? ", " : "") + printable(schema[i].name, 40);
    return schema.size() > most ? out + fmt::format(" and {} more", schema.size() - most) : out;
}

std::vector<size_t> match_columns(const Model& model, const Schema& schema) {
    std::vector<size_t> out;
    for (const TensorInfo& input : model.inputs()) {
        const Shape& shape = input.shape;
        if (shape.empty() || shape.size() > 2 ||
            (shape.size() == 2 && shape[1] != 1 && shape[1] != -1))
            throw Error(
                ErrorKind::unsupported,
                fmt::format("input {} of shape {} is neither a column nor the only matrix of the "
                            "model's columns",
                            shown(input.name), to_string(shape)));
        const size_t column = column_named(schema, model.inputs(), input.name);
        if (column == none)
            fail(fmt::format(
                "the model reads a column {}, which the table does not have; its columns are {}",
                shown(input.name), listed(schema)));
        out.push_back(column);
    }
    return out;
}

/// What an input of the model can hold.
struct Range {
    double lowest, highest;
    bool integer;
};

Range range_of(const TensorInfo& input) {
    constexpr double big = std::numeric_limits<double>::max();
    switch (input.type) {
        case ElementType::float32:
            return {-std::numeric_limits<float>::max(), std::numeric_limits<float>::max(), false};
        case ElementType::float64:
        case ElementType::string:
            return {-big, big, false};
        case ElementType::boolean:
            return {0, 1, true};
        case ElementType::int8:
            return {-128, 127, true};
        case ElementType::int16:
            return {-32768, 32767, true};
        case ElementType::int32:
            return {-2147483648.0, 2147483647.0, true};
        // The doubles nearest to the ends that still are inside.
        case ElementType::int64:
            return {-9223372036854775808.0, 9223372036854774784.0, true};
        case ElementType::uint8:
            return {0, 255, true};
        case ElementType::uint16:
            return {0, 65535, true};
        case ElementType::uint32:
            return {0, 4294967295.0, true};
        case ElementType::uint64:
            return {0, 18446744073709549568.0, true};
        default:
            throw Error(ErrorKind::unsupported,
                        fmt::format("input {} is of type {}, which no table column can fill",
                                    shown(input.name), name(input.type)));
    }
}

void check_value(double value, int64_t row, const Feature& feature) {
    const auto refuse = [&](std::string_view why) {
        fail(fmt::format("row {}: column {} {}", row, shown(feature.name), why));
    };
    if (std::isnan(value)) {
        if (!feature.allows_missing) refuse("is missing (NaN), which it may not be");
        return;
    }
    if (std::isinf(value)) refuse("is infinite");
    if (!feature.categorical()) return;
    if (value < 0 || value >= static_cast<double>(feature.categories.size()) ||
        value != std::floor(value))
        refuse(fmt::format("holds {}, which is the code of none of its {} categories", value,
                           feature.categories.size()));
}

std::string text_of(double value, const Feature& feature) {
    if (std::isnan(value)) return "";
    return feature.categorical() ? feature.categories[static_cast<size_t>(value)]
                                 : fmt::format("{}", value);
}

/// The value as an input of this range takes it.
double fitted(double value, const Range& range, int64_t row, const Feature& feature) {
    if (std::isnan(value) && !range.integer) return value;
    if (std::isnan(value))
        fail(fmt::format("row {}: column {} is missing, and the model's input holds whole numbers",
                         row, shown(feature.name)));
    const double number = range.integer ? std::round(value) : value;
    if (number < range.lowest || number > range.highest)
        fail(fmt::format("row {}: column {} holds {}, which does not fit into the model's input",
                         row, shown(feature.name), value));
    return number;
}

/// The same columns as float32, where all of them fit and none is missing; else nothing.
std::optional<Tensor> as_floats(const Tensor& rows, size_t width, size_t first, size_t count, Shape shape) {
    Tensor out(ElementType::float32, std::move(shape));
    const std::span<const double> from = rows.as<double>();
    const std::span<float> to = out.as<float>();
    bool fine = true;
    for (int64_t row = 0; row < rows.rows(); ++row)
        for (size_t i = 0; i < count; ++i) {
            const double value = from[static_cast<size_t>(row) * width + first + i];
            fine &= std::abs(value) <= std::numeric_limits<float>::max();
            to[static_cast<size_t>(row) * count + i] = static_cast<float>(value);
        }
    return fine ? std::optional(std::move(out)) : std::nullopt;
}

/// Columns `first` to `first + count` of `rows` as one tensor of the input's type.
Tensor convert(const Tensor& rows, const Schema& schema, size_t first, size_t count,
               const TensorInfo& input, Shape shape) {
    if (input.type == ElementType::float32)
        if (auto out = as_floats(rows, schema.size(), first, count, shape)) return std::move(*out);
    const Range range = range_of(input);
    const std::span<const double> from = rows.as<double>();
    const bool text = input.type == ElementType::string;
    Tensor strings(ElementType::string, text ? shape : Shape{0});
    Tensor numbers(ElementType::float64, text ? Shape{0} : shape);
    for (int64_t row = 0; row < rows.rows(); ++row)
        for (size_t i = 0; i < count; ++i) {
            const Feature& feature = schema[first + i];
            const double value = from[static_cast<size_t>(row) * schema.size() + first + i];
            const size_t to = static_cast<size_t>(row) * count + i;
            if (text)
                strings.as<std::string>()[to] = text_of(value, feature);
            else
                numbers.as<double>()[to] = fitted(value, range, row, feature);
        }
    return text ? strings : numbers.cast(input.type);
}

}  // namespace

TableModel::TableModel(const Model& inner, Schema schema)
    : inner_(inner), schema_(std::move(schema)) {
    const auto width = static_cast<int64_t>(schema_.size());
    for (size_t column = 0; column < schema_.size(); ++column)
        if (schema_[column].categorical()) categorical_.push_back(column);
    inputs_ = {{.name = "rows", .type = ElementType::float64, .shape = {-1, width}}};
    for (const TensorInfo& input : inner.inputs()) static_cast<void>(range_of(input));
    if (reads_matrix(inner)) {
        const int64_t wanted = inner.inputs()[0].shape[1];
        if (wanted >= 0 && wanted != width)
            fail(fmt::format("the model reads {} columns, the table has {}", wanted, width));
        return;
    }
    column_of_input_ = match_columns(inner, schema_);
    for (size_t column = 0; column < schema_.size(); ++column)
        if (std::find(column_of_input_.begin(), column_of_input_.end(), column) ==
            column_of_input_.end())
            fail("the table's column " + shown(schema_[column].name) + " is no input of the model");
}

void TableModel::check(const Tensor& rows) const {
    const auto width = static_cast<int64_t>(schema_.size());
    if (rows.type() != ElementType::float64 || rows.rank() != 2 || rows.shape()[1] != width)
        fail(fmt::format("input 'rows' must be float64 [rows, {}], not {} {}", width,
                         name(rows.type()), to_string(rows.shape())));
    const std::span<const double> values = rows.as<double>();
    if (plain(values)) return;
    for (int64_t row = 0; row < rows.rows(); ++row)
        for (int64_t column = 0; column < width; ++column)
            check_value(values[row * width + column], row, schema_[column]);
}

// Whether nothing can be said against any value: no branches, for most rows are made by ourselves.
bool TableModel::plain(std::span<const double> values) const {
    bool fine = true;
    for (const double value : values) fine &= std::abs(value) <= std::numeric_limits<double>::max();
    const size_t width = schema_.size();
    for (const size_t column : categorical_) {
        const auto levels = static_cast<double>(schema_[column].categories.size());
        for (size_t i = column; i < values.size(); i += width) {
            const double value = values[i];
            fine &= value >= 0 && value < levels && value == std::trunc(value);
        }
    }
    return fine;
}

Batch TableModel::predict(const Batch& inputs, const Run& run) const {
    const Tensor& rows = inputs.at("rows");
    check(rows);
    Batch batch;
    const std::vector<TensorInfo>& wanted = inner_.inputs();
    if (column_of_input_.empty()) {
        batch.add(wanted[0].name,
                  convert(rows, schema_, 0, schema_.size(), wanted[0], rows.shape()));
        return inner_.predict(batch, run);
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
        Shape shape = {rows.rows()};
        if (wanted[i].shape.size() == 2) shape.push_back(1);
        batch.add(wanted[i].name,
                  convert(rows, schema_, column_of_input_[i], 1, wanted[i], std::move(shape)));
    }
    return inner_.predict(batch, run);
}

std::optional<std::vector<std::string>> columns_read(const Model& model, const Schema& schema) {
    if (reads_matrix(model)) return std::nullopt;
    std::vector<std::string> out;
    for (const size_t column : match_columns(model, schema)) out.push_back(schema[column].name);
    return out;
}

}  // namespace whence::data
