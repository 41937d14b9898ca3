// The table of metrics, against the metrics and their pages.

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "core/support.h"
#include "whence/metrics/axioms.h"
#include "whence/metrics/curves.h"
#include "whence/metrics/subsets.h"
#include "whence/metrics/table.h"

namespace whence::metrics {
namespace {

std::string page(const std::string& name) {
    std::ifstream file(WHENCE_SOURCE_DIR "/docs/metrics/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(Table, EveryMetricIsSaidOnce) {
    std::set<std::string_view> names;
    for (const Facts& row : table()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_LT(row.low, row.high) << row.name;
        EXPECT_FALSE(row.source.empty() || row.assumes.empty() || row.cannot_tell.empty())
            << row.name;
        EXPECT_EQ(&facts(row.name), &row);
    }
    testing::expect_within(testing::error_of(ErrorKind::usage, [] { return facts("beauty").low; }),
                           "sensitivity-n");
}

TEST(Table, MetricsThatAskAModelSaySo) {
    const Deletion deletion;
    const Insertion insertion;
    const PixelFlipping flipping;
    const RegionPerturbation regions;
    const Monotonicity monotonicity;
    const Sufficiency sufficiency;
    const Comprehensiveness comprehensiveness;
    const Irof irof;
    const Road road;
    const SensitivityN sensitivity_n;
    const FaithfulnessCorrelation correlation;
    const Infidelity infidelity;
    const Completeness completeness;
    const NonSensitivity non_sensitivity;
    std::set<std::string_view> asking, said;
    for (const Metric* metric : std::initializer_list<const Metric*>{
             &deletion, &insertion, &flipping, &regions, &monotonicity, &sufficiency,
             &comprehensiveness, &irof, &road, &sensitivity_n, &correlation, &infidelity,
             &completeness, &non_sensitivity})
        asking.insert(metric->name());
    for (const Facts& row : table())
        if (row.needs.model && !row.needs.method && !row.needs.groups) said.insert(row.name);
    EXPECT_EQ(asking, said);
}

// A heading for each on the page of its category, and a line in the index.
TEST(Table, EveryMetricHasItsPage) {
    const std::string index = page("README.md");
    for (const Facts& row : table()) {
        const std::string heading = "\n## " + std::string(row.name) + "\n";
        EXPECT_NE(page(std::string(name(row.category)) + ".md").find(heading), std::string::npos)
            << row.name;
        const std::string line =
            "| " + std::string(row.name) + " | " + std::string(name(row.better)) + " |";
        EXPECT_NE(index.find(line), std::string::npos) << line;
    }
}

}  // namespace
}  // namespace whence::metrics
