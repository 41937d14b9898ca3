// Ensembles of trees: 512 coalitions walk a tree together.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <optional>

#include "whence/core/vector_clones.h"
#include "whence/direct/dense_kernels.h"
#include "whence/direct/parts.h"

namespace whence::direct {
namespace {

using graph::Graph;
using graph::Node;

constexpr size_t most_nodes = size_t{1} << 20;
constexpr int64_t words = 8, block = 64 * words;
// A walk holds the coalitions of each ancestor.
constexpr int64_t most_depth = 64;

enum class Mode { leaf, less_equal, less, greater_equal, greater, equal, unequal };

struct Branch {
    Mode mode = Mode::leaf;
    bool missing_goes_yes = false;
    int32_t column = 0, yes = -1, no = -1;
    float threshold = 0;
    int32_t first_weight = 0, weights = 0;  // of a leaf
};
struct Weight {
    int32_t target;
    float value;
};

// What becomes of the sums.
enum class Post { none, logistic, softmax };
struct Ensemble {
    std::string output;
    int64_t columns = 0, targets = 0, classes = 0;
    std::vector<Branch> nodes;  // children behind their parents
    std::vector<int32_t> roots;
    std::vector<Weight> weights;
    std::vector<float> base;
    float share = 1;  // of each tree: averages
    Post post = Post::none;
    /// A classifier of two with weights of class 0 alone, whose sum s is (as ONNX Runtime has it)
    /// that of class 1: its answer is (1 - s, s), or, where a weight is negative, (-s, s) before
    /// the function.
    bool two_of_one = false, complement = false;
};

bool goes_yes(const Branch& branch, float value) {
    if (std::isnan(value) && branch.missing_goes_yes) return true;
    switch (branch.mode) {
        case Mode::less_equal:
            return value <= branch.threshold;
        case Mode::less:
            return value < branch.threshold;
        case Mode::greater_equal:
            return value >= branch.threshold;
        case Mode::greater:
            return value > branch.threshold;
        case Mode::equal:
            return value == branch.threshold;
        case Mode::unequal:
            return value != branch.threshold;
        case Mode::leaf:
            break;
    }
    return false;
}

// ---- reading

template <class T>
std::vector<T> list(const Node& node, const std::string& key) {
    const auto found = node.attributes.find(key);
    if (found == node.attributes.end()) return {};
    const auto* values = std::get_if<std::vector<T>>(&found->second);
    return values ? *values : std::vector<T>{};
}

std::optional<Mode> mode_of(const std::string& text) {
    constexpr std::array<std::pair<std::string_view, Mode>, 7> modes{
        {{"LEAF", Mode::leaf},
         {"BRANCH_LEQ", Mode::less_equal},
         {"BRANCH_LT", Mode::less},
         {"BRANCH_GTE", Mode::greater_equal},
         {"BRANCH_GT", Mode::greater},
         {"BRANCH_EQ", Mode::equal},
         {"BRANCH_NEQ", Mode::unequal}}};
    for (const auto& [name, mode] : modes)
        if (text == name) return mode;
    return std::nullopt;
}

class TreeReader {
  public:
    TreeReader(const Node& node, int64_t columns) : node_(node) { out_.columns = columns; }

    std::optional<Ensemble> read() {
        const bool classifier = node_.op == "TreeEnsembleClassifier";
        if (!read_nodes() || !read_weights(classifier ? "class" : "target")) return std::nullopt;
        if (!read_roots() || !(classifier ? read_classes() : read_targets())) return std::nullopt;
        out_.base = list<float>(node_, "base_values");
        if (!out_.base.empty() && static_cast<int64_t>(out_.base.size()) != out_.targets)
            return std::nullopt;
        if (out_.base.empty()) out_.base.assign(out_.targets, 0);
        return std::move(out_);
    }

