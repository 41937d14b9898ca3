// The Shapley family on the shipped examples: what stands for the missing, and who plays.

#include <gtest/gtest.h>

#include <algorithm>

#include "recipe/support.h"

namespace whence::recipe {
namespace {

using namespace test;

Explanation explained(const Input& input, std::vector<Option> options, std::string baseline = "",
                      std::string method = "kernel-shap") {
    const Subject& subject = input.is_table() ? table_subject() : image_subject();
    options.push_back({"budget", int64_t{200}});
    return explain(subject, input,
                   {.method = std::move(method), .baseline = std::move(baseline), .options = options},
                   {});
}

bool notes(const Explanation& e, const std::string& part) {
    return std::ranges::any_of(e.diagnostics.notes,
                               [&](const std::string& note) { return contains(note, part); });
}

TEST(Shapley, TablesAreComparedWithTheirBackground) {
    const Explanation e = explained(row(3), {});
    EXPECT_EQ(e.target.baseline, "background");
    // Five coalitions were asked of the network itself as well.
    EXPECT_TRUE(notes(e, "without running it"));
    EXPECT_EQ(e.provenance.evaluations, 202 * 100 + 500 + 1);
    EXPECT_TRUE(notes(e, "455 rows are summarized by 100"));
    const Explanation all = explained(row(3), {{"summary", std::string("all")}});
    EXPECT_EQ(all.provenance.evaluations, 202 * 455 + 2 * 455 + 1);
    EXPECT_FALSE(notes(all, "summarized"));
    const Explanation one = explained(row(3), {}, "mean");
    EXPECT_EQ(one.target.baseline, "mean");
    EXPECT_FALSE(notes(one, "summarized"));
    EXPECT_TRUE(one.target.neutrality);
}

TEST(Shapley, PicturesByOneBaseline) {
    for (const char* baseline : {"", "mean", "blur:2"}) {
        const Explanation e =
            explained(cat(), {{"segmentation", std::string("grid:3x3")}}, baseline);
        EXPECT_EQ(e.attribution.values.size(), 9);
        EXPECT_EQ(e.target.baseline, *baseline ? baseline : "zeros");
        EXPECT_NEAR(*e.diagnostics.attribution_error, 0, 1e-6);
    }
    EXPECT_TRUE(contains(message_of(ErrorKind::usage, [] {
        (void)explained(cat(), {{"groups", std::string("a, b")}});
    }), "groups are of the columns"));
}

// The adaptor for columns and the model's own matrix are two ways to the same answers.
TEST(Shapley, TheOwnMatrixAndTheAdaptorAgree) {
    Input through = row(3);
    through.batch = {};
    const Explanation direct = explained(row(3), {}), adapted = explained(through, {});
    for (int64_t j = 0; j < 30; ++j)
        EXPECT_NEAR(direct.attribution.values.as<double>()[j],
                    adapted.attribution.values.as<double>()[j], 1e-7);
}

TEST(Shapley, GroupsAreOneFeature) {
    const Explanation e =
        explained(row(3), {{"groups", std::string("size: mean radius, 3; worst area, 20")}});
    const std::vector<std::string>& names = e.attribution.names;
    EXPECT_EQ(names.size(), 28U);
    EXPECT_EQ(names[0], "size");
    EXPECT_NE(std::ranges::find(names, "worst area + 20"), names.end());
    EXPECT_TRUE(contains(e.attribution.displays[0], ", "));
    for (const char* wrong : {"mean radius, mean radius", "mean radiu", "30", "-1"})
        message_of(ErrorKind::usage,
                   [&] { (void)explained(row(3), {{"groups", std::string(wrong)}}); });
}

TEST(Shapley, SavedExplanationsReplay) {
    for (const char* method : {"kernel-shap", "permutation-shap", "banzhaf"}) {
        const Explanation e = explained(row(3), {{"summary", std::string("kmeans:5")}}, "", method);
        const Replay again = replay(e, {});
        EXPECT_TRUE(again.differences.empty()) << method << ": " << again.differences[0];
        EXPECT_EQ(again.largest_difference, 0) << method;
    }
}

}  // namespace
}  // namespace whence::recipe
