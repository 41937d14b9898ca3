// Rules of tree ensembles, read as a person reads them, against every cell of the table.

#include "whence/anchors/tree_anchors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "../trees/random_ensembles.h"
#include "message_of.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"
#include "whence/trees/search/cells.h"

namespace whence {
namespace {

using trees::Ensemble;
using trees::EnsembleModel;
using trees::EnsembleParts;
using trees::Link;
using trees::testing::RandomEnsembles;

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Case {
    std::optional<EnsembleModel> model;
    Schema schema;
    std::shared_ptr<const Tensor> data;
    std::vector<double> row;
    TreeAnchorOptions options;
};

Case random_case(unsigned seed) {
    RandomEnsembles random(seed);
    constexpr int64_t columns = 3;
    EnsembleParts parts = random.answering(6, columns);
    Case out;
    if (parts.link == Link::identity) out.options.within = 0.5;
    out.model.emplace(Ensemble::build(std::move(parts)));
    out.schema.resize(columns);
    for (size_t c = 0; c < columns; ++c) {
        out.schema[c].name = "x" + std::to_string(c);
        out.schema[c].allows_missing = true;
        if (random.pick(3) == 0)
            for (char name = 'a'; name < 'i'; ++name)
                out.schema[c].categories.emplace_back(1, name);
    }
    std::vector<double> cells;
    const int64_t rows = random.pick(4) * 6;
    for (int64_t i = 0; i < rows * columns; ++i)
        cells.push_back(random.pick(8) == 0                     ? std::nan("")
                        : out.schema[i % columns].categorical() ? random.pick(8)
                                                                : 8 * random.number());
    for (int64_t c = 0; c < columns; ++c)
        out.row.push_back(random.pick(8) == 0           ? std::nan("")
                          : out.schema[c].categorical() ? random.pick(8)
                                                        : random.pick(10) - 1);
    out.data = std::make_shared<const Tensor>(Tensor::of<double>({rows, columns}, cells));
    out.options.missing =
        std::vector{TreeAnchorOptions::Missing::automatic, TreeAnchorOptions::Missing::all,
                    TreeAnchorOptions::Missing::none}[random.pick(3)];
    return out;
}

Explanation explain(const Case& c) {
    return TreeAnchors(*c.model, c.schema, c.data, c.options)
        .explain(Batch({{"features", Tensor::of<double>({1, 3}, c.row)}}), {}, {});
}

/// A condition as it is written.
struct Written {
    size_t column = 0;
    double low = -infinity, high = infinity;
    bool numbers = true, missing = false, closed = false;
    std::vector<bool> codes;