  private:
    bool read_nodes() {
        const auto trees = list<int64_t>(node_, "nodes_treeids"),
                   ids = list<int64_t>(node_, "nodes_nodeids"),
                   columns = list<int64_t>(node_, "nodes_featureids"),
                   yes = list<int64_t>(node_, "nodes_truenodeids"),
                   no = list<int64_t>(node_, "nodes_falsenodeids"),
                   missing = list<int64_t>(node_, "nodes_missing_value_tracks_true");
        const auto modes = list<std::string>(node_, "nodes_modes");
        const auto values = list<float>(node_, "nodes_values");
        const size_t count = ids.size();
        if (count == 0 || count > most_nodes || trees.size() != count || columns.size() != count ||
            yes.size() != count || no.size() != count || modes.size() != count ||
            values.size() != count || (!missing.empty() && missing.size() != count))
            return false;
        for (size_t i = 0; i < count; ++i)
            if (!index_.emplace(std::pair(trees[i], ids[i]), static_cast<int32_t>(i)).second)
                return false;
        out_.nodes.resize(count);
        tree_ = trees;
        for (size_t i = 0; i < count; ++i) {
            Branch& branch = out_.nodes[i];
            const auto mode = mode_of(modes[i]);
            if (!mode) return false;
            branch.mode = *mode;
            if (*mode == Mode::leaf) continue;
            const auto to_yes = index_.find({trees[i], yes[i]}),
                       to_no = index_.find({trees[i], no[i]});
            if (to_yes == index_.end() || to_no == index_.end() || columns[i] < 0 ||
                columns[i] >= out_.columns)
                return false;
            branch.yes = to_yes->second;
            branch.no = to_no->second;
            branch.column = static_cast<int32_t>(columns[i]);
            branch.threshold = values[i];
            branch.missing_goes_yes = !missing.empty() && missing[i] != 0;
        }
        return true;
    }

    bool read_weights(const std::string& what) {
        const auto trees = list<int64_t>(node_, what + "_treeids"),
                   ids = list<int64_t>(node_, what + "_nodeids"),
                   targets = list<int64_t>(node_, what + "_ids");
        const auto values = list<float>(node_, what + "_weights");
        const size_t count = values.size();
        if (count == 0 || trees.size() != count || ids.size() != count || targets.size() != count)
            return false;
        std::vector<std::vector<Weight>> of_node(out_.nodes.size());
        for (size_t i = 0; i < count; ++i) {
            const auto node = index_.find({trees[i], ids[i]});
            if (node == index_.end() || out_.nodes[node->second].mode != Mode::leaf ||
                targets[i] < 0 || targets[i] > (int64_t{1} << 16))
                return false;
            of_node[node->second].push_back({static_cast<int32_t>(targets[i]), values[i]});
            out_.targets = std::max(out_.targets, targets[i] + 1);
            negative_ = negative_ || values[i] < 0;
        }
        for (size_t i = 0; i < of_node.size(); ++i) {
            out_.nodes[i].first_weight = static_cast<int32_t>(out_.weights.size());
            out_.nodes[i].weights = static_cast<int32_t>(of_node[i].size());
            out_.weights.insert(out_.weights.end(), of_node[i].begin(), of_node[i].end());
        }
        return true;
    }

    // A root is nobody's child; every node has one parent at most, so that walks end.
    bool read_roots() {
        std::vector<int> parents(out_.nodes.size(), 0);
        for (const Branch& branch : out_.nodes)
            if (branch.mode != Mode::leaf) ++parents[branch.yes], ++parents[branch.no];
        std::vector<int64_t> depth(out_.nodes.size(), -1);
        std::vector<int32_t> open;
        size_t reached = 0;
        for (size_t i = 0; i < parents.size(); ++i) {
            if (parents[i] > 1) return false;
            if (parents[i] > 0) continue;
            if (!out_.roots.empty() && tree_[out_.roots.back()] == tree_[i]) return false;
            out_.roots.push_back(static_cast<int32_t>(i));
            depth[i] = 0;
            open.push_back(static_cast<int32_t>(i));
        }
        while (!open.empty()) {
            const int32_t at = open.back();
            open.pop_back();
            ++reached;
            const Branch& branch = out_.nodes[at];
            if (branch.mode == Mode::leaf) continue;
            if (depth[at] + 1 > most_depth) return false;
            for (const int32_t child : {branch.yes, branch.no}) {
                depth[child] = depth[at] + 1;
                open.push_back(child);
            }
        }
        return reached == out_.nodes.size();
    }

