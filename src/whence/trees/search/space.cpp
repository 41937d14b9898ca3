#include "whence/trees/search/space.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "whence/core/error.h"
#include "whence/trees/search/box.h"
#include "whence/trees/search/cells.h"

namespace whence::trees {
namespace {

constexpr auto most = static_cast<size_t>(std::numeric_limits<int32_t>::max() / 4);

void check_size(size_t size) {
    if (size > most) throw Error(ErrorKind::limit, "the ensemble is too large to be searched");
}

bool left_of(const Tree& tree, const Node& node, double read) {
    if (std::isnan(read)) return node.missing_left;
    if (node.categories < 0) return read <= node.threshold;
    const std::vector<int32_t>& set = tree.categories[static_cast<size_t>(node.categories)];
    return std::binary_search(set.begin(), set.end(), read, std::less<double>());
}

}  // namespace

/// Fills a Space: variables first, then the splits of all nodes, then what they leave of each tree.
class SpaceBuilder {
  public:
    SpaceBuilder(Space& space, const Ensemble& ensemble)
        : space_(space),
          ensemble_(ensemble),
          variable_of_column_(static_cast<size_t>(ensemble.features()), -1),
          read_row_(static_cast<size_t>(ensemble.features())) {}

    void build() {
        for (int64_t column = 0; column < ensemble_.features(); ++column)
            read_row_[column] = as_read(ensemble_, column, space_.row_[column]);
        find_sets();
        for (size_t v = 0; v < space_.variables_.size(); ++v) place(v);
        for (const Tree& tree : ensemble_.trees()) compile(tree);
        bound_rounding();
    }

  private:
    // A column read by a set of categories is no interval.
    void find_sets() {
        for (size_t v = 0; v < space_.variables_.size(); ++v)
            for (const int64_t column : space_.variables_[v].columns)
                variable_of_column_[column] = static_cast<int32_t>(v);
        interval_.assign(space_.variables_.size(), 1);
        for (const Tree& tree : ensemble_.trees())
            for (const Node& node : tree.nodes)
                if (!node.is_leaf() && node.categories >= 0 &&
                    variable_of_column_[node.feature] >= 0)
                    interval_[variable_of_column_[node.feature]] = 0;
        reads_.resize(space_.variables_.size());
        for (size_t v = 0; v < space_.variables_.size(); ++v) {
            const Variable& variable = space_.variables_[v];
            if (variable.columns.size() != 1) interval_[v] = 0;
            if (interval_[v]) interval_[v] = rises(v);
            if (!interval_[v]) reads_[v].clear();
        }
    }

    // Numbers rise, one missing may be last, costs fall and rise.
    uint8_t rises(size_t v) {
        const Variable& variable = space_.variables_[v];
        std::vector<double>& reads = reads_[v];
        for (const Choice& choice : variable.choices)
            reads.push_back(as_read(ensemble_, variable.columns[0], choice.values[0]));
        const size_t numbers = reads.size() - (std::isnan(reads.back()) ? 1 : 0);
        bool rising = false;
        for (size_t i = 0; i < numbers; ++i) {
            if (std::isnan(reads[i]) || (i > 0 && !(reads[i] > reads[i - 1]))) return 0;
            if (i == 0) continue;
            const double change = variable.choices[i].cost - variable.choices[i - 1].cost;
            if (rising && change < 0) return 0;
            rising |= change > 0;
        }
        reads.resize(numbers);
        return 1;
    }

    void place(size_t v) {
        Variable& variable = space_.variables_[v];
        const auto count = static_cast<int32_t>(variable.choices.size());
        Space::Place place{.at = space_.words_,
                           .words = interval_[v] ? 3 : (count + 31) / 32,
                           .interval = interval_[v] != 0,
                           .home = 0,
                           .numbers = static_cast<int32_t>(reads_[v].size()),
                           .cost = static_cast<int64_t>(space_.costs_.size())};
        if (!place.interval) std::ranges::stable_sort(variable.choices, {}, &Choice::cost);
        for (const Choice& choice : variable.choices) space_.costs_.push_back(choice.cost);
        if (place.numbers > 0) {
            // In the middle of equally cheap ones.
            const auto numbers =
                std::span(variable.choices).first(static_cast<size_t>(place.numbers));
            const auto first = std::ranges::min_element(numbers, {}, &Choice::cost);
            auto last = first;
            while (last + 1 != numbers.end() && (last + 1)->cost == first->cost) ++last;
            place.home = static_cast<int32_t>((first - numbers.begin()) + (last - first) / 2);
        }
        space_.words_ += place.words;
        check_size(static_cast<size_t>(space_.words_));
        space_.places_.push_back(place);
    }

    int32_t split_of(const Tree& tree, const Node& node) {
        const int32_t v = variable_of_column_[node.feature];
        const Variable& variable = space_.variables_[v];
        if (interval_[v]) {
            const std::vector<double>& reads = reads_[v];
            const auto cut = static_cast<int32_t>(std::ranges::upper_bound(reads, node.threshold) -
                                                  reads.begin());
            return number_of(
                intervals_, std::tuple{v, cut, node.missing_left},
                {.variable = v, .cut = cut, .missing_left = node.missing_left, .set = -1});
        }
        const auto column = static_cast<size_t>(std::ranges::find(variable.columns, node.feature) -
                                                variable.columns.begin());
        std::vector<uint32_t> bits((variable.choices.size() + 31) / 32);
        for (size_t i = 0; i < variable.choices.size(); ++i)
            if (left_of(tree, node,
                        as_read(ensemble_, node.feature, variable.choices[i].values[column])))
                bits[i / 32] |= 1U << (i % 32);
        const auto before = sets_.size();
        const int32_t number = number_of(sets_, std::pair{v, bits},
                                         {.variable = v,
                                          .cut = 0,
                                          .missing_left = false,
                                          .set = static_cast<int32_t>(space_.sets_.size())});
        if (sets_.size() > before)
            space_.sets_.insert(space_.sets_.end(), bits.begin(), bits.end());
        check_size(space_.sets_.size());
        return number;
    }

