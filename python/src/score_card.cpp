#include "score_card.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>

#include "arrays.h"
#include "explain.h"
#include "input.h"
#include "whence/cli/score_card_outputs.h"
#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/evaluate/evaluate.h"
#include "whence/render/score_card.h"

namespace whence::python {
namespace {

std::optional<std::vector<std::string>> strings(nb::handle object) {
    if (!nb::isinstance<nb::list>(object) && !nb::isinstance<nb::tuple>(object)) return std::nullopt;
    std::vector<std::string> out;
    for (const nb::handle one : nb::borrow<nb::object>(object)) {
        const auto text = path_of(one);
        if (!text) return std::nullopt;
        out.push_back(*text);
    }
    return out.empty() ? std::nullopt : std::optional(std::move(out));
}

// Files and folders, texts (str where the model reads texts), or an array of rows.
evaluate::Pool to_pool(const recipe::Subject& subject, nb::handle data, const std::string& label, const std::string& masks) {
    if (const auto text = text_of(subject, data)) return evaluate::pool_of(subject, std::vector{*text});
    if (const auto path = path_of(data)) return evaluate::read_pool(subject, {.paths = {*path}, .label = label, .masks = masks});
    if (auto all = strings(data)) {
        const bool texts = subject.text_encoder() && nb::isinstance<nb::str>(data[0]);
        if (!texts) return evaluate::read_pool(subject, {.paths = {all->begin(), all->end()}, .label = label, .masks = masks});
        return evaluate::pool_of(subject, std::move(*all));
    }
    if (!label.empty() || !masks.empty())
        throw Error(ErrorKind::usage, "a column or a file of labels or masks belongs to data from files; with arrays give one for each row");
    return evaluate::pool_of(subject, to_tensor(data, "the data"));
}

nb::object loaded(const ScoreCard& card) {
    return nb::object(nb::module_::import_("json").attr("loads")(to_json(card)))["score_card"];
}

nb::dict scores(const ScoreCard& card) {
    nb::dict out;
    for (size_t m = 0; m < card.methods.size(); ++m) {
        nb::dict of_method;
        for (const ScoreCardRow& row : card.table) {
            if (row.of_data_set) continue;
            const auto count = static_cast<int64_t>(row.of[m].scores.size());
            of_method[row.metric.c_str()] = to_numpy(Tensor::of<double>({count}, row.of[m].scores));
        }
        out[card.methods[m].name.c_str()] = of_method;
    }
    return out;
}

nb::dict table(const ScoreCard& card) {
    nb::dict out;
    for (const ScoreCardRow& row : card.table) {
        nb::dict of_metric;
        for (size_t m = 0; m < row.of.size(); ++m) {
            const ScoreEstimate& e = row.of[m];
            nb::dict cell;
            cell["value"] = e.value;
            cell["low"] = e.low;
            cell["high"] = e.high;
            cell["best"] = e.best;
            cell["defined"] = e.defined;
            cell["undefined"] = e.undefined;
            of_metric[card.methods[m].name.c_str()] = cell;
        }
        out[row.metric.c_str()] = of_metric;
    }
    return out;
}

nb::list conclusions(const ScoreCard& card) {
    nb::list out;
    for (const Conclusion& one : card.verdict) out.append(nb::str(one.text.c_str()));
    return out;
}

}  // namespace

void bind_score_card(nb::module_& module) {
    nb::class_<ScoreCard>(module, "ScoreCard", "How good the explanations of several methods are.")
        .def_ro("samples", &ScoreCard::samples, "Inputs that methods were judged on.")
        .def_ro("rows", &ScoreCard::rows, "Which of the data they are, from 0.")
        .def_ro("evaluations", &ScoreCard::evaluations, "Rows that metrics asked the model about, beside the explanations.")
        .def_prop_ro("methods", [](const ScoreCard& card) { return nb::object(loaded(card)["methods"]); }, "A dict for each method: name, costs, attribution_error.")
        .def_prop_ro("metrics", [](const ScoreCard& card) {
            nb::list out;
            for (const ScoreCardRow& row : card.table) out.append(nb::str(row.metric.c_str()));
            return out;
        }, "Names of the metrics, in the order of the table.")
        .def_prop_ro("table", &table, "table[metric][method]: value, low, high (95 % interval), best, defined, undefined.")
        .def_prop_ro("scores", &scores, "scores[method][metric]: one number for each sample, nan where undefined.")
        .def_prop_ro("quality_by_group", [](const ScoreCard& card) { return nb::object(loaded(card)["quality_by_group"]); }, "Where protected columns were named, a dict for each column, metric and method: groups, gap, low, high, p_value.")
        .def_prop_ro("verdict", &conclusions, "What may and may not be concluded, sentence by sentence.")
        .def_prop_ro("left_out", [](const ScoreCard& card) {
            nb::dict out;
            for (const LeftOut& left : card.left_out) out[left.name.c_str()] = left.because;
            return out;
        }, "Metrics and methods that are not in the card, and why.")
        .def("to_dict", &loaded, "All of it, as in the JSON.")
        .def("to_json", [](const ScoreCard& card) { return to_json(card); })
        .def("to_text", [](const ScoreCard& card, int64_t width) { return render::to_text(card, {.width = width}); }, nb::arg("width") = 100)
        .def(
            "save",
            [](const ScoreCard& card, nb::handle path) {
                const std::string name = path_of(path).value_or("");
                cli::check_score_card_outputs({name}, {});
                write_file(name, cli::encode_score_card(name, card));
            },
            nb::arg("path"), "Writes .html, .json, .csv, .png, .svg or .txt, by the ending.")
        .def("_repr_html_", [](const ScoreCard& card) { return render::html_fragment(card); })
        .def("__str__", [](const ScoreCard& card) { return render::to_text(card, {.width = 100}); })
        .def("__repr__", [](const ScoreCard& card) {
            return "<ScoreCard of " + std::to_string(card.methods.size()) + " methods, " + std::to_string(card.table.size()) + " metrics, " +
                   std::to_string(card.samples) + " samples>";
        });
    module.def(
        "evaluate",
        [](LoadedPtr model, nb::handle data, std::vector<std::string> methods, std::vector<std::string> metrics, const nb::dict& attributions,
           const std::string& label, std::vector<std::string> labels, nb::handle masks, const std::string& rows, int64_t samples,
           nb::handle target, const std::string& scale, const std::string& baseline, const std::string& removed, const std::string& regions,
           const std::string& protected_columns, const nb::dict& options, uint64_t seed, int64_t resamples, int threads, std::optional<double> time_limit, nb::object progress) {
            const auto mask_path = masks.is_none() ? std::nullopt : path_of(masks);
            evaluate::Pool pool = to_pool(model->subject, data, label, mask_path.value_or(""));
            if (!labels.empty()) evaluate::use_labels(pool, std::move(labels));
            if (!masks.is_none() && !mask_path) evaluate::use_masks(pool, to_tensor(masks, "the masks"));
            evaluate::Request request{.rows = rows, .samples = samples, .scale = parse_scale(scale), .baseline = baseline, .seed = seed, .resamples = resamples};
            request.target = target_text(target, std::nullopt);
            request.ground.baseline = removed;
            request.protected_columns = protected_columns;
            if (!regions.empty()) request.ground.regions = regions;
            for (const std::string& name : methods) request.methods.push_back(hyphens(name));
            for (const std::string& name : metrics) request.metrics.push_back(hyphens(name));
            for (const auto [name, values] : attributions)
                request.given.push_back({nb::cast<std::string>(name), to_tensor(values, "the attributions")});
            for (const auto [owner, owned] : options)
                for (const auto [name, value] : nb::cast<nb::dict>(owned))
                    request.options.push_back({hyphens(nb::cast<std::string>(owner)), to_option(nb::cast<std::string>(name), value)});
            ScoreCard card;
            run_without_gil({threads, time_limit, std::move(progress)}, model->evaluating, 1,
                            [&](const Run& run) { card = evaluate::evaluate(model->subject, pool, request, run); });
            return card;
        },
        nb::arg("model"), nb::arg("data"), nb::arg("methods"), nb::arg("metrics"), nb::arg("attributions"), nb::arg("label"), nb::arg("labels"),
        nb::arg("masks").none(), nb::arg("rows"), nb::arg("samples"), nb::arg("target").none(), nb::arg("scale"), nb::arg("baseline"),
        nb::arg("removed"), nb::arg("regions"), nb::arg("protected_columns"), nb::arg("options"), nb::arg("seed"), nb::arg("resamples"), nb::arg("threads"),
        nb::arg("time_limit").none(), nb::arg("progress").none());
    module.def("describe_metrics", &evaluate::describe_metrics, nb::arg("only"));
}

}  // namespace whence::python
