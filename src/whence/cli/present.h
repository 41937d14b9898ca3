#pragma once
// What belongs to an explanation when it is shown: pictures and predictions.

#include "whence/core/run.h"
#include "whence/recipe/input.h"
#include "whence/render/html.h"

namespace whence::cli {

[[nodiscard]] render::ReportItem present(Explanation explanation, const recipe::Subject& subject,
                                         const recipe::Input& input, const Run& run);

}  // namespace whence::cli
