#pragma once
// Path-dependent interaction values of some rows in one tree; the formulas stand in
// docs/methods/tree-shap.md. For kernels.inc alone, which names the namespace.

#include "whence/trees/shap/path_kernel.h"

namespace whence::trees::WHENCE_ISA {

/// As PathWalk, one vector and one number a leaf. Block::sums are [slots, slots, stride]: at (f, e)
/// the pairs whose deeper split is on f, at (f, f) the value of f.
template <class L, int Q>
class InteractionWalk {
    using Scalar = typename L::Scalar;
    using V = typename L::V;
    using M = typename L::M;

  public:
    InteractionWalk(const PathTree<Scalar>& tree, const Block<Scalar>& block, int64_t slots)
        : tree_(tree), block_(block), slots_(slots), count_(tree.count) {
        root_ = reinterpret_cast<V*>(block.workspace);
        total_ = root_ + points();
        absent_ = total_ + points();
        levels_ = absent_ + points();
        for (int q = 0; q < points(); ++q) absent_[q] = L::set(-1 / (1 - tree.points[q]));
    }

    void run() {
        for (first_ = 0; first_ < block_.stride; first_ += L::width) {
            for (int q = 0; q < points(); ++q) root_[q] = L::set(tree_.weights[q]);
            visit(0, root_, total_, levels_, 0);
        }
    }

  private:
    int points() const { return Q > 0 ? Q : count_; }

    void visit(int32_t number, const V* above, V* below, V* level, int entries) {
        const PathNode& node = tree_.nodes[number];
        const M left =
            lanes_left<L>(tree_, node, block_.columns + node.column * block_.stride + first_);
        const M right = L::without(L::all(), left);
        const Scalar* const c = tree_.constants + node.constants;
        const Scalar* const edges = tree_.edges + int64_t{number} * 2 * points();
        const M old = node.repeated ? satisfied_[node.entry] : L::all();
        const Scalar* const old_edges = node.repeated ? edges_[node.entry] : nullptr;
        const int here = entries + (node.repeated ? 0 : 1);
        slot_[node.entry] = node.slot;
        V* const factors = level;
        V* const below_left = level + points();

        V weight = L::select(left, L::set(c[0]), L::set(c[1]));
        if (node.repeated) weight = L::keep(old, weight);
        if (node.bottom) {  // the difference of the leaves stands in the weight
            const Scalar *const right_sums = c + 5, *const left_sums = right_sums + points();
            const Scalar* const scale = left_sums + points();
            for (int q = 0; q < points(); ++q) {
                const V sum = L::select(left, L::set(left_sums[q]), L::set(right_sums[q]));
                below[q] = node.repeated ? L::select(old, sum, L::set(c[4])) : sum;
                factors[q] = node.repeated ? L::mul(above[q], L::set(scale[q])) : above[q];
            }
            return add(node, weight, factors, here);
        }
        const Scalar* const bases = c + 3;
        const Scalar* const step = node.repeated ? bases + 2 * points() : tree_.points;
        const auto factor = [&](M goes, Scalar base, int q, Scalar share) {
            const V u = L::add_where(goes, L::set(base), L::set(step[q]));
            return node.repeated ? L::select(old, u, L::set(share)) : u;
        };
        if (node.left >= 0) {
            satisfied_[node.entry] = L::both(old, left);
            edges_[node.entry] = edges;
            for (int q = 0; q < points(); ++q)
                factors[q] = L::mul(above[q], factor(left, bases[q], q, c[2]));
            visit(node.left, factors, below_left, level + 2 * points(), here);
        } else {
            fill(below_left, tree_.values[~node.left]);
        }
        if (node.right >= 0) {
            satisfied_[node.entry] = L::both(old, right);
            edges_[node.entry] = edges + points();
            for (int q = 0; q < points(); ++q)
                factors[q] = L::mul(above[q], factor(right, bases[points() + q], q, c[0]));
            visit(node.right, factors, below, level + 2 * points(), here);
        } else {
            fill(below, tree_.values[~node.right]);
        }
        satisfied_[node.entry] = old;
        edges_[node.entry] = old_edges;
        // the children are done with their factors
        V* const terms = factors;
        for (int q = 0; q < points(); ++q) {
            const V difference = L::sub(below_left[q], below[q]);
            below[q] = L::fma(difference, factor(left, bases[q], q, c[2]), below[q]);
            terms[q] = L::mul(above[q], difference);
            if (node.repeated) terms[q] = L::mul(terms[q], L::set(bases[3 * points() + q]));
        }
        add(node, weight, terms, here);
    }

    /// The node's share of the value of its feature, and of the pairs with the features above it.
    void add(const PathNode& node, V weight, const V* terms, int entries) {
        V sum = terms[0];
        for (int q = 1; q < points(); ++q) sum = L::add(sum, terms[q]);
        accumulate(node.slot, node.slot, weight, sum);
        for (int e = 0; e < entries; ++e) {
            if (e == node.entry) continue;
            V pair = L::zero();
            for (int q = 0; q < points(); ++q) {
                const V present = L::set(edges_[e][q]);
                pair = L::fma(terms[q], L::select(satisfied_[e], present, absent_[q]), pair);
            }
            accumulate(node.slot, slot_[e], weight, pair);
        }
    }

    void accumulate(int32_t slot, int32_t other, V weight, V sum) {
        Scalar* const to = block_.sums + (slot * slots_ + other) * block_.stride + first_;
        L::store(to, L::fma(weight, sum, L::load(to)));
    }

    void fill(V* below, Scalar value) {
        for (int q = 0; q < points(); ++q) below[q] = L::set(value);
    }

    const PathTree<Scalar>& tree_;
    const Block<Scalar>& block_;
    const int64_t slots_;
    const int count_;
    int64_t first_ = 0;
    V *root_, *total_;
    V* absent_;  ///< -1 / (1 - t): (o - c) / u where the row satisfies nothing, for any c
    V* levels_;
    M satisfied_[most_entries];  ///< by entry of the path: the row satisfies its splits so far
    const Scalar* edges_[most_entries];
    int32_t slot_[most_entries];
};

template <class L>
void walk_interactions(const PathTree<typename L::Scalar>& tree,
                       const Block<typename L::Scalar>& block, int64_t slots) {
    switch (tree.count) {
        case 1:
            return InteractionWalk<L, 1>(tree, block, slots).run();
        case 2:
            return InteractionWalk<L, 2>(tree, block, slots).run();
        case 3:
            return InteractionWalk<L, 3>(tree, block, slots).run();
        case 4:
            return InteractionWalk<L, 4>(tree, block, slots).run();
        case 5:
            return InteractionWalk<L, 5>(tree, block, slots).run();
        case 6:
            return InteractionWalk<L, 6>(tree, block, slots).run();
        default:
            return InteractionWalk<L, 0>(tree, block, slots).run();
    }
}

}  // namespace whence::trees::WHENCE_ISA
