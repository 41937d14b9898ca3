#include "whence/surrogate/rules.h"

#include <algorithm>
#include <cmath>

namespace whence::surrogate {
namespace {

using Rule = RuleList::Rule;

void collect(const SurrogateTree& tree, const Schema& schema, int64_t at,
             const std::vector<Condition>& path, std::vector<Rule>& out) {
    const SurrogateTree::Node& node = tree.nodes[at];
    if (node.leaf()) {
        out.push_back({path, node.value, node.share});
        return;
    }
    std::vector<Condition> left = path, right = path;
    perturb::join(left, node.left_if);
    perturb::join(right, perturb::opposite(node.left_if, schema[node.left_if.feature]));
    collect(tree, schema, node.left, left, out);
    collect(tree, schema, node.right, right, out);
}

// The training rows as a rule list sees them.
class Learner {
  public:
    Learner(const Answers& answers, const std::vector<int64_t>& rows)
        : answers_(answers), rows_(rows) {}

    // Sets values and shares to those of the rows that reach each rule; returns the weighted
    // squared error.
    double fit(std::vector<Rule>& rules) const {
        std::vector<double> weight(rules.size()), sum(rules.size()), square(rules.size());
        double total = 0;
        for (const int64_t i : rows_) {
            const double w = answers_.weight(i), f = answers_.values[i] - answers_.values[rows_[0]];
            const size_t rule = first_of(rules, answers_.row(i));
            weight[rule] += w;
            sum[rule] += w * f;
            square[rule] += w * f * f;
            total += w;
        }
        double error = 0;
        for (size_t r = 0; r < rules.size(); ++r) {
            rules[r].share = weight[r] / total;
            if (!(weight[r] > 0)) continue;
            rules[r].value = answers_.values[rows_[0]] + sum[r] / weight[r];
            error += std::max(0.0, square[r] - sum[r] * sum[r] / weight[r]);
        }
        return error;
    }

  private:
    [[nodiscard]] size_t first_of(const std::vector<Rule>& rules,
                                  std::span<const double> row) const {
        for (size_t r = 0; r + 1 < rules.size(); ++r)
            if (std::ranges::all_of(rules[r].conditions, [&](const Condition& condition) {
                    return condition.holds(row[condition.feature],
                                           answers_.schema[condition.feature].categorical());
                }))
                return r;
        return rules.size() - 1;
    }

    const Answers& answers_;
    const std::vector<int64_t>& rows_;
};

// Drops what costs no more than `most` altogether; the cheapest condition of each rule first.
void simplify(std::vector<Rule>& rules, const Learner& learner, double most, const Run& run) {
    const double limit = learner.fit(rules) + most;
    for (size_t r = 0; r + 1 < rules.size(); ++r) {
        run.report("rules", static_cast<int64_t>(r), std::ssize(rules));
        while (rules[r].conditions.size() > 1) {
            run.check();
            double best = limit;
            std::vector<Rule> shorter;
            for (size_t c = 0; c < rules[r].conditions.size(); ++c) {
                std::vector<Rule> tried = rules;
                tried[r].conditions.erase(tried[r].conditions.begin() + static_cast<int64_t>(c));
                const double error = learner.fit(tried);
                if (error > best || (error == best && !shorter.empty())) continue;
                best = error;
                shorter = std::move(tried);
            }
            if (shorter.empty()) break;
            rules = std::move(shorter);
        }
    }
    const Rule last = rules.back();
    rules.pop_back();
    std::erase_if(rules, [](const Rule& rule) { return rule.share == 0; });
    rules.push_back(last);
    learner.fit(rules);
}

}  // namespace

RuleList fit_rules(const Answers& answers, const Split& split, const RuleOptions& options,
                   const Run& run) {
    const SurrogateTree tree = fit_tree(answers, split, options.tree, run);
    std::vector<Rule> rules;
    collect(tree, answers.schema, 0, {}, rules);
    std::ranges::stable_sort(rules, std::greater<>{}, &Rule::share);
    std::ranges::rotate(rules, rules.begin() + 1);  // the most common answer is "otherwise"
    rules.back().conditions.clear();
    std::vector<int64_t> rows = split.training;
    std::erase_if(rows, [&](int64_t i) { return answers.weight(i) == 0; });
    const Learner learner(answers, rows);
    std::vector<Rule> constant{{}};
    simplify(rules, learner, options.tolerance * learner.fit(constant), run);
    RuleList out{.rules = std::move(rules)};
    out.fidelity = fidelity(answers, split, [&](std::span<const double> row) {
        return value_at(out, answers.schema, row);
    });
    return out;
}

}  // namespace whence::surrogate
