// Against scikit-learn's regression trees: surrogate.npz, made by make_surrogate_golden.py.

#include <gtest/gtest.h>

#include "surrogate/support.h"
#include "whence/data/npy.h"
#include "whence/surrogate/tree.h"

namespace whence::surrogate {
namespace {

std::vector<double> at(const std::string& name) {
    static const std::vector<NamedTensor> all =
        data::read_npz(WHENCE_SOURCE_DIR "/tests/surrogate/surrogate.npz");
    for (const NamedTensor& tensor : all)
        if (tensor.name == name) return tensor.value.to_doubles();
    throw std::runtime_error("surrogate.npz has no " + name);
}

TEST(SurrogateGolden, TreesPredictTheSame) {
    test::Example e(4, at("x"), [](auto) { return 0; });
    e.values = at("y");
    for (const bool weighted : {false, true}) {
        e.weights = weighted ? at("w") : std::vector<double>{};
        for (const auto& [name, options] :
             {std::pair<std::string, TreeOptions>{"depth", {.max_depth = 4, .max_leaves = 1000}},
              {"leaves", {.max_depth = 30, .max_leaves = 12}}}) {
            const std::vector<double> expected = at(name + (weighted ? "/1" : "/0"));
            const SurrogateTree tree = fit_tree(e.answers(), e.all(), options, {});
            for (int64_t i = 0; i < 250; ++i)
                EXPECT_NEAR(value_at(tree, e.schema, e.answers().row(i)), expected[i], 1e-12)
                    << name << weighted << " row " << i;
        }
    }
}

}  // namespace
}  // namespace whence::surrogate
