#include "explanation.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "arrays.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/perturb/submodular_pick.h"
#include "whence/render/superpixel_mask.h"
#include "whence/render/text.h"
#include "whence/render/words.h"

namespace whence::python {
namespace {

using Self = nb::handle_t<Explained>;

const Explained& of(Self self) { return *nb::inst_ptr<Explained>(self); }

nb::str text(std::string_view utf8) {
    return nb::steal<nb::str>(PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "replace"));
}

nb::list texts(const std::vector<std::string>& all) {
    nb::list out;
    for (const std::string& one : all) out.append(text(one));
    return out;
}

nb::object standard_errors(Self self) {
    const std::vector<double>& errors = of(self).explanation.attribution.standard_errors;
    if (errors.empty()) return nb::none();
    const int64_t shape[] = {static_cast<int64_t>(errors.size())};
    return view(errors.data(), ElementType::float64, shape, self);
}

nb::object interactions(Self self) {
    const std::optional<Interactions>& pairs = of(self).explanation.interactions;
    if (!pairs) return nb::none();
    return view(pairs->values.data(), pairs->values.type(), pairs->values.shape(), self);
}

nb::object interaction_errors(Self self) {
    const std::optional<Interactions>& pairs = of(self).explanation.interactions;
    if (!pairs || pairs->standard_errors.empty()) return nb::none();
    return view(pairs->standard_errors.data(), ElementType::float64, pairs->values.shape(), self);
}

nb::object segments(Self self) {
    const std::optional<Tensor>& labels = of(self).explanation.attribution.segments;
    if (!labels) return nb::none();
    return view(labels->data(), labels->type(), labels->shape(), self);
}

// The changed input; of a text the text itself.
nb::object values_of(const Counterfactual& one, Self self) {
    if (one.values.type() == ElementType::string) return text(one.values.as<std::string>()[0]);
    return view(one.values.data(), one.values.type(), one.values.shape(), self);
}

// Named tuples of the module: (wanted, metric, found, lower_bound) of (values, changes, prediction, ...).
nb::object counterfactuals(Self self) {
    const std::optional<Counterfactuals>& all = of(self).explanation.counterfactuals;
    if (!all) return nb::none();
    const nb::module_ module = nb::module_::import_("whence._whence");
    nb::list found;
    for (const Counterfactual& one : all->found) {
        nb::list changes;
        for (const Counterfactual::Change& change : one.changes)
            changes.append(module.attr("Change")(change.feature, text(change.name), text(change.from), text(change.to)));
        found.append(module.attr("Counterfactual")(
            values_of(one, self), changes, one.prediction, text(one.label),
            one.valid, one.distance, one.to_data ? nb::object(nb::float_(*one.to_data)) : nb::none()));
    }
    return module.attr("Counterfactuals")(text(all->wanted), text(all->metric), found,
                                          all->lower_bound ? nb::object(nb::float_(*all->lower_bound)) : nb::none());
}

// Places as Python counts them, in characters.
nb::object places(const Explained& explained) {
    const std::optional<ExplainedText>& explained_text = explained.explanation.attribution.text;
    if (!explained_text) return nb::none();
    std::vector<int64_t> characters(explained_text->text.size() + 1);
    for (size_t i = 0; i < explained_text->text.size(); ++i)
        characters[i + 1] = characters[i] + ((static_cast<unsigned char>(explained_text->text[i]) & 0xC0) != 0x80);
    // A byte within a character counts as its beginning.
    for (size_t i = explained_text->text.size(); i-- > 0;)
        if ((static_cast<unsigned char>(explained_text->text[i]) & 0xC0) == 0x80) --characters[i];
    nb::list out;
    for (const ExplainedText::Part& part : explained_text->parts)
        out.append(nb::make_tuple(characters[part.begin], characters[part.end], part.feature));
    return nb::object(out);
}

nb::dict options(const Explained& explained) {
    nb::dict out;
    for (const Option& option : explained.explanation.provenance.options) {
        std::string name = option.name;
        std::ranges::replace(name, '-', '_');
        std::visit([&](const auto& value) { out[name.c_str()] = value; }, option.value);
    }
    return out;
}

nb::object target(const Explained& explained) {
    const TargetRecord& record = explained.explanation.target;
    const std::string_view scale = name(record.resolved.scale);
    return nb::module_::import_("whence._whence")
        .attr("Target")(text(record.resolved.output), record.resolved.index,
                        record.resolved.minus ? nb::object(nb::int_(*record.resolved.minus)) : nb::none(),
                        nb::str(scale.data(), scale.size()), text(record.label));
}

nb::object rule(const Explained& explained) {
    const std::optional<Rule>& found = explained.explanation.rule;
    if (!found) return nb::none();
    const nb::module_ module = nb::module_::import_("whence._whence");
    nb::list conditions;
    for (const Rule::Condition& condition : found->conditions)
        conditions.append(module.attr("Condition")(condition.feature, text(condition.text)));
    return module.attr("Rule")(nb::tuple(conditions), found->precision, found->precision_low, found->precision_high,
                               found->confidence, found->coverage);
}

nb::object local_rules(const Explained& explained) {
    const nb::module_ module = nb::module_::import_("whence._whence");
    nb::list out;
    for (const LocalRule& rule : explained.explanation.local_rules) {
        nb::list conditions;
        for (const Rule::Condition& condition : rule.conditions)
            conditions.append(module.attr("Condition")(condition.feature, text(condition.text)));
        out.append(module.attr("LocalRule")(nb::tuple(conditions), rule.value, rule.share, rule.holds_here));
    }
    return nb::object(out);
}

nb::tuple image_and_mask(const Explained& explained, const render::MaskOptions& options) {
    const std::optional<Tensor> image = explained.model ? explained.input.image() : std::nullopt;
    if (!image)
        throw Error(ErrorKind::usage,
                    "image_and_mask needs the picture: it is known to explanations of pictures that were made here, "
                    "not to those read from a file");
    render::ImageAndMask made = render::image_and_mask(explained.explanation, *image, options);
    return nb::make_tuple(to_numpy(std::move(made.image)), to_numpy(std::move(made.mask)));
}

template <class Get>
void number(nb::class_<Explained>& type, const char* name, const char* doc, Get get) {
    type.def_prop_ro(name, [get](const Explained& explained) { return get(explained.explanation); }, doc);
}

void bind_values(nb::class_<Explained>& type) {
    type.def_prop_ro(
            "values",
            [](Self self) {
                const Tensor& values = of(self).explanation.attribution.values;
                return view(values.data(), values.type(), of(self).shape, self);
            },
            "What each feature contributes: a read-only view, not a copy.")
        .def_prop_ro("layer", [](const Explained& e) { return text(e.explanation.attribution.layer); },
                     "The tensor whose features the values belong to; empty: the input.")
        .def_prop_ro("segments", &segments, "Superpixels: the label of each pixel, an index into values. Else None.")
        .def_prop_ro("text", [](const Explained& e) -> nb::object {
                const auto& explained_text = e.explanation.attribution.text;
                return explained_text ? nb::object(text(explained_text->text)) : nb::object(nb::none());
            },
            "The text that was explained, else None.")
        .def_prop_ro("places", &places,
                     "Where the words of the text stand: a list of (begin, end, index into values), text[begin:end]. Else None.")
        .def_prop_ro("standard_errors", &standard_errors, "Of each value where the method samples, else None.")
        .def_prop_ro("interactions", &interactions,
                     "What pairs of features do together, [features, features]: half of a pair's effect at either place, main effects in the "
                     "diagonal. None where the method does not look at pairs.")
        .def_prop_ro("interaction_errors", &interaction_errors, "Standard errors of interactions where the method samples, else None.")
        .def_prop_ro("names", [](const Explained& e) { return texts(e.explanation.attribution.names); },
                     "Names of the features where they have some.")
        .def_prop_ro("displays", [](const Explained& e) { return texts(e.explanation.attribution.displays); },
                     "What each feature is in this input, as a person reads it.")
        .def_prop_ro("columns", [](const Explained& e) { return texts(e.explanation.attribution.columns); },
                     "Where names are conditions (LIME of a table): the column that each is about.")
        .def_prop_ro("local_rules", &local_rules,
                     "The leaves of LIME's local tree, the input's own first: a list of (conditions, value, share, holds_here), each condition "
                     "(feature, text). Empty for other methods.")
        .def_prop_ro("target", &target, "What was explained: (output, index, minus, scale, label).")
        .def_prop_ro("rule", &rule,
                     "The condition that nearly suffices (anchors): (conditions, precision, precision_low, precision_high, "
                     "confidence, coverage), each condition (feature, text); else None.")
        .def_prop_ro("method", [](const Explained& e) { return e.explanation.provenance.method; })
        .def_prop_ro("options", &options, "The method's options as they were used, defaults included.")
        .def_prop_ro("notes", [](const Explained& e) { return texts(e.explanation.diagnostics.notes); },
                     "What a careful reader must know.")
        .def_prop_ro("baseline", [](const Explained& e) { return text(e.explanation.target.baseline); },
                     "What the input was compared with, by name.")
        .def_prop_ro("counterfactuals", &counterfactuals,
                     "Inputs like this one with another answer: (wanted, metric, found), where a method looks for them. Else None.")
        .def_prop_ro("no_error_because", [](const Explained& e) { return text(e.explanation.diagnostics.no_error_because); },
                     "Why there is no attribution error, where there is none.");
}

void bind_numbers(nb::class_<Explained>& type) {
    number(type, "value", "f(x): the target's value.", [](const Explanation& e) { return e.target.value; });
    number(type, "base_value", "f(baseline), or None.", [](const Explanation& e) { return e.target.baseline_value; });
    number(type, "neutrality", "How far the baseline's own prediction is from saying nothing, 0 to 1 for classes; None where it cannot be told.",
           [](const Explanation& e) { return e.target.neutrality ? std::optional(e.target.neutrality->distance) : std::nullopt; });
    number(type, "error", "Attribution error, sum(values) - (value - base_value); None where the method claims no such thing.",
           [](const Explanation& e) { return e.diagnostics.attribution_error; });
    number(type, "relative_error", "The same over |value - base_value|.",
           [](const Explanation& e) { return e.diagnostics.relative_error; });
    number(type, "converged", "Whether an adaptive method met its tolerance; None for others.",
           [](const Explanation& e) { return e.diagnostics.converged; });
    number(type, "intercept", "Of a local model.", [](const Explanation& e) { return e.attribution.intercept; });
    number(type, "score", "Weighted R2 of a local model.", [](const Explanation& e) { return e.diagnostics.surrogate_r2; });
    number(type, "local_prediction", "The local model's value at the input.",
           [](const Explanation& e) { return e.diagnostics.local_prediction; });
    number(type, "evaluations", "Rows through the model.", [](const Explanation& e) { return e.provenance.evaluations; });
    number(type, "gradient_evaluations", "Rows through the model and back.",
           [](const Explanation& e) { return e.provenance.gradient_evaluations; });
    number(type, "seconds", "Wall clock.", [](const Explanation& e) { return e.provenance.seconds; });
    number(type, "seed", "Of all random numbers.", [](const Explanation& e) { return e.provenance.seed; });
}

std::string shown(const Explained& explained) {
    std::string out = render::to_text(explained.explanation);
    while (out.ends_with('\n')) out.pop_back();
    return out;
}

}  // namespace