    bool read_post() {
        const std::string post = node_.text("post_transform", "NONE");
        if (post == "LOGISTIC") out_.post = Post::logistic;
        if (post == "SOFTMAX") out_.post = Post::softmax;
        return post == "NONE" || out_.post != Post::none;
    }

    bool read_targets() {
        const int64_t targets = node_.integer("n_targets", out_.targets);
        const std::string how = node_.text("aggregate_function", "SUM");
        if (targets < out_.targets || targets > (1 << 16) || !read_post() ||
            (how != "SUM" && how != "AVERAGE"))
            return false;
        if (how == "AVERAGE") out_.share = 1 / static_cast<float>(out_.roots.size());
        out_.targets = out_.classes = targets;
        out_.output = node_.outputs[0];
        return out_.post == Post::none;
    }

    bool read_classes() {
        const size_t labels = std::max(list<int64_t>(node_, "classlabels_int64s").size(),
                                       list<std::string>(node_, "classlabels_strings").size());
        if (labels < 2 || labels > (1 << 16) || node_.outputs.size() < 2 || !read_post())
            return false;
        out_.classes = static_cast<int64_t>(labels);
        out_.two_of_one = labels == 2 && out_.targets == 1;
        out_.complement = out_.two_of_one && !negative_ && out_.post == Post::none;
        if (out_.targets > out_.classes) return false;
        out_.targets = out_.two_of_one ? 1 : out_.classes;
        out_.output = node_.outputs[1];
        return !(out_.two_of_one && out_.post == Post::softmax);
    }

