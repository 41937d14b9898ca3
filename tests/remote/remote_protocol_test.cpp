// The protocol's JSON: what is written, and that nothing wrong is read.

#include "whence/remote/protocol.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "whence/core/error.h"

namespace whence::remote {
namespace {

const std::string where = "http://h/v2/models/m";

ErrorKind kind_of(const auto& work) {
    try {
        work();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
        return error.kind();
    }
    return ErrorKind::internal;
}

const std::vector<TensorInfo> numbers = {
    {.name = "y", .type = ElementType::float32, .shape = {-1, 2}}};

std::string answer(const std::string& data, const std::string& shape = "[1,2]",
                   const std::string& type = "FP32") {
    return R"({"outputs":[{"name":"y","datatype":")" + type + R"(","shape":)" + shape +
           R"(,"data":)" + data + "}]}";
}

Batch read(const std::string& json, int64_t rows = 1) {
    return read_answer(json, numbers, rows, where);
}

TEST(RemoteProtocol, WritesNumbersThatReadBackAsTheSame) {
    const Batch rows(
        {{"x", Tensor::of<float>({2, 2}, std::vector<float>{0.1F, -3, 1e-30F, 16777216})}});
    EXPECT_EQ(
        write_question({{.name = "x", .type = ElementType::float32, .shape = {-1, 2}}}, rows),
        R"({"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[0.1,-3,1e-30,16777216]}]})");
}

TEST(RemoteProtocol, WritesEveryType) {
    const std::vector<TensorInfo> infos = {
        {.name = "a", .type = ElementType::int8, .shape = {-1, 1}},
        {.name = "b", .type = ElementType::uint64, .shape = {-1, 1}},
        {.name = "c\"", .type = ElementType::string, .shape = {-1, 1}}};
    Batch rows;
    rows.add("a", Tensor::of<int8_t>({1, 1}, std::vector<int8_t>{-7}));
    rows.add("b", Tensor::of<uint64_t>({1, 1}, std::vector<uint64_t>{~uint64_t{0}}));
    rows.add("c\"", Tensor::of<std::string>({1, 1}, std::vector<std::string>{"k\"\n"}));
    EXPECT_EQ(write_question(infos, rows),
              R"({"inputs":[{"name":"a","shape":[1,1],"datatype":"INT8","data":[-7]},)"
              R"({"name":"b","shape":[1,1],"datatype":"UINT64","data":[18446744073709551615]},)"
              R"({"name":"c\"","shape":[1,1],"datatype":"BYTES","data":["k\"\n"]}]})");
}

TEST(RemoteProtocol, RefusesToAskWhatJsonCannotSay) {
    for (const double value : {std::nan(""), HUGE_VAL}) {
        const Batch rows({{"x", Tensor::of<double>({1, 1}, std::vector<double>{value})}});
        EXPECT_EQ(kind_of([&] {
                      static_cast<void>(write_question(
                          {{.name = "x", .type = ElementType::float64, .shape = {-1, 1}}}, rows));
                  }),
                  ErrorKind::input);
    }
    const Batch text({{"x", Tensor::of<std::string>({1}, std::vector<std::string>{"\xff"})}});
    EXPECT_EQ(kind_of([&] {
                  static_cast<void>(write_question(
                      {{.name = "x", .type = ElementType::string, .shape = {-1}}}, text));
              }),
              ErrorKind::input);
}

TEST(RemoteProtocol, ReadsFlatAndNestedData) {
    const Tensor wanted = Tensor::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4.5F});
    EXPECT_EQ(read(answer("[1,2,3,4.5]", "[2,2]"), 2).at("y"), wanted);
    EXPECT_EQ(read(answer("[[1,2],[3,4.5]]", "[2,2]"), 2).at("y"), wanted);
}

TEST(RemoteProtocol, ReadsEveryType) {
    const auto one = [](ElementType type, const std::string& name, const std::string& value) {
        return read_answer(answer("[" + value + "]", "[1]", name),
                           {{.name = "y", .type = type, .shape = {-1}}}, 1, where)
            .at("y");
    };
    EXPECT_EQ(one(ElementType::int8, "INT8", "-128").as<int8_t>()[0], -128);
    EXPECT_EQ(one(ElementType::int64, "INT64", "-9223372036854775808").as<int64_t>()[0],
              std::numeric_limits<int64_t>::min());
    EXPECT_EQ(one(ElementType::uint64, "UINT64", "18446744073709551615").as<uint64_t>()[0],
              ~uint64_t{0});
    EXPECT_EQ(one(ElementType::float64, "FP64", "0.1").as<double>()[0], 0.1);
    EXPECT_TRUE(one(ElementType::boolean, "BOOL", "true").as<bool>()[0]);
    EXPECT_FALSE(one(ElementType::boolean, "BOOL", "0").as<bool>()[0]);
    EXPECT_EQ(one(ElementType::string, "BYTES", R"("kö")").as<std::string>()[0], "kö");
    for (const auto& [type, name, value] : {std::tuple{ElementType::int8, "INT8", "128"},
                                            {ElementType::uint8, "UINT8", "-1"},
                                            {ElementType::int32, "INT32", "1.5"},
                                            {ElementType::int64, "INT64", "9223372036854775808"},
                                            {ElementType::uint64, "UINT64", "18446744073709551616"},
                                            {ElementType::boolean, "BOOL", "2"},
                                            {ElementType::string, "BYTES", "1"},
                                            {ElementType::float64, "FP64", "\"1\""}})
        EXPECT_EQ(kind_of([&] { one(type, name, value); }), ErrorKind::model)
            << name << " " << value;
}

