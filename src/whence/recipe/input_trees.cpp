#include "whence/recipe/input_trees.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "whence/core/error.h"

namespace whence::recipe {
namespace {

using trees::Node;
using trees::Tree;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr size_t most_nodes = size_t{1} << 24;
constexpr int64_t rows_together = 4096;
constexpr const char* instead = "; counterfactuals and anchors ask any model";

// Doubles in their order as whole numbers, so that there is a middle of any two.
int64_t place_of(double x) {
    const auto bits = std::bit_cast<int64_t>(x);
    return bits < 0 ? std::numeric_limits<int64_t>::min() - bits : bits;
}
double at_place(int64_t place) {
    return std::bit_cast<double>(place < 0 ? std::numeric_limits<int64_t>::min() - place : place);
}
int64_t middle(int64_t low, int64_t high) {
    return static_cast<int64_t>((static_cast<uint64_t>(low) & static_cast<uint64_t>(high)) +
                                static_cast<uint64_t>((low ^ high) >> 1));
}

/// A question about what an encoder makes of a column.
struct Question {
    int32_t feature;
    double threshold;
    int32_t tree, categories;  ///< a set of the tree; -1: the threshold
    bool missing_left;
    auto operator<=>(const Question&) const = default;
};

/// Which values of the column go left. Of a number: sides[i] up to and including edges[i], the last
/// of all above. Of a category: sides by code.
struct Answer {
    std::vector<double> edges;
    std::vector<uint8_t> sides;
    bool missing_left = false;
};

Question question_of(int32_t tree, const Node& node) {
    return {node.feature, node.threshold, node.categories < 0 ? -1 : tree, node.categories,
            node.missing_left};
}

bool goes_left(const trees::EnsembleParts& parts, const Question& question, double x) {
    if (parts.float_inputs) x = static_cast<float>(x);
    if (std::isnan(x)) return question.missing_left;
    if (question.categories < 0) return x <= question.threshold;
    const std::vector<int32_t>& set = parts.trees[question.tree].categories[question.categories];
    return std::binary_search(set.begin(), set.end(), x, std::less<double>());
}

/// Asks the encoder about values of single columns.
class Probe {
  public:
    Probe(const HeldTrees& held, const Tensor& row, const Run& run)
        : held_(held), row_(row), run_(run) {}

    struct Try {
        int64_t column;
        double value;
        int32_t feature;
    };
    /// What the feature is where the column has the value; none where the encoder does not take it.
    [[nodiscard]] std::vector<std::optional<double>> ask(const std::vector<Try>& tries) const {
        std::vector<std::optional<double>> out;
        for (size_t first = 0; first < tries.size(); first += rows_together) {
            const auto some = std::span(tries).subspan(
                first, std::min<size_t>(rows_together, tries.size() - first));
            try {
                ask(some, out);
            } catch (const Error& error) {
                if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::limit)
                    throw;
                for (size_t i = 0; i < some.size(); ++i) alone(some.subspan(i, 1), out);
            }
        }
        return out;
    }

  private:
    void ask(std::span<const Try> tries, std::vector<std::optional<double>>& out) const {
        const int64_t width = row_.row_size();
        Tensor rows(ElementType::float64, {std::ssize(tries), width});
        for (size_t i = 0; i < tries.size(); ++i) {
            const std::span<double> cells = rows.as<double>().subspan(i * width, width);
            std::ranges::copy(row_.as<double>(), cells.begin());
            cells[tries[i].column] = tries[i].value;
        }
        const Tensor columns = held_.columns_of(rows, run_);
        for (size_t i = 0; i < tries.size(); ++i)
            out.emplace_back(columns.as<double>()[i * columns.row_size() + tries[i].feature]);
    }
    void alone(std::span<const Try> one, std::vector<std::optional<double>>& out) const {
        try {
            ask(one, out);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::limit) throw;
            out.emplace_back();
        }
    }

    const HeldTrees& held_;
    const Tensor& row_;
    const Run& run_;
};

/// The answers to all questions of an ensemble.
class Answers {
  public:
    Answers(const HeldTrees& held, const Probe& probe)
        : held_(held), parts_(held.model().ensemble().parts()), probe_(probe) {
        for (size_t t = 0; t < parts_.trees.size(); ++t)
            for (const Node& node : parts_.trees[t].nodes)
                if (!node.is_leaf()) {
                    if (held_.column_of_feature()[node.feature] < 0)
                        throw Error(ErrorKind::unsupported,
                                    fmt::format("the trees split on a number that is made of no "
                                                "input{}",
                                                instead));
                    all_[question_of(static_cast<int32_t>(t), node)];
                }
        for (auto& [question, answer] : all_) {
            const int64_t column = column_of(question);
            if (held_.schema()[column].categorical())
                by_code(question, column, answer);
            else if (encoding(column).kind == Encoding::Kind::one_hot)
                by_category(question, column, answer);
            else
                bounds_.push_back({&question, &answer, column});
            missing(question, column, answer);
        }
        bisect_all();
    }

