#include "whence/perturb/occlusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "whence/core/error.h"
#include "whence/core/evaluator.h"
#include "whence/core/parallel.h"
#include "whence/core/version.h"
#include "whence/mask/masker.h"
#include "whence/perturb/explained_rows.h"

namespace whence {
namespace {

using namespace perturb;  // the helpers of this folder

constexpr int64_t rows_per_task = 4;

struct Rectangle {
    int64_t top, left, bottom, right;
};

// An image as planes of lines: channels first has a plane for each channel and lines of pixels,
// channels last one plane and lines of pixels times channels.
struct Planes {
    int64_t height, width, planes, per_pixel;
};

Planes planes_of(const Shape& shape) {
    const auto axes = image_axes(shape);
    if (!axes)
        throw Error(ErrorKind::input,
                    "occlusion by windows needs an image; the input has shape " + to_string(shape));
    const int64_t height = shape[axes->height], width = shape[axes->width];
    const int64_t channels = shape[axes->channels];
    return axes->channels == 3 ? Planes{height, width, 1, channels}
                               : Planes{height, width, channels, 1};
}

// An image of 0 x 0 pixels has no window, so the options are settled against a real one.
OcclusionOptions settled(OcclusionOptions o, const Planes& image) {
    if (o.window_height == 0) o.window_height = std::max<int64_t>(1, image.height / 8);
    if (o.window_width == 0) o.window_width = std::max<int64_t>(1, image.width / 8);
    if (o.stride_height == 0) o.stride_height = std::max<int64_t>(1, o.window_height / 2);
    if (o.stride_width == 0) o.stride_width = std::max<int64_t>(1, o.window_width / 2);
    for (const auto& [window, stride] :
         {std::pair{o.window_height, o.stride_height}, std::pair{o.window_width, o.stride_width}})
        if (stride > window)
            throw Error(
                ErrorKind::usage,
                fmt::format("a stride of {} skips pixels between windows of {}; take a stride of "
                            "at most the window",
                            stride, window));
    return o;
}

std::vector<Rectangle> windows(const OcclusionOptions& o, const Planes& image) {
    std::vector<Rectangle> all;
    for (int64_t top = 0;; top += o.stride_height) {
        for (int64_t left = 0;; left += o.stride_width) {
            all.push_back({top, left, std::min(top + o.window_height, image.height),
                           std::min(left + o.window_width, image.width)});
            if (left + o.window_width >= image.width) break;
        }
        if (top + o.window_height >= image.height) break;
    }
    return all;
}

void cover(const Rectangle& r, const Planes& image, const Tensor& baseline, std::byte* row) {
    const auto element = static_cast<int64_t>(element_size(baseline.type()));
    const int64_t pixel = image.per_pixel * element, line = image.width * pixel;
    for (int64_t plane = 0; plane < image.planes; ++plane)
        for (int64_t y = r.top; y < r.bottom; ++y) {
            const int64_t at = (plane * image.height + y) * line + r.left * pixel;
            std::memcpy(row + at, baseline.data() + at, (r.right - r.left) * pixel);
        }
}

Tensor& tensor_of(Batch& rows, const std::string& name) {
    const Tensor* wanted = &rows.at(name);
    return std::ranges::find_if(rows.tensors(), [&](auto& t) { return &t.value == wanted; })->value;
}

// f(x) and f(baseline).
std::vector<double> ends(Evaluator& evaluator, const Batch& input, const NamedTensor& explained,
                         const Tensor& baseline) {
    Batch rows = input.repeat_row(2);
    Tensor& tensor = tensor_of(rows, explained.name);
    std::memcpy(tensor.data() + baseline.bytes(), baseline.data(), baseline.bytes());
    std::vector<double> values = evaluator.scores(rows);
    for (const double value : values)
        if (!std::isfinite(value))
            throw Error(ErrorKind::model, "the model returned a number that is not finite");
    return values;
}

Tensor pixel_means(const Planes& image, std::span<const Rectangle> rectangles,
                   std::span<const double> drops) {
    Tensor out(ElementType::float64, {1, image.height, image.width});
    std::vector<double> covered(out.size());
    const std::span<double> sums = out.as<double>();
    for (size_t i = 0; i < rectangles.size(); ++i)
        for (int64_t y = rectangles[i].top; y < rectangles[i].bottom; ++y)
            for (int64_t x = rectangles[i].left; x < rectangles[i].right; ++x) {
                sums[y * image.width + x] += drops[i];
                ++covered[y * image.width + x];
            }
    for (size_t i = 0; i < sums.size(); ++i) sums[i] /= covered[i];
    return out;
}

std::vector<double> drops_from(double whole, std::vector<double> scores) {
    for (double& score : scores) score = whole - score;
    return scores;
}

Tensor by_window(Evaluator& evaluator, const Batch& input, const NamedTensor& explained,
                 const Tensor& baseline, const OcclusionOptions& options, double whole) {
    const Planes image = planes_of(explained.value.shape());
    const std::vector<Rectangle> rectangles = windows(options, image);
    const auto fill = [&](int64_t first, Batch& rows) {
        Tensor& out = tensor_of(rows, explained.name);
        parallel_for(evaluator.run(), rows.rows(), rows_per_task, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) {
                std::byte* to = out.data() + row * baseline.bytes();
                std::memcpy(to, explained.value.data(), baseline.bytes());
                cover(rectangles[first + row], image, baseline, to);
            }
        });
    };
    const auto count = static_cast<int64_t>(rectangles.size());
    return pixel_means(image, rectangles,
                       drops_from(whole, evaluator.scores(input, count, fill, "occlusion")));
}

