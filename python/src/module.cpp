#include <nanobind/nanobind.h>

#include <string>

#include "clip.h"
#include "clip_store.h"
#include "ensemble.h"
#include "errors.h"
#include "explain.h"
#include "explanation.h"
#include "function.h"
#include "global_view.h"
#include "model.h"
#include "pairwise.h"
#include "score_card.h"
#include "segment.h"
#include "trees.h"
#include "whence/core/version.h"
#include "whence/runtime/environment.h"

NB_MODULE(_whence, module) {
    namespace nb = nanobind;
    using namespace whence::python;
    module.doc() = "The compiled part of whence; import whence instead.";
    module.attr("__version__") = std::string(whence::version()).c_str();
    bind_errors(module);
    bind_model(module);
    bind_clip(module);
    bind_function(module);
    bind_explanation(module);
    bind_explain(module);
    bind_global_view(module);
    bind_pairwise(module);
    bind_score_card(module);
    bind_segment(module);
    bind_trees(module);
    bind_ensemble(module);
    bind_clip_store(module);
    module.def("runtime_version", &whence::runtime_version, "Version of the ONNX Runtime library in use.");
}
