#include "present.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/recipe/predict.h"

namespace whence::cli {
namespace {

constexpr int64_t classes_shown = 10;

// Of several inputs the one whose superpixels the explanation holds.
const recipe::Input& first_picture(const recipe::Input& input) {
    for (const recipe::Input& part : input.parts)
        if (part.image()) return part;
    return input;
}

// None where the model no longer answers: what was found before stands without them. The margin of
// trees inside an ONNX file is no output of it: then its first scores are shown.
std::vector<render::ClassScore> scores_of(const recipe::Subject& subject,
                                          const recipe::Input& input, const std::string& output,
                                          const Run& run) {
    const auto& outputs = subject.model().outputs();
    const bool own = std::ranges::find(outputs, output, &TensorInfo::name) != outputs.end();
    std::vector<render::ClassScore> out;
    try {
        const recipe::Scores scores =
            recipe::scores_of(subject, recipe::predict(subject, input, run), own ? output : "");
        if (scores.classes && scores.values.size() > 1)
            for (const recipe::NamedScore& score : recipe::largest(subject, scores, classes_shown))
                out.push_back({score.name, score.value});
    } catch (const OutOfReach&) {
    }
    return out;
}

}  // namespace

render::ReportItem present(Explanation explanation, const recipe::Subject& subject,
                           const recipe::Input& input, const Run& run) {
    const recipe::Input& shown = first_picture(input);
    render::ReportItem item{.explanation = std::move(explanation), .image = shown.image()};
    item.scores = scores_of(subject, input, item.explanation.target.resolved.output, run);
    if (!shown.picture || !item.image) return item;
    const Shape &whole = shown.picture->shape(), &seen = item.image->shape();
    if (whole[1] != seen[1] || whole[2] != seen[2]) item.original = shown.picture;
    return item;
}

}  // namespace whence::cli
