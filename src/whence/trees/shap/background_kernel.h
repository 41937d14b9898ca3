#pragma once
// Interventional values in one tree; the formulas stand in docs/methods/tree-shap.md. For
// kernels.inc alone, which names the namespace.

#include "whence/trees/shap/background_program.h"
#include "whence/trees/shap/path_kernel.h"

namespace whence::trees::WHENCE_ISA {

/// The weights of coalitions of p players in a row of a table of `players` + 1 and more.
template <class L>
typename L::V weight_of(const typename L::Scalar* row, typename L::I p, int64_t players) {
    return players < L::width ? L::look_up_few(row, p) : L::look_up(row, p);
}

/// A row and a vector of background rows down a tree, together for as long as they can be.
///
/// A path asks each of its features whether the row satisfies all splits on it, and whether a
/// background row does. A leaf counts for the pair where each feature is satisfied by one of them
/// at least; p features only by the row, z only by the background row.
template <class L>
class PairWalk {
    using Scalar = typename L::Scalar;
    using V = typename L::V;
    using M = typename L::M;
    using I = typename L::I;

  public:
    PairWalk(const PathTree<Scalar>& tree, const PairBlock<Scalar>& block)
        : tree_(tree), block_(block) {}

    void run() {
        for (first_ = 0; first_ < block_.stride; first_ += L::width)
            visit(0, L::all(), L::no_bits(), 0);
    }

  private:
    /// Sums over the leaves below of value times weight, for features only the row satisfies and
    /// for those only the background row does.
    struct Sums {
        V gain, loss;
    };

    bool row_left(const PathNode& node) const {
        const int32_t x = block_.row[node.column];
        if (!node.categorical) return x <= node.rank;
        return (tree_.words[node.rank + (x >> 5)] >> (x & 31) & 1) != 0;
    }

    /// `alive`: lanes that can still reach a leaf that counts.
    Sums visit(int32_t number, M alive, I p, int z) {
        if (number < 0) return leaf(tree_.values[~number], alive, p, z);
        const PathNode& node = tree_.nodes[number];
        const bool left = row_left(node);
        const M background =
            lanes_left<L>(tree_, node, block_.background + node.column * block_.stride + first_);
        const M with = left ? background : L::without(L::all(), background);
        const int32_t near = left ? node.left : node.right;
        const int32_t far = left ? node.right : node.left;
        const bool row_was = !node.repeated || row_satisfies_[node.entry];
        const M lanes_were = node.repeated ? lanes_satisfy_[node.entry] : L::all();

        if (!row_was) {  // the background rows alone decide
            Sums sums{L::zero(), L::zero()};
            const M here = L::both(alive, with), there = L::without(alive, with);
            if (L::any(here)) sums = visit(near, here, p, z);
            if (L::any(there)) sums = add(sums, visit(far, there, p, z));
            return sums;
        }
        const M parts = L::without(L::both(alive, lanes_were), with);
        const bool keeps = node.repeated || node.watched;
        if (keeps) {
            row_satisfies_[node.entry] = true;
            lanes_satisfy_[node.entry] = L::both(lanes_were, with);
        }
        Sums sums = visit(near, alive, L::increment(p, parts), z);
        if (L::any(parts)) {
            if (keeps) {
                row_satisfies_[node.entry] = false;
                lanes_satisfy_[node.entry] = parts;
            }
            const Sums without = visit(far, parts, p, z + 1);
            const V value = L::keep(parts, L::sub(sums.gain, without.loss));
            Scalar* const sum = block_.sums + node.slot * L::width;
            L::store(sum, L::fma(L::load(block_.weights + first_), value, L::load(sum)));
            sums = add(sums, without);
        }
        if (node.repeated) {
            row_satisfies_[node.entry] = true;
            lanes_satisfy_[node.entry] = lanes_were;
        }
        return sums;
    }

