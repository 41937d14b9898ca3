// Nearest rows of tree ensembles against every row of a grid that has a row of each cell.

#include "whence/counterfactual/tree.h"

#include <set>

#include "../trees/random_ensembles.h"
#include "models.h"
#include "whence/core/explanation_json.h"

namespace whence {
namespace {

using namespace testing;
using trees::Ensemble;
using trees::EnsembleModel;
using trees::EnsembleParts;
using trees::Link;
using trees::testing::RandomEnsembles;
using Objective = TreeCounterfactualOptions::Objective;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A model, a table, a row, and what may change.
struct Case {
    std::optional<EnsembleModel> model;
    Schema schema;
    Tensor data;
    std::vector<double> row;
    TreeCounterfactualOptions options;
};

Case random_case(unsigned seed) {
    RandomEnsembles random(seed);
    constexpr int64_t columns = 3;
    EnsembleParts parts = random.answering(7, columns);
    const bool classes = parts.link != Link::identity;
    Case out;
    out.model.emplace(Ensemble::build(std::move(parts)));
    out.schema = numbers(columns);
    const bool whole = random.pick(2) == 1;  // numbers of the data are whole
    std::vector<double> cells;
    for (size_t c = 0; c < columns; ++c) {
        out.schema[c].allows_missing = true;
        if (random.pick(3) == 0)
            for (char name = 'a'; name < 'i'; ++name)
                out.schema[c].categories.emplace_back(1, name);
    }
    for (int i = 0; i < 12 * columns; ++i) {
        const bool category = out.schema[i % columns].categorical();
        cells.push_back(random.pick(10) == 0 ? std::nan("")
                        : category           ? random.pick(8)
                        : whole              ? random.pick(10) - 1
                                             : 8 * random.number());
    }
    out.row.assign(cells.begin(), cells.begin() + columns);
    out.data = table(columns, cells);
    Constraints& limits = out.options.constraints;
    const std::string name = out.schema[1].name;
    switch (random.pick(5)) {
        case 0:
            limits.fixed = {name};
            break;
        case 1:
            if (!out.schema[1].categorical()) limits.increasing = {name};
            break;
        case 2:
            if (!out.schema[1].categorical()) limits.decreasing = {name};
            break;
        case 3:
            if (out.schema[1].categorical())
                limits.ranges = {{.feature = name, .categories = {"b", "c"}}};
            else if (!std::isnan(out.row[1]))
                limits.ranges = {{.feature = name,
                                  .low = out.row[1] - 1.5,
                                  .high = out.row[1] + 1.5,
                                  .categories = {}}};
            break;
        default:
            break;
    }
    if (!classes || random.pick(3) == 0) {
        const double low = random.number() / 3 + (classes ? 0.5 : 0);
        out.options.wanted.range =
            Wanted::Range{.low = low, .high = random.pick(2) ? low + 0.2 : infinity};
    } else if (random.pick(2)) {
        out.options.wanted.index = random.pick(out.model->ensemble().outputs() > 1 ? 3 : 2);
    }
    out.options.objective = random.pick(2) ? Objective::distance : Objective::changes;
    return out;
}

// The spread of a column of numbers, as documented.
double scale_of(const Case& c, size_t column) {
    std::vector<double> known;
    const std::vector<double> cells = c.data.to_doubles();
    for (size_t i = column; i < cells.size(); i += c.schema.size())
        if (!std::isnan(cells[i])) known.push_back(cells[i]);
    if (known.empty()) return 1;
    std::vector<double> deviations;
    for (const double v : known) deviations.push_back(std::abs(v - median(known)));
    if (median(deviations) > 0) return median(deviations);
    const auto [low, high] = std::ranges::minmax(known);
    return high > low ? high - low : 1;
}

double distance(const Case& c, size_t column, double a, double b) {
    if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
    if (std::isnan(a) || std::isnan(b) || c.schema[column].categorical()) return 1;
    return std::abs(a - b) / scale_of(c, column);
}

// Every value that a column may take, or of numbers with fractions all first ones behind a
// threshold.
std::vector<double> values_of(const Case& c, size_t column) {
    const double here = c.row[column];
    const std::string& name = c.schema[column].name;
    const Constraints& limits = c.options.constraints;
    std::vector<double> out = {here};
    const auto named = [&](const std::vector<std::string>& list) {
        return std::ranges::find(list, name) != list.end();
    };
    if (named(limits.fixed)) return out;
    if (c.schema[column].categorical()) {
        for (int code = 0; code < 8; ++code)
            if (limits.ranges.empty() || limits.ranges[0].feature != name || code == 1 || code == 2)
                out.push_back(code);
        return out;
    }
    std::vector<double> known;
    const std::vector<double> cells = c.data.to_doubles();
    for (size_t i = column; i < cells.size(); i += c.schema.size())
        if (!std::isnan(cells[i])) known.push_back(cells[i]);
    double low = -infinity, high = infinity;
    bool whole = true;
    if (!known.empty()) {
        low = *std::ranges::min_element(known);
        high = *std::ranges::max_element(known);
        for (const double v : known) whole = whole && v == std::round(v);
    } else {
        whole = false;
    }
    for (const auto& range : limits.ranges)
        if (range.feature == name) low = range.low, high = range.high;
    if (named(limits.increasing) || named(limits.decreasing)) {
        if (std::isnan(here)) return out;
        (named(limits.increasing) ? low : high) = here;
    }
    std::vector<double> tries;
    if (whole)
        for (int v = -20; v < 20; ++v) tries.push_back(v);
    else {
        tries = {low,
                 high,
                 0,
                 std::nextafter(1e-35F, 1.0F),
                 std::nextafter(-1e-35F, -1.0F),
                 std::nextafter(static_cast<double>(1e-35F), 1.0),
                 std::nextafter(-static_cast<double>(1e-35F), -1.0)};
        const auto around = [&](double edge) {
            if (c.model->ensemble().parts().float_inputs) {
                const auto at = static_cast<float>(edge);
                for (const float v : {at, std::nextafter(at, -99.0F), std::nextafter(at, 99.0F)})
                    tries.push_back(v);
            } else {
                for (const double v :
                     {edge, std::nextafter(edge, -99.0), std::nextafter(edge, 99.0)})
                    tries.push_back(v);
            }
        };
        for (const trees::Tree& tree : c.model->ensemble().trees())
            for (const trees::Node& node : tree.nodes) {
                if (node.feature != static_cast<int32_t>(column)) continue;
                if (node.categories < 0) around(node.threshold);
                for (int code = 0; node.categories >= 0 && code < 8; ++code) around(code);
            }
    }
    for (const double v : tries)
        if (v >= low && v <= high) out.push_back(v);
    return out;
}

struct Best {
    double changes = infinity, distance = infinity;
};

Best brute_force(const Case& c, Objective objective, int64_t original,
                 const ResolvedTarget& target) {
    std::vector<std::vector<double>> values;
    for (size_t column = 0; column < 3; ++column) values.push_back(values_of(c, column));
    std::vector<double> cells;
    for (const double x : values[0])
        for (const double y : values[1])
            for (const double z : values[2]) cells.insert(cells.end(), {x, y, z});
    const Batch answers = c.model->predict(Batch({{"features", table(3, cells)}}), {});
    const std::vector<double> scores = answers.at(target.output).to_doubles();
    const std::vector<double> at = target_values(target, answers);
    const auto width = static_cast<size_t>(target.classes);
    Best best;
    for (size_t i = 0; i < at.size(); ++i) {
        const auto first = scores.begin() + static_cast<int64_t>(i * width);
        const int64_t top = std::max_element(first, first + static_cast<int64_t>(width)) - first;
        const Wanted& wanted = c.options.wanted;
        const bool valid = wanted.range ? at[i] >= wanted.range->low && at[i] <= wanted.range->high
                           : wanted.index ? top == *wanted.index
                                          : top != original;
        if (!valid) continue;
        Best one{0, 0};
        for (size_t column = 0; column < 3; ++column) {
            const double d = distance(c, column, c.row[column], cells[3 * i + column]);
            one.distance += d;
            one.changes += d > 0;
        }
        const bool better =
            objective == Objective::distance
                ? one.distance < best.distance
                : std::pair(one.changes, one.distance) < std::pair(best.changes, best.distance);
        if (better) best = one;
    }
    return best;
}

Explanation explain(const Case& c) {
    const auto features = counterfactual::read_features(c.schema, c.data, {}, true);
    return TreeCounterfactual(*c.model, features, c.options).explain(row(c.row), {}, {});
}

bool says(const Explanation& e, const std::string& text) {
    return std::ranges::any_of(e.diagnostics.notes, [&](const std::string& note) {
        return note.find(text) != std::string::npos;
    });
}

TEST(TreeCounterfactual, IsTheNearestOfAllRowsOrThereIsNone) {
    int some = 0, none = 0, already = 0;
    for (unsigned seed = 0; seed < 400; ++seed) {
        SCOPED_TRACE(seed);
        const Case c = random_case(seed);
        const Explanation e = explain(c);
        const Batch here = c.model->predict(Batch({{"features", table(3, c.row)}}), {});
        const std::vector<double> scores = here[0].value.to_doubles();
        const Best best =
            brute_force(c, c.options.objective, std::ranges::max_element(scores) - scores.begin(),
                        e.target.resolved);
        const auto& found = e.counterfactuals->found;
        if (std::isinf(best.distance)) {
            ++none;
            EXPECT_EQ(e.diagnostics.converged, false);
            EXPECT_TRUE(says(e, "proven: no row within the limits"));
            EXPECT_TRUE(found.empty() || !found[0].valid);
            EXPECT_FALSE(e.counterfactuals->lower_bound);
            continue;
        }
        best.distance == 0 ? ++already : ++some;
        ASSERT_EQ(found.size(), 1U);
        EXPECT_TRUE(found[0].valid);
        EXPECT_EQ(e.diagnostics.converged, true);
        EXPECT_TRUE(says(e, "proven minimal"));
        EXPECT_NEAR(found[0].distance, best.distance, 1e-9);
        const bool changes = c.options.objective == Objective::changes;
        ASSERT_TRUE(e.counterfactuals->lower_bound);
        EXPECT_NEAR(*e.counterfactuals->lower_bound, changes ? best.changes : best.distance, 1e-9);
        if (c.options.objective == Objective::changes) {
            EXPECT_EQ(static_cast<double>(found[0].changes.size()), best.changes);
        }
    }
    EXPECT_GT(some, 150);
    EXPECT_GT(none, 20);
}

TEST(TreeCounterfactual, SaysWhatIsProvenWhereTheBudgetEnds) {
    int open = 0, positive = 0;
    for (unsigned seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE(seed);
        Case c = random_case(seed);
        const Explanation full = explain(c);
        c.options.budget = 3;
        const Explanation early = explain(c);
        if (!says(early, "not proven minimal")) continue;
        ++open;
        EXPECT_EQ(early.diagnostics.converged, false);
        EXPECT_FALSE(says(early, "bound gap 0"));
        ASSERT_TRUE(early.counterfactuals->lower_bound);
        EXPECT_EQ(explanation_from_json(to_json(early)).counterfactuals->lower_bound,
                  early.counterfactuals->lower_bound);
        if (full.counterfactuals->lower_bound) {
            EXPECT_LE(*early.counterfactuals->lower_bound,
                      *full.counterfactuals->lower_bound * (1 + 1e-9) + 1e-9);
            positive += *early.counterfactuals->lower_bound > 0;
        }
        for (const std::string& note : early.diagnostics.notes) {
            const size_t at = note.find("no counterfactual nearer than ");
            if (at == std::string::npos || full.diagnostics.converged != true) continue;
            const double bound = std::stod(note.substr(at + 30));
            EXPECT_LE(bound, full.counterfactuals->found[0].distance * (1 + 1e-5) + 1e-9);
        }
    }
    EXPECT_GT(open, 5);
    EXPECT_GT(positive, 0);
}

TEST(TreeCounterfactual, OneHotBlocksChangeTogether) {
    // A leaf for each colour: red 0, green 1, blue 2; size above 5 adds 0.5.
    EnsembleParts parts{.features = 4, .base = {0}};
    for (int32_t colour = 0; colour < 3; ++colour) {
        trees::Tree tree{.values = {0, static_cast<double>(colour)}};
        tree.nodes = {
            {.feature = colour, .left = 1, .right = 2, .threshold = 0.5}, {.leaf = 0}, {.leaf = 1}};
        parts.trees.push_back(tree);
    }
    trees::Tree size{.values = {0, 0.5}};
    size.nodes = {{.feature = 3, .left = 1, .right = 2, .threshold = 5}, {.leaf = 0}, {.leaf = 1}};
    parts.trees.push_back(size);
    const EnsembleModel model(Ensemble::build(parts));
    Schema schema = numbers(4);
    schema[0].name = "colour_red";
    schema[1].name = "colour_green";
    schema[2].name = "colour_blue";
    const Tensor data = table(4, {1, 0, 0, 2, 0, 1, 0, 4, 0, 0, 1, 9});
    TreeCounterfactualOptions options;
    options.wanted.range = Wanted::Range{.low = 2};
    options.constraints.one_hot = {{"colour_red", "colour_green", "colour_blue"}};
    const auto features = counterfactual::read_features(schema, data, options.constraints.one_hot);
    const Explanation e =
        TreeCounterfactual(model, features, options).explain(row({1, 0, 0, 2}), {}, {});
    const Counterfactual& found = e.counterfactuals->found.at(0);
    EXPECT_EQ(found.values.to_doubles(), (std::vector<double>{0, 0, 1, 2}));
    EXPECT_EQ(found.distance, 1);
    ASSERT_EQ(found.changes.size(), 1U);
    EXPECT_EQ(found.changes[0].to, "blue");
    options.constraints.ranges = {{.feature = "colour_red", .categories = {"colour_green"}}};
    EXPECT_TRUE(
        says(TreeCounterfactual(model, features, options).explain(row({1, 0, 0, 2}), {}, {}),
             "proven: no row within the limits"));
}

// A tree that asks only whether a value is there cuts no line, and still has two answers.
TEST(TreeCounterfactual, AMissingValueMayBeFilledIn) {
    EnsembleParts parts{.features = 1, .base = {0}};
    trees::Tree tree{.values = {0, 1}};
    tree.nodes = {
        {.feature = 0, .left = 1, .right = 2, .threshold = infinity, .missing_left = false},
        {.leaf = 0},
        {.leaf = 1}};
    parts.trees.push_back(tree);
    const EnsembleModel model(Ensemble::build(parts));
    Schema schema = numbers(1);
    schema[0].allows_missing = true;
    const auto features = counterfactual::read_features(schema, table(1, {1, 4, 9}), {});
    TreeCounterfactualOptions options;
    options.wanted.range = Wanted::Range{.high = 0.5};
    const Explanation filled =
        TreeCounterfactual(model, features, options).explain(row({std::nan("")}), {}, {});
    EXPECT_EQ(filled.counterfactuals->found.at(0).values.to_doubles()[0], 4);
    EXPECT_EQ(filled.counterfactuals->found.at(0).distance, 1);
    options.wanted.range = Wanted::Range{.low = 0.5};
    EXPECT_TRUE(says(TreeCounterfactual(model, features, options).explain(row({4}), {}, {}),
                     "proven: no row"));
}

TEST(TreeCounterfactual, IsTheSameOnAnyNumberOfThreads) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        const Case c = random_case(seed);
        const auto features = counterfactual::read_features(c.schema, c.data, {}, true);
        std::set<std::string> answers;
        for (const int threads : {1, 2, 8}) {
            whence::Run run;
            run.threads = threads;
            Explanation e =
                TreeCounterfactual(*c.model, features, c.options).explain(row(c.row), {}, run);
            e.provenance.seconds = 0;
            answers.insert(to_json(e));
        }
        EXPECT_EQ(answers.size(), 1U);
    }
}

TEST(TreeCounterfactual, RefusesWhatMakesNoSense) {
    const Case c = random_case(0);
    const auto features = counterfactual::read_features(c.schema, c.data, {});
    TreeCounterfactualOptions options;
    options.budget = 0;
    EXPECT_THROW(TreeCounterfactual(*c.model, features, options), Error);
    const auto narrow = counterfactual::read_features(numbers(2), table(2, {1, 2}), {});
    EXPECT_THROW(TreeCounterfactual(*c.model, narrow, {}), Error);
}

}  // namespace
}  // namespace whence