constexpr const char* why_no_sum =
    "occlusion measures each part alone; effects of parts together are not shared out, so the "
    "values do not claim to sum to f(x) - f(baseline)";

Tensor by_player(Evaluator& evaluator, const Batch& input, const Masker& masker,
                 double whole) {
    const int64_t players = masker.players();
    const auto fill = [&](int64_t first, Batch& rows) {
        std::vector<uint8_t> present(rows.rows() * players, 1);
        for (int64_t row = 0; row < rows.rows(); ++row) present[row * players + first + row] = 0;
        masker.apply({present.data(), rows.rows(), players}, 0, rows, evaluator.run());
    };
    return Tensor::of<double>(
        {players}, drops_from(whole, evaluator.scores(input, players, fill, "occlusion")));
}

void name_columns(Attribution& attribution, const Schema& schema, const Tensor& row) {
    const std::vector<double> values = row.to_doubles();
    for (size_t c = 0; c < schema.size(); ++c) {
        attribution.names.push_back(schema[c].name);
        attribution.displays.push_back(display(schema[c], values[c]));
    }
}

}  // namespace

Occlusion::Occlusion(const Model& model, Baseline baseline, OcclusionOptions options)
    : model_(model), baseline_(std::move(baseline)), options_(std::move(options)) {
    for (const int64_t length : {options_.window_height, options_.window_width,
                                 options_.stride_height, options_.stride_width})
        if (length < 0)
            throw Error(ErrorKind::usage,
                        fmt::format("window and stride must not be negative: {}", length));
    if (options_.segments) options_.segments = renumbered(*options_.segments);
}

Explanation Occlusion::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    run.check();
    const NamedTensor& explained = explained_tensor(input);
    const Tensor& value = explained.value;
    const Tensor baseline = baseline_values(baseline_, value, run);
    if (!options_.schema.empty() && static_cast<int64_t>(options_.schema.size()) != value.size())
        throw Error(ErrorKind::input, fmt::format("the row has {} columns, the schema {}",
                                                  value.size(), options_.schema.size()));
    Evaluator evaluator(model_, resolve(target, model_, input, Scale::probability, run), run);
    const std::vector<double> whole_and_none = ends(evaluator, input, explained, baseline);

    Explanation explanation;
    fill_common(explanation, "occlusion", input, run);
    Attribution& attribution = explanation.attribution;
    std::vector<Option>& options = explanation.provenance.options;
    const auto by_labels = [&](const std::vector<int32_t>& labels) {
        return by_player(evaluator, input, LabelMasker(explained.name, value, baseline, labels),
                         whole_and_none[0]);
    };
    if (options_.segments) {
        attribution.values = by_labels(pixel_labels(value, *options_.segments));
        attribution.segments = options_.segments;
        explanation.diagnostics.notes.push_back(std::to_string(attribution.values.size()) +
                                                " segments");
    } else if (value.rank() == 2) {
        attribution.values = by_labels(column_labels(value.size()));
        name_columns(attribution, options_.schema, value);
    } else {
        const OcclusionOptions o = settled(options_, planes_of(value.shape()));
        attribution.values = by_window(evaluator, input, explained, baseline, o, whole_and_none[0]);
        options = {{"window-height", o.window_height},
                   {"window-width", o.window_width},
                   {"stride-height", o.stride_height},
                   {"stride-width", o.stride_width}};
    }
    options.push_back({"baseline", describe(baseline_)});
    explanation.target = {.resolved = evaluator.target(),
                          .value = whole_and_none[0],
                          .baseline = describe(baseline_),
                          .baseline_value = whole_and_none[1]};
    explanation.diagnostics.no_error_because = why_no_sum;
    explanation.provenance.evaluations = evaluator.evaluations() + (target.index ? 0 : 1);
    explanation.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

Explanation occlude_players(const Model& model, const Masker& masker, const std::string& hidden,
                            const Batch& input, const Target& target, const Run& run) {
    const auto start = std::chrono::steady_clock::now();
    run.check();
    if (masker.players() == 0) throw Error(ErrorKind::input, "the text has no words to explain");
    Evaluator evaluator(model, resolve(target, model, input, Scale::probability, run), run);
    const std::vector<double> values = with_all_and_none(evaluator, input, masker);
    Explanation explanation;
    explanation.attribution.values = by_player(evaluator, input, masker, values[0]);
    explanation.attribution.names = masker.names();
    explanation.target = {.resolved = evaluator.target(),
                          .value = values[0],
                          .baseline = hidden,
                          .baseline_value = values[1]};
    explanation.diagnostics.no_error_because = why_no_sum;
    Provenance& provenance = explanation.provenance;
    provenance.method = "occlusion";
    provenance.seed = run.seed;
    provenance.version = version();
    provenance.evaluations = evaluator.evaluations() + (target.index ? 0 : 1);
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
