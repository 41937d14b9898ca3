#include "whence/anchors/tree_anchors.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "whence/anchors/columns.h"
#include "whence/anchors/judge.h"
#include "whence/anchors/tree_condition.h"
#include "whence/core/error.h"
#include "whence/core/version.h"
#include "whence/trees/search/search.h"

namespace whence {
namespace {

using namespace anchors;  // the helpers of this folder

// Boxes by which a witness is brought nearer to the row once it is known that there is one.
constexpr int64_t boxes_for_a_witness = 2000;
// Values of a column by which it is judged how much it matters.
constexpr size_t most_tries = 64;

// The codes that no tree can tell from this one.
void add_group(const TreeColumn& column, size_t code, TreeCondition& condition) {
    for (size_t other = 0; other < column.group.size(); ++other)
        if (column.group[other] == column.group.at(code)) condition.codes[other] = 1;
}

/// The columns that trees read, and for each one value of each of its cells.
class Columns {
  public:
    Columns(const trees::Ensemble& ensemble, const Schema& schema, const Tensor& background,
            const std::vector<double>& row, TreeAnchorOptions::Missing missing)
        : schema_(schema), row_(row), float_inputs_(ensemble.parts().float_inputs) {
        const std::vector<std::vector<trees::Cell>> cells = trees::cells_of(ensemble);
        const std::vector<uint8_t> read = trees::read_columns(ensemble);
        for (size_t c = 0; c < schema.size(); ++c) {
            if (!read[c]) continue;
            TreeColumn column{.column = static_cast<int64_t>(c),
                              .cells = {},
                              .values = {},
                              .missing = may_miss(c, background, missing),
                              .category = schema[c].categorical()};
            if (column.category) {
                for (size_t code = 0; code < schema[c].categories.size(); ++code)
                    column.values.push_back(static_cast<double>(code));
                column.group = groups_of(ensemble, column);
            } else {
                add_cells(cells[c], column);
            }
            never_missing_ |= schema[c].allows_missing && !column.missing;
            if (column.values.size() + (column.missing ? 1 : 0) > 1)
                all_.push_back(std::move(column));
        }
    }

    [[nodiscard]] size_t size() const { return all_.size(); }
    [[nodiscard]] const TreeColumn& operator[](size_t i) const { return all_[i]; }
    /// Whether rows are left out in which a column misses its value that could.
    [[nodiscard]] bool never_missing() const { return never_missing_; }

    /// What the row itself says of column i.
    [[nodiscard]] TreeCondition own(size_t i) const {
        const TreeColumn& column = all_[i];
        TreeCondition out{.first = 1, .last = 0, .codes = {}, .missing = false};
        if (column.category) out.codes.assign(column.values.size(), 0), out.first = 0;
        const double here = row_[column.column];
        if (std::isnan(here))
            out.missing = true;
        else if (column.category)
            add_group(column, static_cast<size_t>(here), out);
        else
            out.first = out.last =
                static_cast<size_t>(std::ranges::find(column.values, here) - column.values.begin());
        return out;
    }

    /// As variables of a search: the farther from the row's own cell the dearer.
    [[nodiscard]] std::vector<trees::Variable> variables() const {
        std::vector<trees::Variable> out;
        for (const TreeColumn& column : all_) {
            trees::Variable variable{.columns = {column.column}, .choices = {}};
            const double here = row_[column.column];
            const auto own =
                static_cast<double>(std::ranges::find(column.values, here) - column.values.begin());
            const double many = static_cast<double>(column.values.size());
            for (size_t i = 0; i < column.values.size(); ++i) {
                const double cells = std::isnan(here) ? 0 : std::abs(static_cast<double>(i) - own);
                const double change = column.values[i] == here ? 0 : 1;
                variable.choices.push_back(
                    {{column.values[i]}, change + (column.category ? 0 : cells / many)});
            }
            if (column.missing)
                variable.choices.push_back({{std::nan("")}, std::isnan(here) ? 0.0 : 1.0});
            out.push_back(std::move(variable));
        }
        return out;
    }

