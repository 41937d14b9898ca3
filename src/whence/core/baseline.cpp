#include "whence/core/baseline.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence {
namespace {

constexpr uint32_t noise_stream = 0xBA5E;

// An image as a strided volume: plane(c) + y * row + x * column.
struct Strides {
    int64_t height, width, channels, row, column, channel;
};

Strides strides_of(const Tensor& input, std::string_view kind) {
    const auto axes = image_axes(input.shape());
    if (!axes)
        throw Error(ErrorKind::usage, fmt::format("baseline '{}' needs an image; the input has shape {}",
                                                  kind, to_string(input.shape())));
    const Shape& shape = input.shape();
    const int64_t h = shape[axes->height], w = shape[axes->width], c = shape[axes->channels];
    if (axes->channels == 3) return {h, w, c, w * c, c, 1};
    return {h, w, c, w, 1, h * w};
}

void fill_mean(const std::vector<double>& in, const Strides& s, std::vector<double>& out) {
    for (int64_t c = 0; c < s.channels; ++c) {
        double sum = 0;
        for (int64_t y = 0; y < s.height; ++y)
            for (int64_t x = 0; x < s.width; ++x)
                sum += in[c * s.channel + y * s.row + x * s.column];
        const double mean = sum / static_cast<double>(s.height * s.width);
        for (int64_t y = 0; y < s.height; ++y)
            for (int64_t x = 0; x < s.width; ++x)
                out[c * s.channel + y * s.row + x * s.column] = mean;
    }
}

// One direction of a separable Gaussian, cut at 4 sigma, edges repeated.
void blur_line(double* line, int64_t length, int64_t step, const std::vector<double>& kernel,
               std::vector<double>& scratch) {
    const int64_t radius = static_cast<int64_t>(kernel.size()) - 1;
    scratch.resize(length);
    for (int64_t i = 0; i < length; ++i) scratch[i] = line[i * step];
    for (int64_t i = 0; i < length; ++i) {
        double sum = kernel[0] * scratch[i];
        for (int64_t k = 1; k <= radius; ++k)
            sum += kernel[k] * (scratch[std::max<int64_t>(0, i - k)] +
                                scratch[std::min(length - 1, i + k)]);
        line[i * step] = sum;
    }
}

void blur(std::vector<double>& image, const Strides& s, double sigma) {
    const auto radius = static_cast<int64_t>(std::ceil(4 * sigma));
    std::vector<double> kernel(radius + 1);
    double sum = 0;
    for (int64_t k = 0; k <= radius; ++k) {
        kernel[k] = std::exp(-0.5 * static_cast<double>(k * k) / (sigma * sigma));
        sum += k == 0 ? kernel[k] : 2 * kernel[k];
    }
    for (double& weight : kernel) weight /= sum;
    std::vector<double> scratch;
    for (int64_t c = 0; c < s.channels; ++c) {
        double* plane = image.data() + c * s.channel;
        for (int64_t y = 0; y < s.height; ++y)
            blur_line(plane + y * s.row, s.width, s.column, kernel, scratch);
        for (int64_t x = 0; x < s.width; ++x)
            blur_line(plane + x * s.column, s.height, s.row, kernel, scratch);
    }
}

Tensor from_doubles(const std::vector<double>& values, const Tensor& like) {
    return Tensor::of<double>(like.shape(), values).cast(like.type());
}

std::vector<double> numbers_after(std::string_view text, std::string_view whole) {
    std::vector<double> out;
    while (true) {
        const size_t colon = text.find(':');
        const std::string_view part = text.substr(0, colon);
        double value = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (error != std::errc() || end != part.data() + part.size() || !std::isfinite(value))
            throw Error(ErrorKind::usage, "baseline '" + printable(whole) + "': '" + printable(part) +
                                              "' is not a number");
        out.push_back(value);
        if (colon == std::string_view::npos) return out;
        text.remove_prefix(colon + 1);
    }
}

template <class... F>
struct overloaded : F... {
    using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;  // Clang 14 does not deduce aggregates by itself

}  // namespace

std::string describe(const Baseline& baseline) {
    return std::visit(
        overloaded{[](const baseline::Zeros&) -> std::string { return "zeros"; },
                   [](const baseline::Value& b) { return fmt::format("value:{}", b.value); },
                   [](const baseline::Mean&) -> std::string { return "mean"; },
                   [](const baseline::Blur& b) { return fmt::format("blur:{}", b.sigma); },
                   [](const baseline::Noise& b) { return fmt::format("noise:{}:{}", b.low, b.high); },
                   [](const baseline::Gaussian& b) { return fmt::format("gaussian:{}", b.sigma); },
                   [](const baseline::Data& b) { return b.description; }},
        baseline);
}

Baseline parse_baseline(std::string_view text) {
    const size_t colon = text.find(':');
    const std::string_view kind = text.substr(0, colon);
    std::vector<double> n;
    if (colon != std::string_view::npos) n = numbers_after(text.substr(colon + 1), text);
    if (kind == "zeros" && n.empty()) return baseline::Zeros{};
    if (kind == "mean" && n.empty()) return baseline::Mean{};
    if (kind == "value" && n.size() == 1) return baseline::Value{n[0]};
    if (kind == "blur" && n.size() <= 1 && (n.empty() || (n[0] > 0 && n[0] <= 1000)))
        return n.empty() ? baseline::Blur{} : baseline::Blur{n[0]};
    if (kind == "noise" && (n.empty() || (n.size() == 2 && n[0] <= n[1])))
        return n.empty() ? baseline::Noise{} : baseline::Noise{n[0], n[1]};
    if (kind == "gaussian" && n.size() <= 1 && (n.empty() || n[0] > 0))
        return n.empty() ? baseline::Gaussian{} : baseline::Gaussian{n[0]};
    throw Error(ErrorKind::usage, "no baseline '" + printable(text) +
                                      "'; choose zeros, model-zeros, value:V, mean, blur[:SIGMA], "
                                      "noise[:LOW:HIGH], gaussian[:SIGMA] or a file with the values");
}

Tensor baseline_values(const Baseline& baseline, const Tensor& input, const Run& run) {
    if (const auto* data = std::get_if<baseline::Data>(&baseline)) {
        if (data->values.size() != input.size())
            throw Error(ErrorKind::input, "baseline '" + data->description + "' has shape " +
                                              to_string(data->values.shape()) + ", the input " +
                                              to_string(input.shape()));
        return data->values.reshaped(input.shape()).cast(input.type());
    }
    std::vector<double> values(input.size(), 0.0);
    if (const auto* value = std::get_if<baseline::Value>(&baseline)) {
        std::ranges::fill(values, value->value);
    } else if (const auto* noise = std::get_if<baseline::Noise>(&baseline)) {
        Rng rng(run.seed, noise_stream, 0);
        for (double& v : values) v = noise->low + (noise->high - noise->low) * rng.uniform();
    } else if (const auto* gaussian = std::get_if<baseline::Gaussian>(&baseline)) {
        Rng rng(run.seed, noise_stream, 1);
        rng.normals(values);
        const std::vector<double> x = input.to_doubles();
        for (size_t i = 0; i < values.size(); ++i) values[i] = x[i] + gaussian->sigma * values[i];
    } else if (std::holds_alternative<baseline::Mean>(baseline)) {
        fill_mean(input.to_doubles(), strides_of(input, "mean"), values);
    } else if (const auto* b = std::get_if<baseline::Blur>(&baseline)) {
        values = input.to_doubles();
        blur(values, strides_of(input, "blur"), b->sigma);
    }
    return from_doubles(values, input);
}

std::optional<ImageAxes> image_axes(std::span<const int64_t> shape) {
    if (shape.size() != 4) return std::nullopt;
    const auto channels = [](int64_t n) { return n == 1 || n == 3 || n == 4; };
    // Channels last is how pixels stand in a picture, channels first how most networks read them;
    // with a channel count on both sides the larger image wins.
    const bool last = channels(shape[3]), first = channels(shape[1]);
    if (last && (!first || shape[1] * shape[2] > shape[2] * shape[3])) return ImageAxes{1, 2, 3};
    if (first) return ImageAxes{2, 3, 1};
    return std::nullopt;
}

}  // namespace whence
