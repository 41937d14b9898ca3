#include "whence/gradients/read_token.h"

#include <fmt/format.h>

#include <cmath>

#include "whence/core/baseline.h"
#include "whence/core/error.h"

namespace whence::gradients {
namespace {

// Height and width of the grid that `patches` fill with the proportions of a picture.
std::optional<std::pair<int64_t, int64_t>> grid(const Batch& input, int64_t patches) {
    const auto axes = image_axes(input[0].value.shape());
    if (!axes || patches < 1) return std::nullopt;
    const auto length = [&](int axis) {
        return static_cast<double>(input[0].value.shape()[static_cast<size_t>(axis)]);
    };
    const double height =
        std::sqrt(static_cast<double>(patches) * length(axes->height) / length(axes->width));
    const int64_t rows = std::max<int64_t>(1, std::llround(height));
    if (rows * (patches / rows) != patches) return std::nullopt;
    return std::pair{rows, patches / rows};
}

Tensor as_float(const Shape& shape, const std::vector<double>& values) {
    return Tensor::of<float>(shape, std::vector<float>(values.begin(), values.end()));
}

}  // namespace

void check_token(const ReadToken& token, int64_t tokens) {
    if (token.index && (*token.index < 0 || *token.index >= tokens))
        throw Error(ErrorKind::usage, fmt::format("there is no token {}; the model attends to {} "
                                                  "(numbered from 0)",
                                                  *token.index, tokens));
}

ReadToken settled(ReadToken token, const Tensor* value) {
    if (!value) return token;
    if (value->size() != 1)
        throw Error(ErrorKind::unsupported, "'" + printable(token.tensor) + "' has shape " +
                                                to_string(value->shape()) +
                                                ": the token that is read is one number");
    token.index = static_cast<int64_t>(value->to_doubles()[0]);
    return token;
}

std::vector<double> reading(const ReadToken& token, int64_t tokens) {
    check_token(token, tokens);
    if (!token.index)
        return std::vector<double>(static_cast<size_t>(tokens), 1.0 / static_cast<double>(tokens));
    std::vector<double> row(static_cast<size_t>(tokens), 0.0);
    row[static_cast<size_t>(*token.index)] = 1;
    return row;
}

Tensor map_of_tokens(const std::vector<double>& values, const Batch& input, const ReadToken& token) {
    std::vector<double> patches = values;
    if (token.index) patches.erase(patches.begin() + *token.index);
    if (const auto size = grid(input, std::ssize(patches)))
        return as_float({1, 1, size->first, size->second}, patches);
    return as_float({1, std::ssize(values)}, values);
}

std::vector<std::string> token_names(const Tensor& map) {
    std::vector<std::string> names;
    if (map.rank() == 2)
        for (int64_t i = 0; i < map.size(); ++i) names.push_back(fmt::format("token {}", i));
    return names;
}

}  // namespace whence::gradients