    [[nodiscard]] const Answer& of(int32_t tree, const Node& node) const {
        return all_.at(question_of(tree, node));
    }
    [[nodiscard]] int64_t column_of(const Question& question) const {
        return held_.column_of_feature()[question.feature];
    }

  private:
    /// A change of side between two values of a column.
    struct Edge {
        const Question* question;
        Answer* answer;
        int64_t column;
        int64_t low = 0, high = 0;  ///< places; sides differ
        size_t at = 0;              ///< in Answer::edges
    };

    const Encoding& encoding(int64_t column) const {
        const Encoding& out = held_.encodings()[column];
        if (out.kind == Encoding::Kind::other)
            throw Error(ErrorKind::unsupported,
                        fmt::format("column '{}': nobody knows which of its values {} sends where, "
                                    "so no change of it can be told{}",
                                    printable(held_.schema()[column].name), out.by, instead));
        return out;
    }

    /// Whether the side is left; what the encoder does not take goes right, for nothing is said of
    /// it.
    bool side(const Question& question, const std::optional<double>& encoded) const {
        return encoded && goes_left(parts_, question, *encoded);
    }

    void missing(const Question& question, int64_t column, Answer& answer) const {
        if (!held_.schema()[column].allows_missing) return;
        answer.missing_left =
            side(question, probe_.ask({{column, std::nan(""), question.feature}})[0]);
    }

    void by_code(const Question& question, int64_t column, Answer& answer) const {
        std::vector<Probe::Try> tries;
        for (size_t code = 0; code < held_.schema()[column].categories.size(); ++code)
            tries.push_back({column, static_cast<double>(code), question.feature});
        for (const std::optional<double>& encoded : probe_.ask(tries))
            answer.sides.push_back(side(question, encoded));
    }

    /// A number that is one of some categories or none: the one that this feature stands for goes
    /// one way, all others the other.
    void by_category(const Question& question, int64_t column, Answer& answer) {
        std::vector<int64_t> categories = encoding(column).categories;
        std::ranges::sort(categories);
        std::vector<Probe::Try> tries;
        for (const int64_t category : categories)
            tries.push_back({column, static_cast<double>(category), question.feature});
        // Two values that are no category, below all and above.
        tries.push_back({column, static_cast<double>(categories.front() - 2), question.feature});
        tries.push_back({column, static_cast<double>(categories.back() + 2), question.feature});
        const std::vector<std::optional<double>> encoded = probe_.ask(tries);
        const size_t count = categories.size();
        std::vector<uint8_t> sides;
        for (size_t i = 0; i < count; ++i) sides.push_back(side(question, encoded[i]));
        const auto lefts = static_cast<size_t>(std::ranges::count(sides, 1));
        const bool below = side(question, encoded[count]),
                   above = side(question, encoded[count + 1]);
        // An encoder that refuses what is no category leaves it open which side that is on.
        const bool known = encoded[count] && encoded[count + 1];
        const bool others = known ? above : lefts * 2 > count;
        answer.sides = {others};
        const size_t apart = others ? count - lefts : lefts;
        if (apart == 0) return;
        if (apart > 1 || (known && below != above))
            throw Error(ErrorKind::unsupported,
                        fmt::format("column '{}' is encoded as one of some categories and "
                                    "otherwise, too{}",
                                    printable(held_.schema()[column].name), instead));
        const bool alone = !others;
        const auto found = std::ranges::find(sides, static_cast<uint8_t>(alone));
        const auto value = static_cast<double>(categories[found - sides.begin()]);
        answer.sides = {others, static_cast<uint8_t>(alone), others};
        answer.edges = {0, 0};
        bounds_.push_back({&question, &answer, column, place_of(value - 1), place_of(value), 0});
        bounds_.push_back({&question, &answer, column, place_of(value), place_of(value + 1), 1});
    }