  private:
    // Codes that every split sends the same way.
    static std::vector<size_t> groups_of(const trees::Ensemble& ensemble,
                                         const TreeColumn& column) {
        std::vector<std::vector<bool>> ways(column.values.size());
        for (const trees::Tree& tree : ensemble.trees())
            for (const trees::Node& node : tree.nodes)
                if (node.feature == column.column)
                    for (size_t code = 0; code < ways.size(); ++code)
                        ways[code].push_back(goes_left(ensemble, tree, node, column.values[code]));
        std::vector<size_t> group(ways.size());
        std::map<std::vector<bool>, size_t> known;
        for (size_t code = 0; code < ways.size(); ++code)
            group[code] = known.emplace(ways[code], known.size()).first->second;
        return group;
    }

    static bool goes_left(const trees::Ensemble& ensemble, const trees::Tree& tree,
                          const trees::Node& node, double value) {
        const double read = trees::as_read(ensemble, node.feature, value);
        if (std::isnan(read)) return node.missing_left;
        if (node.categories < 0) return read <= node.threshold;
        const std::vector<int32_t>& set = tree.categories[static_cast<size_t>(node.categories)];
        return std::binary_search(set.begin(), set.end(), read, std::less<double>());
    }

    bool may_miss(size_t c, const Tensor& background, TreeAnchorOptions::Missing missing) const {
        if (std::isnan(row_[c])) return true;
        if (!schema_[c].allows_missing || missing == TreeAnchorOptions::Missing::none) return false;
        if (missing == TreeAnchorOptions::Missing::all || background.rows() == 0) return true;
        const std::span<const double> values = background.as<double>();
        for (size_t i = c; i < values.size(); i += schema_.size())
            if (std::isnan(values[i])) return true;
        return false;
    }

    void add_cells(const std::vector<trees::Cell>& cells, TreeColumn& column) const {
        const double here = row_[column.column];
        const double read = float_inputs_ ? static_cast<double>(static_cast<float>(here)) : here;
        const trees::Lattice any{.float_inputs = float_inputs_};
        for (const trees::Cell& cell : cells) {
            auto value = cell.holds(read)
                             ? std::optional(here)
                             : trees::nearest_in(cell, std::isnan(here) ? 0 : here, any);
            if (!value) continue;  // between two neighbouring numbers
            if (*value != here) value = short_number(cell, *value, float_inputs_);
            column.cells.push_back(cell);
            column.values.push_back(*value);
        }
    }

    const Schema& schema_;
    const std::vector<double>& row_;
    bool float_inputs_, never_missing_ = false;
    std::vector<TreeColumn> all_;
};

/// A box that is known to suffice, and asks whether a larger one does.
class Reason {
  public:
    enum class Answer { suffices, does_not, open };

    Reason(const Columns& columns, const trees::Space& space, trees::Search& search, int64_t budget,
           const Run& run)
        : columns_(columns), space_(space), search_(search), left_(budget), run_(run) {
        for (size_t i = 0; i < columns.size(); ++i) conditions_.push_back(columns.own(i));
        witnesses_.resize(columns.size());
    }

    [[nodiscard]] const TreeCondition& operator[](size_t i) const { return conditions_[i]; }
    [[nodiscard]] int64_t boxes() const { return boxes_; }
    /// Questions that the budget left open.
    [[nodiscard]] int64_t open() const { return open_; }

    /// Takes `condition` for column i where the rule then still suffices.
    Answer try_with(size_t i, TreeCondition condition) {
        if (left_ <= 0 || run_.late()) {
            ++open_;
            return Answer::open;
        }
        std::swap(conditions_[i], condition);
        const trees::Found found = search_.any(
            box(), {.boxes = std::min(left_, std::max(least_share, left_ / share))}, run_);
        left_ -= found.boxes;
        boxes_ += found.boxes;
        if (found.complete && !found.point) return Answer::suffices;
        std::swap(conditions_[i], condition);
        if (found.point) {
            if (condition.is_all(columns_[i])) witnesses_[i] = space_.row(found.point->choices);
            return Answer::does_not;
        }
        ++open_;
        return Answer::open;
    }

    /// A row near the input that keeps all conditions but that of column i and gets another
    /// prediction.
    [[nodiscard]] std::optional<std::vector<double>> witness(size_t i) {
        // One that was found while the box was smaller still is one.
        if (run_.late() && witnesses_[i]) return witnesses_[i];
        std::swap(conditions_[i], spare_ = TreeCondition::all(columns_[i]));
        Run patient = run_;
        patient.deadline = std::chrono::steady_clock::time_point::max();
        const trees::Found found = search_.cheapest(box(), {.boxes = boxes_for_a_witness}, patient);
        std::swap(conditions_[i], spare_);
        boxes_ += found.boxes;
        return found.point ? std::optional(space_.row(found.point->choices)) : witnesses_[i];
    }