Explained::Explained(Explanation made, LoadedPtr of, Given given)
    : Explained(std::move(made)) {
    model = std::move(of);
    input = std::move(given.input);
    const size_t row_rank = input.batch.empty() ? 2 : input.batch[0].value.shape().size();
    if (explanation.attribution.layer.empty() && !given.batched && shape.size() == row_rank && shape[0] == 1) shape.erase(shape.begin());
}

void bind_explanation(nb::module_& module) {
    module.attr("Target") = nb::module_::import_("collections")
                                .attr("namedtuple")("Target", nb::make_tuple("output", "index", "minus", "scale", "label"),
                                                    nb::arg("module") = "whence");
    const auto named_tuple = [&](const char* name, const auto&... fields) {
        module.attr(name) = nb::module_::import_("collections")
                                .attr("namedtuple")(name, nb::make_tuple(fields...), nb::arg("module") = "whence");
    };
    named_tuple("Change", "feature", "name", "before", "after");
    named_tuple("Counterfactual", "values", "changes", "prediction", "label", "valid", "distance", "to_data");
    named_tuple("Counterfactuals", "wanted", "metric", "found", "lower_bound");
    named_tuple("Condition", "feature", "text");
    named_tuple("LocalRule", "conditions", "value", "share", "holds_here");
    named_tuple("Pick", "rows", "coverage");
    named_tuple("Rule", "conditions", "precision", "precision_low", "precision_high", "confidence", "coverage");
    nb::class_<Explained> type(module, "Explanation", "What contributed how much, compared with what, and how wrong it may be.");
    bind_values(type);
    bind_numbers(type);
    type.def("to_json", [](const Explained& e) { return to_json(e.explanation); }, "The explanation as JSON; see whence.from_json.")
        .def(
            "save",
            [](const Explained& explained, nb::handle path) {
                const auto where = path_of(path);
                if (!where) throw Error(ErrorKind::usage, "save needs the path of a file");
                const nb::gil_scoped_release released;
                save(explained, *where);
            },
            nb::arg("path"), "Writes .json, .npz, .csv, .png, .svg or .html, by the ending of the path.")
        .def(
            "words",
            [](const Explained& e, const std::string& language) {
                return text(render::in_words(e.explanation, render::parse_language(language)));
            },
            nb::arg("language") = "en", "A few sentences for someone outside the field, in \"en\", \"ru\" or \"zh\".")
        .def(
            "image_and_mask",
            [](const Explained& explained, bool positive_only, bool negative_only, bool hide_rest, int64_t num_features,
               double min_weight) {
                return image_and_mask(explained, {positive_only, negative_only, hide_rest, num_features, min_weight});
            },
            nb::kw_only(), nb::arg("positive_only") = true, nb::arg("negative_only") = false, nb::arg("hide_rest") = false,
            nb::arg("num_features") = 5, nb::arg("min_weight") = 0.0,
            "The picture [H, W, C] with the superpixels that weigh most, and the mask [H, W] of them: 1, or -1 for those that speak against "
            "the target where both signs are asked for. As get_image_and_mask of the lime package.")
        .def("_repr_html_",
             [](const Explained& explained) {
                 const nb::gil_scoped_release released;
                 return render::html_fragment(report_item(explained));
             })
        .def("__repr__", [](const Explained& e) { return text(shown(e)); })
        .def("__str__", [](const Explained& e) { return text(shown(e)); });
    module.def(
        "from_json", [](const std::string& json) { return Explained(explanation_from_json(json)); }, nb::arg("json"),
        "The explanation that to_json wrote.");
    module.def(
        "submodular_pick",
        [](const std::vector<const Explained*>& explanations, int64_t count) {
            std::vector<Explanation> all;
            for (const Explained* one : explanations) all.push_back(one->explanation);
            const Pick pick = submodular_pick(all, count);
            return nb::module_::import_("whence._whence").attr("Pick")(pick.rows, pick.coverage);
        },
        nb::arg("explanations"), nb::arg("count"));
    module.def(
        "plot",
        [](const std::string& kind, const std::vector<const Explained*>& explanations, const std::string& path, int64_t top,
           std::string feature, std::string color_by) {
            const nb::gil_scoped_release released;
            plot(explanations, kind, path, {.top = top, .feature = std::move(feature), .color_by = std::move(color_by)});
        },
        nb::arg("kind"), nb::arg("explanations"), nb::arg("path"), nb::arg("top"), nb::arg("feature"), nb::arg("color_by"));
}

}  // namespace whence::python
