#include "whence/clip/scale.h"

#include <algorithm>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"
#include "whence/graph/passes/passes.h"

namespace whence::clip {
namespace {

constexpr int64_t samples = 4;
// Float32 arithmetic of two graphs, on logits of a few hundred at most.
constexpr double tolerance = 1e-2;

/// Pictures and texts as the whole graph reads them: no two alike.
Batch made_up(const graph::Graph& whole, const OnnxModel& image, const text::TextEncoder& tokens) {
    std::vector<std::string> texts;
    for (int64_t i = 0; i < samples; ++i)
        texts.push_back(std::string(1, static_cast<char>('a' + 5 * i)));
    Batch out = tokens.encode(texts);
    const Shape pixels = image.inputs()[0].shape;  // [N, H, W, C]
    for (const graph::ValueInfo& input : whole.inputs) {
        if (!input.shape || input.shape->size() != 4) continue;
        Tensor values(ElementType::float32, {samples, pixels[3], pixels[1], pixels[2]});
        const std::span<float> all = values.as<float>();
        const auto each = static_cast<size_t>(values.row_size());
        for (int64_t i = 0; i < samples; ++i) {
            Rng rng(0, 0, static_cast<uint64_t>(i));
            for (size_t p = 0; p < each; ++p)
                all[i * each + p] =
                    static_cast<float>(0.5 * rng.normal() + 0.5 * static_cast<double>(i) - 0.5);
        }
        out.add(input.name, values.cast(input.type.value_or(ElementType::float32)));
    }
    return out;
}

double cosine(std::span<const double> a, std::span<const double> b) {
    double dot = 0, aa = 0, bb = 0;
    for (size_t d = 0; d < a.size(); ++d) {
        dot += a[d] * b[d];
        aa += a[d] * a[d];
        bb += b[d] * b[d];
    }
    return dot / std::sqrt(aa * bb);
}

/// The line of least squares; none where a point is off it.
std::optional<Affine> line_through(std::span<const double> x, std::span<const double> y) {
    const auto n = static_cast<double>(x.size());
    double mx = 0, my = 0, xx = 0, xy = 0, largest = 0;
    for (size_t i = 0; i < x.size(); ++i) mx += x[i] / n, my += y[i] / n;
    for (size_t i = 0; i < x.size(); ++i) {
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
        largest = std::max(largest, std::abs(y[i]));
    }
    const Affine line{.scale = xy / xx, .bias = my - xy / xx * mx};
    if (!(line.scale > 0) || !std::isfinite(line.scale) || !std::isfinite(line.bias))
        return std::nullopt;
    for (size_t i = 0; i < x.size(); ++i)
        if (!(std::abs(line.scale * x[i] + line.bias - y[i]) <= tolerance * std::max(1.0, largest)))
            return std::nullopt;
    return line;
}

}  // namespace

std::optional<Affine> scale_of_model(const graph::Graph& whole, const OnnxModel& image,
                                     const text::TextEncoder& tokens, const Run& run) {
    const std::vector<std::string> wanted = {"logits_per_image", "image_embeds", "text_embeds"};
    for (const std::string& name : wanted)
        if (std::ranges::find(whole.outputs, name, &graph::ValueInfo::name) == whole.outputs.end())
            return std::nullopt;
    const OnnxModel model =
        OnnxModel::of(graph::cut_below(whole, wanted), "", {.threads = 1, .run = run});
    const Batch answers = model.predict(made_up(whole, image, tokens), run);
    const std::vector<double> logits = answers.at(wanted[0]).to_doubles();
    const std::vector<double> images = answers.at(wanted[1]).to_doubles();
    const std::vector<double> texts = answers.at(wanted[2]).to_doubles();
    const size_t wide = images.size() / samples;
    const size_t columns = logits.size() / samples;
    std::vector<double> x, y;
    for (size_t i = 0; i < samples; ++i)
        for (size_t k = 0; k < samples; ++k) {
            if (columns == 1 && k != i) continue;  // rows run one by one
            x.push_back(cosine(std::span(images).subspan(i * wide, wide),
                               std::span(texts).subspan(k * wide, wide)));
            y.push_back(logits[columns == 1 ? i : i * columns + k]);
        }
    std::optional<Affine> line = line_through(x, y);
    // A bias that is nothing but rounding is none.
    if (line && std::abs(line->bias) < tolerance) line->bias = 0;
    return line;
}

}  // namespace whence::clip
