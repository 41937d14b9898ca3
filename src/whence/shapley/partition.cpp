#include "whence/shapley/partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <queue>

#include "whence/core/error.h"
#include "whence/shapley/questions.h"

namespace whence {
namespace {

using shapley::Questions;

// Merges whose halves are asked at once.
constexpr size_t at_once = 32;

// A node that brings `with` - `without` to the players of `context`.
struct Part {
    double priority;
    int64_t number;  // the order in which parts were made: breaks ties
    int32_t node;
    double weight, without, with;
    std::vector<bool> context;

    bool operator<(const Part& other) const {
        return priority != other.priority ? priority < other.priority : number > other.number;
    }
};

class Owen {
  public:
    Owen(Questions& questions, const Hierarchy& hierarchy, const Estimate& ends)
        : questions_(questions),
          players_(questions.players()),
          tree_(hierarchy),
          credit_(players_ + static_cast<int64_t>(tree_.merges.size())),
          first_(credit_.size()),
          size_(credit_.size(), 1) {
        lay_out();
        put(static_cast<int32_t>(credit_.size()) - 1, 1, ends.nobody, ends.everyone,
            std::vector<bool>(players_));
    }

    // Spends the budget, or resolves all.
    void refine(int64_t budget) {
        while (!parts_.empty() && !questions_.over()) {
            std::vector<Part> merges;
            while (!parts_.empty() && merges.size() < at_once &&
                   budget >= 2 * static_cast<int64_t>(merges.size() + 1)) {
                Part part = parts_.top();
                parts_.pop();
                if (part.node < players_)
                    settle(part);
                else
                    merges.push_back(std::move(part));
            }
            if (merges.empty()) return;
            budget -= 2 * static_cast<int64_t>(merges.size());
            split(merges);
            tell();
        }
    }

    // The values; what is left on a merge goes to its players in equal parts.
    std::vector<double> values() {
        while (!parts_.empty()) {
            const Part& part = parts_.top();
            if (part.node >= players_ && part.with != part.without) {
                ++unresolved_;
                left_ += std::abs(part.with - part.without) * part.weight;
            }
            settle(part);
            parts_.pop();
        }
        for (auto node = static_cast<int64_t>(credit_.size()) - 1; node >= players_; --node)
            for (const int32_t half : tree_.merges[node - players_])
                credit_[half] += credit_[node] * static_cast<double>(size_[half]) /
                                 static_cast<double>(size_[node]);
        return {credit_.begin(), credit_.begin() + players_};
    }

    [[nodiscard]] int64_t unresolved() const { return unresolved_; }
    [[nodiscard]] double left() const { return left_; }

  private:
    // The players of a node stand together in `order_`, from first_ on.
    void lay_out() {
        for (size_t k = 0; k < tree_.merges.size(); ++k)
            size_[players_ + k] = size_[tree_.merges[k][0]] + size_[tree_.merges[k][1]];
        for (auto node = static_cast<int64_t>(credit_.size()) - 1; node >= players_; --node) {
            const auto [left, right] = tree_.merges[node - players_];
            first_[left] = first_[node];
            first_[right] = first_[node] + size_[left];
        }
        order_.resize(players_);
        for (int64_t j = 0; j < players_; ++j) order_[first_[j]] = static_cast<int32_t>(j);
    }

    // What the values would be now, each time twice as much was asked.
    void tell() {
        if (!questions_.run().early || questions_.asked() < next_told_) return;
        next_told_ = 2 * questions_.asked();
        Owen now = *this;
        questions_.tell({.values = now.values()});
    }

    void put(int32_t node, double weight, double without, double with, std::vector<bool> context) {
        parts_.push({std::abs(with - without) * weight, made_++, node, weight, without, with,
                     std::move(context)});
    }

    void settle(const Part& part) { credit_[part.node] += (part.with - part.without) * part.weight; }

    void split(const std::vector<Part>& merges) {
        const std::vector<double> values =
            questions_.ask(2 * static_cast<int64_t>(merges.size()),
                           [&](int64_t i, std::span<uint8_t> row) {
                               const std::vector<bool> present = joined(merges[i / 2], i % 2);
                               std::ranges::copy(present, row.begin());
                           });
        for (size_t k = 0; k < merges.size(); ++k) {
            const Part& part = merges[k];
            if (2 * k + 1 >= values.size()) {  // no time for it
                put(part.node, part.weight, part.without, part.with, part.context);
                continue;
            }
            const double half = part.weight / 2;
            const auto [left, right] = tree_.merges[part.node - players_];
            const double with_left = values[2 * k], with_right = values[2 * k + 1];
            put(left, half, part.without, with_left, part.context);
            put(right, half, part.without, with_right, part.context);
            put(left, half, with_right, part.with, joined(part, 1));
            put(right, half, with_left, part.with, joined(part, 0));
        }
    }

    // The context and one half of the merge.
    [[nodiscard]] std::vector<bool> joined(const Part& part, int64_t which) const {
        std::vector<bool> present = part.context;
        const int32_t half = tree_.merges[part.node - players_][which];
        for (int64_t i = first_[half]; i < first_[half] + size_[half]; ++i)
            present[order_[i]] = true;
        return present;
    }

    Questions& questions_;
    int64_t players_;
    const Hierarchy& tree_;
    std::vector<double> credit_;
    std::vector<int64_t> first_, size_;
    std::vector<int32_t> order_;
    std::priority_queue<Part> parts_;
    int64_t made_ = 0, unresolved_ = 0, next_told_ = 0;
    double left_ = 0;
};

}  // namespace

Estimate estimate(const Game& game, const PartitionShap& options, const Run& run) {
    Questions questions(game, options.budget, run);
    const int64_t players = questions.players();
    const Hierarchy tree =
        options.hierarchy.merges.empty() ? balanced_hierarchy(players) : options.hierarchy;
    check(tree, players);
    Estimate out;
    questions.ask_ends(out);
    if (players > 0) {
        Owen owen(questions, tree, out);
        const int64_t budget =
            options.budget.coalitions > 0 ? options.budget.coalitions : 2 * players + 2048;
        questions.expect(budget + 2);
        owen.refine(budget);
        out.values = owen.values();
        questions.tell(out);
        out.exact = owen.unresolved() == 0;
        if (!out.exact)
            out.notes.push_back(fmt::format(
                "{} parts of the hierarchy were not resolved: {:.3g} in all of |difference| x "
                "weight is shared equally among the players below them; a larger budget resolves "
                "more",
                owen.unresolved(), owen.left()));
        if (!out.exact) questions.state_early_end(out);
    }
    out.coalitions = questions.asked();
    out.notes.push_back("Owen values: players of one branch of the hierarchy act together towards "
                        "the others");
    return out;
}

}  // namespace whence
