#pragma once
// Interventional interaction values in one tree; the formulas stand in docs/methods/tree-shap.md.
// For kernels.inc alone, which names the namespace.

#include "whence/trees/shap/background_kernel.h"

namespace whence::trees::WHENCE_ISA {

/// As PairWalk, with sums [slots, slots, lanes]: at (f, e) the pairs whose deeper parting is on f,
/// at (f, f) the value of f. A row and a background row part on a feature once on a path, so every
/// pair of features is met once.
template <class L>
class PairInteractionWalk {
    using Scalar = typename L::Scalar;
    using V = typename L::V;
    using M = typename L::M;
    using I = typename L::I;

  public:
    PairInteractionWalk(const PathTree<Scalar>& tree, const PairInteractionBlock<Scalar>& block)
        : tree_(tree), block_(block) {}

    void run() {
        for (first_ = 0; first_ < block_.stride; first_ += L::width)
            visit(0, L::all(), L::no_bits(), 0, 0);
    }

  private:
    /// Sums over the leaves below of value times weight: for features only the row satisfies (gain)
    /// and only the background row does (loss), for two of the one kind and two of the other.
    struct Sums {
        V gain, loss, gains, losses;
        /// For one of each kind: a! b! / (a + b + 1)! is the sum of those with a + 1 and with b
        /// + 1.
        [[nodiscard]] V mixed() const { return L::add(gain, loss); }
    };

    bool row_left(const PathNode& node) const {
        const int32_t x = block_.row[node.column];
        if (!node.categorical) return x <= node.rank;
        return (tree_.words[node.rank + (x >> 5)] >> (x & 31) & 1) != 0;
    }

    /// `alive`: lanes that can still reach a leaf that counts.
    Sums visit(int32_t number, M alive, I p, int z, int entries) {
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
        const int here = entries + (node.repeated ? 0 : 1);
        slot_[node.entry] = node.slot;

        Sums sums{L::zero(), L::zero(), L::zero(), L::zero()};
        if (!row_was) {  // the background rows alone decide
            const M stay = L::both(alive, with), leave = L::without(alive, with);
            if (L::any(stay)) sums = visit(near, stay, p, z, here);
            if (L::any(leave)) sums = add(sums, visit(far, leave, p, z, here));
            return sums;
        }
        const M parts = L::without(L::both(alive, lanes_were), with);
        row_satisfies_[node.entry] = true;
        lanes_satisfy_[node.entry] = L::both(lanes_were, with);
        sums = visit(near, alive, L::increment(p, parts), z, here);
        if (L::any(parts)) {
            row_satisfies_[node.entry] = false;
            lanes_satisfy_[node.entry] = parts;
            const Sums without = visit(far, parts, p, z + 1, here);
            accumulate(node, here, parts, sums, without);
            sums = add(sums, without);
        }
        row_satisfies_[node.entry] = true;
        lanes_satisfy_[node.entry] = lanes_were;
        return sums;
    }

    /// Where the lanes `parts` part from the row: `with` below where it goes, `without` below where
    /// they go.
    void accumulate(const PathNode& node, int entries, M parts, const Sums& with,
                    const Sums& without) {
        const V weights = L::keep(parts, L::load(block_.weights + first_));
        Scalar* const sums = block_.sums + node.slot * block_.slots * L::width;
        const auto add_to = [&](int32_t slot, M lanes, V value) {
            Scalar* const to = sums + slot * L::width;
            L::store(to, L::add(L::load(to), L::keep(lanes, value)));
        };
        add_to(node.slot, parts, L::mul(weights, L::sub(with.gain, without.loss)));
        // with a feature above that only the row satisfies, or that only the lanes do
        const V of_row = L::mul(weights, L::sub(with.gains, without.mixed()));
        const V of_lanes = L::mul(weights, L::sub(without.losses, with.mixed()));
        for (int e = 0; e < entries; ++e) {
            if (e == node.entry) continue;
            if (!row_satisfies_[e]) {
                add_to(slot_[e], parts, of_lanes);
                continue;
            }
            const M left_above = L::without(parts, lanes_satisfy_[e]);
            if (L::any(left_above)) add_to(slot_[e], left_above, of_row);
        }
    }

    Sums leaf(Scalar value, M alive, I p, int z) const {
        const int64_t row = z * (block_.players + 1);
        const V v = L::keep(alive, L::set(value));
        const auto weighted = [&](const Scalar* table) {
            return L::mul(v, weight_of<L>(table + row, p, block_.players));
        };
        return {weighted(block_.gain), weighted(block_.loss), weighted(block_.gains),
                weighted(block_.losses)};
    }

    static Sums add(const Sums& a, const Sums& b) {
        return {L::add(a.gain, b.gain), L::add(a.loss, b.loss), L::add(a.gains, b.gains),
                L::add(a.losses, b.losses)};
    }

    const PathTree<Scalar>& tree_;
    const PairInteractionBlock<Scalar>& block_;
    int64_t first_ = 0;
    bool row_satisfies_[most_entries];  // by entry of the path
    M lanes_satisfy_[most_entries];
    int32_t slot_[most_entries];
};

template <class L>
void walk_pair_interactions(const PathTree<typename L::Scalar>& tree,
                            const PairInteractionBlock<typename L::Scalar>& block) {
    PairInteractionWalk<L>(tree, block).run();
}

/// As walk_tables, with sums [slots, slots, stride] as above: a leaf has a table for each pair
/// (e, f), f <= e, of the features on its path.
template <class L>
void walk_interaction_tables(const PathTree<typename L::Scalar>& tree,
                             const TableBlock<typename L::Scalar>& block, int64_t slots) {
    using Scalar = typename L::Scalar;
    const auto leaf = [&block, slots](int32_t number, int features, const int32_t* of,
                                      typename L::I pattern, int64_t first) {
        const Scalar* table = block.tables + block.starts[number];
        for (int e = 0; e < features; ++e)
            for (int f = 0; f <= e; ++f, table += int64_t{1} << features) {
                Scalar* const sum = block.sums + (of[e] * slots + of[f]) * block.stride + first;
                L::store(sum, L::add(L::load(sum), L::look_up(table, pattern)));
            }
    };
    PatternWalk<L, Scalar, decltype(leaf)>(tree, block.columns, block.stride, leaf).run();
}

}  // namespace whence::trees::WHENCE_ISA
