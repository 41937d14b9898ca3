#include "whence/gradients/xrai.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "whence/core/error.h"
#include "whence/gradients/explained_input.h"
#include "whence/gradients/integrated_gradients.h"
#include "whence/gradients/options.h"
#include "whence/gradients/regions.h"
#include "whence/mask/segmentation.h"

namespace whence {

using namespace gradients;  // the helpers of this folder

namespace {

// The authors segment pictures that range from -1 to 1: twice the contrast of ours, so half the
// scale.
constexpr double scales[] = {25, 50, 75, 125, 250, 600};
constexpr double smoothing = 0.8;
constexpr double usual_side = 224;

// Pixels of a batch of one image, wherever its channels stand.
class Pixels {
  public:
    explicit Pixels(const Shape& shape) {
        const auto axes = image_axes(shape);
        if (!axes)
            throw Error(ErrorKind::usage,
                        "xrai explains images; the input has shape " + to_string(shape));
        height = shape[axes->height];
        width = shape[axes->width];
        channels = shape[axes->channels];
        channels_last_ = axes->channels == 3;
    }
    [[nodiscard]] size_t index(int64_t pixel, int64_t channel) const {
        return channels_last_ ? pixel * channels + channel : channel * height * width + pixel;
    }
    [[nodiscard]] int64_t count() const { return height * width; }
    int64_t height = 0, width = 0, channels = 0;

  private:
    bool channels_last_ = false;
};

// The image from 0 to 1, grey or the first three channels, as segmentation reads it.
Tensor picture(const std::vector<double>& x, const Pixels& pixels) {
    const auto [low, high] = std::ranges::minmax(x);
    const double range = high > low ? high - low : 1;
    const int64_t channels = pixels.channels >= 3 ? 3 : 1;
    Tensor image(ElementType::float64, {pixels.height, pixels.width, channels});
    const std::span<double> to = image.as<double>();
    for (int64_t p = 0; p < pixels.count(); ++p)
        for (int64_t c = 0; c < channels; ++c)
            to[p * channels + c] = (x[pixels.index(p, c)] - low) / range;
    return image;
}

std::vector<double> largest_channel(const std::vector<double>& values, const Pixels& pixels) {
    std::vector<double> out(pixels.count());
    for (int64_t p = 0; p < pixels.count(); ++p) {
        out[p] = values[pixels.index(p, 0)];
        for (int64_t c = 1; c < pixels.channels; ++c)
            out[p] = std::max(out[p], values[pixels.index(p, c)]);
    }
    return out;
}

std::vector<Region> regions_of(const Tensor& image, const Pixels& pixels,
                               const XraiOptions& options, const Run& run) {
    const double side = std::sqrt(static_cast<double>(pixels.count())) / usual_side;
    const auto radius =
        static_cast<int64_t>(std::lround(static_cast<double>(options.radius) * side));
    const double size = static_cast<double>(options.min_size) * side * side;
    std::vector<Region> regions;
    for (const double scale : scales) {
        run.check();
        const Tensor labels =
            segment(image, Felzenszwalb{scale, smoothing, static_cast<int>(std::ceil(size))}, run);
        const std::span<const int32_t> all = labels.as<int32_t>();
        std::ranges::move(
            dilated_regions({all.begin(), all.end()}, pixels.height, pixels.width, radius),
            std::back_inserter(regions));
    }
    return regions;
}

}  // namespace

Xrai::Xrai(const DifferentiableModel& model, Options options)
    : model_(model), options_(std::move(options)) {
    require_count("xrai", "steps", options_.steps);
    require_count("xrai", "min-size", options_.min_size);
    require_count("xrai", "least", options_.least);
    require_range("xrai", "radius", static_cast<double>(options_.radius), 0, 50);
}

Explanation Xrai::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const ExplainedInput explained = choose_input(model_, input, options_.input);
    const Pixels pixels(explained.value->shape());
    const std::vector<double> x = explained.value->to_doubles();
    const auto [low, high] = std::ranges::minmax(x);
    const auto integrate = [&](double everywhere, const Target& wanted) {
        return IntegratedGradients(model_, baseline::Value{everywhere},
                                   {.steps = options_.steps, .input = explained.name})
            .explain(input, wanted, run);
    };
    Explanation dark = integrate(low, target);
    const ResolvedTarget& found = dark.target.resolved;
    const Explanation bright =
        integrate(high, {found.output, found.index, found.minus, found.scale});
    std::vector<double> values = dark.attribution.values.to_doubles();
    const std::vector<double> other = bright.attribution.values.to_doubles();
    for (size_t i = 0; i < values.size(); ++i) values[i] = (values[i] + other[i]) / 2;

    const double area = static_cast<double>(pixels.count()) / (usual_side * usual_side);
    const auto least = static_cast<int64_t>(std::ceil(static_cast<double>(options_.least) * area));
    const RankedRegions ranked =
        rank_regions(largest_channel(values, pixels),
                     regions_of(picture(x, pixels), pixels, options_, run), least, run);

    Explanation explanation;
    explanation.attribution.values = Tensor::of<double>({std::ssize(ranked.gains)}, ranked.gains);
    explanation.attribution.segments =
        Tensor::of<int32_t>({pixels.height, pixels.width}, ranked.labels);
    explanation.target = std::move(dark.target);
    explanation.target.baseline = explanation.target.baseline + " and " + bright.target.baseline;
    explanation.target.baseline_value.reset();
    explanation.diagnostics.no_error_because =
        "the values are mean attributions of regions, in order to rank them: they add up to "
        "nothing";
    fill_common(explanation, "xrai", explained, run);
    Provenance& provenance = explanation.provenance;
    provenance.options = {{"steps", options_.steps},
                          {"min-size", options_.min_size},
                          {"radius", options_.radius},
                          {"least", options_.least},
                          {"input", explained.name}};
    provenance.evaluations = dark.provenance.evaluations + bright.provenance.evaluations;
    provenance.gradient_evaluations =
        dark.provenance.gradient_evaluations + bright.provenance.gradient_evaluations;
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
