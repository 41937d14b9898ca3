#pragma once
// Small explanations that the tests of rendering share.

#include <cmath>
#include <string>
#include <vector>

#include "whence/core/explanation.h"

namespace whence::render::test {

inline constexpr const char* hostile = "<script>alert('x')</script>\x1b[31m\"&\n\xff";

/// Four features; additive up to 0.004 of 0.604.
inline Explanation table_example() {
    Explanation out;
    out.attribution.values = Tensor::of<double>({4}, std::vector<double>{0.5, -0.2, 0.25, 0.05});
    out.attribution.names = {"radius", "texture", "area", "symmetry"};
    out.attribution.displays = {"17.99", "10.38", "1001", "0.24"};
    out.target.resolved = {.output = "p", .index = 0, .scale = Scale::probability, .classes = 2};
    out.target.label = "malignant";
    out.target.value = 0.904;
    out.target.baseline = "mean";
    out.target.baseline_value = 0.3;
    out.provenance.method = "kernel-shap";
    out.provenance.evaluations = 2048;
    out.provenance.seed = 7;
    out.provenance.version = "0.1.0";
    state_attribution_error(out);
    return out;
}

/// `count` features of falling weight.
inline Explanation many_features(int64_t count) {
    Explanation out = table_example();
    std::vector<double> values;
    for (int64_t i = 0; i < count; ++i)
        values.push_back((i % 2 ? -1.0 : 1.0) / (1.0 + static_cast<double>(i)));
    out.attribution.values = Tensor::of<double>({count}, values);
    out.attribution.names.clear();
    out.attribution.displays.clear();
    state_attribution_error(out);
    return out;
}

/// Gradients of an image, channels first: value of a pixel grows from left to right, -1 to 1.
inline Explanation pixel_example(int64_t height, int64_t width) {
    Explanation out = table_example();
    std::vector<float> values;
    for (int channel = 0; channel < 3; ++channel)
        for (int64_t row = 0; row < height; ++row)
            for (int64_t column = 0; column < width; ++column)
                values.push_back(
                    static_cast<float>(2.0 * static_cast<double>(column) /
                                           static_cast<double>(std::max<int64_t>(1, width - 1)) -
                                       1) /
                    3);
    out.attribution = {};
    out.attribution.values = Tensor::of<float>({1, 3, height, width}, values);
    out.provenance.method = "integrated-gradients";
    out.provenance.evaluations = 0;
    out.provenance.gradient_evaluations = 50;
    state_attribution_error(out);
    return out;
}

/// The map of a layer with two channels, 2 x 3: sums over channels -1 0 0 / 0 0 2.
inline Explanation layer_example() {
    Explanation out = pixel_example(2, 3);
    out.attribution.values = Tensor::of<float>(
        {1, 2, 2, 3}, std::vector<float>{-2, 1, 0, 0, 0, 1, 1, -1, 0, 0, 0, 1});
    out.attribution.layer = "block/relu";
    out.provenance.method = "grad-cam";
    state_attribution_error(out);
    return out;
}

/// Two superpixels: the left half speaks against, the right half for.
inline Explanation segment_example(int64_t height, int64_t width) {
    Explanation out = table_example();
    std::vector<int32_t> labels;
    for (int64_t row = 0; row < height; ++row)
        for (int64_t column = 0; column < width; ++column)
            labels.push_back(2 * column < width ? 0 : 1);
    out.attribution = {};
    out.attribution.values = Tensor::of<double>({2}, std::vector<double>{-0.1, 0.4});
    out.attribution.segments = Tensor::of<int32_t>({height, width}, labels);
    out.provenance.method = "lime";
    out.target.baseline_value.reset();
    out.diagnostics = {};
    out.diagnostics.no_error_because = "a local model";
    return out;
}

/// Every explanation that has gone wrong somewhere, with what went wrong.
struct Degenerate {
    std::string name;
    Explanation explanation;
};
inline std::vector<Degenerate> degenerate_tables() {
    std::vector<Degenerate> out;
    Explanation none = table_example();
    none.attribution = {};
    out.push_back({"no features", none});
    Explanation zero = table_example();
    zero.attribution.values = Tensor(ElementType::float64, {4});
    out.push_back({"all zero", zero});
    Explanation nan = table_example();
    nan.attribution.values = Tensor::of<double>({4}, std::vector<double>{NAN, 1, INFINITY, -2});
    nan.target.value = NAN;
    state_attribution_error(nan);
    out.push_back({"not numbers", nan});
    Explanation one = many_features(1);
    out.push_back({"one feature", one});
    Explanation longest = table_example();
    longest.attribution.names.assign(4, std::string(5000, 'x'));
    longest.attribution.displays.assign(4, std::string(5000, '9'));
    longest.target.label = std::string(5000, 'y');
    longest.diagnostics.notes = {std::string(5000, 'z')};
    out.push_back({"very long names", longest});
    Explanation evil = table_example();
    evil.attribution.names.assign(4, hostile);
    evil.attribution.displays.assign(4, hostile);
    evil.target.label = evil.target.baseline = evil.provenance.method = hostile;
    evil.provenance.model_path = evil.provenance.version = hostile;
    evil.provenance.preprocessing = R"({"kind": "</code><script>alert(1)</script>"})";
    evil.provenance.options = {{hostile, std::string(hostile)}};
    evil.diagnostics.notes = {hostile};
    out.push_back({"hostile strings", evil});
    Explanation utf8 = table_example();
    // Overlong, surrogate, beyond Unicode, noncharacter, right-to-left override.
    utf8.attribution.names = {"\xE0\x80\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80",
                              "\xEF\xBF\xBF\xE2\x80\xAE"};
    out.push_back({"bad UTF-8", utf8});
    Explanation mismatched = table_example();
    mismatched.attribution.names.resize(1);
    mismatched.attribution.displays.resize(2);
    mismatched.attribution.standard_errors = {0.1, NAN, -0.5, 3, 4, 5};
    out.push_back({"lists of different lengths", mismatched});
    out.push_back({"10 000 features", many_features(10000)});
    Explanation huge = table_example();
    huge.attribution.values =
        Tensor::of<double>({4}, std::vector<double>{1e300, -1e-300, 1e300, 5e-324});
    out.push_back({"extreme magnitudes", huge});
    return out;
}

}  // namespace whence::render::test