    void bisect_all() {
        begin_monotone();
        for (int step = 0; step < 64; ++step) {
            std::vector<Probe::Try> tries;
            std::vector<Edge*> open;
            for (Edge& edge : bounds_) {
                if (edge.answer->edges.empty() || !apart(edge)) continue;
                open.push_back(&edge);
                tries.push_back(
                    {edge.column, at_place(middle(edge.low, edge.high)), edge.question->feature});
            }
            if (open.empty()) break;
            const std::vector<std::optional<double>> encoded = probe_.ask(tries);
            for (size_t i = 0; i < open.size(); ++i) {
                Edge& edge = *open[i];
                const bool below =
                    side(*edge.question, encoded[i]) == (edge.answer->sides[edge.at] != 0);
                (below ? edge.low : edge.high) = middle(edge.low, edge.high);
            }
        }
        for (const Edge& edge : bounds_)
            if (!edge.answer->edges.empty()) edge.answer->edges[edge.at] = at_place(edge.low);
    }

    static bool apart(const Edge& edge) {
        return static_cast<uint64_t>(edge.high) - static_cast<uint64_t>(edge.low) > 1;
    }

    // The sides of both ends; where they are the same, so is all between.
    void begin_monotone() {
        std::vector<Probe::Try> tries;
        std::vector<Edge*> asked;
        for (Edge& edge : bounds_) {
            if (!edge.answer->sides.empty()) continue;
            const auto [least, most] = held_.range_of(edge.column);
            asked.push_back(&edge);
            edge.low = place_of(least);
            edge.high = place_of(most);
            tries.push_back({edge.column, least, edge.question->feature});
            tries.push_back({edge.column, most, edge.question->feature});
        }
        const std::vector<std::optional<double>> encoded = probe_.ask(tries);
        for (size_t i = 0; i < asked.size(); ++i) {
            Answer& answer = *asked[i]->answer;
            const bool low = side(*asked[i]->question, encoded[2 * i]),
                       high = side(*asked[i]->question, encoded[2 * i + 1]);
            answer.sides = {low};
            if (low == high) continue;
            answer.sides.push_back(high);
            answer.edges = {0};
        }
    }

    const HeldTrees& held_;
    const trees::EnsembleParts& parts_;
    const Probe& probe_;
    std::map<Question, Answer> all_;
    std::vector<Edge> bounds_;
};

/// Writes one tree over the columns of the table.
class Rewriter {
  public:
    Rewriter(const HeldTrees& held, const Answers& answers, const Tree& from, int32_t number,
             size_t& nodes)
        : held_(held), answers_(answers), from_(from), number_(number), nodes_(nodes) {
        to_.width = from.width;
        to_.output = from.output;
        to_.values = from.values;
        for (const Feature& feature : held.schema())
            known_.push_back({.missing = feature.allows_missing});
    }

    [[nodiscard]] Tree write() {
        write(0);
        return std::move(to_);
    }

  private:
    /// What the way down has left of a column.
    struct Known {
        double above = -infinity, upto = infinity;
        bool missing = true;
    };

    int32_t add() {
        if (++nodes_ > most_nodes)
            throw Error(ErrorKind::limit, fmt::format("the trees have more than {} splits on the "
                                                      "columns of the table",
                                                      most_nodes));
        to_.nodes.emplace_back();
        return static_cast<int32_t>(to_.nodes.size()) - 1;
    }

    int32_t write(int32_t at) {
        const Node& node = from_.nodes[at];
        if (node.is_leaf()) {
            const int32_t here = add();
            to_.nodes[here].leaf = node.leaf;
            return here;
        }
        const int64_t column = held_.column_of_feature()[node.feature];
        const Answer& answer = answers_.of(number_, node);
        return held_.schema()[column].categorical() ? categories(node, column, answer)
                                                    : pieces(node, column, answer, 0);
    }

    int32_t categories(const Node& node, int64_t column, const Answer& answer) {
        const int32_t here = add();
        std::vector<int32_t> set;
        for (size_t code = 0; code < answer.sides.size(); ++code)
            if (answer.sides[code]) set.push_back(static_cast<int32_t>(code));
        const auto number = static_cast<int32_t>(to_.categories.size());
        to_.categories.push_back(std::move(set));
        const int32_t left = write(node.left), right = write(node.right);
        to_.nodes[here] = {.feature = static_cast<int32_t>(column),
                           .left = left,
                           .right = right,
                           .categories = number,
                           .missing_left = answer.missing_left};
        return here;
    }

