#include "whence/core/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "core/support.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr ElementType every_type[] = {
    ElementType::float32, ElementType::float64, ElementType::float16, ElementType::bfloat16,
    ElementType::int8,    ElementType::int16,   ElementType::int32,   ElementType::int64,
    ElementType::uint8,   ElementType::uint16,  ElementType::uint32,  ElementType::uint64,
    ElementType::boolean, ElementType::string};

Tensor halves(ElementType type, const std::vector<uint16_t>& bits) {
    Tensor tensor(type, {static_cast<int64_t>(bits.size())});
    std::memcpy(tensor.data(), bits.data(), tensor.bytes());
    return tensor;
}

TEST(ElementCount, Multiplies) {
    EXPECT_EQ(element_count(Shape{}), 1);
    EXPECT_EQ(element_count(Shape{2, 3, 4}), 24);
    EXPECT_EQ(element_count(Shape{5, 0, 7}), 0);
}

TEST(ElementCount, RefusesNegativeAndHugeShapes) {
    expect_within(error_of(ErrorKind::input, [] { return element_count(Shape{2, -1}); }), "[2, ?]");
    const int64_t huge = int64_t{1} << 62;
    error_of(ErrorKind::limit, [&] { return element_count(Shape{huge, 2}); });
    error_of(ErrorKind::limit, [&] { return element_count(Shape{huge, 4, huge}); });
    error_of(ErrorKind::limit, [&] { return element_count(Shape{int64_t{1} << 48, 2}); });
    error_of(ErrorKind::limit, [&] { return Tensor(ElementType::float32, {huge, huge}); });
    error_of(ErrorKind::input, [] { return Tensor(ElementType::float32, {-3}); });
}

TEST(Tensor, StartsWithZeros) {
    for (const ElementType type : every_type) {
        const Tensor tensor(type, {2, 3});
        EXPECT_EQ(tensor.size(), 6);
        EXPECT_EQ(tensor.row_size(), 3);
        EXPECT_EQ(tensor.bytes(), 6 * element_size(type));
        if (type == ElementType::string)
            for (const std::string& text : tensor.as<std::string>()) EXPECT_EQ(text, "");
        else
            EXPECT_EQ(tensor.to_doubles(), std::vector<double>(6, 0.0)) << name(type);
    }
}

TEST(Tensor, ScalarAndEmptyHaveRows) {
    const Tensor scalar(ElementType::float32, {});
    EXPECT_EQ(scalar.rows(), 1);
    EXPECT_EQ(scalar.row_size(), 1);
    EXPECT_EQ(scalar.slice_rows(0, 1).shape(), Shape{1});
    EXPECT_EQ(scalar.repeat_row(3).shape(), Shape{3});
    const Tensor empty(ElementType::float32, {0, 4});
    EXPECT_EQ(empty.row_size(), 0);
    EXPECT_EQ(empty.slice_rows(0, 0), empty);
    EXPECT_EQ(Tensor().rows(), 0);
}

TEST(Tensor, OfKeepsTheValues) {
    const Tensor tensor = Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4});
    EXPECT_EQ(tensor.as<float>()[3], 4);
    EXPECT_EQ(tensor.to_doubles(), (std::vector<double>{1, 2, 3, 4}));
    error_of(ErrorKind::internal, [] { return Tensor::of<float>({3}, std::vector<float>{1}); });
}

TEST(Tensor, ReadAsAnotherTypeIsABug) {
    const Tensor tensor(ElementType::float32, {1});
    expect_within(error_of(ErrorKind::internal, [&] { return tensor.as<double>().size(); }),
                  "float32 was read as float64");
    error_of(ErrorKind::internal, [&] { return tensor.as<std::string>().size(); });
}

