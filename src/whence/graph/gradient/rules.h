#pragma once
// What a gradient rule sees, and the table of rules.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "whence/graph/builder.h"
#include "whence/graph/gradient/gradient.h"
#include "whence/graph/graph.h"

namespace whence::graph {

/// A tensor [N, C, s0 L0, s1 L1] that was put together from s0 s1 phases [N, C, L0, L1], row-major:
/// element (y, x) is element (y / s0, x / s1) of phase (y mod s0, x mod s1).
struct Phases {
    std::vector<std::string> parts;
    std::vector<int64_t> lengths, strides;
};

/// What rules tell each other during one sweep.
struct SweepNotes {
    SweepOptions options = {};
    std::set<std::string> wrt = {};         ///< tensors whose gradients are the answer
    std::map<std::string, Phases> phases = {};  ///< gradients that were put together from phases
    /// Gradients given to tensors that are no inputs of the node at hand.
    std::vector<std::pair<std::string, std::string>> further = {};
};

/// One node of the sweep. A rule reads the gradients of the node's outputs and gives the gradients of
/// its inputs. Letters as in the formulas: x, y values, d the gradient of y.
class Backward {
 public:
    Backward(Builder& builder, SweepNotes& sweep_notes, Node of, std::vector<std::string> output_gradients,
             std::vector<bool> wanted)
        : b(builder), notes(sweep_notes), node(std::move(of)), output_gradients_(std::move(output_gradients)),
          wanted_(std::move(wanted)), given_(node.inputs.size()) {}

    Builder& b;
    SweepNotes& notes;
    const Node node;  ///< a copy: the builder appends to the vector the original lives in
    std::vector<std::string> captured;  ///< what its bodies capture and somebody needs the gradient of

    [[nodiscard]] const std::string& x(size_t i = 0) const { return node.inputs.at(i); }
    [[nodiscard]] const std::string& y(size_t i = 0) const { return node.outputs.at(i); }
    /// True if something flows into output i.
    [[nodiscard]] bool has_d(size_t i) const { return i < output_gradients_.size() && !output_gradients_[i].empty(); }
    /// Gradient of output i. Refuses if nothing flows into it.
    [[nodiscard]] const std::string& d(size_t i = 0);
    /// Refuses if something flows into an output that the rule did not look at.
    void check_all_used() const;
    /// True if somebody needs the gradient of input i.
    [[nodiscard]] bool wants(size_t i) const { return i < wanted_.size() && wanted_[i]; }

    /// Gives the gradient of input i, of exactly that input's shape.
    void give(size_t i, const std::string& gradient) { given_.at(i) = gradient; }
    /// Gives a gradient of the shape of output 0 for an input that may have been broadcast to it.
    void give_broadcast(size_t i, const std::string& gradient) {
        give_broadcast(i, gradient, b.graph().value(y()).shape, 0);
    }
    /// The same for a gradient of another shape, of whose axes the last `equal` are as long as the input's.
    void give_broadcast(size_t i, const std::string& gradient, const std::optional<std::vector<Dimension>>& shape,
                        size_t equal);
    /// Gives a gradient to a tensor before the node's inputs, past the operators in between.
    void give_past(const std::string& tensor, const std::string& gradient) { notes.further.emplace_back(tensor, gradient); }
    [[nodiscard]] const std::vector<std::string>& given() const { return given_; }

    /// True if multipliers against a reference are asked for, not slopes.
    [[nodiscard]] bool deep_lift() const { return notes.options.rules == Rules::deep_lift; }
    /// deep_lift: the tensor as it is for the reference. Refuses where that cannot be computed.
    [[nodiscard]] const std::string& reference(const std::string& tensor) const;

    [[nodiscard]] ElementType type() const { return type_of(node.inputs.at(0)); }
    /// Floating-point type of a tensor (float32 where unknown).
    [[nodiscard]] ElementType type_of(const std::string& tensor) const;
    /// Rank; throws Error(unsupported) naming the node if it is unknown.
    [[nodiscard]] int64_t rank(const std::string& tensor) const;
    /// Known lengths, -1 where unknown.
    [[nodiscard]] Shape lengths(const std::string& tensor) const;
    /// `axis` counted from the front.
    [[nodiscard]] int64_t front(int64_t axis, int64_t rank) const { return axis < 0 ? axis + rank : axis; }
    [[nodiscard]] std::string scalar(double value) const { return b.scalar(value, type()); }
    /// The int64 values of a constant input; none if it is absent or computed.
    [[nodiscard]] std::optional<std::vector<int64_t>> constant_ints(size_t i) const;
    /// A shape tensor for Reshape: constant where at most one length is unknown, else computed.
    [[nodiscard]] std::string shape_of(const std::string& tensor) const;
    /// 1 where t > 0, else 0, smooth to nothing in between: HardSigmoid with a huge slope keeps ONNX
    /// Runtime's blocked layout, which Where and comparisons leave. `t` of the node's type.
    [[nodiscard]] std::string positive(const std::string& t) const { return above(t, 0); }
    /// The same for t > bound and for t < bound.
    [[nodiscard]] std::string above(const std::string& t, double bound) const;
    [[nodiscard]] std::string below(const std::string& t, double bound) const;
    [[noreturn]] void refuse(const std::string& why) const;

 private:
    std::vector<std::string> output_gradients_;
    std::vector<bool> wanted_;
    std::vector<std::string> given_;
    std::set<size_t> used_;  ///< outputs whose gradients the rule asked for
};

using Rule = void (*)(Backward&);

/// How the result of an operator changes between the reference and the input: what makes a multiplier
/// of its rule (multiplier.h).
enum class Change {
    unsplit,      ///< no exact multiplier is known
    linear,       ///< its slope is the multiplier
    bilinear,     ///< products of two inputs: the slope half way is the multiplier
    elementwise,  ///< y = s(x) for each element of input 0: a difference quotient
    own           ///< the rule sees to it
};

struct RuleRow {
    const char* op;
    Rule rule;
    Change change = Change::unsplit;
};

/// The row for an operator of ai.onnx; nullptr if there is none.
[[nodiscard]] const RuleRow* find_rule(const Node& node);
/// True for operators through which no gradient flows by definition (Shape, ArgMax, Greater, ...).
[[nodiscard]] bool stops_gradient(const Node& node);

// The table, one part for each file.
std::vector<RuleRow> activation_rules();
std::vector<RuleRow> control_rules();
std::vector<RuleRow> conv_rules();
std::vector<RuleRow> einsum_rules();
std::vector<RuleRow> elementwise_rules();
std::vector<RuleRow> grid_sample_rules();
std::vector<RuleRow> linear_rules();
std::vector<RuleRow> normalization_rules();
std::vector<RuleRow> pool_rules();
std::vector<RuleRow> quantize_rules();
std::vector<RuleRow> reduce_rules();
std::vector<RuleRow> resize_rules();
std::vector<RuleRow> select_rules();
std::vector<RuleRow> shape_rules();

}  // namespace whence::graph
