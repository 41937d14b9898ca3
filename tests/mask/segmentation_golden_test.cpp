// Label maps of scikit-image 0.26; make_segmentation_golden.py made them and says how to read them.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "mask/segmentation_support.h"
#include "whence/data/image.h"
#include "whence/mask/segmentation.h"

namespace whence {
namespace {

const std::string golden_folder = WHENCE_SOURCE_DIR "/tests/mask/segmentation_golden/";

struct Case {
    std::string file, image, method;
    uint64_t seed = 0;
    double spread = 0;  // the least agreement of scikit-image with itself under other seeds
};

std::vector<Case> cases(const std::string& image_prefix) {
    std::ifstream list(golden_folder + "cases.txt");
    std::vector<Case> found;
    for (Case c; list >> c.file >> c.image >> c.seed >> c.spread >> c.method;)
        if (c.image.starts_with(image_prefix)) found.push_back(c);
    return found;
}

Tensor read_runs(const std::string& file) {
    std::ifstream in(golden_folder + file, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
    uint32_t size[2];
    std::memcpy(size, bytes.data(), sizeof size);
    std::vector<int32_t> labels;
    for (size_t at = sizeof size; at + 4 <= bytes.size(); at += 4) {
        uint16_t run[2];
        std::memcpy(run, bytes.data() + at, sizeof run);
        labels.insert(labels.end(), run[1], run[0]);
    }
    return Tensor::of<int32_t>({size[0], size[1]}, labels);
}

Tensor load(const std::string& name) {
    long height = 0, width = 0, channel_count = 0;
    if (std::sscanf(name.c_str(), "synthetic:%ldx%ldx%ld", &height, &width, &channel_count) == 3)
        return tests::synthetic(height, width, channel_count);
    const bool photo = name.starts_with("photos/");
    const data::Image image =
        data::read_image((photo ? WHENCE_SHARED_DIR "/data/" : WHENCE_SOURCE_DIR "/") + name);
    return tests::to_image({image.height, image.width, image.channels}, image.pixels);
}

void expect_as_in_scikit_image(const std::vector<Case>& list) {
    ASSERT_FALSE(list.empty());
    for (const Case& c : list) {
        SCOPED_TRACE(c.file + " " + c.image + " " + c.method);
        whence::Run run;
        run.seed = c.seed;
        const Tensor golden = read_runs(c.file);
        const Tensor labels = segment(load(c.image), parse_segmentation(c.method), run);
        ASSERT_EQ(labels.shape(), golden.shape());
        const double agreement = adjusted_rand_index(labels, golden);
        if (c.method.starts_with("felzenszwalb"))
            EXPECT_EQ(labels, golden);
        else if (c.method.starts_with("slic"))
            EXPECT_GE(agreement, 0.95);
        else
            EXPECT_GE(agreement, c.spread - 1e-6);  // six decimals are stored
    }
}

TEST(SegmentationGolden, SyntheticImages) {
    expect_as_in_scikit_image(cases("synthetic:"));
}

TEST(SegmentationGolden, Cat) {
    expect_as_in_scikit_image(cases("examples/"));
}

TEST(SegmentationGolden, Photos) {
    if (!std::filesystem::exists(WHENCE_SHARED_DIR "/data/photos"))
        GTEST_SKIP() << "the photos of ../shared are not here";
    expect_as_in_scikit_image(cases("photos/"));
}

// Another seed is another answer, so the agreement above is no accident of easy images.
TEST(SegmentationGolden, RefusesAnotherMethodsLabels) {
    const auto list = cases("examples/");
    ASSERT_GE(list.size(), 2U);
    EXPECT_LT(adjusted_rand_index(read_runs(list[0].file), read_runs(list[1].file)), 0.9);
}

}  // namespace
}  // namespace whence
