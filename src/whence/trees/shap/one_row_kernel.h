#pragma once
// Path-dependent interactions of a single row in one tree: where the other kernels have a row in
// each lane, this one has a point of the quadrature. The formulas stand in
// docs/methods/tree-shap.md. For kernels.inc alone, which names the namespace.

#include <type_traits>

#include "whence/trees/shap/path_kernel.h"

namespace whence::trees::WHENCE_ISA {

/// A number for each point, in the compiler's own notation.
template <class Scalar, int lanes>
struct Points {
    using Integer = std::conditional_t<sizeof(Scalar) == 4, int32_t, int64_t>;
    typedef Scalar V __attribute__((vector_size(lanes * sizeof(Scalar))));
    typedef Integer M __attribute__((vector_size(lanes * sizeof(Scalar))));

    static V set(Scalar x) { return V{} + x; }
    static V load(const Scalar* p) {
        V v;
        __builtin_memcpy(&v, p, sizeof v);
        return v;
    }
    static void store(Scalar* p, V v) { __builtin_memcpy(p, &v, sizeof v); }
    /// Lanes below `count`.
    static M first(int count) {
        M m;
        for (int i = 0; i < lanes; ++i) m[i] = i < count ? -1 : 0;
        return m;
    }
    static V keep(M m, V v) { return reinterpret_cast<V>(reinterpret_cast<M>(v) & m); }
};

/// As InteractionWalk. Of Block::sums, [slots, slots, stride], the first `lanes` of a pair are
/// added to, one for each point. Lanes beyond the last point read what stands behind a constant and
/// add nothing: their factors are 0.
template <class Scalar, int lanes>
class OneRowInteractions {
    using P = Points<Scalar, lanes>;
    using V = typename P::V;

  public:
    OneRowInteractions(const PathTree<Scalar>& tree, const Block<Scalar>& block, int64_t slots)
        : tree_(tree), block_(block), slots_(slots), used_(P::first(tree.count)) {
        for (int q = 0; q < lanes; ++q)
            absent_[q] = q < tree.count ? -1 / (1 - tree.points[q]) : Scalar{0};
    }

    void run() { visit(0, P::keep(used_, P::load(tree_.weights)), 0); }

  private:
    bool goes_left(const PathNode& node) const {
        const int32_t x = block_.columns[node.column * block_.stride];
        if (!node.categorical) return x <= node.rank;
        return (tree_.words[node.rank + (x >> 5)] >> (x & 31) & 1) != 0;
    }

    /// The factors above times the weights come down, the sums below come up.
    V visit(int32_t number, V above, int entries) {
        const PathNode& node = tree_.nodes[number];
        const int points = tree_.count;
        const Scalar* const c = tree_.constants + node.constants;
        const bool left = goes_left(node);
        const bool old = !node.repeated || satisfied_[node.entry];
        const Scalar weight = left ? c[0] : c[1];
        const int here = entries + (node.repeated ? 0 : 1);
        slot_[node.entry] = node.slot;
        if (node.bottom) {
            const Scalar *const right_sums = c + 5, *const left_sums = right_sums + points;
            if (!old) return P::set(c[4]);
            V terms = P::set(weight) * above;
            if (node.repeated) terms *= P::load(left_sums + points);
            add(node, terms, here);
            return P::load(left ? left_sums : right_sums);
        }
        const Scalar* const bases = c + 3;
        V to_left, to_right;
        if (old) {
            const V step = P::load(node.repeated ? bases + 2 * points : tree_.points);
            to_left = P::load(bases);
            to_right = P::load(bases + points);
            (left ? to_left : to_right) += step;
            to_left = P::keep(used_, to_left);
            to_right = P::keep(used_, to_right);
        } else {
            to_left = P::set(c[2]);
            to_right = P::set(c[0]);
        }
        const bool was = node.repeated && satisfied_[node.entry];
        const Scalar* const before = node.repeated ? factor_[node.entry] : nullptr;
        const V from_left = child(node, node.left, old && left, 0, number, above * to_left, here);
        const V from_right =
            child(node, node.right, old && !left, points, number, above * to_right, here);
        satisfied_[node.entry] = was;
        factor_[node.entry] = before;
        const V difference = from_left - from_right;
        if (old) {
            V terms = P::set(weight) * above * difference;
            if (node.repeated) terms *= P::load(bases + 3 * points);
            add(node, terms, here);
        }
        return difference * to_left + from_right;
    }

    V child(const PathNode& node, int32_t number, bool satisfied, int edge, int32_t parent, V above,
            int entries) {
        if (number < 0) return P::set(tree_.values[~number]);
        satisfied_[node.entry] = satisfied;
        factor_[node.entry] =
            satisfied ? tree_.edges + int64_t{parent} * 2 * tree_.count + edge : absent_;
        return visit(number, above, entries);
    }

    /// The node's share of the value of its feature, and of the pairs with the features above it.
    void add(const PathNode& node, V terms, int entries) {
        Scalar* const sums = block_.sums + node.slot * slots_ * block_.stride;
        const auto add_to = [&](int32_t slot, V value) {
            Scalar* const to = sums + slot * block_.stride;
            P::store(to, P::load(to) + value);
        };
        add_to(node.slot, terms);
        for (int e = 0; e < entries; ++e)
            if (e != node.entry) add_to(slot_[e], terms * P::load(factor_[e]));
    }

    const PathTree<Scalar>& tree_;
    const Block<Scalar>& block_;
    const int64_t slots_;
    const typename P::M used_;
    Scalar absent_[lanes];  ///< -1 / (1 - t): (o - c) / u where the row satisfies nothing, any c
    bool satisfied_[most_entries] =
        {};  // by entry of the path: the row satisfies its splits so far
    const Scalar* factor_[most_entries];
    int32_t slot_[most_entries];
};

/// For trees of one number a leaf and up to L::width points. Vectors are as short as will do.
template <class L>
void walk_one_row_interactions(const PathTree<typename L::Scalar>& tree,
                               const Block<typename L::Scalar>& block, int64_t slots) {
    using Scalar = typename L::Scalar;
    if constexpr (L::width >= 4) {
        if (tree.count > 2) {
            if constexpr (L::width >= 8) {
                if (tree.count > 8)
                    return OneRowInteractions<Scalar, L::width>(tree, block, slots).run();
                if (tree.count > 4) return OneRowInteractions<Scalar, 8>(tree, block, slots).run();
            }
            return OneRowInteractions<Scalar, 4>(tree, block, slots).run();
        }
    }
    if constexpr (sizeof(Scalar) == 8)
        return OneRowInteractions<Scalar, 2>(tree, block, slots).run();
    if constexpr (sizeof(Scalar) == 4)
        return OneRowInteractions<Scalar, 4>(tree, block, slots).run();
}

}  // namespace whence::trees::WHENCE_ISA
