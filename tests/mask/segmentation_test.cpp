#include "whence/mask/segmentation.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <set>

#include "mask/segmentation_support.h"
#include "whence/core/error.h"

namespace whence {
namespace {

using tests::synthetic;

const std::vector<Segmentation> methods = {
    Quickshift{},   Quickshift{.max_dist = 3, .ratio = 1, .sigma = 1},
    Slic{},         Slic{.segments = 30, .sigma = 1, .enforce_connectivity = false},
    Felzenszwalb{}, Felzenszwalb{.scale = 100, .sigma = 0, .min_size = 0},
    Grid{},         Grid{.rows = 3, .columns = 50}};

Run with(uint64_t seed, int threads) {
    Run run;
    run.seed = seed;
    run.threads = threads;
    return run;
}

Tensor labels_of(Shape shape, const std::vector<int32_t>& labels) {
    return Tensor::of<int32_t>(std::move(shape), labels);
}

// int32 [height, width], numbers in the order of first appearance.
void expect_valid(const Tensor& labels, int64_t height, int64_t width) {
    EXPECT_EQ(labels.shape(), (Shape{height, width}));
    int32_t next = 0;
    for (const int32_t label : labels.as<int32_t>()) {
        ASSERT_GE(label, 0);
        ASSERT_LE(label, next);
        next = std::max(next, label + 1);
    }
    EXPECT_EQ(segment_count(labels), next);
}

template <class Call>
void expect_error(ErrorKind kind, const std::string& part, Call call) {
    try {
        call();
        ADD_FAILURE() << "no error; expected one about " << part;
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind) << error.what();
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
}

TEST(Segmentation, LabelsHaveNoGaps) {
    const Tensor image = synthetic(61, 83, 3);
    for (const Segmentation& method : methods) {
        SCOPED_TRACE(describe(method));
        expect_valid(segment(image, method, {}), 61, 83);
    }
}

TEST(Segmentation, SameBitsForAnyNumberOfThreads) {
    const Tensor image = synthetic(131, 97, 3);
    for (const Segmentation& method : methods) {
        SCOPED_TRACE(describe(method));
        const Tensor one = segment(image, method, with(5, 1));
        for (const int threads : {2, 3, 8})
            EXPECT_EQ(segment(image, method, with(5, threads)), one);
    }
}

TEST(Segmentation, TheSeedDecidesPlateausOfQuickshift) {
    const Tensor image = tests::constant(40, 40, 0.5);
    const Quickshift method{.max_dist = 2};
    EXPECT_EQ(segment(image, method, with(1, 1)), segment(image, method, with(1, 1)));
    EXPECT_NE(segment(image, method, with(1, 1)), segment(image, method, with(2, 1)));
}

// Grey is three equal channels; a batch of one is its image; float32 holds 8-bit values nearly.
TEST(Segmentation, TheSamePictureHasTheSameSegments) {
    const Tensor gray = synthetic(41, 33, 1);
    std::vector<double> tripled;
    std::vector<float> single;
    for (const double value : gray.as<double>()) {
        tripled.insert(tripled.end(), 3, value);
        single.push_back(static_cast<float>(value));
    }
    for (const Segmentation& method : methods) {
        SCOPED_TRACE(describe(method));
        const Tensor labels = segment(gray, method, {});
        EXPECT_EQ(segment(Tensor::of<double>({41, 33, 3}, tripled), method, {}), labels);
        EXPECT_EQ(segment(gray.reshaped({1, 41, 33, 1}), method, {}), labels);
        const Tensor of_single = segment(Tensor::of<float>({41, 33, 1}, single), method, {});
        EXPECT_GT(adjusted_rand_index(of_single, labels), 0.8);
    }
}

TEST(Segmentation, OnePixel) {
    for (const Segmentation& method : methods)
        EXPECT_EQ(segment(tests::constant(1, 1, 0.3), method, {}), labels_of({1, 1}, {0}))
            << describe(method);
}

TEST(Segmentation, TwoPixels) {
    const Tensor image = Tensor::of<double>({1, 2, 3}, {0, 0, 0, 1, 1, 1});
    for (const Segmentation& method : methods) {
        SCOPED_TRACE(describe(method));
        expect_valid(segment(image, method, {}), 1, 2);
    }
    EXPECT_EQ(segment(image, Slic{}, {}), labels_of({1, 2}, {0, 1}));
    EXPECT_EQ(segment(image, Grid{}, {}), labels_of({1, 2}, {0, 1}));
}

TEST(Segmentation, OneRowOrOneColumn) {
    for (const Segmentation& method : methods) {
        SCOPED_TRACE(describe(method));
        expect_valid(segment(synthetic(1, 301, 3), method, {}), 1, 301);
        expect_valid(segment(synthetic(301, 1, 3), method, {}), 301, 1);
    }
}

TEST(Segmentation, ConstantImage) {
    for (const double value : {0.0, 0.5, 1.0})
        for (const Segmentation& method : methods) {
            SCOPED_TRACE(describe(method));
            expect_valid(segment(tests::constant(50, 64, value), method, {}), 50, 64);
        }
    EXPECT_EQ(segment_count(segment(tests::constant(50, 64, 0.5), Felzenszwalb{}, {})), 1);
}

TEST(Segmentation, WindowsLargerThanTheImage) {
    const Tensor image = synthetic(9, 7, 3);
    for (const Segmentation& method : {Segmentation(Quickshift{.kernel_size = 1000, .sigma = 1000}),
                                       Segmentation(Slic{.segments = 1, .sigma = 1000}),
                                       Segmentation(Felzenszwalb{.sigma = 1000})})
        expect_valid(segment(image, method, {}), 9, 7);
}

TEST(Segmentation, GridIsEven) {
    EXPECT_EQ(segment(tests::constant(2, 5, 0), Grid{.rows = 2, .columns = 2}, {}),
              labels_of({2, 5}, {0, 0, 1, 1, 1, 2, 2, 3, 3, 3}));
    const Tensor labels = segment(tests::constant(224, 224, 0), Grid{}, {});
    std::vector<int> sizes(49);
    for (const int32_t label : labels.as<int32_t>()) ++sizes.at(static_cast<size_t>(label));
    EXPECT_EQ(std::set<int>(sizes.begin(), sizes.end()), std::set<int>{1024});
}

// Two halves, far apart in colour.
TEST(Segmentation, ObviousBordersAreFound) {
    std::vector<double> values;
    for (int i = 0; i < 40 * 40; ++i) values.insert(values.end(), 3, i % 40 < 20 ? 0.1 : 0.9);
    const Tensor image = Tensor::of<double>({40, 40, 3}, values);
    const Tensor halves = segment(image, Grid{.rows = 1, .columns = 2}, {});
    EXPECT_EQ(segment(image, Felzenszwalb{.scale = 10, .sigma = 0}, {}), halves);
    for (const Segmentation& method :
         {Segmentation(Quickshift{.ratio = 1}), Segmentation(Slic{})}) {
        const Tensor labels = segment(image, method, {});
        const auto label = labels.as<int32_t>();
        for (size_t row = 0; row < 40; ++row)
            EXPECT_NE(label[row * 40 + 19], label[row * 40 + 20]) << describe(method);
    }
}

TEST(Segmentation, RefusesWhatIsNoImage) {
    const auto refused = [](Tensor image, const std::string& part) {
        for (const Segmentation& method : methods)
            expect_error(ErrorKind::input, part, [&] { (void)segment(image, method, {}); });
    };
    refused(Tensor(ElementType::float32, {4, 4}), "[4, 4]");
    refused(Tensor(ElementType::float32, {2, 4, 4, 3}), "[2, 4, 4, 3]");
    refused(Tensor(ElementType::float32, {4, 4, 4}), "1 or 3 channels");
    refused(Tensor(ElementType::float32, {0, 4, 3}), "[0, 4, 3]");
    refused(Tensor(ElementType::uint8, {4, 4, 3}), "uint8");
    for (const double value : {double{NAN}, double{INFINITY}, -double{INFINITY}}) {
        Tensor image = tests::constant(4, 4, 0.5);
        image.as<double>()[17] = value;
        refused(image, "not finite");
    }
    refused(tests::constant(4, 4, 200), "[0, 1]");
    refused(tests::constant(4, 4, -0.1), "[0, 1]");
}

TEST(Segmentation, RefusesAbsurdSizes) {
    // One channel of one byte: refused by its size before its type is looked at.
    const Tensor image(ElementType::uint8, {8193, 8192, 1});
    expect_error(ErrorKind::limit, "8192 x 8193", [&] { (void)segment(image, Slic{}, {}); });
}

TEST(Segmentation, RefusesSenselessOptions) {
    const Tensor image = tests::constant(4, 4, 0.5);
    const std::vector<std::pair<Segmentation, std::string>> bad = {
        {Quickshift{.kernel_size = 0.5}, "kernel_size"},
        {Quickshift{.kernel_size = 1e9}, "kernel_size"},
        {Quickshift{.max_dist = -1}, "max_dist"},
        {Quickshift{.ratio = NAN}, "ratio"},
        {Quickshift{.sigma = -1}, "sigma"},
        {Slic{.segments = 0}, "segments"},
        {Slic{.compactness = 0}, "compactness"},
        {Slic{.iterations = 0}, "iterations"},
        {Slic{.sigma = INFINITY}, "sigma"},
        {Felzenszwalb{.scale = -1}, "scale"},
        {Felzenszwalb{.min_size = -1}, "min_size"},
        {Grid{.rows = 0}, "rows"},
        {Grid{.columns = -3}, "columns"}};
    for (const auto& [method, part] : bad)
        expect_error(ErrorKind::usage, part, [&, m = method] { (void)segment(image, m, {}); });
}

TEST(Segmentation, Stops) {
    std::stop_source source;
    source.request_stop();
    whence::Run stopped, late;
    stopped.stop = source.get_token();
    late.deadline = std::chrono::steady_clock::now();
    for (const Segmentation& method : methods) {
        const Tensor image = synthetic(30, 30, 3);
        expect_error(ErrorKind::interrupted, "stopped",
                     [&] { (void)segment(image, method, stopped); });
        expect_error(ErrorKind::limit, "time", [&] { (void)segment(image, method, late); });
    }
}

TEST(Segmentation, ParsesWhatItDescribes) {
    const std::vector<Segmentation> odd = {Quickshift{.kernel_size = 1.1 + 2.2, .ratio = 1e-3},
                                           Slic{.segments = 7, .enforce_connectivity = false},
                                           Felzenszwalb{.scale = 1e6, .min_size = 1},
                                           Grid{.rows = 2, .columns = 9}};
    for (const auto& list : {methods, odd})
        for (const Segmentation& method : list)
            EXPECT_EQ(parse_segmentation(describe(method)), method) << describe(method);
    EXPECT_EQ(describe(Slic{}),
              "slic:segments=100,compactness=10,iterations=10,sigma=0,enforce_connectivity=true");
}

TEST(Segmentation, ParsesShortForms) {
    EXPECT_EQ(parse_segmentation("quickshift"), Segmentation(Quickshift{}));
    EXPECT_EQ(parse_segmentation("slic:50"), Segmentation(Slic{.segments = 50}));
    EXPECT_EQ(parse_segmentation("slic:50,sigma=1.5"),
              Segmentation(Slic{.segments = 50, .sigma = 1.5}));
    EXPECT_EQ(parse_segmentation("felzenszwalb:100"), Segmentation(Felzenszwalb{.scale = 100}));
    EXPECT_EQ(parse_segmentation("grid:8x9"), Segmentation(Grid{.rows = 8, .columns = 9}));
    EXPECT_EQ(parse_segmentation("grid:columns=2"), Segmentation(Grid{.columns = 2}));
}

TEST(Segmentation, RefusesWhatItCannotParse) {
    const std::vector<std::pair<std::string, std::string>> bad = {
        {"", "unknown segmentation"},
        {"watershed", "quickshift, slic, felzenszwalb, grid"},
        {"slic:many", "whole number"},
        {"slic:1.5", "whole number"},
        {"slic:size=3", "it has segments"},
        {"slic:0", "from 1"},
        {"slic:", "whole number"},
        {"slic:50,", "whole number"},
        {"grid:7", "columns"},
        {"grid:7x", "columns"},
        {"grid:7x7x7", "columns"},
        {"slic:enforce_connectivity=1", "true or false"},
        {"quickshift:nan", "kernel_size"},
        {"felzenszwalb:1e999", "scale"}};
    for (const auto& [text, part] : bad)
        expect_error(ErrorKind::usage, part, [t = text] { (void)parse_segmentation(t); });
}

TEST(AdjustedRandIndex, OfKnownTables) {
    const Tensor a = labels_of({6}, {0, 0, 0, 1, 1, 1});
    EXPECT_EQ(adjusted_rand_index(a, a), 1);
    EXPECT_EQ(adjusted_rand_index(a, labels_of({6}, {1, 1, 1, 0, 0, 0})), 1);
    // Pairs of 15: 6 together in one, 3 in the other, 2 in both.
    EXPECT_DOUBLE_EQ(adjusted_rand_index(a, labels_of({6}, {0, 0, 1, 1, 2, 2})),
                     (2 - 6 * 3 / 15.0) / (4.5 - 6 * 3 / 15.0));
    // One segment against three: as much as chance gives.
    EXPECT_EQ(adjusted_rand_index(a, labels_of({6}, {0, 0, 0, 0, 0, 0})), 0);
}

TEST(AdjustedRandIndex, OfTrivialLabels) {
    const Tensor one = labels_of({3}, {0, 0, 0}), each = labels_of({3}, {0, 1, 2});
    EXPECT_EQ(adjusted_rand_index(one, one), 1);
    EXPECT_EQ(adjusted_rand_index(each, each), 1);
    EXPECT_EQ(adjusted_rand_index(one, each), 0);
    EXPECT_EQ(adjusted_rand_index(labels_of({1}, {0}), labels_of({1}, {0})), 1);
}

TEST(AdjustedRandIndex, OfUnrelatedLabelsIsAboutZero) {
    std::vector<int32_t> a, b;
    for (int32_t i = 0; i < 10000; ++i) {
        a.push_back(i % 10);
        b.push_back(i / 10 % 10);
    }
    EXPECT_NEAR(adjusted_rand_index(labels_of({10000}, a), labels_of({10000}, b)), 0, 0.002);
}

TEST(AdjustedRandIndex, RefusesWhatCannotBeCompared) {
    const Tensor labels = labels_of({2}, {0, 1});
    expect_error(ErrorKind::input, "shapes", [&] {
        (void)adjusted_rand_index(labels, labels_of({3}, {0, 1, 2}));
    });
    expect_error(ErrorKind::input, "negative", [&] {
        (void)adjusted_rand_index(labels, labels_of({2}, {-1, 0}));
    });
    expect_error(ErrorKind::input, "int32",
                 [&] { (void)adjusted_rand_index(labels, Tensor(ElementType::int64, {2})); });
}

}  // namespace
}  // namespace whence
