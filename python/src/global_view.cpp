#include "global_view.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "explain.h"
#include "input.h"
#include "whence/cli/global_outputs.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/recipe/global.h"
#include "whence/render/escape.h"
#include "whence/render/global.h"

namespace whence::python {
namespace {

recipe::TableInput to_table(const recipe::Subject& subject, nb::handle rows, const std::optional<std::string>& label,
                            std::vector<std::string> labels) {
    recipe::TableInput table;
    if (const auto path = path_of(rows)) {
        table = recipe::read_table_input(subject, *path, label.value_or(""));
    } else {
        if (label) throw Error(ErrorKind::usage, "labels name a column of a file; with an array give one label for each row");
        table = recipe::table_input(subject, to_tensor(rows, "the rows"));
    }
    if (!labels.empty()) table.labels = std::move(labels);
    return table;
}

std::string html(const GlobalView& view) {
    const std::vector<std::byte> drawing = render::draw(view, {.format = render::Format::svg});
    return "<img alt=\"" + render::escaped(view.view) + "\" src=\"" + render::data_uri("image/svg+xml", drawing) + "\">";
}

}  // namespace

void bind_global_view(nb::module_& module) {
    nb::class_<GlobalView>(module, "GlobalView", "What a model does over a whole table.")
        .def_ro("view", &GlobalView::view, "Its name: \"importance\", \"ale\", ...")
        .def_ro("rows", &GlobalView::rows, "Rows that were used.")
        .def_ro("notes", &GlobalView::notes, "What a careful reader must know.")
        .def_prop_ro("evaluations", [](const GlobalView& view) { return view.provenance.evaluations; }, "Rows the model was asked about.")
        .def_prop_ro(
            "result",
            [](const GlobalView& view) -> nb::object { return nb::object(nb::module_::import_("json").attr("loads")(to_json(view))["result"]); },
            "The numbers, as in the JSON: a dict that depends on the view.")
        .def("to_json", [](const GlobalView& view) { return to_json(view); })
        .def("to_text", [](const GlobalView& view, int64_t width, int64_t top) { return render::to_text(view, {.width = width, .top = top}); },
             nb::arg("width") = 80, nb::arg("top") = 10)
        .def(
            "save",
            [](const GlobalView& view, nb::handle path, int64_t top) {
                const std::string name = path_of(path).value_or("");
                cli::check_global_outputs({name}, {});
                write_file(name, cli::encode_global(name, view, top));
            },
            nb::arg("path"), nb::arg("top") = 10, "Writes .json, .csv, .png, .svg, .html or .txt, by the ending.")
        .def("_repr_html_", &html)
        .def("__repr__", [](const GlobalView& view) { return "<GlobalView " + view.view + " of " + std::to_string(view.rows) + " rows>"; });
    module.def(
        "global_view",
        [](LoadedPtr model, nb::handle rows, const std::string& view, std::vector<std::string> features, std::optional<std::string> label,
           std::vector<std::string> labels, nb::handle target, std::optional<std::string> output, const std::string& scale, uint64_t seed,
           int threads, std::optional<double> time_limit, nb::object progress, const nb::dict& options) {
            const recipe::TableInput table = to_table(model->subject, rows, label, std::move(labels));
            recipe::GlobalRequest request{.view = hyphens(view),
                                          .features = std::move(features),
                                          .target = target_text(target, output),
                                          .scale = parse_scale(scale),
                                          .seed = seed};
            for (const auto [name, value] : options) request.options.push_back(to_option(nb::cast<std::string>(name), value));
            GlobalView made;
            run_without_gil({threads, time_limit, std::move(progress)}, model->viewing, table.rows.rows(),
                            [&](const Run& run) { made = recipe::global_view(model->subject, table, request, run); });
            return made;
        },
        nb::arg("model"), nb::arg("rows"), nb::arg("view"), nb::arg("features"), nb::arg("label").none(), nb::arg("labels"),
        nb::arg("target").none(), nb::arg("output").none(), nb::arg("scale"), nb::arg("seed"), nb::arg("threads"),
        nb::arg("time_limit").none(), nb::arg("progress").none(), nb::arg("options"));
}

}  // namespace whence::python
