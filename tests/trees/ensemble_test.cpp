// What Ensemble::build takes and refuses.

#include "whence/trees/ensemble.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "message_of.h"
#include "random_ensembles.h"

namespace whence::trees {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// x0 <= 0.5 ? (x1 in {1, 3} ? 10 : 20) : 30
EnsembleParts small() {
    Tree tree;
    tree.nodes = {{.feature = 0, .left = 1, .right = 4, .threshold = 0.5, .cover = 10},
                  {.feature = 1, .left = 2, .right = 3, .categories = 0, .cover = 6},
                  {.cover = 2, .leaf = 0},
                  {.cover = 4, .leaf = 1},
                  {.cover = 4, .leaf = 2}};
    tree.values = {10, 20, 30};
    tree.categories = {{1, 3}};
    return {.trees = {tree, tree}, .features = 2, .base = {0}, .has_covers = true};
}

TEST(Ensemble, TakesWhatHolds) {
    EXPECT_EQ(Ensemble::build(small()).trees().size(), 2U);
    for (unsigned seed = 0; seed < 50; ++seed) {
        testing::RandomEnsembles random(seed);
        const bool vectors = seed % 2 == 1;
        EXPECT_NO_THROW(
            Ensemble::build(random.parts({.outputs = 3, .depth = 7, .vector_leaves = vectors})));
    }
}

TEST(Ensemble, TakesInfiniteThresholdsAndNoTrees) {
    EnsembleParts parts = small();
    parts.trees[0].nodes[0].threshold = -infinity;
    EXPECT_NO_THROW(Ensemble::build(parts));
    parts.trees.clear();
    EXPECT_NO_THROW(Ensemble::build(parts));
}

struct Broken {
    const char* says;
    std::function<void(EnsembleParts&)> breaks;
};

TEST(Ensemble, RefusesWithTreeAndNode) {
    const auto nodes = [](EnsembleParts& parts) -> std::vector<Node>& {
        return parts.trees[1].nodes;
    };
    const Broken all[] = {
        {"tree 1, node 1: child 1 stands before it", [&](auto& p) { nodes(p)[1].left = 1; }},
        {"tree 1, node 1: child 0 stands before it", [&](auto& p) { nodes(p)[1].right = 0; }},
        {"tree 1, node 0: child 5 does not exist: the tree has 5 nodes",
         [&](auto& p) { nodes(p)[0].right = 5; }},
        {"tree 1, node 0: child -1 does not exist", [&](auto& p) { nodes(p)[0].left = -1; }},
        {"tree 1, node 1: child 4 has another parent already",
         [&](auto& p) { nodes(p)[1].right = 4; }},
        {"tree 1, node 5: it is the child of no node",
         [&](auto& p) { nodes(p).push_back({.leaf = 0}); }},
        {"tree 1, node 0: feature 2 does not exist: the ensemble has 2",
         [&](auto& p) { nodes(p)[0].feature = 2; }},
        {"tree 1, node 0: its threshold is NaN", [&](auto& p) { nodes(p)[0].threshold = nan; }},
        {"tree 1, node 3: leaf 3 does not exist: the tree has 3",
         [&](auto& p) { nodes(p)[3].leaf = 3; }},
        {"tree 1, node 3: leaf -1 does not exist", [&](auto& p) { nodes(p)[3].leaf = -1; }},
        {"tree 1, node 1: set of categories 1 does not exist",
         [&](auto& p) { nodes(p)[1].categories = 1; }},
        {"tree 1, node 1: set of categories -2 does not exist",
         [&](auto& p) { nodes(p)[1].categories = -2; }},
        {"tree 1, node 3: its cover is -4", [&](auto& p) { nodes(p)[3].cover = -4; }},
        {"tree 1, node 4: its cover is nan", [&](auto& p) { nodes(p)[4].cover = nan; }},
        {"tree 1, node 1: its cover is 6, its children's add up to 7",
         [&](auto& p) { nodes(p)[3].cover = 5; }},
        {"tree 1: leaf value 1 is not finite", [](auto& p) { p.trees[1].values[1] = infinity; }},
        {"tree 1: it has no nodes", [](auto& p) { p.trees[1].nodes.clear(); }},
        {"tree 1: it adds to output 1 of 1", [](auto& p) { p.trees[1].output = 1; }},
        {"tree 1: its leaves have 3 values; the ensemble has 1 outputs",
         [](auto& p) { p.trees[1].width = 3; }},
        {"tree 1: its leaves have 0 values", [](auto& p) { p.trees[1].width = 0; }},
        {"tree 1: a category is negative",
         [](auto& p) {
             p.trees[1].categories[0] = {-1, 3};
         }},
        {"tree 1: a set of categories is not sorted",
         [](auto& p) {
             p.trees[1].categories[0] = {3, 3};
         }},
        {"the ensemble: 0 features", [](auto& p) { p.features = 0; }},
        {"the ensemble: 99999999999 outputs", [](auto& p) { p.outputs = 99999999999; }},
        {"the ensemble: 2 base scores for 1 outputs",
         [](auto& p) {
             p.base = {0, 0};
         }},
        {"the ensemble: its base score is nan", [](auto& p) { p.base = {nan}; }},
        {"the ensemble: its sums are divided by 0", [](auto& p) { p.divisor = 0; }},
        {"the ensemble: 1 feature names for 2", [](auto& p) { p.feature_names = {"a"}; }},
        {"the ensemble: 2 output names for 1",
         [](auto& p) {
             p.output_names = {"no", "yes"};
         }},
        {"the ensemble: 1 lists of categories for 2", [](auto& p) { p.category_names = {{"a"}}; }},
    };
    for (const Broken& broken : all) {
        EnsembleParts parts = small();
        broken.breaks(parts);
        const std::string said =
            message_of(ErrorKind::model, [&] { static_cast<void>(Ensemble::build(parts)); });
        EXPECT_EQ(said.substr(0, std::string(broken.says).size()), broken.says);
    }
}

TEST(Ensemble, ALogisticOutputMayNameBothClasses) {
    EnsembleParts parts = small();
    parts.link = Link::logistic;
    parts.output_names = {"no", "yes"};
    EXPECT_NO_THROW(Ensemble::build(parts));
}

TEST(Ensemble, CoversNeedOnlyAddUpWithinRoundingAndOnlyWhereThereAreAny) {
    EnsembleParts parts = small();
    parts.trees[0].nodes[0].cover = 10.001;
    EXPECT_NO_THROW(Ensemble::build(parts));
    parts.trees[0].nodes[0].cover = 11;
    EXPECT_THROW(static_cast<void>(Ensemble::build(parts)), Error);
    parts.has_covers = false;
    EXPECT_NO_THROW(Ensemble::build(parts));
}

TEST(Ensemble, ADeepTreeNeedsNoStack) {
    constexpr int32_t depth = 1000000;
    Tree tree;
    for (int32_t i = 0; i < depth; ++i) {
        tree.nodes.push_back(
            {.feature = 0, .left = 2 * i + 1, .right = 2 * i + 2, .threshold = -1.0 * i});
        tree.nodes.push_back({.leaf = 0});
    }
    // Each split's left child is the leaf after it, its right child the next split.
    tree.nodes.push_back({.leaf = 1});
    tree.values = {1, 2};
    EXPECT_NO_THROW(Ensemble::build({.trees = {tree}, .features = 1, .base = {0}}));
}

}  // namespace
}  // namespace whence::trees
