#include "input.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <limits>

#include "arrays.h"
#include "whence/core/error.h"
#include "whence/recipe/array.h"
#include "whence/recipe/methods.h"

namespace whence::python {
namespace {

bool is_float(ElementType type) {
    return type == ElementType::float32 || type == ElementType::float64 || type == ElementType::float16;
}

// An array for the input of that name; numbers where it reads floating-point ones are converted, and
// one value (or one value for each row) of a column stands as [rows, 1].
NamedTensor named_array(const recipe::Subject& subject, const std::string& name, nb::handle value) {
    Tensor array = to_tensor(value, ("input '" + printable(name) + "'").c_str());
    for (const TensorInfo& info : subject.model().inputs()) {
        if (info.name != name) continue;
        if (array.type() != info.type && array.type() != ElementType::string && is_float(info.type))
            array = array.cast(info.type);
        const size_t rank = info.shape.size();
        if (rank == 2 && array.rank() == 1 && info.shape[1] == 1) array = array.reshaped({array.size(), 1});
        else if (array.shape().size() + 1 == rank) {
            Shape shape = array.shape();
            shape.insert(shape.begin(), 1);
            array = array.reshaped(shape);
        } else if (rank == 1 && array.rank() == 0) {
            array = array.reshaped({1});
        }
    }
    return {name, std::move(array)};
}

Batch named_arrays(const recipe::Subject& subject, const nb::dict& arrays) {
    Batch batch;
    for (const auto [key, value] : arrays) {
        if (!nb::isinstance<nb::str>(key)) throw Error(ErrorKind::usage, "the keys of a dict of arrays are names of inputs");
        NamedTensor array = named_array(subject, nb::cast<std::string>(key), value);
        const auto& inputs = subject.model().inputs();
        if (std::ranges::none_of(inputs, [&](const TensorInfo& info) { return info.name == array.name; })) {
            std::string have;
            for (const TensorInfo& info : inputs) have += (have.empty() ? "" : ", ") + printable(info.name);
            throw Error(ErrorKind::usage, "no input '" + printable(array.name) + "'; the model reads: " + have);
        }
        batch.add(std::move(array.name), std::move(array.value));
    }
    return batch;
}

// A cell as the schema codes it: a number, the position of a category, NaN for None.
double cell(const Feature& feature, nb::handle value) {
    const std::string where = "column '" + printable(feature.name) + "'";
    if (value.is_none()) return std::numeric_limits<double>::quiet_NaN();
    if (feature.categorical()) {
        const std::string text = nb::str(value).c_str();
        const auto found = std::ranges::find(feature.categories, text);
        if (found != feature.categories.end()) return static_cast<double>(found - feature.categories.begin());
        throw Error(ErrorKind::input, where + ": no category '" + printable(text) + "'");
    }
    const double number = nb::isinstance<nb::str>(value) ? -1.0 : PyFloat_AsDouble(value.ptr());
    if (!PyErr_Occurred() && !nb::isinstance<nb::str>(value)) return number;
    PyErr_Clear();
    throw Error(ErrorKind::input, where + " holds a " + Py_TYPE(value.ptr())->tp_name + "; it is a number");
}

// A row of a table given by the names of its columns; none where the dict holds arrays for inputs.
std::optional<Tensor> named_cells(const recipe::Subject& subject, const nb::dict& cells) {
    const auto is_array = [](nb::handle value) {
        return nb::isinstance<nb::list>(value) || nb::isinstance<nb::tuple>(value) ||
               (PyObject_HasAttrString(value.ptr(), "ndim") && nb::cast<int>(value.attr("ndim")) > 0);
    };
    const Schema schema = schema_of(subject);
    if (schema.empty()) return std::nullopt;
    for (const auto [key, value] : cells)
        if (is_array(value)) return std::nullopt;
    Tensor row(ElementType::float64, {1, static_cast<int64_t>(schema.size())});
    for (size_t c = 0; c < schema.size(); ++c) {
        const nb::object key = nb::cast(schema[c].name);
        if (!cells.contains(key)) throw Error(ErrorKind::input, "the row has no column '" + printable(schema[c].name) + "'");
        row.as<double>()[c] = cell(schema[c], cells[key]);
    }
    return row;
}

// An input for each part of a mixed model: a file, or an array as that part reads it alone.
recipe::Input parts_of(const recipe::Subject& subject, nb::handle object, std::optional<int64_t> row) {
    if (!nb::isinstance<nb::dict>(object))
        throw Error(ErrorKind::usage, "a model of several inputs is given a dict: a file or an array for each, by its name");
    const nb::dict given = nb::cast<nb::dict>(object);
    std::vector<recipe::Input> parts;
    std::string names;
    bool all = nb::len(given) == subject.parts().size();
    for (const data::InputPreprocessing& one : subject.preprocessing().inputs) {
        names += (names.empty() ? "" : ", ") + printable(one.name, 60);
        all = all && given.contains(nb::cast(one.name));
    }
    if (!all) throw Error(ErrorKind::usage, "the model reads " + names + ": the dict has these keys and no others");
    for (size_t i = 0; i < subject.parts().size(); ++i) {
        const std::string& name = subject.preprocessing().inputs[i].name;
        const nb::object key = nb::cast(name);
        const recipe::Subject& part = subject.parts()[i];
        if (const auto path = path_of(given[key])) {
            const bool rows = path->ends_with(".csv") || path->ends_with(".tsv") || path->ends_with(".npy") || path->ends_with(".npz");
            parts.push_back(recipe::read_input(part, *path, rows ? row : std::nullopt));
        } else {
            parts.push_back(recipe::from_array(part, to_tensor(given[key], ("input '" + printable(name) + "'").c_str())));
        }
    }
    return recipe::joined(subject, std::move(parts));
}

}  // namespace

Loaded::Loaded(recipe::Subject loaded) : subject(std::move(loaded)), explaining(recipe::methods().size()) {}

void Loaded::stay_in_place() {
    for (Pace* pace : {&predicting, &differentiating, &comparing, &compiling, &viewing, &evaluating}) pace->stay_in_place();
    for (Pace& pace : explaining) pace.stay_in_place();
}

void Loaded::stay_beside() {
    for (Pace* pace : {&predicting, &differentiating, &comparing, &compiling, &evaluating}) pace->stay_beside();
    for (Pace& pace : explaining) pace.stay_beside();
}

Schema schema_of(const recipe::Subject& subject) {
    if (subject.background()) return subject.background()->schema;
    Schema schema;
    for (const std::string& name : subject.preprocessing().table.features) schema.push_back({.name = name});
    return schema;
}

data::Table table_of(nb::handle background, const std::vector<std::string>& names) {
    const Tensor rows = to_tensor(background, "the background").cast(ElementType::float64);
    if (rows.rank() != 2 || rows.shape()[1] != std::ssize(names))
        throw Error(ErrorKind::input, "the background has shape " + to_string(rows.shape()) +
                                          ", the model reads " + std::to_string(names.size()) + " columns");
    data::Table table;
    for (int64_t c = 0; c < std::ssize(names); ++c) {
        table.schema.push_back({.name = names[c]});
        table.columns.emplace_back();
        for (int64_t row = 0; row < rows.rows(); ++row)
            table.columns.back().push_back(rows.as<double>()[row * std::ssize(names) + c]);
    }
    return table;
}

std::optional<std::string> path_of(nb::handle object) {
    if (nb::isinstance<nb::str>(object)) return nb::cast<std::string>(object);
    if (!PyObject_HasAttrString(object.ptr(), "__fspath__")) return std::nullopt;
    return nb::cast<std::string>(nb::module_::import_("os").attr("fsdecode")(object));
}

std::optional<std::string> text_of(const recipe::Subject& subject, nb::handle object) {
    if (!subject.text_encoder() || !nb::isinstance<nb::str>(object)) return std::nullopt;
    return nb::cast<std::string>(object);
}

// Texts one after the other, a list of str.
std::optional<std::vector<std::string>> texts_of(const recipe::Subject& subject, nb::handle object) {
    if (!subject.text_encoder() || (!nb::isinstance<nb::list>(object) && !nb::isinstance<nb::tuple>(object))) return std::nullopt;
    std::vector<std::string> out;
    for (const nb::handle one : nb::borrow<nb::object>(object)) {
        if (!nb::isinstance<nb::str>(one)) return std::nullopt;
        out.push_back(nb::cast<std::string>(one));
    }
    if (out.empty()) return std::nullopt;
    return out;
}

Rows to_rows(const recipe::Subject& subject, nb::handle object) {
    if (!subject.parts().empty()) return {parts_of(subject, object, std::nullopt).batch, false, {}};
    if (const auto text = text_of(subject, object)) return {recipe::from_text(subject, *text).batch, false, {}};
    if (const auto texts = texts_of(subject, object)) {
        Batch batch(Tensor::of<std::string>({static_cast<int64_t>(texts->size())}, *texts));
        return {.batch = std::move(batch), .texts = true};
    }
    if (const auto path = path_of(object)) {
        const recipe::Input input = recipe::read_input(subject, *path);
        if (!input.is_table() || !input.batch.empty()) return {input.batch, false, {}};
        return {Batch(*input.row), false, input.schema};
    }
    if (nb::isinstance<nb::dict>(object)) return {named_arrays(subject, nb::cast<nb::dict>(object)), true, {}};
    if (subject.model().inputs().size() > 1)
        if (Schema schema = schema_of(subject); !schema.empty()) {
            Tensor array = to_tensor(object, "the input").cast(ElementType::float64);
            const bool batched = array.rank() != 1;
            if (!batched) array = array.reshaped({1, array.size()});
            return {Batch(std::move(array)), batched, std::move(schema)};
        }
    recipe::FittedArray fitted = recipe::fit_array(subject, to_tensor(object, "the input"));
    return {Batch(std::move(fitted.array)), fitted.batched, {}};
}

Given to_input(const recipe::Subject& subject, nb::handle object, std::optional<int64_t> row) {
    if (!subject.parts().empty()) return {parts_of(subject, object, row), false};
    if (auto text = text_of(subject, object)) {
        if (row) throw Error(ErrorKind::usage, "a text has no rows: leave row out");
        return {recipe::from_text(subject, std::move(*text)), false};
    }
    if (const auto path = path_of(object)) return {recipe::read_input(subject, *path, row), false};
    if (nb::isinstance<nb::dict>(object)) {
        if (auto cells = named_cells(subject, nb::cast<nb::dict>(object)))
            return {recipe::from_array(subject, std::move(*cells)), false};
        Given given;
        given.input.batch = named_arrays(subject, nb::cast<nb::dict>(object));
        return given;
    }
    Tensor array = to_tensor(object, "the input");
    const bool matrix = subject.model().inputs()[0].shape.size() == 2 || subject.model().inputs().size() > 1;
    if (row) {
        if (*row < 0 || array.rank() < 1 || *row >= array.rows())
            throw Error(ErrorKind::usage, "row " + std::to_string(*row) + " does not exist: the array has " +
                                              std::to_string(array.rank() < 1 ? 0 : array.rows()));
        array = array.slice_rows(*row, 1);
    }
    Given given{.batched = array.shape().size() >= (matrix ? 2 : subject.model().inputs()[0].shape.size())};
    given.input = recipe::from_array(subject, std::move(array));
    if (row) given.input.row_number = row;
    return given;
}

std::string target_text(nb::handle target, const std::optional<std::string>& output) {
    const auto one = [](nb::handle part) -> std::string {
        if (nb::isinstance<nb::str>(part)) return nb::cast<std::string>(part);
        if (PyBool_Check(part.ptr()) || !PyIndex_Check(part.ptr()))
            throw Error(ErrorKind::usage, std::string("a target is a class number, a name or a pair of them, not a ") +
                                              Py_TYPE(part.ptr())->tp_name);
        return std::to_string(nb::cast<int64_t>(nb::steal(PyNumber_Index(part.ptr()))));
    };
    std::string text;
    if (target.is_none()) {
        text = "top";
    } else if (nb::isinstance<nb::tuple>(target) || nb::isinstance<nb::list>(target)) {
        if (nb::len(target) != 2) throw Error(ErrorKind::usage, "a target of two classes is a pair (i, j): score i - score j");
        text = one(target[0]) + "-" + one(target[1]);
    } else {
        text = one(target);
    }
    return output ? *output + ":" + text : text;
}

}  // namespace whence::python