TEST(RemoteProtocol, RefusesBrokenAnswers) {
    const std::string deep(100000, '[');
    for (const std::string& json : {std::string(),
                                    std::string("garbage"),
                                    std::string("[]"),
                                    std::string("{}"),
                                    std::string("{\"outputs\":3}"),
                                    std::string("{\"outputs\":[1,null,{}]}"),
                                    deep,
                                    answer(deep),
                                    answer("[NaN,1]"),
                                    answer("[null,1]"),
                                    answer("[1e39,1]"),
                                    answer("[1e999,1]"),
                                    answer("[-1e39,1]"),
                                    answer("[1]"),
                                    answer("[1,2,3]"),
                                    answer("3"),
                                    answer("[1,{}]"),
                                    answer("[1,2]", "[2]"),
                                    answer("[1,2,3]", "[1,3]"),
                                    answer("[1,2]", "[-1,2]"),
                                    answer("[1,2]", "[1,-2]"),
                                    answer("[1,2]", "[1,2.0]"),
                                    answer("[1,2]", "[2,1]"),
                                    answer("[1,2]", "[1,9223372036854775807]"),
                                    answer("[1,2]", "[1,2]", "FP64"),
                                    answer("[1,2]", "[1,2]", "X")})
        EXPECT_EQ(kind_of([&] { static_cast<void>(read(json)); }), ErrorKind::model)
            << json.substr(0, 80);
    EXPECT_NO_THROW(static_cast<void>(read(answer("[1,2]"))));  // the control
}

TEST(RemoteProtocol, TakesNoMemoryForAPromise) {
    const std::vector<TensorInfo> any = {
        {.name = "y", .type = ElementType::float32, .shape = {-1, -1, -1}}};
    for (const char* shape :
         {"[1,1000000000,1000000000]", "[1,4294967296,4294967296]", "[1,9223372036854775807,2]"})
        EXPECT_EQ(
            kind_of([&] { static_cast<void>(read_answer(answer("[1]", shape), any, 1, where)); }),
            ErrorKind::model);
}

std::string metadata(const std::string& inputs, const std::string& outputs) {
    return R"({"name":"m","platform":"p","versions":["1"],"inputs":[)" + inputs +
           R"(],"outputs":[)" + outputs + "]}";
}
const std::string x = R"({"name":"x","datatype":"FP32","shape":[-1,3]})",
                  y = R"({"name":"y","datatype":"FP64","shape":[-1]})";

TEST(RemoteProtocol, ReadsMetadata) {
    const Metadata read = read_metadata(metadata(x, y), where);
    EXPECT_EQ(read.platform, "p");
    EXPECT_EQ(read.versions, std::vector<std::string>{"1"});
    EXPECT_EQ(read.inputs[0].shape, (Shape{-1, 3}));
    EXPECT_EQ(read.outputs[0].type, ElementType::float64);
    EXPECT_FALSE(read.one_row);
    EXPECT_TRUE(read_metadata(metadata(R"({"name":"x","datatype":"FP32","shape":[1,3]})", y), where)
                    .one_row);
}

TEST(RemoteProtocol, RefusesMetadataItCannotUse) {
    const auto refused = [](const std::string& json) {
        return kind_of([&] { static_cast<void>(read_metadata(json, where)); });
    };
    EXPECT_EQ(refused(metadata("", y)), ErrorKind::unsupported);
    EXPECT_EQ(refused(R"({"name":"m"})"), ErrorKind::unsupported);
    EXPECT_EQ(refused(metadata(R"({"name":"x","datatype":"FP16","shape":[-1]})", y)),
              ErrorKind::unsupported);
    EXPECT_EQ(refused(metadata(R"({"name":"x","datatype":"FP32","shape":[8,3]})", y)),
              ErrorKind::unsupported);
    EXPECT_EQ(refused(metadata(R"({"name":"x","datatype":"FP32","shape":[]})", y)),
              ErrorKind::unsupported);
    EXPECT_EQ(refused(metadata(x + "," + x, y)), ErrorKind::model);
    EXPECT_EQ(refused(metadata("3", y)), ErrorKind::model);
    EXPECT_EQ(refused(metadata(R"({"name":7,"datatype":"FP32","shape":[-1]})", y)),
              ErrorKind::model);
    EXPECT_EQ(refused(metadata(R"({"name":"x","datatype":"FP32"})", y)), ErrorKind::model);
    EXPECT_EQ(refused("no JSON"), ErrorKind::model);
}

TEST(RemoteProtocol, ShowsWhatTheServerSaysCleaned) {
    EXPECT_EQ(read_error(R"({"error":"too \u001b[31mbad"})"), "too ?[31mbad");
    EXPECT_EQ(read_error("<html>"), "");
    EXPECT_EQ(read_error(R"({"error":3})"), "");
    EXPECT_EQ(read_error(std::string(100000, '[')), "");
}

}  // namespace
}  // namespace whence::remote
