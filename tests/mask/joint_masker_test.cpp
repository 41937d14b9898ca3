#include "whence/mask/joint_masker.h"

#include <gtest/gtest.h>

#include "whence/core/error.h"

namespace whence {
namespace {

const Tensor x = Tensor::of<double>({1, 3}, std::vector<double>{1, 2, 3});
const Tensor x_rows = Tensor::of<double>({2, 3}, std::vector<double>{-1, -2, -3, -4, -5, -6});
const Tensor y = Tensor::of<float>({1, 4}, std::vector<float>{10, 20, 30, 40});
const Tensor y_rows = Tensor::of<float>({1, 4}, std::vector<float>{-10, -20, -30, -40});
const std::vector<int32_t> y_labels = {0, 1, 1, 0};

Batch blank(int64_t rows) {
    return Batch({{"x", Tensor(ElementType::float64, {rows, 3})}, {"y", Tensor(ElementType::float32, {rows, 4})}});
}

// Five players, two ways: row by row from the definition, wherever batches begin and end.
TEST(JointMasker, WritesEachTensorAsItsOwnMaskerWould) {
    const LabelMasker of_x("x", x, x_rows, column_labels(3), {"a", "b", "c"}, {1, 3});
    const LabelMasker of_y("y", y, y_rows, y_labels, {"d", "e"});
    const JointMasker joint({&of_x, &of_y});
    EXPECT_EQ(joint.players(), 5);
    EXPECT_EQ(joint.fillings(), 2);
    EXPECT_EQ(joint.names(), (std::vector<std::string>{"a", "b", "c", "d", "e"}));
    EXPECT_EQ(std::vector<double>(joint.weights().begin(), joint.weights().end()), (std::vector<double>{0.25, 0.75}));
    std::vector<uint8_t> present;
    for (int code = 0; code < 32; ++code)
        for (int j = 0; j < 5; ++j) present.push_back(code >> j & 1);
    for (const int64_t batch : {1, 3, 64})
        for (int64_t first = 0; first < 64; first += batch) {
            Batch rows = blank(std::min<int64_t>(batch, 64 - first));
            joint.apply({present.data(), 32, 5}, first, rows, {});
            for (int64_t r = 0; r < rows.rows(); ++r) {
                const int64_t code = (first + r) / 2, way = (first + r) % 2;
                for (int64_t c = 0; c < 3; ++c)
                    ASSERT_EQ(rows.at("x").as<double>()[r * 3 + c],
                              code >> c & 1 ? x.as<double>()[c] : x_rows.as<double>()[way * 3 + c]);
                for (int64_t c = 0; c < 4; ++c)
                    ASSERT_EQ(rows.at("y").as<float>()[r * 4 + c],
                              code >> (3 + y_labels[c]) & 1 ? y.as<float>()[c] : y_rows.as<float>()[c]);
            }
        }
    Batch rows = blank(64);
    EXPECT_THROW(joint.apply({present.data(), 31, 5}, 0, rows, {}), Error);
    EXPECT_THROW(joint.apply({present.data(), 32, 4}, 0, rows, {}), Error);
}

TEST(JointMasker, WaysGoTogetherOrAreRefused) {
    const LabelMasker of_x("x", x, x_rows, column_labels(3));
    const LabelMasker of_y("y", y, Tensor(ElementType::float32, {2, 4}), y_labels);
    EXPECT_EQ(JointMasker({&of_x, &of_y}).fillings(), 2);
    EXPECT_TRUE(JointMasker({&of_x, &of_y}).names().empty());
    const LabelMasker three("y", y, Tensor(ElementType::float32, {3, 4}), y_labels);
    EXPECT_THROW((void)JointMasker({&of_x, &three}), Error);
    const LabelMasker weighted("y", y, Tensor(ElementType::float32, {2, 4}), y_labels, {}, {1, 2});
    EXPECT_THROW((void)JointMasker({&of_x, &weighted}), Error);
}

}  // namespace
}  // namespace whence
