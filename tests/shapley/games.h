#pragma once
// Games that are a table or a formula, and the slow definitions that the fast ones are held against.

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>

#include "whence/core/error.h"
#include "whence/core/game.h"
#include "whence/core/rng.h"

namespace whence::testing {

using Coalition = std::span<const uint8_t>;

class FormulaGame : public Game {
  public:
    FormulaGame(int64_t players, std::function<double(Coalition)> value)
        : players_(players), value_(std::move(value)) {}
    [[nodiscard]] int64_t players() const override { return players_; }
    [[nodiscard]] const std::vector<std::string>& names() const override { return names_; }
    [[nodiscard]] std::vector<double> values(MatrixView<const uint8_t> coalitions,
                                             const Run& run) const override {
        std::vector<double> out;
        for (int64_t row = 0; row < coalitions.rows; ++row) {
            if (run.late()) throw OutOfReach(Error(ErrorKind::limit, "late"), std::move(out));
            if (asked == enough) throw OutOfReach(Error(ErrorKind::io, "gone"), std::move(out));
            out.push_back(value_(coalitions.row(row)));
            ++asked;
        }
        return out;
    }
    mutable int64_t asked = 0;
    int64_t enough = -1;  ///< coalitions after which it is out of reach; -1: never

  private:
    int64_t players_;
    std::function<double(Coalition)> value_;
    std::vector<std::string> names_;
};

inline size_t code_of(Coalition coalition) {
    size_t code = 0;
    for (size_t j = 0; j < coalition.size(); ++j) code |= size_t{coalition[j]} << j;
    return code;
}

/// v(S) drawn from a normal distribution for every S.
inline std::vector<double> random_table(int64_t players, uint64_t seed) {
    std::vector<double> table(size_t{1} << players);
    Rng rng(seed, 77, 0);
    for (double& value : table) value = rng.normal();
    return table;
}
inline FormulaGame table_game(int64_t players, std::vector<double> table) {
    return {players, [table = std::move(table)](Coalition c) { return table[code_of(c)]; }};
}
inline FormulaGame random_game(int64_t players, uint64_t seed) {
    return table_game(players, random_table(players, seed));
}

/// A network's kind of game: smooth, with effects of every order, most of them small.
inline FormulaGame smooth_game(int64_t players, uint64_t seed) {
    std::vector<double> in(players * 4), out(4);
    Rng rng(seed, 78, 0);
    for (double& w : in) w = rng.normal() / std::sqrt(static_cast<double>(players) / 4);
    for (double& w : out) w = rng.normal();
    return {players, [in, out](Coalition c) {
                double sum = 0;
                for (size_t h = 0; h < out.size(); ++h) {
                    double a = 0;
                    for (size_t j = 0; j < c.size(); ++j) a += c[j] ? in[j * out.size() + h] : 0;
                    sum += out[h] * std::tanh(a);
                }
                return sum;
            }};
}

/// The mean contribution over all orders, one by one.
inline std::vector<double> values_over_orders(const FormulaGame& game) {
    const int64_t players = game.players();
    std::vector<int> order(players);
    std::iota(order.begin(), order.end(), 0);
    std::vector<double> sums(players);
    double orders = 0;
    const auto value = [&](const std::vector<uint8_t>& present) {
        return game.values({present.data(), 1, players}, {})[0];
    };
    do {
        std::vector<uint8_t> present(players, 0);
        double before = value(present);
        for (const int j : order) {
            present[j] = 1;
            const double after = value(present);
            sums[j] += after - before;
            before = after;
        }
        ++orders;
    } while (std::ranges::next_permutation(order).found);
    for (double& sum : sums) sum /= orders;
    return sums;
}

inline double sum_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace whence::testing