  private:
    // One question may use a tenth of what is left.
    static constexpr int64_t share = 10, least_share = 1000;

    [[nodiscard]] trees::Box box() const {
        trees::Box out(static_cast<size_t>(space_.words()));
        for (size_t i = 0; i < columns_.size(); ++i) {
            std::vector<uint8_t> marks;
            for (const trees::Choice& choice : space_.variable(static_cast<int64_t>(i)).choices)
                marks.push_back(conditions_[i].admits(columns_[i], choice.values[0]));
            trees::keep(space_, static_cast<int64_t>(i), marks, out);
        }
        return out;
    }

    const Columns& columns_;
    const trees::Space& space_;
    trees::Search& search_;
    std::vector<TreeCondition> conditions_;
    std::vector<std::optional<std::vector<double>>> witnesses_;
    TreeCondition spare_;
    int64_t left_, boxes_ = 0, open_ = 0;
    const Run& run_;
};

/// One side of a condition that may grow: cell by cell, faster as long as it goes well.
struct Side {
    size_t column;
    enum class Way { down, up, code, missing } way;
    size_t code = 0;
    size_t step = 1;
};

// The side grown by its step, or nothing where it is at its end.
std::optional<TreeCondition> grown(const Side& side, TreeCondition condition,
                                   const TreeColumn& column) {
    switch (side.way) {
        case Side::Way::down:
            if (condition.first == 0) return std::nullopt;
            condition.first -= std::min(side.step, condition.first);
            return condition;
        case Side::Way::up:
            if (condition.last + 1 == column.values.size()) return std::nullopt;
            condition.last = std::min(condition.last + side.step, column.values.size() - 1);
            return condition;
        case Side::Way::code:
            if (condition.codes[side.code]) return std::nullopt;
            add_group(column, side.code, condition);
            return condition;
        case Side::Way::missing:
            if (condition.missing || !column.missing) return std::nullopt;
            condition.missing = true;
            return condition;
    }
    return std::nullopt;
}

std::vector<Side> sides_of(size_t i, const TreeColumn& column, const TreeCondition& condition) {
    std::vector<Side> out;
    if (column.category)
        for (size_t code = 0; code < column.values.size(); ++code) {
            if (std::ranges::find(column.group, column.group[code]) - column.group.begin() ==
                static_cast<std::ptrdiff_t>(code))
                out.push_back({i, Side::Way::code, code});  // the first of its group
        }
    else if (condition.first <= condition.last)
        out = {{i, Side::Way::down}, {i, Side::Way::up}};
    if (!column.values.empty()) out.push_back({i, Side::Way::missing});
    return out;
}

void widen(const Columns& columns, Reason& reason) {
    std::vector<Side> sides;
    for (size_t i = 0; i < columns.size(); ++i)
        if (!reason[i].is_all(columns[i]))
            std::ranges::move(sides_of(i, columns[i], reason[i]), std::back_inserter(sides));
    while (!sides.empty()) {
        std::vector<Side> still;
        for (Side side : sides) {
            const auto larger = grown(side, reason[side.column], columns[side.column]);
            if (!larger) continue;
            const bool went = reason.try_with(side.column, *larger) == Reason::Answer::suffices;
            if (!went && side.step == 1) continue;
            side.step = went ? side.step * 2 : std::max<size_t>(1, side.step / 4);
            still.push_back(side);
        }
        sides = std::move(still);
    }
}

// The columns, the one whose change alone moves the answer least first.
std::vector<size_t> by_influence(const trees::EnsembleModel& model, const Columns& columns,
                                 const std::vector<double>& row, const ResolvedTarget& target,
                                 const Run& run) {
    std::vector<double> influence(columns.size());
    for (size_t i = 0; i < columns.size(); ++i) {
        const std::vector<double>& values = columns[i].values;
        std::vector<double> tries = {row[columns[i].column]};
        for (size_t k = 0; k < values.size(); k += values.size() / most_tries + 1)
            tries.push_back(values[k]);
        if (!values.empty()) tries.push_back(values.back());
        if (columns[i].missing) tries.push_back(std::nan(""));
        Tensor rows(ElementType::float64, {std::ssize(tries), static_cast<int64_t>(row.size())});
        for (size_t k = 0; k < tries.size(); ++k) {
            const std::span<double> cells = rows.as<double>().subspan(k * row.size(), row.size());
            std::ranges::copy(row, cells.begin());
            cells[columns[i].column] = tries[k];
        }
        const Batch batch({{model.inputs()[0].name, std::move(rows)}});
        const std::vector<double> answers = target_values(target, model.predict(batch, run));
        for (const double answer : answers)
            influence[i] = std::max(influence[i], std::abs(answer - answers[0]));
    }
    std::vector<size_t> order(columns.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](size_t i) { return influence[i]; });
    return order;
}

trees::Goal another_prediction(const trees::Ensemble& ensemble, const Judge& judge, double within) {
    ResolvedTarget target = judge.target();
    if (target.classes > 1) return trees::other_class_goal(ensemble, target.index);
    target.scale = target.output_scale;  // as the judge compares
    const double own = judge.own();
    return trees::outside_goal(ensemble, target, own - within, own + within);
}

// What the rule says of a column, with the interval that is told of a number.
struct Told {
    size_t column;
    ToldInterval interval;
};

double coverage_of(const Columns& columns, const Reason& reason, const std::vector<Told>& told,
                   const Tensor& background) {
    if (background.rows() == 0) return std::nan("");
    const std::span<const double> cells = background.as<double>();
    const auto width = static_cast<size_t>(background.shape()[1]);
    int64_t covered = 0;
    for (size_t at = 0; at < cells.size(); at += width)
        covered += std::ranges::all_of(told, [&](const Told& one) {
            const TreeColumn& column = columns[one.column];
            const double value = cells[at + static_cast<size_t>(column.column)];
            if (std::isnan(value) || column.category)
                return reason[one.column].admits(column, value);
            const bool numbers = reason[one.column].first <= reason[one.column].last;
            return numbers && one.interval.holds(value);
        });
    return static_cast<double>(covered) / static_cast<double>(background.rows());
}

std::string changes_in_words(const std::vector<double>& from, const std::vector<double>& to,
                             const Schema& schema) {
    std::string out;
    for (size_t c = 0; c < schema.size(); ++c)
        if (!(from[c] == to[c] || (std::isnan(from[c]) && std::isnan(to[c]))))
            out += (out.empty() ? "" : ", ") + schema[c].name + " " + display(schema[c], from[c]) +
                   " -> " + display(schema[c], to[c]);
    return out;
}

void check_background(const Tensor& background, const Schema& schema) {
    if (background.type() != ElementType::float64 || background.rank() != 2 ||
        background.shape()[1] != static_cast<int64_t>(schema.size()))
        throw Error(
            ErrorKind::input,
            fmt::format("the background must be float64 [rows, {}], not {} {}", schema.size(),
                        name(background.type()), to_string(background.shape())));
}

}  // namespace