    const Node& node_;
    Ensemble out_;
    std::map<std::pair<int64_t, int64_t>, int32_t> index_;
    std::vector<int64_t> tree_;
    bool negative_ = false;
};

// ---- walking

using Bits = std::array<uint64_t, words>;

// Adds a leaf's value to the sums of the coalitions that reach it.
WHENCE_VECTOR_CLONES
void add_where(const uint64_t* reach, float value, float* sums) {
    const Ints places = {1,   2,   4,    8,    16,   32,   64,    128,
                         256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    const Ints nothing = {}, bits_of_value = nothing + std::bit_cast<int32_t>(value);
    for (int64_t w = 0; w < words; ++w) {
        if (reach[w] == 0) continue;
        for (int64_t piece = 0; piece < 64; piece += lanes) {
            const Ints here = nothing + static_cast<int32_t>(reach[w] >> piece & 0xFFFF);
            const Ints added = ((here & places) != nothing) & bits_of_value;
            floats_at(sums + 64 * w + piece) += reinterpret_cast<const Floats&>(added);
        }
    }
}

class TreeScores final : public MaskedScores {
  public:
    TreeScores(const Ensemble& ensemble, const LabelMasker& masker)
        : ensemble_(ensemble),
          masker_(masker),
          labels_(masker.labels()),
          input_goes_(ensemble.nodes.size()) {
        const std::span<const float> row = masker.input().as<float>();
        for (size_t i = 0; i < ensemble.nodes.size(); ++i)
            if (ensemble.nodes[i].mode != Mode::leaf)
                input_goes_[i] = goes_yes(ensemble.nodes[i], row[ensemble.nodes[i].column]);
    }

    [[nodiscard]] int64_t classes() const override { return ensemble_.classes; }

    void scores(MatrixView<const uint8_t> present, int64_t first, int64_t count,
                std::span<float> out) const override {
        const int64_t players = masker_.players(), targets = ensemble_.targets;
        std::vector<Bits> there(players);
        std::vector<float> sums(targets * block);
        for (int64_t begin = 0; begin < present.rows; begin += block) {
            const int64_t rows = std::min(block, present.rows - begin);
            for (Bits& bits : there) bits.fill(0);
            Bits all{};
            for (int64_t r = 0; r < rows; ++r) {
                all[r / 64] |= uint64_t{1} << (r % 64);
                for (int64_t j = 0; j < players; ++j)
                    there[j][r / 64] |= uint64_t{present(begin + r, j) != 0} << (r % 64);
            }
            for (int64_t way = 0; way < count; ++way) {
                const float* filling =
                    masker_.baseline().as<float>().data() + (first + way) * ensemble_.columns;
                std::ranges::fill(sums, 0.0f);
                for (const int32_t root : ensemble_.roots) walk(root, all, filling, there, sums);
                finish(sums, rows, out.data() + (way * present.rows + begin) * classes());
            }
        }
    }

  private:
    void walk(int32_t at, const Bits& reach, const float* filling, const std::vector<Bits>& there,
              std::vector<float>& sums) const {
        const Branch& branch = ensemble_.nodes[at];
        if (branch.mode == Mode::leaf) {
            for (int32_t w = 0; w < branch.weights; ++w) {
                const Weight& weight = ensemble_.weights[branch.first_weight + w];
                add_where(reach.data(), weight.value, sums.data() + weight.target * block);
            }
            return;
        }
        const int32_t player = labels_[branch.column];
        const bool of_input = input_goes_[at];
        const bool of_filling = player < 0 ? of_input : goes_yes(branch, filling[branch.column]);
        if (of_input == of_filling) {
            walk(of_input ? branch.yes : branch.no, reach, filling, there, sums);
            return;
        }
        Bits as_input, as_filling;
        uint64_t some_input = 0, some_filling = 0;
        for (int64_t w = 0; w < words; ++w) {
            as_input[w] = reach[w] & there[player][w];
            as_filling[w] = reach[w] & ~there[player][w];
            some_input |= as_input[w];
            some_filling |= as_filling[w];
        }
        if (some_input != 0)
            walk(of_input ? branch.yes : branch.no, as_input, filling, there, sums);
        if (some_filling != 0)
            walk(of_input ? branch.no : branch.yes, as_filling, filling, there, sums);
    }

    // From sums, [targets][block], to scores, [rows][classes].
    void finish(std::vector<float>& sums, int64_t rows, float* out) const {
        const int64_t all = classes();
        const float share = ensemble_.share, base = ensemble_.base[0];
        if (all == 1) {
            for (int64_t r = 0; r < rows; ++r) out[r] = sums[r] * share + base;
            return;
        }
        for (int64_t r = 0; r < rows; ++r) {
            float* scores = out + r * all;
            for (int64_t t = 0; t < ensemble_.targets; ++t)
                scores[t] = sums[t * block + r] * ensemble_.share + ensemble_.base[t];
            if (ensemble_.two_of_one) {
                scores[1] = scores[0];
                scores[0] = ensemble_.complement ? 1 - scores[1] : -scores[1];
            }
        }
        if (ensemble_.post == Post::logistic) sigmoid(out, rows * all);
        if (ensemble_.post == Post::softmax) softmax(out, all, all, rows);
    }

    const Ensemble& ensemble_;
    const LabelMasker& masker_;
    std::vector<int32_t> labels_;
    std::vector<uint8_t> input_goes_;
};

class TreeScorer final : public MaskedScorer {
  public:
    explicit TreeScorer(Ensemble ensemble) : ensemble_(std::move(ensemble)) {}
    [[nodiscard]] std::unique_ptr<MaskedScores> over(const LabelMasker& masker,
                                                     const std::string& output) const override {
        if (output != ensemble_.output || !fits(masker, {.columns = ensemble_.columns})) return nullptr;
        return std::make_unique<TreeScores>(ensemble_, masker);
    }

  private:
    Ensemble ensemble_;
};

}  // namespace

std::shared_ptr<const MaskedScorer> read_trees(const Graph& graph) {
    const MatrixInput input = matrix_input(graph);
    if (input.columns == 0 || graph.nodes.size() != 1) return nullptr;
    const Node& node = graph.nodes[0];
    if (node.domain != "ai.onnx.ml" ||
        (node.op != "TreeEnsembleRegressor" && node.op != "TreeEnsembleClassifier") ||
        node.inputs.empty() || node.inputs[0] != input.name)
        return nullptr;
    auto ensemble = TreeReader(node, input.columns).read();
    if (!ensemble) return nullptr;
    return std::make_shared<TreeScorer>(std::move(*ensemble));
}

}  // namespace whence::direct