TEST(Tensor, SlicesRowsOfEveryType) {
    for (const ElementType type : every_type) {
        if (type == ElementType::string || type == ElementType::float16 ||
            type == ElementType::bfloat16)
            continue;
        const Tensor all =
            Tensor::of<double>({3, 2}, std::vector<double>{0, 1, 1, 0, 1, 1}).cast(type);
        const Tensor middle = all.slice_rows(1, 2);
        EXPECT_EQ(middle.shape(), (Shape{2, 2}));
        EXPECT_EQ(middle.to_doubles(), (std::vector<double>{1, 0, 1, 1})) << name(type);
        const Tensor last = all.slice_rows(2, 1).repeat_row(2);
        EXPECT_EQ(last.to_doubles(), (std::vector<double>{1, 1, 1, 1})) << name(type);
    }
    const Tensor text = Tensor::of<std::string>({2, 1}, std::vector<std::string>{"a", "b"});
    EXPECT_EQ(text.slice_rows(1, 1).repeat_row(2).as<std::string>()[1], "b");
}

TEST(Tensor, RowsOutOfRangeAreRefused) {
    const Tensor tensor(ElementType::float32, {3, 2});
    error_of(ErrorKind::internal, [&] { return tensor.slice_rows(2, 2); });
    error_of(ErrorKind::internal, [&] { return tensor.slice_rows(-1, 1); });
    error_of(ErrorKind::internal, [&] { return tensor.slice_rows(0, -1); });
    error_of(ErrorKind::internal, [&] { return tensor.repeat_row(2); });
}

TEST(Tensor, ReshapesWithoutChangingOrder) {
    const Tensor tensor = Tensor::of<int32_t>({2, 3}, std::vector<int32_t>{1, 2, 3, 4, 5, 6});
    EXPECT_EQ(tensor.reshaped({3, 2}).to_doubles(), tensor.to_doubles());
    EXPECT_EQ(tensor.reshaped({6}).shape(), Shape{6});
    expect_within(error_of(ErrorKind::input, [&] { return tensor.reshaped({4}); }),
                  "shape [2, 3] cannot become [4]");
}

// IEEE 754 binary16: the ends of each range, and what lies between.
TEST(Tensor, ReadsHalfFloats) {
    const Tensor tensor = halves(
        ElementType::float16,
        {0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x3555, 0x7c00, 0xfc00});
    const std::vector<double> wanted = {
        0, -0.0, 1, -2, 65504, 0x1p-14, 0x1.ff8p-15, 0x1p-24, 0x1.554p-2, infinity, -infinity};
    EXPECT_EQ(tensor.to_doubles(), wanted);
    EXPECT_TRUE(std::signbit(tensor.to_doubles()[1]));
    EXPECT_TRUE(std::isnan(halves(ElementType::float16, {0x7e00}).to_doubles()[0]));
    EXPECT_TRUE(std::isnan(halves(ElementType::float16, {0xfc01}).to_doubles()[0]));
}

// Every finite half is the value its fields say.
TEST(Tensor, ReadsAllHalfFloats) {
    std::vector<uint16_t> bits(0x7c00);
    for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i);
    const std::vector<double> values = halves(ElementType::float16, bits).to_doubles();
    for (size_t i = 0; i < bits.size(); ++i) {
        const auto fraction = static_cast<double>(i & 1023);
        const int exponent = static_cast<int>(i >> 10);
        const double wanted =
            exponent == 0 ? fraction * 0x1p-24 : (1 + fraction / 1024) * std::exp2(exponent - 15);
        ASSERT_EQ(values[i], wanted) << i;
    }
}

TEST(Tensor, ReadsBfloats) {
    EXPECT_EQ(halves(ElementType::bfloat16, {0x3f80, 0xc040, 0x7f80, 0x0001}).to_doubles(),
              (std::vector<double>{1, -3, infinity, 0x1p-133}));
}

TEST(Tensor, CastsTruncate) {
    const Tensor tensor = Tensor::of<double>({4}, std::vector<double>{1.9, -1.9, 0.5, 3});
    EXPECT_EQ(tensor.cast(ElementType::int32).to_doubles(), (std::vector<double>{1, -1, 0, 3}));
    EXPECT_EQ(tensor.cast(ElementType::boolean).to_doubles(), (std::vector<double>{1, 1, 1, 1}));
    EXPECT_EQ(tensor.cast(ElementType::float64), tensor);
}

