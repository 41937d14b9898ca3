#include "trees.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "arrays.h"
#include "input.h"
#include "interrupt.h"
#include "whence/core/error.h"
#include "whence/recipe/held_trees.h"
#include "whence/trees/shap/each_tree.h"
#include "whence/trees/shap/interactions.h"
#include "whence/trees/shap/interventional.h"
#include "whence/trees/shap/interventional_interactions.h"

namespace whence::python {
namespace {

using trees::Precision;
using trees::TreeIndex;

std::shared_ptr<const recipe::HeldTrees> trees_of(const recipe::Subject& subject, int64_t columns) {
    Schema schema = schema_of(subject);
    for (Feature& feature : schema) feature.allows_missing = true;
    return recipe::kept_trees(subject, std::move(schema), columns);
}

// Numbers of features [rows, features, ...] as those of the subject's columns, on `axes` axes.
std::vector<double> by_column(std::vector<double> values, const std::vector<int64_t>& places, int64_t rows, int64_t features,
                              int64_t outputs, int axes) {
    std::vector<int64_t> same(static_cast<size_t>(features));
    std::iota(same.begin(), same.end(), 0);
    if (places == same) return values;
    std::vector<double> out;
    const auto add = [&](const double* from) { out.insert(out.end(), from, from + outputs); };
    const std::vector<double> none(static_cast<size_t>(outputs), 0.0);
    for (int64_t row = 0; row < rows; ++row)
        for (const int64_t i : places) {
            if (axes == 1) add(i < 0 ? none.data() : values.data() + (row * features + i) * outputs);
            else
                for (const int64_t j : places)
                    add(i < 0 || j < 0 ? none.data() : values.data() + ((row * features + i) * features + j) * outputs);
        }
    return out;
}

Tensor to_rows(nb::handle object, const char* what) {
    Tensor rows = to_tensor(object, what);
    if (rows.type() != ElementType::float32) rows = rows.cast(ElementType::float64);
    if (rows.rank() != 2)
        throw Error(ErrorKind::input, std::string(what) + " must be an array [rows, features]");
    return rows;
}

template <class T>
MatrixView<const T> view_of(const Tensor& rows) {
    return {rows.as<T>().data(), rows.rows(), rows.row_size()};
}

template <class Values, class Engine>
Values ask(const Engine& engine, const Tensor& rows, const Run& run) {
    return rows.type() == ElementType::float32 ? engine.values(view_of<float>(rows), run)
                                               : engine.values(view_of<double>(rows), run);
}

// values, expected, margins, largest gap.
template <class Found>
nb::tuple answer(Found found, Shape shape) {
    const int64_t rows = found.rows, outputs = found.outputs;
    double gap = 0;
    for (const double g : found.gaps) gap = std::max(gap, std::abs(g));
    return nb::make_tuple(to_numpy(Tensor::of<double>(std::move(shape), found.values)),
                          to_numpy(Tensor::of<double>({outputs}, found.expected)),
                          to_numpy(Tensor::of<double>({rows, outputs}, found.margins)), gap);
}

TreeIndex parse_index(const std::string& text) {
    if (text == "shapley") return TreeIndex::shapley;
    if (text == "banzhaf") return TreeIndex::banzhaf;
    throw Error(ErrorKind::usage, "no index '" + text + "'; choose from shapley, banzhaf");
}

Precision parse_precision(const std::string& text) {
    if (text == "float32") return Precision::float32;
    if (text == "float64") return Precision::float64;
    throw Error(ErrorKind::usage, "no precision '" + text + "'; choose from float32, float64");
}

nb::object tree_shap(const Loaded& model, nb::handle array, nb::handle background_array,
                     const std::string& index, bool interactions, const std::string& precision,
                     int threads) {
    Tensor rows = to_rows(array, "the rows");
    const trees::TreeShapOptions options{.index = parse_index(index),
                                         .precision = parse_precision(precision)};
    std::optional<Tensor> background;
    if (!background_array.is_none())
        background = to_rows(background_array, "the background").cast(ElementType::float64);
    if (interactions && options.index != TreeIndex::shapley)
        throw Error(ErrorKind::usage, "interactions are Shapley values: leave index out");
    const trees::TreeInteractionsOptions of_pairs{.precision = options.precision};
    Pace pace;
    std::shared_ptr<const recipe::HeldTrees> held;
    trees::TreeShapValues values;
    trees::TreeInteractionValues pairs;
    run_without_gil({.threads = threads}, pace, 1, [&](const Run& run) {
        held = trees_of(model.subject, rows.row_size());
        const trees::Ensemble& ensemble = held->model().ensemble();
        if (held->encodes()) rows = held->encoded(rows, run);
        if (background && held->encodes()) background = held->encoded(*background, run);
        if (interactions && background)
            pairs = ask<trees::TreeInteractionValues>(
                trees::InterventionalInteractions(ensemble, view_of<double>(*background), {},
                                                  of_pairs),
                rows, run);
        else if (interactions)
            pairs = ask<trees::TreeInteractionValues>(trees::TreeInteractions(ensemble, of_pairs),
                                                      rows, run);
        else if (background)
            values = ask<trees::TreeShapValues>(
                trees::InterventionalShap(ensemble, view_of<double>(*background), {}, options), rows,
                run);
        else
            values = ask<trees::TreeShapValues>(trees::TreeShap(ensemble, options), rows, run);
    });
    const std::vector<int64_t>& places = held->feature_of_column();
    const int64_t n = rows.rows(), columns = std::ssize(places), outputs = held->model().ensemble().outputs();
    if (interactions) {
        pairs.values = by_column(std::move(pairs.values), places, n, pairs.features, outputs, 2);
        return answer(std::move(pairs), {n, columns, columns, outputs});
    }
    values.values = by_column(std::move(values.values), places, n, values.features, outputs, 1);
    return answer(std::move(values), {n, columns, outputs});
}

// margins [rows, trees, outputs], base [outputs], values [rows, trees, features, outputs] or None.
nb::object tree_contributions(const Loaded& model, nb::handle array, nb::handle background_array,
                              bool with_values, int threads) {
    Tensor rows = to_rows(array, "the rows").cast(ElementType::float64);
    std::optional<Tensor> background;
    if (!background_array.is_none())
        background = to_rows(background_array, "the background").cast(ElementType::float64);
    if (background && !with_values)
        throw Error(ErrorKind::usage, "a background is for values: set values=True");
    std::shared_ptr<const recipe::HeldTrees> held;
    std::vector<double> margins;
    std::vector<trees::TreeShapValues> each;
    Pace pace;
    run_without_gil({.threads = threads}, pace, 1, [&](const Run& run) {
        held = trees_of(model.subject, rows.row_size());
        const trees::Ensemble& ensemble = held->model().ensemble();
        rows = held->encoded(rows, run);
        margins = trees::Predictor(ensemble).tree_margins(view_of<double>(rows), run);
        if (!with_values) return;
        if (background) background = held->encoded(*background, run);
        std::optional<MatrixView<const double>> others;
        if (background) others = view_of<double>(*background);
        each = trees::values_of_trees(ensemble, view_of<double>(rows), others,
                                      {.precision = Precision::float64}, run);
    });
    const trees::Ensemble& ensemble = held->model().ensemble();
    const std::vector<int64_t>& places = held->feature_of_column();
    const int64_t n = rows.rows(), columns = std::ssize(places), outputs = ensemble.outputs(),
                  trees = std::ssize(ensemble.trees()), size = columns * outputs;
    Tensor values(ElementType::float64, {with_values ? n : 0, trees, columns, outputs});
    for (int64_t t = 0; t < std::ssize(each); ++t) {
        const std::vector<double> of_tree =
            by_column(std::move(each[t].values), places, n, each[t].features, outputs, 1);
        for (int64_t i = 0; i < n; ++i)
            std::copy_n(of_tree.data() + i * size, size,
                        values.as<double>().data() + (i * trees + t) * size);
    }
    return nb::make_tuple(to_numpy(Tensor::of<double>({n, trees, outputs}, margins)),
                          to_numpy(Tensor::of<double>({outputs}, ensemble.parts().base)),
                          with_values ? nb::object(to_numpy(values)) : nb::none());
}

}  // namespace

void bind_trees(nb::module_& module) {
    module.def("tree_contributions", &tree_contributions, nb::arg("model"), nb::arg("rows"),
               nb::arg("background").none(), nb::arg("values"), nb::arg("threads"));
    module.def("tree_shap", &tree_shap, nb::arg("model"), nb::arg("rows"),
               nb::arg("background").none(), nb::arg("index"), nb::arg("interactions"),
               nb::arg("precision"), nb::arg("threads"));
}

}  // namespace whence::python