    [[nodiscard]] bool holds(const std::vector<double>& row) const {
        const double v = row[column];
        if (std::isnan(v)) return missing;
        if (!codes.empty()) return codes[static_cast<size_t>(v)];
        return numbers && (closed ? v >= low : v > low) && v <= high;
    }
};

double number(const std::string& text) {
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Written read(const Rule::Condition& condition, const Schema& schema) {
    Written out{.column = static_cast<size_t>(condition.feature)};
    std::string text = condition.text;
    const std::string or_missing = " or missing", name = schema[out.column].name;
    if (text.ends_with(or_missing)) {
        out.missing = true;
        text.erase(text.size() - or_missing.size());
    }
    if (text == name + " is missing") {
        out.missing = true;
        out.numbers = false;
    } else if (text == name + " is not missing") {
        out.codes.assign(schema[out.column].categories.size(), true);
    } else if (text.starts_with(name + " is not ")) {
        out.codes.assign(schema[out.column].categories.size(), true);
        for (size_t i = name.size() + 8; i < text.size(); i += 5)
            out.codes.at(static_cast<size_t>(text[i] - 'a')) = false;
    } else if (text.starts_with(name + " = ")) {
        out.codes.resize(schema[out.column].categories.size());
        for (size_t i = name.size() + 3; i < text.size(); i += 5)
            out.codes.at(static_cast<size_t>(text[i] - 'a')) = true;
    } else if (text.starts_with(name + " <= ")) {
        out.high = number(text.substr(name.size() + 4));
    } else if (text.starts_with(name + " >= ")) {
        out.low = number(text.substr(name.size() + 4));
        out.closed = true;
    } else if (text.starts_with(name + " > ")) {
        out.low = number(text.substr(name.size() + 3));
    } else {
        const size_t at = text.find(name);
        EXPECT_NE(at, std::string::npos) << text;
        out.closed = text.substr(0, at).ends_with(" <= ");
        EXPECT_TRUE(out.closed || text.substr(0, at).ends_with(" < ")) << text;
        EXPECT_EQ(text.substr(at + name.size(), 4), " <= ") << text;
        out.low = number(text);
        out.high = number(text.substr(at + name.size() + 4));
    }
    return out;
}

/// Values of a column that stand for all: each edge of a cell, the doubles beside it and beside
/// those that are told, and missing where the rule speaks of such rows.
std::vector<double> values_of(const Case& c, size_t column, const std::vector<Written>& rule) {
    std::vector<double> out;
    if (c.schema[column].categorical()) {
        for (int code = 0; code < 8; ++code) out.push_back(code);
    } else {
        std::vector<double> edges = {c.row[column], 0};
        const std::vector<trees::Cell> cells = trees::cells_of(c.model->ensemble())[column];
        for (const trees::Cell& cell : cells) edges.insert(edges.end(), {cell.above, cell.upto});
        for (const Written& one : rule)
            if (one.column == column) edges.insert(edges.end(), {one.low, one.high});
        for (const double edge : edges)
            if (std::isfinite(edge)) {
                const auto at = static_cast<float>(edge);
                out.insert(out.end(),
                           {edge, std::nextafter(edge, infinity), std::nextafter(edge, -infinity),
                            static_cast<double>(std::nextafter(at, 1e30F)),
                            static_cast<double>(std::nextafter(at, -1e30F))});
            }
    }
    bool missing = std::isnan(c.row[column]);
    using Missing = TreeAnchorOptions::Missing;
    if (c.options.missing == Missing::all) missing = true;
    if (c.options.missing == Missing::automatic) {
        missing |= c.data->rows() == 0;
        for (int64_t r = 0; r < c.data->rows(); ++r)
            missing |= std::isnan(c.data->as<double>()[r * 3 + static_cast<int64_t>(column)]);
    }
    if (missing) out.push_back(std::nan(""));
    std::ranges::sort(out,
                      [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; });
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

/// All rows of the grid and whether the prediction is that of the row explained.
struct Grid {
    std::vector<std::vector<double>> rows;
    std::vector<bool> same;

    Grid(const Case& c, const std::vector<Written>& rule) {
        std::vector<double> cells = c.row;
        for (const double x : values_of(c, 0, rule))
            for (const double y : values_of(c, 1, rule))
                for (const double z : values_of(c, 2, rule)) {
                    cells.insert(cells.end(), {x, y, z});
                    rows.push_back({x, y, z});
                }
        const auto count = static_cast<int64_t>(cells.size()) / 3;
        const Batch answers =
            c.model->predict(Batch({{"features", Tensor::of<double>({count, 3}, cells)}}), {});
        const std::vector<double> scores = answers[0].value.to_doubles();
        const size_t width = scores.size() / static_cast<size_t>(count);
        const auto top = [&](size_t row) {
            const auto first = scores.begin() + static_cast<int64_t>(row * width);
            return std::max_element(first, first + static_cast<int64_t>(width)) - first;
        };
        for (size_t row = 1; row < static_cast<size_t>(count); ++row)
            same.push_back(width == 1 ? std::abs(scores[row] - scores[0]) <= c.options.within
                                      : top(row) == top(0));
    }

    /// Whether all rows that satisfy these get the same prediction.
    [[nodiscard]] bool suffices(const std::vector<Written>& rule) const {
        for (size_t i = 0; i < rows.size(); ++i)
            if (!same[i] &&
                std::ranges::all_of(rule, [&](const Written& one) { return one.holds(rows[i]); }))
                return false;
        return true;
    }
};

bool says(const Explanation& e, const std::string& text) {
    return std::ranges::any_of(e.diagnostics.notes, [&](const std::string& note) {
        return note.find(text) != std::string::npos;
    });
}

TEST(TreeAnchors, TheRuleSufficesAndNothingCanBeLeftOutOrWidened) {
    int conditions = 0, intervals = 0;
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        const Case c = random_case(seed);
        const Explanation e = explain(c);
        std::vector<Written> rule;
        for (const Rule::Condition& condition : e.rule->conditions)
            rule.push_back(read(condition, c.schema));
        for (const Written& one : rule) EXPECT_TRUE(one.holds(c.row));
        const Grid grid(c, rule);
        EXPECT_TRUE(grid.suffices(rule));
        EXPECT_EQ(e.rule->precision, 1);
        EXPECT_EQ(e.diagnostics.converged, true);
        EXPECT_TRUE(says(e, "proven: no condition can be left out"));
        conditions += static_cast<int>(rule.size());
        for (size_t k = 0; k < rule.size(); ++k) {
            std::vector<Written> less = rule;
            less.erase(less.begin() + static_cast<int64_t>(k));
            EXPECT_FALSE(grid.suffices(less)) << e.rule->conditions[k].text;
            if (!rule[k].codes.empty()) {
                for (size_t code = 0; code < 8; ++code) {
                    if (rule[k].codes[code]) continue;
                    std::vector<Written> wider = rule;
                    wider[k].codes[code] = true;
                    EXPECT_FALSE(grid.suffices(wider))
                        << e.rule->conditions[k].text << " and " << code;
                }
                continue;
            }
            if (!rule[k].numbers) continue;
            // One cell further on either side.
            const auto cells = trees::cells_of(c.model->ensemble())[rule[k].column];
            for (const trees::Cell& cell : cells) {
                ++intervals;
                std::vector<Written> wider = rule;
                if (cell.above < rule[k].high && cell.upto >= rule[k].high &&
                    cell.upto < infinity) {
                    const auto next = std::ranges::find(cells, cell.upto, &trees::Cell::above);
                    // A cell between two neighbouring numbers holds none.
                    if (!trees::nearest_in(
                            *next, c.row[rule[k].column],
                            {.float_inputs = c.model->ensemble().parts().float_inputs}))
                        continue;
                    wider[k].high = next->upto;
                    EXPECT_FALSE(grid.suffices(wider))
                        << e.rule->conditions[k].text << " up to " << next->upto;
                }
            }
        }
        if (c.data->rows() == 0) {
            EXPECT_TRUE(std::isnan(e.rule->coverage));
            continue;
        }
        int64_t covered = 0;
        for (int64_t r = 0; r < c.data->rows(); ++r) {
            const auto cells = c.data->as<double>().subspan(3 * r, 3);
            covered += std::ranges::all_of(rule, [&](const Written& one) {
                return one.holds({cells.begin(), cells.end()});
            });
        }
        EXPECT_EQ(e.rule->coverage,
                  static_cast<double>(covered) / static_cast<double>(c.data->rows()));
    }
    EXPECT_GT(conditions, 200);
    EXPECT_GT(intervals, 200);
}

TEST(TreeAnchors, WithoutEnoughBudgetTheRuleStillSuffices) {
    int open = 0;
    for (unsigned seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE(seed);
        Case c = random_case(seed);
        c.options.budget = 5;
        const Explanation e = explain(c);
        std::vector<Written> rule;
        for (const Rule::Condition& condition : e.rule->conditions)
            rule.push_back(read(condition, c.schema));
        EXPECT_TRUE(Grid(c, rule).suffices(rule));
        if (e.diagnostics.converged == true) continue;
        ++open;
        EXPECT_TRUE(says(e, "not proven"));
    }
    EXPECT_GT(open, 10);
}

TEST(TreeAnchors, IsTheSameOnAnyNumberOfThreads) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        const Case c = random_case(seed);
        std::set<std::string> answers;
        for (const int threads : {1, 2, 8}) {
            whence::Run run;
            run.threads = threads;
            Explanation e =
                TreeAnchors(*c.model, c.schema, c.data, c.options)
                    .explain(Batch({{"features", Tensor::of<double>({1, 3}, c.row)}}), {}, run);
            e.provenance.seconds = 0;
            answers.insert(to_json(e));
        }
        EXPECT_EQ(answers.size(), 1U);
    }
}

TEST(TreeAnchors, AConstantModelNeedsNoCondition) {
    EnsembleParts parts{.features = 2, .base = {1}, .link = Link::logistic};
    const EnsembleModel model(Ensemble::build(parts));
    Schema schema(2);
    schema[0].name = "a";
    schema[1].name = "b";
    const auto none = std::make_shared<const Tensor>(ElementType::float64, Shape{0, 2});
    const Explanation e =
        TreeAnchors(model, schema, none)
            .explain(Batch({{"features", Tensor::of<double>({1, 2}, std::vector<double>{1, 2})}}),
                     {}, {});
    EXPECT_TRUE(e.rule->conditions.empty());
    EXPECT_EQ(e.diagnostics.converged, true);
}

TEST(TreeAnchors, RefusesWhatMakesNoSense) {
    const Case c = random_case(1);
    EXPECT_THROW((void)parse_missing("some"), Error);
    TreeAnchorOptions options;
    options.budget = 0;
    EXPECT_THROW(TreeAnchors(*c.model, c.schema, c.data, options), Error);
    EXPECT_THROW(TreeAnchors(*c.model, Schema(2), c.data), Error);
}

}  // namespace
}  // namespace whence