TEST(Tensor, CastsOutOfRangeSaturate) {
    const Tensor wild =
        Tensor::of<double>({5}, std::vector<double>{1e300, -1e300, nan, infinity, -infinity});
    const auto cast = [&](ElementType type) { return wild.cast(type); };
    EXPECT_EQ(cast(ElementType::uint8).to_doubles(), (std::vector<double>{255, 0, 0, 255, 0}));
    EXPECT_EQ(cast(ElementType::int8).to_doubles(), (std::vector<double>{127, -128, 0, 127, -128}));
    constexpr int64_t top = std::numeric_limits<int64_t>::max(),
                      bottom = std::numeric_limits<int64_t>::min();
    EXPECT_EQ(cast(ElementType::int64),
              Tensor::of<int64_t>({5}, std::vector<int64_t>{top, bottom, 0, top, bottom}));
    constexpr uint64_t most = std::numeric_limits<uint64_t>::max();
    EXPECT_EQ(cast(ElementType::uint64),
              Tensor::of<uint64_t>({5}, std::vector<uint64_t>{most, 0, 0, most, 0}));
    EXPECT_TRUE(std::isinf(cast(ElementType::float32).as<float>()[0]));
}

TEST(Tensor, TextAndHalfFloatsAreNoTargets) {
    const Tensor text = Tensor::of<std::string>({1}, std::vector<std::string>{"a"});
    error_of(ErrorKind::input, [&] { return text.to_doubles(); });
    error_of(ErrorKind::input, [&] { return text.cast(ElementType::float32); });
    const Tensor number(ElementType::float32, {1});
    expect_within(
        error_of(ErrorKind::unsupported, [&] { return number.cast(ElementType::float16); }),
        "float16");
    error_of(ErrorKind::unsupported, [&] { return number.cast(ElementType::string); });
}

TEST(Tensor, EqualityIsOfTypeShapeAndBits) {
    const Tensor a = Tensor::of<float>({2}, std::vector<float>{1, 2});
    EXPECT_EQ(a, Tensor(a));
    EXPECT_FALSE(a == a.reshaped({2, 1}));
    EXPECT_FALSE(a == Tensor::of<float>({2}, std::vector<float>{1, 3}));
    EXPECT_FALSE(a == Tensor::of<int32_t>({2}, std::vector<int32_t>{0x3f800000, 0x40000000}));
    EXPECT_FALSE(Tensor::of<float>({1}, std::vector<float>{0.0F}) ==
                 Tensor::of<float>({1}, std::vector<float>{-0.0F}));
    EXPECT_FALSE(Tensor::of<std::string>({1}, std::vector<std::string>{"a"}) ==
                 Tensor::of<std::string>({1}, std::vector<std::string>{"b"}));
}

TEST(Tensor, AlignedForTheVectoriser) {
    for (int64_t length = 1; length < 50; ++length)
        EXPECT_EQ(reinterpret_cast<uintptr_t>(Tensor(ElementType::int8, {length}).data()) % 16, 0U);
}

TEST(TensorView, BorrowsAndCopies) {
    const std::vector<float> values = {1, 2, 3};
    const Shape shape = {3};
    const TensorView view(ElementType::float32, shape, values.data());
    EXPECT_EQ(view.to_tensor(), Tensor::of<float>({3}, values));
    const Tensor tensor = Tensor::of<float>({3, 1}, values);
    EXPECT_EQ(TensorView(tensor).to_tensor(), tensor);
}

TEST(MatrixView, RowsAndElements) {
    std::vector<int> values = {1, 2, 3, 4, 5, 6};
    const MatrixView<int> view{values.data(), 2, 3};
    EXPECT_EQ(view(1, 2), 6);
    EXPECT_EQ(view.row(1)[0], 4);
    EXPECT_EQ(view.row(1).size(), 3U);
}

TEST(ElementType, NamesAndSizes) {
    EXPECT_EQ(name(ElementType::boolean), "bool");
    EXPECT_EQ(element_size(ElementType::boolean), 1U);
    EXPECT_EQ(element_size(ElementType::bfloat16), 2U);
    EXPECT_EQ(to_string(Shape{-1, 3}), "[?, 3]");
    EXPECT_EQ(to_string(Shape{}), "[]");
}

}  // namespace
}  // namespace whence
