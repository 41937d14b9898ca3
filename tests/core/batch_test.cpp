#include "whence/core/batch.h"

#include <gtest/gtest.h>

#include "core/support.h"

namespace whence {
namespace {

using testing::error_of;
using testing::expect_within;

Tensor column(const std::vector<float>& values) {
    return Tensor::of<float>({static_cast<int64_t>(values.size()), 1}, values);
}

TEST(Batch, EmptyHasNoRows) {
    const Batch batch;
    EXPECT_EQ(batch.rows(), 0);
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(batch.find("x"), nullptr);
    expect_within(error_of(ErrorKind::input, [&] { return batch.at("x"); }), "there is nothing");
}

TEST(Batch, OneUnnamedTensorAnswersToEveryName) {
    const Batch batch = column({1, 2});
    EXPECT_EQ(batch.rows(), 2);
    EXPECT_EQ(&batch.at("x"), &batch[0].value);
    EXPECT_EQ(&batch.at(""), &batch[0].value);
}

TEST(Batch, NamedTensorsAnswerToTheirNames) {
    const Batch one({{"x", column({1})}});
    EXPECT_EQ(one.find("y"), nullptr);
    const Batch two({{"x", column({1})}, {"y", column({2})}});
    EXPECT_EQ(two.at("y").as<float>()[0], 2);
    expect_within(error_of(ErrorKind::input, [&] { return two.at("z\n"); }),
                  "no tensor named 'z?'; there is 'x', 'y'");
    // Unnamed among others is only a tensor without a name.
    const Batch mixed({{"", column({1})}, {"y", column({2})}});
    EXPECT_EQ(mixed.find("x"), nullptr);
    EXPECT_EQ(mixed.at("").as<float>()[0], 1);
}

TEST(Batch, RowsMustAgree) {
    Batch batch({{"x", column({1, 2})}});
    expect_within(error_of(ErrorKind::input, [&] { return batch.add("y", column({1})), 0; }),
                  "input 'y' has 1 rows, 'x' has 2");
    EXPECT_EQ(batch.size(), 1U);
}

TEST(Batch, SlicesAndRepeatsEveryTensor) {
    const Batch batch({{"x", column({1, 2, 3})}, {"y", column({4, 5, 6})}});
    const Batch last = batch.slice_rows(2, 1);
    EXPECT_EQ(last.rows(), 1);
    const Batch many = last.repeat_row(2);
    EXPECT_EQ(many.at("x"), column({3, 3}));
    EXPECT_EQ(many.at("y"), column({6, 6}));
    error_of(ErrorKind::internal, [&] { return batch.repeat_row(2); });
    error_of(ErrorKind::internal, [&] { return batch.slice_rows(3, 1); });
}

}  // namespace
}  // namespace whence