    template <class Key>
    int32_t number_of(std::map<Key, int32_t>& known, const Key& key, const Space::Split& split) {
        const auto [at, added] = known.emplace(key, static_cast<int32_t>(space_.splits_.size()));
        if (added) space_.splits_.push_back(split);
        return at->second;
    }

    // A tree without the splits that every choice on the way to them takes the same way.
    void compile(const Tree& tree) {
        std::vector<int32_t> splits(tree.nodes.size(), -1);
        for (size_t i = 0; i < tree.nodes.size(); ++i)
            if (!tree.nodes[i].is_leaf() && variable_of_column_[tree.nodes[i].feature] >= 0)
                splits[i] = split_of(tree, tree.nodes[i]);
        struct Visit {
            int32_t node;    ///< of the tree
            int32_t parent;  ///< among those kept
            bool left;
            size_t mark;
        };
        Walker walker(space_);
        if (box_.empty()) box_ = whole(space_);
        walker.start(box_);
        const auto values = static_cast<int64_t>(space_.values_.size());
        space_.roots_.push_back(
            {static_cast<int32_t>(space_.nodes_.size()), tree.width, tree.output});
        std::vector<Visit> open = {{0, -1, false, 0}};
        while (!open.empty()) {
            const Visit visit = open.back();
            open.pop_back();
            walker.back_to(visit.mark);
            if (visit.parent >= 0)
                walker.narrow(space_.splits_[space_.nodes_[visit.parent].split], visit.left);
            int32_t at = visit.node;
            while (!tree.nodes[at].is_leaf()) {
                const Node& node = tree.nodes[at];
                bool left = false, right = false;
                if (splits[at] < 0) {
                    left = left_of(tree, node, read_row_[node.feature]);
                } else {
                    left = walker.open(space_.splits_[splits[at]], true);
                    right = walker.open(space_.splits_[splits[at]], false);
                }
                if (left && right) break;
                at = left ? node.left : node.right;
            }
            const auto kept = static_cast<int32_t>(space_.nodes_.size());
            const Node& node = tree.nodes[at];
            space_.nodes_.push_back(
                {.split = node.is_leaf() ? -1 : splits[at],
                 .parent = visit.parent,
                 .leaf = node.is_leaf() ? values + int64_t{node.leaf} * tree.width : -1});
            check_size(space_.nodes_.size());
            if (visit.parent >= 0)
                (visit.left ? space_.nodes_[visit.parent].left
                            : space_.nodes_[visit.parent].right) = kept;
            if (node.is_leaf()) continue;
            open.push_back({node.right, kept, false, walker.mark()});
            open.push_back({node.left, kept, true, walker.mark()});
        }
        space_.values_.insert(space_.values_.end(), tree.values.begin(), tree.values.end());
    }

    // Sums of n numbers in any order differ by less than n eps times the sum of their sizes; this
    // is more for up to 10^5 trees.
    void bound_rounding() {
        double size = 0;
        for (const Tree& tree : ensemble_.trees()) {
            double largest = 0;
            for (const double value : tree.values) largest = std::max(largest, std::abs(value));
            size += largest;
        }
        size /= space_.divisor_;
        for (const double base : space_.base_) size += std::abs(base);
        space_.slack_ = 1e-10 * size;
    }

    Space& space_;
    const Ensemble& ensemble_;
    std::vector<int32_t> variable_of_column_;
    std::vector<double> read_row_;
    std::vector<uint8_t> interval_;
    std::vector<std::vector<double>> reads_;  // of intervals: their numbers as trees read them
    std::map<std::tuple<int32_t, int32_t, bool>, int32_t> intervals_;
    std::map<std::pair<int32_t, std::vector<uint32_t>>, int32_t> sets_;
    Box box_;
};

Space::Space(const Ensemble& ensemble, std::span<const double> row, std::vector<Variable> variables)
    : variables_(std::move(variables)),
      row_(row.begin(), row.end()),
      base_(ensemble.parts().base),
      divisor_(ensemble.parts().divisor) {
    SpaceBuilder(*this, ensemble).build();
}

std::vector<double> Space::row(std::span<const int32_t> choices) const {
    std::vector<double> out = row_;
    for (size_t v = 0; v < variables_.size(); ++v) {
        const Variable& variable = variables_[v];
        for (size_t c = 0; c < variable.columns.size(); ++c)
            out[static_cast<size_t>(variable.columns[c])] =
                variable.choices[static_cast<size_t>(choices[v])].values[c];
    }
    return out;
}

double Space::base(const Form& form) const {
    return (form.plus < 0 ? 0 : base_[static_cast<size_t>(form.plus)]) -
           (form.minus < 0 ? 0 : base_[static_cast<size_t>(form.minus)]);
}

}  // namespace whence::trees
