#include "whence/perturb/occlusion.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "perturb/fake_models.h"
#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence {
namespace {

using testing::FormulaModel;

Tensor noise(Shape shape) {
    Tensor tensor(ElementType::float32, std::move(shape));
    Rng rng(3, 0, 0);
    for (float& value : tensor.as<float>()) value = static_cast<float>(rng.uniform());
    return tensor;
}

double wave(std::span<const double> row) {
    double sum = 0;
    for (size_t i = 0; i < row.size(); ++i)
        sum += std::sin(static_cast<double>(i)) * row[i] * row[i];
    return sum;
}

// The obvious way: cover, ask, share out.
std::vector<double> occlude_slowly(const Tensor& image, int64_t h, int64_t w, int64_t c, bool last,
                                   int64_t window, int64_t stride) {
    const std::vector<double> pixels = image.to_doubles();
    std::vector<double> sums(h * w), covers(h * w);
    const auto at = [&](int64_t y, int64_t x, int64_t k) {
        return last ? (y * w + x) * c + k : (k * h + y) * w + x;
    };
    const auto tops = [&](int64_t side) {
        std::vector<int64_t> out{0};
        while (out.back() + window < side) out.push_back(out.back() + stride);
        return out;
    };
    for (const int64_t top : tops(h))
        for (const int64_t left : tops(w)) {
            std::vector<double> covered = pixels;
            const auto each = [&](auto&& work) {
                for (int64_t y = top; y < std::min(h, top + window); ++y)
                    for (int64_t x = left; x < std::min(w, left + window); ++x) work(y, x);
            };
            each([&](int64_t y, int64_t x) {
                for (int64_t k = 0; k < c; ++k) covered[at(y, x, k)] = 0;
            });
            const double drop = wave(pixels) - wave(covered);
            each([&](int64_t y, int64_t x) { sums[y * w + x] += drop, ++covers[y * w + x]; });
        }
    for (size_t i = 0; i < sums.size(); ++i) sums[i] /= covers[i];
    return sums;
}

TEST(Occlusion, WindowsAgreeWithTheObviousWay) {
    for (const bool last : {true, false})
        for (const int64_t c : {1, 3})
            for (const auto& [window, stride] :
                 {std::pair<int64_t, int64_t>{1, 1}, {3, 2}, {4, 4}, {20, 5}}) {
                const Shape shape = last ? Shape{1, 9, 11, c} : Shape{1, c, 9, 11};
                const Tensor image = noise(shape);
                const FormulaModel model(shape, ElementType::float32, wave, 7);
                const Occlusion occlusion(model, baseline::Zeros{},
                                          {.window_height = window,
                                           .window_width = window,
                                           .stride_height = stride,
                                           .stride_width = stride});
                const Explanation e = occlusion.explain(image, {}, {});
                EXPECT_EQ(e.attribution.values.shape(), (Shape{1, 9, 11}));
                const std::vector<double> slow =
                    occlude_slowly(image, 9, 11, c, last, window, stride);
                const std::vector<double> fast = e.attribution.values.to_doubles();
                for (size_t i = 0; i < slow.size(); ++i) EXPECT_NEAR(fast[i], slow[i], 1e-12);
            }
}

TEST(Occlusion, DefaultWindowIsAnEighthInHalfSteps) {
    const FormulaModel model({-1, 32, 16, 3}, ElementType::float32, wave);
    const Explanation e =
        Occlusion(model, baseline::Value{0.5}).explain(noise({1, 32, 16, 3}), {}, {});
    const auto option = [&](const std::string& name) {
        return std::get<int64_t>(
            std::ranges::find(e.provenance.options, name, &Option::name)->value);
    };
    EXPECT_EQ(option("window-height"), 4);
    EXPECT_EQ(option("window-width"), 2);
    EXPECT_EQ(option("stride-height"), 2);
    EXPECT_EQ(option("stride-width"), 1);
    EXPECT_EQ(model.asked, 15 * 15 + 3);
    EXPECT_EQ(e.target.baseline, "value:0.5");
    EXPECT_TRUE(e.target.baseline_value);
    EXPECT_FALSE(e.diagnostics.attribution_error);
    EXPECT_FALSE(e.diagnostics.no_error_because.empty());
}

TEST(Occlusion, ColumnsOfATable) {
    const FormulaModel model({-1, 3}, ElementType::float64,
                             [](auto row) { return row[0] + 2 * row[1] + row[0] * row[2]; });
    const Tensor medians = Tensor::of<double>({1, 3}, std::vector<double>{1, 1, 0});
    OcclusionOptions options;
    options.schema = {{.name = "a"}, {.name = "b"}, {.name = "c", .categories = {"no", "yes"}}};
    const Explanation e =
        Occlusion(model, baseline::Data{medians, "medians"}, options)
            .explain(Tensor::of<double>({1, 3}, std::vector<double>{5, 4, 1}), {}, {});
    EXPECT_EQ(e.attribution.values, Tensor::of<double>({3}, std::vector<double>{8, 6, 5}));
    EXPECT_EQ(e.attribution.names, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(e.attribution.displays, (std::vector<std::string>{"5", "4", "yes"}));
    EXPECT_EQ(e.target.value, 18);
    EXPECT_EQ(*e.target.baseline_value, 3);
    EXPECT_EQ(e.target.baseline, "medians");
}

TEST(Occlusion, Segments) {
    const FormulaModel model({-1, 2, 2, 1}, ElementType::float32, [](auto row) {
        return row[0] + 2 * row[1] + 4 * row[2] + 8 * row[3];
    });
    OcclusionOptions options;
    options.segments = Tensor::of<int64_t>({2, 2}, std::vector<int64_t>{5, 9, 9, 5});
    const Explanation e =
        Occlusion(model, baseline::Zeros{}, options)
            .explain(Tensor::of<float>({1, 2, 2, 1}, std::vector<float>{1, 1, 1, 1}), {}, {});
    EXPECT_EQ(e.attribution.values, Tensor::of<double>({2}, std::vector<double>{9, 6}));
    EXPECT_EQ(e.attribution.segments,
              Tensor::of<int32_t>({2, 2}, std::vector<int32_t>{0, 1, 1, 0}));
}

TEST(Occlusion, SameBitsForAnyThreads) {
    const FormulaModel model({-1, 20, 20, 3}, ElementType::float32, wave, 50);
    const Occlusion occlusion(model, baseline::Blur{2});
    const Tensor image = noise({1, 20, 20, 3});
    EXPECT_EQ(occlusion.explain(image, {}, {.threads = 1}).attribution.values,
              occlusion.explain(image, {}, {.threads = 3}).attribution.values);
}

template <class Work>
std::string refusal(Work work) {
    try {
        work();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing was refused";
}

TEST(Occlusion, SaysWhatIsWrong) {
    const FormulaModel model({-1, 8, 8, 3}, ElementType::float32, wave);
    EXPECT_EQ(refusal([&] { Occlusion(model, baseline::Zeros{}, {.window_height = -1}); }),
              "window and stride must not be negative: -1");
    const Tensor image = noise({1, 8, 8, 3});
    EXPECT_EQ(
        refusal([&] {
            (void)Occlusion(model, baseline::Zeros{}, {.window_height = 2, .stride_height = 3})
                .explain(image, {}, {});
        }),
        "a stride of 3 skips pixels between windows of 2; take a stride of at most the window");
    EXPECT_EQ(refusal([&] {
                  (void)Occlusion(model, baseline::Zeros{}).explain(noise({1, 8, 8}), {}, {});
              }),
              "occlusion by windows needs an image; the input has shape [1, 8, 8]");
}

TEST(Occlusion, StopsWhenAsked) {
    std::stop_source source;
    const FormulaModel model({-1, 16, 16, 1}, ElementType::float32, [&](auto) {
        source.request_stop();
        return 1.0;
    });
    EXPECT_EQ(refusal([&] {
                  (void)Occlusion(model, baseline::Zeros{})
                      .explain(noise({1, 16, 16, 1}), {}, {.stop = source.get_token()});
              }),
              "stopped before it was finished");
}

}  // namespace
}  // namespace whence
