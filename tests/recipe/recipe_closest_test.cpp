#include "recipe/support.h"
#include "whence/recipe/closest.h"

namespace whence::recipe::test {
namespace {

const std::vector<std::string> animals = {"cat",       "dog",         "tabby, tabby cat",
                                          "tiger cat", "Persian cat", "deer"};
using Names = std::vector<std::string>;

TEST(Closest, FindsTyposCaseAndParts) {
    EXPECT_EQ(closest("cta", animals).at(0), "cat");
    EXPECT_EQ(closest("CAT", animals).at(0), "cat");
    EXPECT_EQ(closest("deeer", animals), Names{"deer"});
    EXPECT_EQ(closest("tabby", animals), Names{"tabby, tabby cat"});
    EXPECT_EQ(closest("input_x_gradient", Names{"lime", "input-x-gradient"}),
              Names{"input-x-gradient"});
}

TEST(Closest, SaysNothingWhereNothingIsNear) {
    EXPECT_TRUE(closest("submarine", animals).empty());
    EXPECT_TRUE(closest("", animals).empty());
    EXPECT_TRUE(closest(std::string(10000, 'c'), animals).empty());
    EXPECT_EQ(did_you_mean("submarine", animals), "");
}

TEST(Closest, IsSafeToPrint) {
    EXPECT_EQ(did_you_mean("evil", Names{"evil\x1b[2J"}), "; did you mean 'evil?[2J'?");
}

}  // namespace
}  // namespace whence::recipe::test
