#include "whence/perturb/tree_split.h"

#include <algorithm>
#include <cmath>

namespace whence::perturb {
namespace {

// Weight, weighted sum of answers (about the node's mean) and number of some rows.
struct Sum {
    double weight = 0, value = 0;
    int64_t rows = 0;
    Sum& operator+=(const Sum& other) {
        weight += other.weight;
        value += other.value;
        rows += other.rows;
        return *this;
    }
    friend Sum operator-(Sum a, const Sum& b) {
        return {a.weight - b.weight, a.value - b.value, a.rows - b.rows};
    }
    [[nodiscard]] double square() const { return weight > 0 ? value * value / weight : 0; }
};

// Rows of one value or one category.
struct Group {
    double value;
    Sum sum;
};

struct Column {
    std::vector<Group> groups;  // rising by value
    Sum missing, all;
};

Column column_of(const Answers& answers, const std::vector<int64_t>& rows, int64_t feature) {
    Column out;
    double weight = 0, sum = 0;
    for (const int64_t i : rows) {
        weight += answers.weight(i);
        sum += answers.weight(i) * answers.values[i];
    }
    const double mean = weight > 0 ? sum / weight : 0;
    std::vector<std::pair<double, int64_t>> order;
    for (const int64_t i : rows) order.emplace_back(answers.row(i)[feature], i);
    const auto present = std::stable_partition(
        order.begin(), order.end(), [](const auto& one) { return !std::isnan(one.first); });
    std::sort(order.begin(), present);
    for (auto it = order.begin(); it != order.end(); ++it) {
        const double w = answers.weight(it->second);
        const Sum one{w, w * (answers.values[it->second] - mean), 1};
        out.all += one;
        if (it >= present)
            out.missing += one;
        else if (!out.groups.empty() && out.groups.back().value == it->first)
            out.groups.back().sum += one;
        else
            out.groups.push_back({it->first, one});
    }
    return out;
}

// Tries left = the first groups, with the missing rows on either side.
class Scan {
  public:
    Scan(const Column& column, int64_t min_rows) : column_(column), min_rows_(min_rows) {}
    void run() {
        Sum left;
        for (size_t k = 0; k < column_.groups.size(); ++k) {
            left += column_.groups[k].sum;
            consider(left, k + 1, false);
            if (column_.missing.rows > 0 && k + 1 < column_.groups.size()) {
                Sum with = left;
                consider(with += column_.missing, k + 1, true);
            }
        }
    }
    double gain = 0;
    size_t groups = 0;  // on the left
    bool missing_left = false;

  private:
    void consider(const Sum& left, size_t count, bool missing) {
        const Sum right = column_.all - left;
        if (left.rows < min_rows_ || right.rows < min_rows_) return;
        if (!(left.weight > 0) || !(right.weight > 0)) return;
        const double now = left.square() + right.square() - column_.all.square();
        if (!(now > gain)) return;
        gain = now;
        groups = count;
        missing_left = missing;
    }
    const Column& column_;
    int64_t min_rows_;
};

double midway(double low, double high) {
    const double middle = low / 2 + high / 2;
    return middle < high ? middle : low;  // neighbours: the lower one
}

}  // namespace

SplitFound best_split(const Answers& answers, const std::vector<int64_t>& rows, int64_t feature,
                      int64_t min_rows) {
    Column column = column_of(answers, rows, feature);
    const bool categorical = answers.schema[feature].categorical();
    if (categorical)
        std::ranges::stable_sort(column.groups, {}, [](const Group& group) {
            return group.sum.weight > 0 ? group.sum.value / group.sum.weight : 0;
        });
    Scan scan(column, min_rows);
    scan.run();
    if (scan.groups == 0) return {};
    SplitFound out{.gain = scan.gain,
                   .left_if = {.feature = feature, .missing = scan.missing_left}};
    if (categorical) {
        for (size_t k = 0; k < scan.groups; ++k)
            out.left_if.categories.push_back(static_cast<int64_t>(column.groups[k].value));
        std::ranges::sort(out.left_if.categories);
    } else if (scan.groups < column.groups.size()) {
        out.left_if.high =
            midway(column.groups[scan.groups - 1].value, column.groups[scan.groups].value);
    }  // else: everything that is known goes left
    return out;
}

}  // namespace whence::perturb
