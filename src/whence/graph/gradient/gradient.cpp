#include "whence/graph/gradient/gradient.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "whence/core/error.h"
#include "whence/graph/body.h"
#include "whence/graph/gradient/multiplier.h"
#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

bool carries_gradient(const Graph& graph, const std::string& tensor) {
    const auto type = graph.value(tensor).type;
    return !type || *type == ElementType::float32 || *type == ElementType::float64 ||
           *type == ElementType::float16 || *type == ElementType::bfloat16;
}

// Tensors that depend on one of `from` through nodes that carry gradients. Quantised numbers do, too
// (quantize.cpp), as far as the node that makes numbers of them again.
std::unordered_set<std::string> downstream(const Graph& graph, const std::vector<std::string>& from) {
    std::unordered_set<std::string> reached(from.begin(), from.end());
    for (const Node& node : graph.nodes) {
        if (stops_gradient(node)) continue;
        const auto is_reached = [&](const std::string& name) { return reached.count(name) != 0; };
        if (std::ranges::none_of(node.inputs, is_reached) && std::ranges::none_of(node.captures, is_reached))
            continue;
        for (const std::string& output : node.outputs)
            if (!output.empty() && (carries_gradient(graph, output) || node.is("QuantizeLinear"))) reached.insert(output);
    }
    return reached;
}

// Nodes between the wrt tensors and the targets, in the order of the file.
std::vector<size_t> path_nodes(const Graph& graph, const std::unordered_set<std::string>& reached,
                               std::unordered_set<std::string> needed) {
    std::vector<size_t> path;
    for (size_t i = graph.nodes.size(); i-- > 0;) {
        const Node& node = graph.nodes[i];
        if (stops_gradient(node)) continue;
        const bool used = std::ranges::any_of(node.outputs, [&](const std::string& output) {
            return needed.count(output) && reached.count(output);
        });
        if (!used) continue;
        bool leads_back = false;
        const auto visit = [&](const std::string& input) {
            if (!reached.count(input)) return;
            needed.insert(input);
            leads_back = true;
        };
        std::ranges::for_each(node.inputs, visit);
        std::ranges::for_each(node.captures, visit);
        // A wrt tensor is reached by definition: its own producer need not be crossed.
        if (leads_back) path.push_back(i);
    }
    std::ranges::reverse(path);
    return path;
}

// Operators without a rule, also inside bodies: from what they read that is reached to what they return.
void collect_missing(const Graph& graph, const std::unordered_set<std::string>& reached,
                     const std::unordered_set<std::string>& targets, std::set<std::string>& missing) {
    for (const size_t i : path_nodes(graph, reached, targets)) {
        const Node& node = graph.nodes[i];
        if (!find_rule(node)) {
            missing.insert(node.domain.empty() ? node.op : node.domain + "." + node.op);
            continue;
        }
        for (const auto& [key, body] : bodies(node)) {
            const Graph alone = lifted(graph, node, key);
            std::vector<std::string> sources;
            for (const ValueInfo& input : alone.inputs)
                if (reached.count(input.name) || body->find_input(input.name)) sources.push_back(input.name);
            std::unordered_set<std::string> results;
            for (const ValueInfo& output : alone.outputs) results.insert(output.name);
            collect_missing(alone, downstream(alone, sources), results, missing);
        }
    }
}

class Sweep {
 public:
    Sweep(Graph& graph, const std::vector<std::string>& wrt, const SweepOptions& options)
        : builder_(graph), notes_{.options = options}, reached_(downstream(graph, wrt)) {
        notes_.wrt.insert(wrt.begin(), wrt.end());
        if (!options.reference) return;
        std::vector<std::string> sources = wrt;
        sources.insert(sources.end(), options.reference->originals.begin(), options.reference->originals.end());
        carried_ = downstream(graph, sources);
    }

    void seed(const std::string& tensor, const std::string& gradient) { add(tensor, gradient); }

    void run(const std::vector<Node>& path) {
        for (auto node = path.rbegin(); node != path.rend(); ++node) step(*node);
    }

