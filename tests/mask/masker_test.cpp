#include "whence/mask/masker.h"

#include <gtest/gtest.h>

#include <numeric>

#include "whence/core/error.h"
#include "whence/core/rng.h"

namespace whence {
namespace {

// The obvious way: element by element, by what its player says.
template <class T>
std::vector<T> mask_slowly(const Tensor& input, const Tensor& baseline,
                           const std::vector<int32_t>& labels, MatrixView<const uint8_t> present) {
    std::vector<T> out;
    for (int64_t row = 0; row < present.rows; ++row)
        for (size_t i = 0; i < labels.size(); ++i) {
            const bool keep = labels[i] < 0 || present(row, labels[i]) != 0;
            out.push_back(keep ? input.as<T>()[i] : baseline.as<T>()[i]);
        }
    return out;
}

template <class T>
Tensor counting(const Shape& shape, double from) {
    Tensor tensor(element_type_of<T>(), shape);
    for (int64_t i = 0; i < tensor.size(); ++i)
        tensor.as<T>()[i] = static_cast<T>(from + static_cast<double>(i));
    return tensor;
}

std::vector<uint8_t> random_bits(int64_t count, uint64_t seed) {
    Rng rng(seed, 1, 0);
    std::vector<uint8_t> bits(count);
    for (uint8_t& bit : bits) bit = static_cast<uint8_t>(rng.below(2));
    return bits;
}

template <class T>
void expect_as_slow(const Shape& shape, const std::vector<int32_t>& labels, int64_t rows,
                    int threads) {
    const Tensor input = counting<T>(shape, 1000), baseline = counting<T>(shape, 1);
    const LabelMasker masker("x", input, baseline, labels);
    const std::vector<uint8_t> bits = random_bits(rows * masker.players(), labels.size());
    const MatrixView<const uint8_t> present{bits.data(), rows, masker.players()};
    Batch batch(input.repeat_row(rows));
    masker.apply(present, 0, batch, Run{.threads = threads});
    const std::span<const T> got = batch[0].value.as<T>();
    EXPECT_EQ(std::vector<T>(got.begin(), got.end()),
              mask_slowly<T>(input, baseline, labels, present));
}

// Runs of random lengths from 1 to 200 elements: shorter and longer than a 16-byte word, and at the
// end of the row, where nothing may be written beyond it.
TEST(LabelMasker, AgreesWithElementByElement) {
    for (uint64_t seed = 0; seed < 40; ++seed) {
        Rng rng(seed, 0, 0);
        const auto players = static_cast<int32_t>(1 + rng.below(12));
        std::vector<int32_t> labels(players);
        std::iota(labels.begin(), labels.end(), 0);
        while (labels.size() < 500) {
            const auto label = static_cast<int32_t>(rng.below(players + 1)) - 1;
            labels.insert(labels.end(), 1 + rng.below(seed % 2 ? 6 : 200), label);
        }
        const Shape shape{1, static_cast<int64_t>(labels.size())};
        expect_as_slow<float>(shape, labels, 5, 1);
        expect_as_slow<double>(shape, labels, 5, 1);
        expect_as_slow<uint8_t>(shape, labels, 5, 1);
    }
}

// Players that are elements one after the other (columns; pixels, once for each channel) are chosen element by element.
TEST(LabelMasker, StretchesOfElements) {
    for (const int32_t columns : {16, 37, 784}) {
        std::vector<int32_t> labels(columns);
        std::iota(labels.begin(), labels.end(), 0);
        for (const int channels : {1, 3}) {
            std::vector<int32_t> all;
            for (int c = 0; c < channels; ++c) all.insert(all.end(), labels.begin(), labels.end());
            const Shape shape{1, std::ssize(all)};
            expect_as_slow<float>(shape, all, 5, 1);
            expect_as_slow<double>(shape, all, 5, 2);
            expect_as_slow<int64_t>(shape, all, 5, 1);
            expect_as_slow<uint8_t>(shape, all, 5, 1);
            all.back() = -1;  // nobody's
            if (channels > 1) expect_as_slow<float>(shape, all, 5, 1);
        }
    }
}

TEST(LabelMasker, SameBitsForAnyThreads) {
    std::vector<int32_t> labels(40000);
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i / 7 % 13);
    expect_as_slow<float>({1, 40000}, labels, 50, 1);
    expect_as_slow<float>({1, 40000}, labels, 50, 4);
}

TEST(LabelMasker, LeavesOtherTensorsAlone) {
    const LabelMasker masker("x", counting<float>({1, 2}, 5), counting<float>({1, 2}, 0), {0, 1},
                             {"a", "b"});
    Batch batch({{"ids", counting<int64_t>({2, 3}, 7)}, {"x", counting<float>({2, 2}, 50)}});
    const std::vector<uint8_t> bits{1, 0, 0, 1};
    masker.apply({bits.data(), 2, 2}, 0, batch, {});
    EXPECT_EQ(batch.at("ids"), counting<int64_t>({2, 3}, 7));
    EXPECT_EQ(batch.at("x"), Tensor::of<float>({2, 2}, std::vector<float>{5, 1, 0, 6}));
    EXPECT_EQ(masker.names(), (std::vector<std::string>{"a", "b"}));
}

TEST(LabelMasker, OnePlayer) {
    expect_as_slow<float>({1, 9}, std::vector<int32_t>(9, 0), 4, 1);
}
TEST(LabelMasker, NoPlayerAtAll) {
    const LabelMasker masker("x", counting<float>({1, 3}, 5), counting<float>({1, 3}, 0),
                             {-1, -1, -1});
    EXPECT_EQ(masker.players(), 0);
}

std::string refusal(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return "nothing was refused";
}

TEST(LabelMasker, SaysWhatIsWrong) {
    const Tensor row = counting<float>({1, 3}, 0);
    const auto make = [&](const Tensor& baseline, std::vector<int32_t> labels,
                          std::vector<std::string> names = {}) {
        return refusal([&] { LabelMasker("x", row, baseline, labels, names); });
    };
    EXPECT_EQ(make(counting<float>({1, 4}, 0), {0, 1, 2}),
              "the baseline has shape [1, 4], the input [1, 3]");
    EXPECT_EQ(make(row, {0, 1}), "2 labels for 3 elements");
    EXPECT_EQ(make(row, {0, 2, 2}),
              "no element has label 1; labels must be 0, 1, 2, ... without gaps");
    EXPECT_EQ(make(row, {0, -2, 1}), "label -2 is below -1");
    EXPECT_EQ(make(row, {0, 1, 1}, {"a"}), "1 names for 2 players");
}

TEST(PixelLabels, BothLayouts) {
    const Tensor segments = Tensor::of<int32_t>({2, 2}, std::vector<int32_t>{0, 1, 1, 2});
    EXPECT_EQ(pixel_labels(Tensor(ElementType::float32, {1, 2, 2, 3}), segments),
              (std::vector<int32_t>{0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2}));
    EXPECT_EQ(pixel_labels(Tensor(ElementType::float32, {1, 3, 2, 2}), segments),
              (std::vector<int32_t>{0, 1, 1, 2, 0, 1, 1, 2, 0, 1, 1, 2}));
    EXPECT_EQ(refusal([&] {
                  (void)pixel_labels(Tensor(ElementType::float32, {1, 4, 2, 3}), segments);
              }),
              "segments have shape [2, 2], the image has 4 x 2 pixels");
}

TEST(Renumbered, InTheOrderOfTheLabels) {
    const Tensor segments = Tensor::of<int64_t>({2, 2}, std::vector<int64_t>{7, -3, 7, 100});
    EXPECT_EQ(renumbered(segments), Tensor::of<int32_t>({2, 2}, std::vector<int32_t>{1, 0, 1, 2}));
    EXPECT_EQ(refusal([] {
                  (void)renumbered(Tensor(ElementType::float32, {2, 2}));
              }),
              "segments must be whole numbers [height, width], not float32 [2, 2]");
}

TEST(SuperpixelMeans, OfEachColour) {
    const Tensor segments = Tensor::of<int32_t>({2, 2}, std::vector<int32_t>{0, 1, 1, 0});
    EXPECT_EQ(
        superpixel_means(Tensor::of<float>({1, 2, 2, 3},
                                           std::vector<float>{1, 2, 3, 4, 5, 6, 8, 9, 10, 3, 4, 5}),
                         segments),
        Tensor::of<float>({1, 2, 2, 3}, std::vector<float>{2, 3, 4, 6, 7, 8, 6, 7, 8, 2, 3, 4}));
    EXPECT_EQ(
        superpixel_means(
            Tensor::of<float>({1, 3, 2, 2}, std::vector<float>{1, 2, 4, 5, 1, 1, 1, 1, 0, 0, 2, 8}),
            segments),
        Tensor::of<float>({1, 3, 2, 2}, std::vector<float>{3, 3, 3, 3, 1, 1, 1, 1, 4, 1, 1, 4}));
}

}  // namespace
}  // namespace whence