    Sums leaf(Scalar value, M alive, I p, int z) const {
        const int64_t row = z * (block_.players + 1);
        const V v = L::keep(alive, L::set(value));
        return {L::mul(v, weight_of<L>(block_.gain + row, p, block_.players)),
                L::mul(v, weight_of<L>(block_.loss + row, p, block_.players))};
    }

    static Sums add(const Sums& a, const Sums& b) {
        return {L::add(a.gain, b.gain), L::add(a.loss, b.loss)};
    }

    const PathTree<Scalar>& tree_;
    const PairBlock<Scalar>& block_;
    int64_t first_ = 0;
    bool row_satisfies_[most_entries];
    M lanes_satisfy_[most_entries];
};

template <class L>
void walk_pairs(const PathTree<typename L::Scalar>& tree,
                const PairBlock<typename L::Scalar>& block) {
    PairWalk<L>(tree, block).run();
}

/// Rows down a tree, each to every leaf, with the pattern of the features on its path: bit e is set
/// where the row satisfies all splits on feature e. Leaf: leaf(number, features, slots, pattern,
/// first).
template <class L, class Scalar, class Leaf>
class PatternWalk {
    using M = typename L::M;
    using I = typename L::I;

  public:
    PatternWalk(const PathTree<Scalar>& tree, const int32_t* columns, int64_t stride, Leaf leaf)
        : tree_(tree), columns_(columns), stride_(stride), leaf_(leaf) {}

    void run() {
        for (first_ = 0; first_ < stride_; first_ += L::width) visit(0, L::no_bits(), 0);
    }

  private:
    void visit(int32_t number, I pattern, int features) {
        if (number < 0) return leaf_(~number, features, slots_, pattern, first_);
        const PathNode& node = tree_.nodes[number];
        const M left = lanes_left<L>(tree_, node, columns_ + node.column * stride_ + first_);
        const M right = L::without(L::all(), left);
        const int32_t bit = int32_t{1} << node.entry;
        if (node.repeated) {
            visit(node.left, L::drop_bits(pattern, right, bit), features);
            visit(node.right, L::drop_bits(pattern, left, bit), features);
        } else {
            slots_[node.entry] = node.slot;
            visit(node.left, L::add_bits(pattern, left, bit), features + 1);
            visit(node.right, L::add_bits(pattern, right, bit), features + 1);
        }
    }

    const PathTree<Scalar>& tree_;
    const int32_t* columns_;
    const int64_t stride_;
    Leaf leaf_;
    int64_t first_ = 0;
    int32_t slots_[most_entries];
};

template <class L>
void walk_tables(const PathTree<typename L::Scalar>& tree,
                 const TableBlock<typename L::Scalar>& block) {
    using Scalar = typename L::Scalar;
    const auto leaf = [&block](int32_t number, int features, const int32_t* slots,
                               typename L::I pattern, int64_t first) {
        const Scalar* table = block.tables + block.starts[number];
        for (int e = 0; e < features; ++e, table += int64_t{1} << features) {
            Scalar* const sum = block.sums + slots[e] * block.stride + first;
            L::store(sum, L::add(L::load(sum), L::look_up(table, pattern)));
        }
    };
    PatternWalk<L, Scalar, decltype(leaf)>(tree, block.columns, block.stride, leaf).run();
}

template <class L>
void count_patterns(const PathTree<typename L::Scalar>& tree, const CountBlock& block) {
    const auto leaf = [&block](int32_t number, int, const int32_t*, typename L::I pattern,
                               int64_t first) {
        int32_t patterns[L::width];
        L::store(patterns, pattern);
        double* const counts = block.counts + block.starts[number];
        for (int i = 0; i < L::width; ++i) counts[patterns[i]] += block.weights[first + i];
    };
    PatternWalk<L, typename L::Scalar, decltype(leaf)>(tree, block.columns, block.stride, leaf)
        .run();
}

}  // namespace whence::trees::WHENCE_ISA
