#pragma once
// Which token a transformer's answer is read at, and maps over the other tokens.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "whence/core/batch.h"
#include "whence/core/tensor.h"

namespace whence {

struct ReadToken {
    /// 0 is the class token of most models. None: all rows alike, for models that pool over tokens.
    std::optional<int64_t> index = 0;
    /// A tensor of one whole number per row, which then says the index: the end of a text.
    std::string tensor = {};
};

namespace gradients {

/// Throws Error(usage) unless the index is one of `tokens` rows.
void check_token(const ReadToken& token, int64_t tokens);

/// The index itself: `value` is that of the tensor, where one says it.
[[nodiscard]] ReadToken settled(ReadToken token, const Tensor* value);

/// Rows of a matrix of `tokens` as weights: the read one, or all alike.
[[nodiscard]] std::vector<double> reading(const ReadToken& token, int64_t tokens);

/// One value for each token as a map [1, 1, h, w] where the input is a picture and the tokens,
/// without the read one (of text it is one of the words), fill a grid of its proportions; else
/// [1, tokens]. All tokens may fill the grid where none is read alone.
[[nodiscard]] Tensor map_of_tokens(const std::vector<double>& values, const Batch& input,
                                   const ReadToken& token);

/// "token 0", "token 1", ... for a map of tokens; none for a grid.
[[nodiscard]] std::vector<std::string> token_names(const Tensor& map);

}  // namespace gradients
}  // namespace whence
