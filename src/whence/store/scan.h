#pragma once
// The nearest vectors, for certain. Private to this folder.

#include <span>
#include <vector>

#include "whence/core/run.h"
#include "whence/store/rows.h"

namespace whence::store {

/// The k rows of [begin, rows.count) with the largest dot products (all, where there are fewer),
/// for each query, ordered by before(). Every answer is what a scan of the floats would give: the
/// bytes only rule out what cannot be among the k (codec.h), the rest is scored by dot().
///
/// Cost: the codes are read once for 32 queries.
[[nodiscard]] std::vector<std::vector<Hit>> scan(const Rows& rows, int64_t begin,
                                                 std::span<const Query> queries, int64_t k,
                                                 const Run& run);

}  // namespace whence::store
