#include "pairwise.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>

#include "arrays.h"
#include "interrupt.h"
#include "whence/clip/pairwise.h"
#include "whence/core/pairwise.h"
#include "whence/data/image.h"
#include "whence/data/preprocessing.h"
#include "whence/render/html.h"
#include "whence/render/pairwise.h"

namespace whence::python {
namespace {

/// With the picture as the model sees it, for pages.
struct Pairs {
    PairwiseExplanation explanation;
    Tensor image;
};

using Self = nb::handle_t<Pairs>;

const PairwiseExplanation& of(Self self) { return nb::inst_ptr<Pairs>(self)->explanation; }

nb::object values(Self self) {
    const PairwiseExplanation& e = of(self);
    const int64_t shape[] = {std::ssize(e.words), e.height, e.width};
    return view(e.values.data(), ElementType::float64, shape, self);
}

std::string html(Self self) {
    const Pairs& pairs = *nb::inst_ptr<Pairs>(self);
    return render::report({{.explanation = of_words(pairs.explanation)}},
                          {.title = "Which word goes with which patch", .figure = render::pairwise_html(pairs.explanation, pairs.image)});
}

Pairs pairwise(const std::string& model, const std::string& image, const std::string& text, int64_t steps,
               const std::string& rule, int64_t blocks, int threads) {
    clip::PairwiseOptions options{.steps = steps, .rule = {}, .blocks = blocks};
    if (rule != "published") options.rule = gradients::parse_rule(rule);
    Pairs out;
    Pace pace;
    run_without_gil({.threads = threads}, pace, 1, [&](const Run& run) {
        const clip::Pair pair = clip::Pair::load(model, threads, run);
        const data::Image picture = data::read_image(image);
        out.explanation = clip::explain_pairwise(pair, picture, text, options, run);
        out.explanation.provenance.input_path = image;
        const data::Preprocessing& how = pair.preprocessing();
        out.image = data::prepare_image(picture, how, how.image.height, how.image.width);
    });
    return out;
}

}  // namespace

void bind_pairwise(nb::module_& module) {
    nb::class_<Pairs>(module, "PairwiseExplanation", "Which word of a text goes with which patch of a picture (whence.pairwise).")
        .def_prop_ro("words", [](Self self) { return of(self).words; }, "Of each row: a word, or a sign between words.")
        .def_prop_ro("values", &values, "float64 [words, height, width]: shares of the cosine, patches as they lie in the picture.")
        .def_prop_ro("text", [](Self self) { return of(self).text.text; })
        .def_prop_ro("value", [](Self self) { return of(self).target.value; }, "The cosine of picture and text.")
        .def_prop_ro("baseline_value", [](Self self) { return of(self).target.baseline_value; },
                     "What is left of it without what picture and text do together.")
        .def_prop_ro("attribution_error", [](Self self) { return of(self).diagnostics.attribution_error; },
                     "Sum over all pairs of tokens minus (value - baseline_value).")
        .def_prop_ro("relative_error", [](Self self) { return of(self).diagnostics.relative_error; })
        .def_prop_ro("notes", [](Self self) { return of(self).diagnostics.notes; })
        .def_prop_ro("gradient_evaluations", [](Self self) { return of(self).provenance.gradient_evaluations; })
        .def("to_json", [](Self self) { return to_json(of(self)); })
        .def("html", &html, "A page: point at a word to see its patches, at a patch to see its words.")
        .def("__str__", [](Self self) { return render::pairwise_text(of(self)); });
    module.def("pairwise", &pairwise, nb::arg("model"), nb::arg("image"), nb::arg("text"), nb::arg("steps"), nb::arg("rule"), nb::arg("blocks"), nb::arg("threads"));
}

}  // namespace whence::python
