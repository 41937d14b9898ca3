#include "present.h"

#include "whence/recipe/predict.h"

namespace whence::cli {
namespace {

constexpr int64_t classes_shown = 10;

}  // namespace

render::ReportItem present(Explanation explanation, const recipe::Subject& subject,
                           const recipe::Input& input, const Run& run) {
    render::ReportItem item{.explanation = std::move(explanation), .image = input.image()};
    const Batch outputs = recipe::predict(subject, input, run);
    const recipe::Scores scores =
        recipe::scores_of(subject, outputs, item.explanation.target.resolved.output);
    if (scores.classes && scores.values.size() > 1)
        for (const recipe::NamedScore& score : recipe::largest(subject, scores, classes_shown))
            item.scores.push_back({score.name, score.value});
    if (!input.picture || !item.image) return item;
    const Shape &whole = input.picture->shape(), &seen = item.image->shape();
    if (whole[1] != seen[1] || whole[2] != seen[2]) item.original = input.picture;
    return item;
}

}  // namespace whence::cli
