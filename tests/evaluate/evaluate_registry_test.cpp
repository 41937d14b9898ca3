// The registry: complete, found by name and category, and true to the table of metrics.

#include "whence/evaluate/registry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "message_of.h"
#include "whence/evaluate/evaluate.h"

namespace whence::evaluate {
namespace {

using Names = std::vector<std::string>;

Names names(const std::vector<ChosenMetric>& chosen) {
    Names out;
    for (const ChosenMetric& one : chosen) out.emplace_back(one.spec->name);
    return out;
}

bool has(const Names& all, const std::string& name) {
    return std::ranges::find(all, name) != all.end();
}

TEST(Registry, HasEveryMetricOfTheTableOnce) {
    std::vector<std::string_view> table, rows;
    for (const metrics::Facts& facts : metrics::table()) table.push_back(facts.name);
    for (const MetricSpec& spec : registry()) rows.push_back(spec.name);
    EXPECT_EQ(rows, table);
}

TEST(Registry, DefaultsMakeEveryMetricThatAsks) {
    for (const MetricSpec& spec : registry())
        if (const auto* asks = std::get_if<AsksModel>(&spec.score)) {
            EXPECT_TRUE(metrics::facts(spec.name).needs.model) << spec.name;
            EXPECT_EQ((*asks)(recipe::OptionValues(spec.options, {}, spec.name))->name(),
                      spec.name);
        }
}

TEST(Registry, NamesCategoriesAndAll) {
    EXPECT_EQ(names(choose_metrics(Names{"sparseness", "deletion"}, "image")),
              (Names{"deletion", "sparseness"}));
    EXPECT_EQ(choose_metrics(Names{"all"}, "image").size(), registry().size());
    const auto localisation = choose_metrics(Names{"localisation"}, "image");
    EXPECT_TRUE(has(names(localisation), "pointing-game"));
    EXPECT_FALSE(has(names(localisation), "deletion"));
    EXPECT_TRUE(std::ranges::none_of(localisation, &ChosenMetric::named));
    // A name is a name, also beside its category.
    for (const ChosenMetric& one : choose_metrics(Names{"faithfulness", "deletion"}, "image"))
        EXPECT_EQ(one.named, one.spec->name == "deletion");
    // "complexity" is both.
    EXPECT_TRUE(has(names(choose_metrics(Names{"complexity"}, "image")), "sparseness"));
}

TEST(Registry, DefaultsFitTheModality) {
    EXPECT_TRUE(has(names(choose_metrics({}, "image")), "insertion"));
    EXPECT_FALSE(has(names(choose_metrics({}, "image")), "sufficiency"));
    EXPECT_TRUE(has(names(choose_metrics({}, "text")), "sufficiency"));
}

TEST(Registry, RefusesNamesThatDoNotExist) {
    EXPECT_EQ(message_of(ErrorKind::usage,
                         [&] { static_cast<void>(choose_metrics(Names{"delition"}, "image")); }),
              "no metric 'delition'; did you mean 'deletion'?; whence evaluate --list shows them");
}

TEST(Registry, DescribesItself) {
    const std::string all = describe_metrics();
    for (const MetricSpec& spec : registry())
        EXPECT_NE(all.find(std::string(spec.name) + "\n"), std::string::npos) << spec.name;
    const std::string one = describe_metrics("deletion");
    EXPECT_NE(one.find("lower is better"), std::string::npos);
    EXPECT_NE(one.find("--set deletion.step"), std::string::npos);
    EXPECT_EQ(one.find("insertion\n"), std::string::npos);
}

TEST(Registry, OptionsBelongToSomebody) {
    const OwnedOption one = parse_owned_option("lime.num-samples=0.5");
    EXPECT_EQ(one.owner, "lime");
    EXPECT_EQ(one.option.name, "num-samples");
    EXPECT_EQ(std::get<std::string>(one.option.value), "0.5");
    for (const char* text : {"lime", "lime=3", ".a=3", "a=b.c", ""})
        EXPECT_NE(message_of(ErrorKind::usage, [&] { static_cast<void>(parse_owned_option(text)); })
                      .find("OPTION=VALUE"),
                  std::string::npos)
            << text;
}

}  // namespace
}  // namespace whence::evaluate
