// Against DiCE where the definitions agree: counterfactual.npz, made by
// make_counterfactual_golden.py.

#include "models.h"
#include "whence/counterfactual/features.h"
#include "whence/data/npy.h"

namespace whence::counterfactual {
namespace {

std::vector<double> golden(const std::string& name) {
    static const std::vector<NamedTensor> all =
        data::read_npz(WHENCE_SOURCE_DIR "/tests/counterfactual/counterfactual.npz");
    for (const NamedTensor& tensor : all)
        if (tensor.name == name) return tensor.value.to_doubles();
    throw std::runtime_error("counterfactual.npz has no " + name);
}

// DiCE keeps numbers in float32.
constexpr double single = 1e-6;

Features features() {
    Schema schema = testing::numbers(5);
    schema[4].categories = {"a", "b", "c", "d"};
    return {schema, testing::table(5, golden("rows")), {}};
}

TEST(CounterfactualGolden, MedianAbsoluteDeviations) {
    const std::vector<double> mads = golden("mads"), scales = golden("scales");
    const Features ours = features();
    ASSERT_EQ(mads[3], 0);  // mostly zero: the range stands for it
    for (size_t c = 0; c < 4; ++c) {
        if (mads[c] > 0) {
            EXPECT_NEAR(ours[c].scale, mads[c], single * mads[c]);
        }
        EXPECT_NEAR(ours[c].scale, scales[c], single * scales[c]);
    }
}

TEST(CounterfactualGolden, Distances) {
    const Features ours = features();
    const std::vector<double> theirs = golden("distances");
    const std::vector<double> distances = ours.distances(ours.example(0), {});
    ASSERT_EQ(distances.size(), theirs.size());
    for (size_t row = 0; row < theirs.size(); ++row)
        EXPECT_NEAR(distances[row], theirs[row], single * (1 + theirs[row]));
}

TEST(CounterfactualGolden, Steps) {
    const Features ours = features();
    EXPECT_EQ(ours[0].step, 0);
    EXPECT_EQ(ours[1].step, 0.01);
    EXPECT_EQ(ours[2].step, 1);
}

}  // namespace
}  // namespace whence::counterfactual
