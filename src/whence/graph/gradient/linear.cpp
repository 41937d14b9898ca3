// Matrix products.

#include <numeric>

#include "whence/graph/gradient/rules.h"

namespace whence::graph {
namespace {

std::string transposed(Backward& n, const std::string& tensor, int64_t rank) {
    std::vector<int64_t> order(rank);
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[rank - 1], order[rank - 2]);
    return n.b.transpose(tensor, order);
}

// y = a b with batch dimensions broadcast: da = d b^T, db = a^T d. A vector on either side counts as
// a matrix with one row or column, which is added first and dropped last.
void matmul(Backward& n) {
    const int64_t rank_a = n.rank(n.x(0)), rank_b = n.rank(n.x(1));
    const std::string a = rank_a == 1 ? n.b.node("Unsqueeze", {n.x(0), n.b.ints({0})}) : n.x(0);
    const std::string b = rank_b == 1 ? n.b.node("Unsqueeze", {n.x(1), n.b.ints({1})}) : n.x(1);
    std::string d = n.d();
    if (rank_b == 1) d = n.b.node("Unsqueeze", {d, n.b.ints({-1})});
    if (rank_a == 1) d = n.b.node("Unsqueeze", {d, n.b.ints({-2})});
    const int64_t full_a = std::max<int64_t>(2, rank_a), full_b = std::max<int64_t>(2, rank_b);
    const int64_t batch = std::max(full_a, full_b) - 2;
    // Batch dimensions along which an operand was repeated are summed over.
    const auto settle = [&](size_t i, std::string gradient, int64_t rank) {
        const Shape own = n.lengths(n.x(i)), other = n.lengths(n.x(1 - i));
        std::vector<int64_t> axes;
        for (int64_t axis = 0; axis < batch; ++axis) {
            const int64_t mine = axis - (batch - (rank - 2));
            const int64_t theirs = axis - (batch - (std::max<int64_t>(2, n.rank(n.x(1 - i))) - 2));
            const bool single = mine >= 0 && own[mine] == 1 && theirs >= 0 && other[theirs] != 1;
            if (mine < 0 || single) axes.push_back(axis);
            if (mine >= 0 && own[mine] == -1 && theirs >= 0 && other[theirs] > 1)
                n.refuse("a batch length that may or may not be 1");
        }
        if (!axes.empty()) gradient = n.b.reduce_sum(gradient, axes, true);
        if (!axes.empty() || n.rank(n.x(i)) == 1) gradient = n.b.reshape(gradient, n.shape_of(n.x(i)));
        n.give(i, gradient);
    };
    if (n.wants(0)) settle(0, n.b.node("MatMul", {d, transposed(n, b, full_b)}), full_a);
    if (n.wants(1)) settle(1, n.b.node("MatMul", {transposed(n, a, full_a), d}), full_b);
}

// y = alpha op(a) op(b) + beta c.
void gemm(Backward& n) {
    const float alpha = n.node.number("alpha", 1), beta = n.node.number("beta", 1);
    const int64_t ta = n.node.integer("transA", 0) != 0, tb = n.node.integer("transB", 0) != 0;
    const auto product = [&](const std::string& p, const std::string& q, int64_t tp, int64_t tq) {
        return n.b.node("Gemm", {p, q}, {{"alpha", alpha}, {"transA", tp}, {"transB", tq}});
    };
    if (n.wants(0)) n.give(0, ta ? product(n.x(1), n.d(), tb, 1) : product(n.d(), n.x(1), 0, 1 - tb));
    if (n.wants(1)) n.give(1, tb ? product(n.d(), n.x(0), 1, ta) : product(n.x(0), n.d(), 1 - ta, 0));
    if (n.wants(2)) n.give_broadcast(2, beta == 1 ? n.d() : n.b.mul(n.d(), n.scalar(beta)));
}

}  // namespace

std::vector<RuleRow> linear_rules() { return {{"MatMul", matmul}, {"Gemm", gemm}}; }

}  // namespace whence::graph
