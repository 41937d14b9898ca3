#pragma once
// Interventional values and interactions in one tree; the formulas stand in
// docs/methods/tree-shap.md. For kernels.inc alone, which names the namespace.

#include <type_traits>

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
/// at least; p features only by the row, z only by the background row. `Interactions`: sums are
/// [slots, slots, lanes], at (f, e) the pairs whose deeper parting is on f, at (f, f) the value of
/// f. A row and a background row part on a feature once on a path, so every pair of features is met
/// once.
template <class L, bool Interactions>
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
            visit(0, L::all(), L::no_bits(), 0, 0);
    }

  private:
    /// Sums over the leaves below of value times weight: for features only the row satisfies (gain)
    /// and only the background row does (loss).
    struct ValueSums {
        V gain = L::zero(), loss = L::zero();
    };
    /// The same for two features of the one kind and two of the other, too.
    struct InteractionSums : ValueSums {
        V gains = L::zero(), losses = L::zero();
        /// For one of each kind: a! b! / (a + b + 1)! is the sum of those with a + 1 and with b
        /// + 1.
        [[nodiscard]] V mixed() const { return L::add(this->gain, this->loss); }
    };
    using Sums = std::conditional_t<Interactions, InteractionSums, ValueSums>;

    bool row_left(const PathNode& node) const {
        const int32_t x = block_.row[node.column];
        if (!node.categorical) return x <= node.rank;
        return (tree_.words[node.rank + (x >> 5)] >> (x & 31) & 1) != 0;
    }

    /// `alive`: lanes that can still reach a leaf that counts; `entries`: features on the path.
    Sums below(int32_t number, M alive, I p, int z, int entries) {
        return number < 0 ? leaf(tree_.values[~number], alive, p, z)
                          : visit(number, alive, p, z, entries);
    }

    Sums visit(int32_t number, M alive, I p, int z, int entries) {
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
        if (Interactions) slot_[node.entry] = node.slot;

        if (!row_was) {  // the background rows alone decide
            Sums sums;
            const M stay = L::both(alive, with), leave = L::without(alive, with);
            if (L::any(stay)) sums = below(near, stay, p, z, here);
            if (L::any(leave)) sums = add(sums, below(far, leave, p, z, here));
            return sums;
        }
        const M parts = L::without(L::both(alive, lanes_were), with);
        const bool keeps = Interactions || node.repeated || node.watched;
        if (keeps) remember(node.entry, true, L::both(lanes_were, with));
        Sums sums = below(near, alive, L::increment(p, parts), z, here);
        if (L::any(parts)) {
            if (keeps) remember(node.entry, false, parts);
            const Sums without = below(far, parts, p, z + 1, here);
            accumulate(node, here, parts, sums, without);
            sums = add(sums, without);
        }
        if (Interactions || node.repeated) remember(node.entry, true, lanes_were);
        return sums;
    }

    void remember(int32_t entry, bool row, M lanes) {
        row_satisfies_[entry] = row;
        lanes_satisfy_[entry] = lanes;
    }

    /// Where the lanes `parts` part from the row: `with` below where it goes, `without` below where
    /// they go.
    void accumulate(const PathNode& node, int entries, M parts, const Sums& with,
                    const Sums& without) {
        const V weights = L::keep(parts, L::load(block_.weights + first_));
        Scalar* const sums = block_.sums + node.slot * (Interactions ? block_.slots : 1) * L::width;
        const auto add_to = [&](int32_t slot, V value) {
            Scalar* const to = sums + slot * L::width;
            L::store(to, L::add(L::load(to), value));
        };
        const V value = L::mul(weights, L::sub(with.gain, without.loss));
        if constexpr (!Interactions) {
            add_to(0, value);
        } else {
            add_to(node.slot, value);
            // with a feature above that only the row satisfies, or that only the lanes do
            const V of_row = L::mul(weights, L::sub(with.gains, without.mixed()));
            const V of_lanes = L::mul(weights, L::sub(without.losses, with.mixed()));
            for (int e = 0; e < entries; ++e) {
                if (e == node.entry) continue;
                if (!row_satisfies_[e]) {
                    add_to(slot_[e], of_lanes);
                    continue;
                }
                const M left_above = L::without(parts, lanes_satisfy_[e]);
                if (L::any(left_above)) add_to(slot_[e], L::keep(left_above, of_row));
            }
        }
    }

    Sums leaf(Scalar value, M alive, I p, int z) const {
        const int64_t row = z * (block_.players + 1);
        const V v = L::keep(alive, L::set(value));
        const auto weighted = [&](const Scalar* table) {
            return L::mul(v, weight_of<L>(table + row, p, block_.players));
        };
        Sums sums;
        sums.gain = weighted(block_.gain);
        sums.loss = weighted(block_.loss);
        if constexpr (Interactions) {
            sums.gains = weighted(block_.gains);
            sums.losses = weighted(block_.losses);
        }
        return sums;
    }

    static Sums add(Sums a, const Sums& b) {
        a.gain = L::add(a.gain, b.gain);
        a.loss = L::add(a.loss, b.loss);
        if constexpr (Interactions) {
            a.gains = L::add(a.gains, b.gains);
            a.losses = L::add(a.losses, b.losses);
        }
        return a;
    }

    const PathTree<Scalar>& tree_;
    const PairBlock<Scalar>& block_;
    int64_t first_ = 0;
    bool row_satisfies_[most_entries];  // by entry of the path
    M lanes_satisfy_[most_entries];
    int32_t slot_[most_entries];  // of interactions
};

template <class L>
void walk_pairs(const PathTree<typename L::Scalar>& tree,
                const PairBlock<typename L::Scalar>& block) {
    PairWalk<L, false>(tree, block).run();
}

template <class L>
void walk_pair_interactions(const PathTree<typename L::Scalar>& tree,
                            const PairBlock<typename L::Scalar>& block) {
    PairWalk<L, true>(tree, block).run();
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

/// As walk_tables, with sums [slots, slots, stride]: a leaf has a table for each pair (e, f), f <=
/// e, of the features on its path.
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
