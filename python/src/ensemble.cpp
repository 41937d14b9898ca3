#include "ensemble.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <numeric>

#include "arrays.h"
#include "input.h"
#include "whence/core/error.h"
#include "whence/core/hash.h"
#include "whence/trees/load.h"

namespace whence::python {
namespace {

using trees::EnsembleParts;
using trees::Link;

// What trees.h says of nodes, an array for each member: see python/whence/_trees.py.
Tensor array(const nb::dict& of, const char* name, int64_t nodes) {
    const Tensor values = to_tensor(of[name], name);
    if (values.rank() < 1 || values.rows() != nodes || values.type() == ElementType::string)
        throw Error(ErrorKind::model, std::string("'") + name + "' has another length than the tree has nodes");
    return values.cast(ElementType::float64);
}

int32_t whole(double value) {
    if (!(std::abs(value) <= std::numeric_limits<int32_t>::max()) || value != std::floor(value))
        throw Error(ErrorKind::model, "a tree counts by " + std::to_string(value));
    return static_cast<int32_t>(value);
}

trees::Tree tree_of(const nb::dict& given, int64_t outputs) {
    const int64_t nodes = static_cast<int64_t>(nb::len(nb::object(given["feature"])));
    const Tensor feature = array(given, "feature", nodes), left = array(given, "left", nodes), right = array(given, "right", nodes),
                 threshold = array(given, "threshold", nodes), missing_left = array(given, "missing_left", nodes),
                 cover = array(given, "cover", nodes), categories = array(given, "categories", nodes),
                 values = array(given, "values", nodes);
    trees::Tree tree{.width = static_cast<int32_t>(values.row_size()), .output = nb::cast<int32_t>(given["output"])};
    if (tree.width != 1 && tree.width != outputs) throw Error(ErrorKind::model, "a leaf has another number of values than there are outputs");
    for (const nb::handle set : nb::cast<nb::list>(given["sets"])) tree.categories.push_back(nb::cast<std::vector<int32_t>>(set));
    int32_t leaves = 0;
    for (int64_t i = 0; i < nodes; ++i) {
        const auto at = [&](const Tensor& of) { return of.as<double>()[i]; };
        trees::Node node{.feature = whole(at(feature)), .cover = at(cover)};
        if (node.is_leaf()) {
            node.leaf = leaves++;
            const auto row = values.as<double>().subspan(static_cast<size_t>(i * tree.width), static_cast<size_t>(tree.width));
            tree.values.insert(tree.values.end(), row.begin(), row.end());
        } else {
            node.left = whole(at(left));
            node.right = whole(at(right));
            node.categories = whole(at(categories));
            node.threshold = node.categories < 0 ? at(threshold) : 0;
            node.missing_left = at(missing_left) != 0;
        }
        tree.nodes.push_back(node);
    }
    return tree;
}

Link link_of(const std::string& text) {
    constexpr std::array<std::pair<std::string_view, Link>, 4> links{
        {{"identity", Link::identity}, {"logistic", Link::logistic}, {"softmax", Link::softmax}, {"exponential", Link::exponential}}};
    for (const auto& [name, link] : links)
        if (text == name) return link;
    throw Error(ErrorKind::usage, "no link '" + printable(text) + "'");
}

EnsembleParts parts_of(const nb::dict& given) {
    EnsembleParts parts{.features = nb::cast<int64_t>(given["features"]),
                        .outputs = nb::cast<int64_t>(given["outputs"]),
                        .base = nb::cast<std::vector<double>>(given["base"]),
                        .divisor = nb::cast<double>(given["divisor"]),
                        .float_inputs = nb::cast<bool>(given["float_inputs"]),
                        .has_covers = true,
                        .link = link_of(nb::cast<std::string>(given["link"])),
                        .feature_names = nb::cast<std::vector<std::string>>(given["feature_names"]),
                        .output_names = nb::cast<std::vector<std::string>>(given["output_names"]),
                        .category_names = nb::cast<std::vector<std::vector<std::string>>>(given["category_names"]),
                        .format = nb::cast<std::string>(given["format"])};
    for (const nb::handle tree : nb::cast<nb::list>(given["trees"]))
        parts.trees.push_back(tree_of(nb::cast<nb::dict>(tree), parts.outputs));
    return parts;
}

// The columns that an array of background rows has, by the names and categories that the model knows.
data::Table background_of(const EnsembleParts& parts, nb::handle array) {
    std::vector<std::string> names = parts.feature_names;
    for (int64_t f = std::ssize(names); f < parts.features; ++f) names.push_back("column " + std::to_string(f));
    data::Table table = table_of(array, names);
    for (size_t c = 0; c < names.size(); ++c) {
        table.schema[c].allows_missing = true;  // every tree knows where NaN goes
        if (!parts.category_names.empty()) table.schema[c].categories = parts.category_names[c];
    }
    return table;
}

LoadedPtr load_ensemble(nb::handle model, const std::string& name, const std::vector<std::string>& notes, nb::handle background,
                        const std::optional<std::string>& labels_path, const std::optional<std::vector<std::string>>& classes) {
    EnsembleParts parts;
    std::string sha256;
    if (nb::isinstance<nb::dict>(model)) {
        parts = parts_of(nb::cast<nb::dict>(model));
    } else {
        Py_buffer bytes;
        if (PyObject_GetBuffer(model.ptr(), &bytes, PyBUF_SIMPLE) != 0) throw nb::python_error();
        const std::unique_ptr<Py_buffer, void (*)(Py_buffer*)> released(&bytes, PyBuffer_Release);
        const std::span<const std::byte> file(static_cast<const std::byte*>(bytes.buf), static_cast<size_t>(bytes.len));
        const nb::gil_scoped_release others_run;
        parts = trees::parse_ensemble(file).parts();
        sha256 = whence::sha256(file);
    }
    parts.notes.insert(parts.notes.end(), notes.begin(), notes.end());
    auto loaded = std::make_shared<Loaded>(recipe::Subject::of(trees::Ensemble::build(parts), name, std::move(sha256)));
    if (labels_path) loaded->subject.use_labels(*labels_path);
    if (classes && !classes->empty()) loaded->subject.use_classes(*classes);
    if (const auto path = background.is_none() ? std::nullopt : path_of(background)) loaded->subject.use_background(*path);
    else if (!background.is_none()) loaded->subject.use_background(background_of(parts, background));
    return loaded;
}

}  // namespace

void bind_ensemble(nb::module_& module) {
    module.def("load_ensemble", &load_ensemble, nb::arg("model"), nb::arg("name"), nb::arg("notes"), nb::arg("background").none(),
               nb::arg("labels_path").none(), nb::arg("classes").none());
}

}  // namespace whence::python
