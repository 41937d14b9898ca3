// Models of columns behind the one matrix that methods know.

#include "whence/data/table_model.h"

#include <cmath>
#include <limits>

#include "data/support.h"

namespace whence::data {
namespace {

using test::error_of;
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

/// Remembers what it was asked and answers 0.
class Recorder final : public Model {
  public:
    explicit Recorder(std::vector<TensorInfo> inputs) : inputs_(std::move(inputs)) {}
    const std::vector<TensorInfo>& inputs() const override { return inputs_; }
    const std::vector<TensorInfo>& outputs() const override { return outputs_; }
    Batch predict(const Batch& batch, const Run&) const override {
        asked = batch;
        return Batch(
            std::vector<NamedTensor>{{"score", Tensor(ElementType::float32, {batch.rows(), 1})}});
    }
    int concurrency() const override { return 3; }
    int64_t preferred_batch() const override { return 17; }
    mutable Batch asked;

  private:
    std::vector<TensorInfo> inputs_;
    std::vector<TensorInfo> outputs_ = {{"score", ElementType::float32, {-1, 1}, Scale::raw}};
};

Schema people() {
    return {{"Age", {}, false}, {"job_title", {"clerk", "cook"}, true}, {"pay", {}, true}};
}

Tensor rows(std::vector<double> values) {
    const auto count = static_cast<int64_t>(values.size()) / 3;
    return Tensor::of<double>({count, 3}, values);
}

std::vector<TensorInfo> matrix_of(ElementType type, int64_t width = 3) {
    return {{"X", type, {-1, width}, Scale::raw}};
}

std::vector<TensorInfo> columns() {
    return {{"pay", ElementType::float32, {-1, 1}, Scale::raw},
            {"Job Title", ElementType::string, {-1, 1}, Scale::raw},
            {"age", ElementType::int64, {-1}, Scale::raw}};
}

TEST(TableModel, LooksLikeOneMatrix) {
    const Recorder inner(columns());
    const TableModel model(inner, people());
    ASSERT_EQ(model.inputs().size(), 1U);
    EXPECT_EQ(model.inputs()[0].name, "rows");
    EXPECT_EQ(model.inputs()[0].type, ElementType::float64);
    EXPECT_EQ(model.inputs()[0].shape, (Shape{-1, 3}));
    EXPECT_EQ(model.outputs()[0].name, "score");
    EXPECT_EQ(model.concurrency(), 3);
    EXPECT_EQ(model.preferred_batch(), 17);
}

TEST(TableModel, MatrixOfNumbers) {
    const Recorder inner(matrix_of(ElementType::float32));
    const Batch answer = TableModel(inner, people()).predict(rows({30, 1, 1.5, 31, 0, 2.5}), {});
    EXPECT_EQ(answer.rows(), 2);
    EXPECT_EQ(inner.asked.at("X"), Tensor::of<float>({2, 3}, {30, 1, 1.5, 31, 0, 2.5}));
}

TEST(TableModel, MatrixOfAnyWidthAndOfDoubles) {
    const Recorder inner(matrix_of(ElementType::float64, -1));
    (void)TableModel(inner, people()).predict(rows({30, 1, 0.1}), {});
    EXPECT_EQ(inner.asked.at("X"), rows({30, 1, 0.1}));
}

TEST(TableModel, MatrixOfText) {
    const Recorder inner(matrix_of(ElementType::string));
    (void)TableModel(inner, people()).predict(rows({30, 1, 0.1, 31.5, nan_value, nan_value}), {});
    EXPECT_EQ(inner.asked.at("X"),
              Tensor::of<std::string>({2, 3}, {"30", "cook", "0.1", "31.5", "", ""}));
}

TEST(TableModel, OneInputForEachColumn) {
    const Recorder inner(columns());
    (void)TableModel(inner, people()).predict(rows({30, 1, nan_value, 31.6, 0, 2.5}), {});
    EXPECT_EQ(inner.asked.at("age"), Tensor::of<int64_t>({2}, {30, 32})) << "rounded to nearest";
    EXPECT_EQ(inner.asked.at("Job Title"), Tensor::of<std::string>({2, 1}, {"cook", "clerk"}));
    EXPECT_EQ(inner.asked.at("pay").shape(), (Shape{2, 1}));
    EXPECT_TRUE(std::isnan(inner.asked.at("pay").as<float>()[0])) << "missing stays NaN";
    EXPECT_EQ(columns_read(inner, people()), (std::vector<std::string>{"pay", "job_title", "Age"}));
    EXPECT_EQ(columns_read(Recorder(matrix_of(ElementType::float32)), people()), std::nullopt);
}

TEST(TableModel, BoolsAndSmallIntegers) {
    const Recorder inner({{"a", ElementType::boolean, {-1}, Scale::raw},
                          {"b", ElementType::int32, {-1}, Scale::raw}});
    const Schema schema = {{"a", {}, false}, {"b", {}, false}};
    const TableModel model(inner, schema);
    (void)model.predict(Tensor::of<double>({2, 2}, {0, -5, 1, 7}), {});
    EXPECT_EQ(inner.asked.at("a").to_doubles(), (std::vector<double>{0, 1}));
    EXPECT_EQ(inner.asked.at("b"), Tensor::of<int32_t>({2}, {-5, 7}));
    EXPECT_EQ(error_of([&] {
                  (void)model.predict(Tensor::of<double>({1, 2}, {2, 0}), {});
              }),
              "input: row 0: column 'a' holds 2, which does not fit into the model's input");
    EXPECT_EQ(
        error_of([&] {
            (void)model.predict(Tensor::of<double>({1, 2}, {0, 3e9}), {});
        }),
        "input: row 0: column 'b' holds 3000000000, which does not fit into the model's input");
}

TEST(TableModel, ForgivesSpellingOnlyWhereItIsClear) {
    const Recorder inner({{"my_age", ElementType::float32, {-1}, Scale::raw},
                          {"b", ElementType::float32, {-1}, Scale::raw}});
    EXPECT_NO_THROW(TableModel(inner, {{"My Age", {}, false}, {"B", {}, false}}));
    const std::string error = error_of([&] {
        TableModel(inner, {{"My Age", {}, false}, {"MyAge", {}, false}, {"b", {}, false}});
    });
    EXPECT_EQ(
        error,
        "input: the model reads a column 'my_age', which the table does not have; its columns are "
        "My Age, MyAge, b");
    // The exact name wins over others that are only alike.
    EXPECT_EQ(columns_read(inner, {{"MYAGE", {}, false}, {"my_age", {}, false}, {"b", {}, false}}),
              (std::vector<std::string>{"my_age", "b"}));
}

TEST(TableModel, WhatDoesNotFitIsNamed) {
    const Recorder inner(columns());
    EXPECT_EQ(error_of([&] {
                  TableModel(inner, {{"pay", {}, false}, {"age", {}, false}});
              }),
              "input: the model reads a column 'Job Title', which the table does not have; its "
              "columns are pay, age");
    Schema more = people();
    more.push_back({"id", {}, false});
    EXPECT_EQ(error_of([&] { TableModel(inner, more); }),
              "input: the table's column 'id' is no input of the model");
    const Recorder wide(matrix_of(ElementType::float32, 5));
    EXPECT_EQ(error_of([&] { TableModel(wide, people()); }),
              "input: the model reads 5 columns, the table has 3");
    const Recorder mixed({{"num", ElementType::float32, {-1, 2}, Scale::raw},
                          {"pay", ElementType::float32, {-1}, Scale::raw}});
    EXPECT_EQ(error_of([&] { TableModel(mixed, people()); }),
              "unsupported: input 'num' of shape [?, 2] is neither a column nor the only matrix of "
              "the model's columns");
    const Recorder half(matrix_of(ElementType::float16));
    EXPECT_EQ(error_of([&] { TableModel(half, people()); }),
              "unsupported: input 'X' is of type float16, which no table column can fill");
}

TEST(TableModel, ValuesThatAreWrongNameRowAndColumn) {
    const Recorder inner(matrix_of(ElementType::float64));
    const TableModel model(inner, people());
    const auto error = [&](std::vector<double> second_row) {
        std::vector<double> values = {30, 1, 1};
        values.insert(values.end(), second_row.begin(), second_row.end());
        return error_of([&] { (void)model.predict(rows(values), {}); });
    };
    EXPECT_EQ(error({nan_value, 1, 1}),
              "input: row 1: column 'Age' is missing (NaN), which it may not be");
    EXPECT_EQ(error({30, 1, -INFINITY}), "input: row 1: column 'pay' is infinite");
    for (const double code : {-1.0, 2.0, 0.5})
        EXPECT_TRUE(error({30, code, 1}).ends_with("which is the code of none of its 2 categories"))
            << code;
    EXPECT_EQ(error({30, nan_value, nan_value}), "no error");
    EXPECT_EQ(error_of([&] {
                  (void)model.predict(Tensor::of<float>({1, 3}, {1, 1, 1}), {});
              }),
              "input: input 'rows' must be float64 [rows, 3], not float32 [1, 3]");
    EXPECT_EQ(error_of([&] {
                  (void)model.predict(Tensor::of<double>({1, 2}, {1, 1}), {});
              }),
              "input: input 'rows' must be float64 [rows, 3], not float64 [1, 2]");
}

TEST(TableModel, MissingNeedsAnInputThatCanHoldIt) {
    const Recorder inner({{"a", ElementType::int64, {-1}, Scale::raw},
                          {"b", ElementType::float32, {-1}, Scale::raw}});
    const TableModel model(inner, {{"a", {}, true}, {"b", {}, true}});
    EXPECT_EQ(error_of([&] {
                  (void)model.predict(Tensor::of<double>({1, 2}, {nan_value, 0}), {});
              }),
              "input: row 0: column 'a' is missing, and the model's input holds whole numbers");
    EXPECT_EQ(error_of([&] {
                  (void)model.predict(Tensor::of<double>({1, 2}, {0, 1e39}), {});
              }),
              "input: row 0: column 'b' holds 1e+39, which does not fit into the model's input");
}

}  // namespace
}  // namespace whence::data
