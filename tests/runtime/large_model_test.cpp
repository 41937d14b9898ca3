// Models whose constants are too large for protobuf: ONNX Runtime borrows them.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "core/support.h"
#include "graph/protobuf.h"
#include "whence/graph/io.h"
#include "whence/runtime/onnx_model.h"
#include "whence/runtime/session.h"

namespace whence {
namespace {

using testing::plain_run;

// y = x * W[x], W [rows, 1] in a sparse file: dy/dx is W[x].
class LargeModel : public ::testing::Test {
 protected:
    void SetUp() override { std::filesystem::create_directories(folder_); }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path write(int64_t rows) {
        using namespace test;
        const std::filesystem::path data = folder_ / "weights.bin";
        std::ofstream file(data, std::ios::binary);
        const float first = 2, last = -3;
        file.write(reinterpret_cast<const char*>(&first), sizeof first);
        file.seekp((rows - 1) * static_cast<int64_t>(sizeof last));
        file.write(reinterpret_cast<const char*>(&last), sizeof last);
        file.close();
        const std::string axis = text(5, number(1, 1) + number(2, 7) + text(8, "axis") + raw(std::string("\2\0\0\0\0\0\0\0", 8)));
        const std::string cast = text(1, text(1, "x") + text(2, "i") + text(4, "Cast") + text(5, text(1, "to") + number(3, 7) + number(20, 2)));
        std::ofstream(folder_ / "model.onnx", std::ios::binary)
            << model(input("x") + output("y") + constant("w", {rows, 1}, external("weights.bin")) + axis + cast +
                     node("Gather", {"w", "i"}, {"g"}) + node("Squeeze", {"g", "axis"}, {"s"}) + node("Mul", {"x", "s"}, {"y"}));
        return folder_ / "model.onnx";
    }

    const std::filesystem::path folder_ =
        std::filesystem::path(::testing::TempDir()) / ("whence_large_" + std::to_string(::getpid()));
};

Tensor rows(int64_t last) { return Tensor::of<float>({1, 2}, {0, static_cast<float>(last)}); }
GradientRequest gradient_of(int64_t column) { return {.output = "y", .index = column, .gradients = {"x"}}; }

TEST_F(LargeModel, ConstantsAreBorrowed) {
    constexpr int64_t count = (1 << 19) + 1;  // 2 MiB and a little
    const OnnxModel model = OnnxModel::load(write(count));
    const graph::Graph gradient = model.gradient_graph(gradient_of(1));
    const Tensor x = rows(count - 1), column = Tensor::of<int64_t>({1}, {1});
    const runtime::Session inside(gradient, {.threads = 1});
    const runtime::Session borrowed(gradient, {.threads = 1, .inside = 0});
    const std::vector<Tensor> wanted = inside.run({&x, &column}, plain_run);
    EXPECT_EQ(borrowed.run({&x, &column}, plain_run), wanted);
    EXPECT_EQ(wanted.back().to_doubles(), (std::vector<double>{0, -3}));
    const graph::Apart apart = graph::serialize_apart(gradient, 1 << 20);
    EXPECT_EQ(apart.constants.count("w"), 1u);
    EXPECT_LT(apart.bytes.size(), size_t{1} << 20);
}

// 2.1 GB: more than protobuf holds.
TEST_F(LargeModel, LargerThanTwoGigabytes) {
    if (!std::getenv("WHENCE_LARGE_MODELS")) GTEST_SKIP() << "takes 5 GB of memory: set WHENCE_LARGE_MODELS=1";
    const auto free = static_cast<uint64_t>(::sysconf(_SC_AVPHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    if (free < uint64_t{5} << 30) GTEST_SKIP() << "less than 5 GB of memory are free";
    const auto begin = std::chrono::steady_clock::now();
    constexpr int64_t count = (int64_t{1} << 29) + (1 << 24) + 1;  // the last row's number is a float32
    const OnnxModel model = OnnxModel::load(write(count));
    const Tensor x = rows(count - 1);
    EXPECT_EQ(model.predict(x, plain_run)[0].value.to_doubles(), (std::vector<double>{0, -3.0 * (count - 1)}));
    for (const int64_t column : {0, 1}) {
        const GradientResult result = model.run(x, gradient_of(column), plain_run);
        EXPECT_EQ(result.gradients[0].to_doubles()[column], column == 0 ? 2 : -3);
    }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << "peak memory " << usage.ru_maxrss / 1024 << " MiB, model " << (count * 4 >> 20) << " MiB, " << took.count() << " s\n";
    // ONNX Runtime copies them while it opens a session, and gives the copy back; three sessions were open here.
    EXPECT_LT(usage.ru_maxrss / 1024, 2 * (count * 4 >> 20) + 512) << "sessions hold constants of their own";
}

}  // namespace
}  // namespace whence
