#pragma once
#include <nanobind/nanobind.h>

#include "input.h"
#include "whence/core/explanation.h"
#include "whence/render/html.h"
#include "whence/render/plots.h"

namespace whence::python {

/// What Python calls Explanation: the explanation, and what it takes to show it.
struct Explained {
    Explanation explanation;
    LoadedPtr model;                ///< none for one that was read from a file
    recipe::Input input;            ///< of that model
    Shape shape;                    ///< of `values`: without the leading dimension where the input had none

    explicit Explained(Explanation made) : explanation(std::move(made)), shape(explanation.attribution.values.shape()) {}
    Explained(Explanation made, LoadedPtr of, Given given);
};

/// With the image and the model's scores, as far as they are known.
[[nodiscard]] render::ReportItem report_item(const Explained& explained);

/// Writes the file its ending names. Throws Error(usage) for an unknown ending.
void save(const Explained& explained, const std::string& path);
/// A plot of one row or many as .png, .svg or .html.
void plot(const std::vector<const Explained*>& explanations, const std::string& kind,
          const std::string& path, const render::PlotOptions& options);

/// Explanation and from_json.
void bind_explanation(nanobind::module_& module);

}  // namespace whence::python