    // The sum of all contributions to a tensor's gradient; empty if there is none.
    std::string gradient(const std::string& tensor) {
        const auto found = parts_.find(tensor);
        if (found == parts_.end()) return "";
        std::vector<std::string>& parts = found->second;
        while (parts.size() > 1) {
            const std::string sum = builder_.add(parts[0], parts[1]);
            parts.erase(parts.begin(), parts.begin() + 2);
            parts.push_back(sum);
        }
        return parts[0];
    }

 private:
    void add(const std::string& tensor, const std::string& gradient) {
        parts_[tensor].push_back(gradient);
    }

    void step(const Node& node) {
        std::vector<std::string> gradients;
        for (const std::string& output : node.outputs)
            gradients.push_back(output.empty() ? "" : gradient(output));
        if (std::ranges::all_of(gradients, &std::string::empty)) return;
        std::vector<bool> wanted;
        for (const std::string& input : node.inputs) wanted.push_back(reached_.count(input) != 0);
        const RuleRow& row = *find_rule(node);
        const bool multiply = notes_.options.rules == Rules::deep_lift;
        const bool product = multiply && row.change == Change::bilinear;
        Backward backward(builder_, notes_, product ? half_way(builder_, notes_, node) : node,
                          std::move(gradients), std::move(wanted));
        for (const std::string& name : node.captures)
            if (reached_.count(name)) backward.captured.push_back(name);
        if (multiply) check_split(row, backward, node);
        row.rule(backward);
        if (multiply && row.change == Change::elementwise) rescale(backward);
        backward.check_all_used();
        for (size_t i = 0; i < node.inputs.size(); ++i)
            if (backward.wants(i) && !backward.given()[i].empty()) add(node.inputs[i], backward.given()[i]);
        for (const auto& [tensor, further] : notes_.further) add(tensor, further);
        notes_.further.clear();
    }

    // Every input that differs from the reference must get its share, or the sum would lack it.
    void check_split(const RuleRow& row, const Backward& backward, const Node& node) const {
        if (row.change == Change::unsplit) backward.refuse("no rule splits its change exactly");
        for (const std::string& input : node.inputs)
            if (notes_.options.reference->differs(input) && !carried_.count(input))
                backward.refuse("its input '" + printable(input) + "' follows the model's input through something "
                                "that passes nothing back");
    }

    Builder builder_;
    SweepNotes notes_;
    std::unordered_set<std::string> reached_;
    std::unordered_set<std::string> carried_;  ///< deep_lift: what gets multipliers from some input
    std::unordered_map<std::string, std::vector<std::string>> parts_;
};

}  // namespace

std::vector<std::string> add_gradients(Graph& graph, const std::string& of, const std::string& seed,
                                       const std::vector<std::string>& wrt, const SweepOptions& options) {
    return add_gradients(graph, {{of, seed}}, wrt, options);
}

std::vector<std::string> add_gradients(Graph& graph, const std::vector<Seed>& seeds,
                                       const std::vector<std::string>& wrt, const SweepOptions& options) {
    if (graph.opset() < 18) throw Error(ErrorKind::internal, "gradients need a graph of opset 18 or newer");
    std::unordered_set<std::string> targets;
    for (const Seed& seed : seeds) targets.insert(seed.of);
    std::vector<Node> path;
    for (const size_t i : path_nodes(graph, downstream(graph, wrt), targets)) {
        const Node& node = graph.nodes[i];
        if (!find_rule(node))
            throw Error(ErrorKind::unsupported, "no gradient rule for " + node.describe() +
                                                    (node.obstacle.empty() ? "" : ": " + node.obstacle));
        path.push_back(node);
    }
    Sweep sweep(graph, wrt, options);
    for (const auto& [of, seed] : seeds) sweep.seed(of, seed);
    sweep.run(path);
    std::vector<std::string> gradients;
    for (const std::string& tensor : wrt) gradients.push_back(sweep.gradient(tensor));
    return gradients;
}

std::vector<std::string> missing_rules(const Graph& graph, const std::string& from, const std::string& to,
                                       bool& connected) {
    const auto reached = downstream(graph, {from});
    connected = reached.count(to) != 0 && carries_gradient(graph, from);
    std::set<std::string> missing;
    if (connected) collect_missing(graph, reached, {to}, missing);
    return {missing.begin(), missing.end()};
}

}  // namespace whence::graph
