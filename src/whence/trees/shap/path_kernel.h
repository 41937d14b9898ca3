#pragma once
// Path-dependent SHAP values of some rows in one tree; the formulas stand in
// docs/methods/tree-shap.md. For kernels.inc alone, which names the namespace.

#include "whence/trees/shap/lanes.h"
#include "whence/trees/shap/path_program.h"

namespace whence::trees::WHENCE_ISA {

constexpr int most_entries = 128;  // of a path; path_compiler.cpp refuses more

/// Lanes of a column that go left at a node.
template <class L, class Scalar>
typename L::M lanes_left(const PathTree<Scalar>& tree, const PathNode& node,
                         const int32_t* column) {
    if (!node.categorical) return L::at_most(column, node.rank);
    const uint32_t* const words = tree.words + node.rank;
    uint32_t bits = 0;
    for (int i = 0; i < L::width; ++i) bits |= (words[column[i] >> 5] >> (column[i] & 31) & 1) << i;
    return L::in_bits(bits);
}

/// W vectors of rows, side by side through the tree. Q points; 0: as many as the tree says.
/// Many: leaves of several numbers.
template <class L, int Q, int W, bool Many>
class PathWalk {
    using Scalar = typename L::Scalar;
    using V = typename L::V;
    using M = typename L::M;

  public:
    PathWalk(const PathTree<Scalar>& tree, const Block<Scalar>& block)
        : tree_(tree), block_(block), count_(tree.count), outputs_(tree.outputs) {
        V* const space = reinterpret_cast<V*>(block.workspace);
        root_ = space;
        total_ = root_ + W * points();
        reached_ = total_ + W * points() * outputs();
        levels_ = reached_ + W * outputs();
        masks_ = reinterpret_cast<M*>(levels_ + tree.depth * level_size());
    }

    void run(int64_t first) {
        first_ = first;
        for (int w = 0; w < W; ++w)
            for (int q = 0; q < points(); ++q) root_[w * points() + q] = L::set(tree_.weights[q]);
        visit(0, root_, total_, reached_, levels_);
        for (int k = 0; k < outputs(); ++k)
            for (int w = 0; w < W; ++w) {
                Scalar* const sum = block_.reached + k * block_.stride + first_ + w * L::width;
                L::store(sum, L::add(L::load(sum), reached_[k * W + w]));
            }
    }

  private:
    int points() const { return Q > 0 ? Q : count_; }
    int outputs() const { return Many ? outputs_ : 1; }
    /// Of a level of the tree: the factors above a child, the left child's sums and leaves.
    int level_size() const { return W * (points() + outputs() * (points() + 1)); }

    M goes_left(const PathNode& node, int w) const {
        return lanes_left<L>(tree_, node,
                             block_.columns + node.column * block_.stride + first_ + w * L::width);
    }

    Scalar* sums_of(const PathNode& node, int k, int w) const {
        return block_.sums + (node.slot * outputs() + k) * block_.stride + first_ + w * L::width;
    }

    /// `above` is, for each row and point, the product of the factors on the path, times the weight
    /// of the point. Leaves in `below` the sums over the leaves of value times the factors from
    /// here down, in `reached` the value of the leaf the row ends in.
    void visit(int32_t number, const V* above, V* below, V* reached, V* level) {
        const PathNode& node = tree_.nodes[number];
        M left[W];
        for (int w = 0; w < W; ++w) left[w] = goes_left(node, w);
        if (!Many && node.bottom) {
            if (node.repeated)
                bottom<true>(node, left, above, below, reached);
            else
                bottom<false>(node, left, above, below, reached);
        } else if (node.repeated) {
            inner<true>(node, left, above, below, reached, level);
        } else {
            inner<false>(node, left, above, below, reached, level);
        }
    }

    template <bool repeated>
    void bottom(const PathNode& node, const M* left, const V* above, V* below, V* reached) {
        const Scalar* const c = tree_.constants + node.constants;
        const Scalar *const right_sums = c + 5, *const left_sums = right_sums + points();
        const Scalar* const scale = left_sums + points();
        for (int w = 0; w < W; ++w) {
            const V* const a = above + w * points();
            V* const g = below + w * points();
            const M old = repeated ? masks_[node.entry * W + w] : L::all();
            V sum = repeated ? L::mul(a[0], L::set(scale[0])) : a[0];
            for (int q = 1; q < points(); ++q)
                sum = repeated ? L::fma(a[q], L::set(scale[q]), sum) : L::add(sum, a[q]);
            V factor = L::select(left[w], L::set(c[0]), L::set(c[1]));
            if (repeated) factor = L::keep(old, factor);
            Scalar* const sums = sums_of(node, 0, w);
            L::store(sums, L::fma(factor, sum, L::load(sums)));
            reached[w] = L::select(left[w], L::set(c[2]), L::set(c[3]));
            for (int q = 0; q < points(); ++q) {
                const V here = L::select(left[w], L::set(left_sums[q]), L::set(right_sums[q]));
                g[q] = repeated ? L::select(old, here, L::set(c[4])) : here;
            }
        }
    }