TreeAnchorOptions::Missing parse_missing(std::string_view text) {
    if (text == "auto") return TreeAnchorOptions::Missing::automatic;
    if (text == "all") return TreeAnchorOptions::Missing::all;
    if (text == "none") return TreeAnchorOptions::Missing::none;
    throw Error(ErrorKind::usage,
                "no choice '" + printable(text) + "' of missing; choose from auto, all, none");
}

TreeAnchors::TreeAnchors(const trees::EnsembleModel& model, Schema schema,
                         std::shared_ptr<const Tensor> background, TreeAnchorOptions options)
    : model_(model),
      schema_(std::move(schema)),
      background_(std::move(background)),
      options_(options) {
    if (options_.budget < 1) throw Error(ErrorKind::usage, "budget must be at least 1 box");
    if (!(options_.within >= 0)) throw Error(ErrorKind::usage, "within must not be negative");
    if (static_cast<int64_t>(schema_.size()) != model_.ensemble().features())
        throw Error(ErrorKind::input, fmt::format("the ensemble reads {} columns, the table has {}",
                                                  model_.ensemble().features(), schema_.size()));
    check_background(*background_, schema_);
}

Explanation TreeAnchors::explain(const Batch& input, const Target& target, const Run& run) const {
    const auto start = std::chrono::steady_clock::now();
    const std::vector<double> row = row_of(input, schema_);
    const trees::Ensemble& ensemble = model_.ensemble();
    // The model is asked also when the time is over: what is proven by then is told.
    Run patient = run;
    patient.deadline = std::chrono::steady_clock::time_point::max();
    patient.progress = nullptr;
    Judge judge(model_, target, input, options_.within, patient);
    const Columns columns(ensemble, schema_, *background_, row, options_.missing);
    const trees::Space space(ensemble, row, columns.variables());
    const trees::Goal goal = another_prediction(ensemble, judge, options_.within);
    trees::Search search(space, goal, [&](std::span<const double> cells) {
        return judge.same(1, [&](int64_t, Batch& rows) {
            rows[0].value = Tensor::of<double>({1, static_cast<int64_t>(cells.size())}, cells);
        })[0] == 0;
    });
    Reason reason(columns, space, search, options_.budget, run);
    for (const size_t i : by_influence(model_, columns, row, judge.target(), patient))
        reason.try_with(i, TreeCondition::all(columns[i]));
    const int64_t undecided = reason.open();
    if (options_.widen) widen(columns, reason);

    Explanation explanation;
    Diagnostics& diagnostics = explanation.diagnostics;
    Rule rule{
        .conditions = {}, .precision = 1, .precision_low = 1, .precision_high = 1, .confidence = 1};
    std::vector<Told> told_of;
    for (size_t i = 0; i < columns.size(); ++i) {
        const TreeColumn& column = columns[i];
        const TreeCondition& condition = reason[i];
        if (condition.is_all(column)) continue;
        Told one{.column = i, .interval = {}};
        if (!column.category && condition.first <= condition.last) {
            std::vector<double> known = {row[column.column]};
            for (size_t at = static_cast<size_t>(column.column);
                 at < background_->as<double>().size(); at += schema_.size())
                known.push_back(background_->as<double>()[at]);
            one.interval = told(column.cells[condition.first], column.cells[condition.last],
                                ensemble.parts().float_inputs, known);
        }
        rule.conditions.push_back(
            {column.column, text(column, condition, one.interval, schema_[column.column])});
        told_of.push_back(one);
    }
    rule.coverage = coverage_of(columns, reason, told_of, *background_);
    diagnostics.notes.push_back(
        fmt::format("proven: every row for which the rule holds gets the same prediction ({}; {} "
                    "boxes of leaves)",
                    judge.meaning(), reason.boxes()));
    int64_t witnesses = 0;
    std::vector<std::string> notes;
    for (size_t k = 0; k < told_of.size(); ++k)
        if (const auto other = reason.witness(told_of[k].column)) {
            ++witnesses;
            notes.push_back(
                "without '" + rule.conditions[k].text +
                "' the prediction may change: " + changes_in_words(row, *other, schema_));
        }
    const bool minimal = witnesses == std::ssize(told_of);
    diagnostics.notes.push_back(
        minimal
            ? "proven: no condition can be left out, each has its witness"
            : fmt::format(
                  "not proven: for {} of the {} conditions the search ended before it was known "
                  "whether they can be left out",
                  std::ssize(told_of) - witnesses, told_of.size()));
    if (options_.widen)
        diagnostics.notes.push_back(reason.open() == undecided
                                        ? "proven: no side of the rule reaches a threshold further"
                                        : fmt::format("not proven: the search ended before {} "
                                                      "questions were answered of how far the "
                                                      "rule reaches",
                                                      reason.open() - undecided));
    std::ranges::move(notes, std::back_inserter(diagnostics.notes));
    if (columns.never_missing())
        diagnostics.notes.emplace_back(options_.missing == TreeAnchorOptions::Missing::none
                                           ? "of rows with missing values the rule says nothing"
                                           : "of rows that miss a value where the background "
                                             "misses none the rule says nothing");
    if (std::isnan(rule.coverage))
        diagnostics.notes.emplace_back("no background: the coverage is not known");
    diagnostics.no_error_because = "a rule adds nothing up";
    diagnostics.converged = minimal && reason.open() == undecided;
    explanation.attribution = columns_named(rule, schema_, row);
    explanation.rule = std::move(rule);
    explanation.target.resolved = judge.target();
    explanation.target.value = judge.value();
    explanation.target.baseline = "every row for which the rule holds";
    Provenance& provenance = explanation.provenance;
    provenance.method = "tree-anchors";
    provenance.seed = run.seed;
    provenance.version = version();
    provenance.evaluations = judge.evaluations();
    provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return explanation;
}

}  // namespace whence