    // The pieces from `first` on that the way down has left.
    int32_t pieces(const Node& node, int64_t column, const Answer& answer, size_t first) {
        const Known before = known_[column];
        while (first < answer.edges.size() && answer.edges[first] <= before.above) ++first;
        const bool side = answer.sides[first] != 0;
        const bool last =
            first == answer.edges.size() || !(answer.edges[first] < before.upto) ||
            std::all_of(answer.sides.begin() + static_cast<std::ptrdiff_t>(first),
                        answer.sides.begin() + static_cast<std::ptrdiff_t>(reached(answer, before)),
                        [&](uint8_t other) { return (other != 0) == side; });
        const bool apart = before.missing && answer.missing_left != side;
        if (last && !apart) return write(side ? node.left : node.right);
        const int32_t here = add();
        const double edge = last ? infinity : answer.edges[first];
        // Whatever is missing leaves the list at its first piece of the right side.
        const bool missing_here = before.missing && !apart;
        known_[column] = {before.above, std::min(edge, before.upto), missing_here};
        const int32_t yes = write(side ? node.left : node.right);
        known_[column] = {edge, before.upto, before.missing && !missing_here};
        const int32_t no = last ? write(answer.missing_left ? node.left : node.right)
                                : pieces(node, column, answer, first + 1);
        known_[column] = before;
        to_.nodes[here] = {.feature = static_cast<int32_t>(column),
                           .left = yes,
                           .right = no,
                           .threshold = edge,
                           .missing_left = missing_here};
        return here;
    }

    // Pieces that begin below the upper end.
    static size_t reached(const Answer& answer, const Known& known) {
        size_t count = 1;
        while (count <= answer.edges.size() && answer.edges[count - 1] < known.upto) ++count;
        return count;
    }

    const HeldTrees& held_;
    const Answers& answers_;
    const Tree& from_;
    const int32_t number_;
    size_t& nodes_;
    Tree to_;
    std::vector<Known> known_;
};

// One share of two becomes both.
void tell_both_classes(trees::EnsembleParts& parts) {
    parts.outputs = 2;
    parts.base = {1 - parts.base[0], parts.base[0]};
    for (Tree& tree : parts.trees) {
        std::vector<double> both;
        for (const double value : tree.values) both.insert(both.end(), {-value, value});
        tree.values = std::move(both);
        tree.width = 2;
    }
    parts.output_names.clear();
}

}  // namespace

InputTrees::InputTrees(std::shared_ptr<const HeldTrees> held, const Tensor& row, const Run& run)
    : held_(std::move(held)), model_(&held_->model()), whole_(held_->schema().size(), 0) {
    if (!held_->encodes()) return;
    const trees::EnsembleParts& from = held_->model().ensemble().parts();
    const Probe probe(*held_, row, run);
    const Answers answers(*held_, probe);
    trees::EnsembleParts parts{.features = std::ssize(held_->schema()),
                               .outputs = from.outputs,
                               .base = from.base,
                               .divisor = from.divisor,
                               .float_inputs = false,
                               .link = from.link,
                               .output_names = from.output_names,
                               .format = from.format};
    size_t nodes = 0;
    for (size_t t = 0; t < from.trees.size(); ++t)
        parts.trees.push_back(
            Rewriter(*held_, answers, from.trees[t], static_cast<int32_t>(t), nodes).write());
    if (held_->classes() == 2 && parts.outputs == 1 && parts.link == trees::Link::identity)
        tell_both_classes(parts);
    own_ = std::make_shared<const trees::EnsembleModel>(trees::Ensemble::build(std::move(parts)));
    model_ = own_.get();
    for (size_t column = 0; column < whole_.size(); ++column)
        whole_[column] = held_->reads_whole(static_cast<int64_t>(column));
    require_same(row, run);
}

void InputTrees::require_same(const Tensor& rows, const Run& run) const {
    if (!own_) return;
    const Tensor columns = held_->encoded(rows, run);
    const Tensor want = held_->model().predict(Batch({{"features", columns}}), run)[0].value;
    const Tensor have = own_->predict(Batch({{"features", rows}}), run)[0].value;
    const int64_t width = want.row_size(), skipped = have.row_size() - width;
    for (int64_t row = 0; row < rows.rows(); ++row)
        for (int64_t k = 0; k < width; ++k) {
            const double a = have.as<double>()[row * have.row_size() + skipped + k];
            const double b = want.as<double>()[row * width + k];
            if (!(std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(b))))
                throw Error(ErrorKind::unsupported,
                            fmt::format("the trees over the table's columns answer {} where those "
                                        "behind the encoder answer {}{}",
                                        a, b, instead));
        }
}

std::shared_ptr<const InputTrees> kept_input_trees(const Subject& subject, const Schema& schema,
                                                   const Tensor& row, const Run& run) {
    const auto held = kept_trees(subject, schema, std::ssize(schema));
    return subject.kept<InputTrees>(
        "input trees", schema, [&] { return std::make_shared<const InputTrees>(held, row, run); });
}

}  // namespace whence::recipe