    template <bool repeated>
    void inner(const PathNode& node, const M* left, const V* above, V* below, V* reached,
               V* level) {
        const Scalar* const c = tree_.constants + node.constants;
        const Scalar* const bases = c + 3;
        const Scalar* const step = repeated ? bases + 2 * points() : tree_.points;
        V* const factors = level;
        V* const below_left = factors + W * points();
        V* const reached_left = below_left + W * points() * outputs();
        M* const mask = masks_ + node.entry * W;
        M old[W];
        for (int w = 0; w < W; ++w) old[w] = repeated ? mask[w] : L::all();

        if (node.left >= 0) {
            for (int w = 0; w < W; ++w) {
                if (repeated || node.watched) mask[w] = L::both(old[w], left[w]);
                for (int q = 0; q < points(); ++q)
                    factors[w * points() + q] =
                        L::mul(above[w * points() + q],
                               factor<repeated>(old[w], left[w], bases[q], step[q], c[2]));
            }
            visit(node.left, factors, below_left, reached_left, level + level_size());
        }
        if (node.right >= 0) {
            for (int w = 0; w < W; ++w) {
                const M right = L::without(L::all(), left[w]);
                if (repeated || node.watched) mask[w] = L::both(old[w], right);
                for (int q = 0; q < points(); ++q)
                    factors[w * points() + q] =
                        L::mul(above[w * points() + q],
                               factor<repeated>(old[w], right, bases[points() + q], step[q], c[0]));
            }
            visit(node.right, factors, below, reached, level + level_size());
        }
        if (repeated)
            for (int w = 0; w < W; ++w) mask[w] = old[w];

        if (node.left < 0 && node.right < 0)
            combine<repeated, true, true>(node, left, old, above, below_left, reached_left, below,
                                          reached);
        else if (node.left < 0)
            combine<repeated, true, false>(node, left, old, above, below_left, reached_left, below,
                                           reached);
        else if (node.right < 0)
            combine<repeated, false, true>(node, left, old, above, below_left, reached_left, below,
                                           reached);
        else
            combine<repeated, false, false>(node, left, old, above, below_left, reached_left, below,
                                            reached);
    }

    /// From what is below both children to what is below their parent, and the value of its
    /// feature.
    template <bool repeated, bool left_leaf, bool right_leaf>
    void combine(const PathNode& node, const M* left, const M* old, const V* above,
                 const V* below_left, const V* reached_left, V* below, V* reached) const {
        const Scalar* const c = tree_.constants + node.constants;
        const Scalar* const bases = c + 3;
        const Scalar* const step = repeated ? bases + 2 * points() : tree_.points;
        for (int w = 0; w < W; ++w) {
            V weight = L::select(left[w], L::set(c[0]), L::set(c[1]));
            if (repeated) weight = L::keep(old[w], weight);
            for (int k = 0; k < outputs(); ++k) {
                const V* const a = above + w * points();
                const V* const gl = below_left + (k * W + w) * points();
                V* const g = below + (k * W + w) * points();
                const V left_value = left_leaf ? L::set(tree_.values[~node.left + k]) : L::zero();
                const V right_value =
                    right_leaf ? L::set(tree_.values[~node.right + k]) : L::zero();
                V sum = L::zero();
                for (int q = 0; q < points(); ++q) {
                    const V from_right = right_leaf ? right_value : g[q];
                    const V difference = L::sub(left_leaf ? left_value : gl[q], from_right);
                    const V u = factor<repeated>(old[w], left[w], bases[q], step[q], c[2]);
                    g[q] = L::fma(difference, u, from_right);
                    const V scaled =
                        repeated ? L::mul(a[q], L::set(bases[3 * points() + q])) : a[q];
                    sum = L::fma(scaled, difference, sum);
                }
                Scalar* const sums = sums_of(node, k, w);
                L::store(sums, L::fma(weight, sum, L::load(sums)));
                reached[k * W + w] =
                    L::select(left[w], left_leaf ? left_value : reached_left[k * W + w],
                              right_leaf ? right_value : reached[k * W + w]);
            }
        }
    }

    /// Of the factor u: what the step into a child multiplies it with.
    template <bool repeated>
    static V factor(M old, M here, Scalar base, Scalar step, Scalar share) {
        const V u = L::add_where(here, L::set(base), L::set(step));
        return repeated ? L::select(old, u, L::set(share)) : u;
    }

    const PathTree<Scalar>& tree_;
    const Block<Scalar>& block_;
    const int count_, outputs_;
    int64_t first_ = 0;
    V *root_, *total_, *reached_, *levels_;
    M* masks_;
};

/// All rows of the block: W vectors at a time, the rest one by one.
template <class L, int Q, int W, bool Many>
void walk(const PathTree<typename L::Scalar>& tree, const Block<typename L::Scalar>& block) {
    int64_t row = 0;
    PathWalk<L, Q, W, Many> wide(tree, block);
    for (; row + W * L::width <= block.stride; row += W * L::width) wide.run(row);
    PathWalk<L, Q, 1, Many> narrow(tree, block);
    for (; row < block.stride; row += L::width) narrow.run(row);
}

template <class L>
void walk_tree(const PathTree<typename L::Scalar>& tree, const Block<typename L::Scalar>& block) {
    if (tree.outputs > 1) return walk<L, 0, 1, true>(tree, block);
    switch (tree.count) {
        case 1:
            return walk<L, 1, 4, false>(tree, block);
        case 2:
            return walk<L, 2, 4, false>(tree, block);
        case 3:
            return walk<L, 3, 4, false>(tree, block);
        case 4:
            return walk<L, 4, 4, false>(tree, block);
        case 5:
            return walk<L, 5, 2, false>(tree, block);
        case 6:
            return walk<L, 6, 2, false>(tree, block);
        case 7:
            return walk<L, 7, 2, false>(tree, block);
        case 8:
            return walk<L, 8, 2, false>(tree, block);
        default:
            return walk<L, 0, 1, false>(tree, block);
    }
}

}  // namespace whence::trees::WHENCE_ISA
