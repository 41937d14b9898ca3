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
    const auto batch = static_cast<size_t>(std::max(full_a, full_b) - 2);
    const auto y = n.b.graph().value(n.y()).shape;
    // Batch dimensions along which an operand was repeated are summed over: [batch..., rows, columns].
    const auto settle = [&](size_t i, std::string gradient, int64_t rank) {
        std::optional<std::vector<Dimension>> shape;
        if (y) shape.emplace(y->begin(), y->begin() + static_cast<int64_t>(std::min(batch, y->size())));
        if (rank == 1 && i == 1) gradient = n.b.node("Squeeze", {gradient, n.b.ints({-1})});
        // The row added to a vector on the left is one more axis to sum over, of length 1.
        if (shape && rank == 1 && i == 0) shape->push_back({1, ""});
        if (shape) shape->resize(shape->size() + static_cast<size_t>(std::min<int64_t>(rank, 2)));
        n.give_broadcast(i, gradient, shape, static_cast<size_t>(std::min<int64_t>(rank, 2)));
    };
    if (n.wants(0)) settle(0, n.b.node("MatMul", {d, transposed(n, b, full_b)}), rank_a);
    if (n.wants(1)) settle(1, n.b.node("MatMul", {transposed(n, a, full_a), d}), rank_b);
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

std::vector<RuleRow> linear_rules() {
    using enum Change;
    return {{"MatMul", matmul, bilinear}, {"Gemm", gemm, bilinear}};
}

}  // namespace whence::graph
