#pragma once
// What stands between the columns of a table and the numbers that trees read. Private to this
// folder.

#include <string>
#include <vector>

#include "whence/graph/graph.h"

namespace whence::recipe {

/// How the numbers that are made of one column depend on it, where it is a number.
struct Encoding {
    enum class Kind {
        monotone,  ///< each rises or falls with it (scalers, imputers of NaN, casts)
        one_hot,   ///< each says whether it is one of `categories`
        other,     ///< nobody knows: made by the node `by`
    };
    Kind kind = Kind::monotone;
    std::vector<int64_t> categories;
    bool whole = false;  ///< some operator on the way makes it a whole number
    std::string by;      ///< described, of other
};

/// For each of the graph's columns (see graph::sources_of) what happens to it before it is part of
/// `tensor`.
[[nodiscard]] std::vector<Encoding> encodings_of(const graph::Graph& graph,
                                                 const std::string& tensor, int64_t columns);

}  // namespace whence::recipe
