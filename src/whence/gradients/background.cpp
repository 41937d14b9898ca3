#include "whence/gradients/background.h"

#include <fmt/format.h>

#include <algorithm>

#include "whence/core/error.h"

namespace whence::gradients {

Background::Background(const Tensor& rows, const std::string& description, const Inquiry& inquiry)
    : rows_(rows) {
    const Tensor& input = *inquiry.explained().value;
    const ElementType type = rows.type();
    if (rows.size() == 0 || rows.row_size() != input.size() ||
        (type != ElementType::float32 && type != ElementType::float64))
        throw Error(ErrorKind::input,
                    fmt::format("background '{}' has shape {} of {}; needed are rows of floating-"
                                "point numbers like the input, which has shape {}",
                                description, to_string(rows.shape()), name(type),
                                to_string(input.shape())));
    check_finite(rows, "background '" + description + "'");
}

void Background::read(int64_t index, std::span<double> row) const {
    const size_t first = index * row.size();
    if (rows_.type() == ElementType::float64)
        std::ranges::copy(rows_.as<double>().subspan(first, row.size()), row.begin());
    else
        std::ranges::copy(rows_.as<float>().subspan(first, row.size()), row.begin());
}

Place Background::place() const {
    return [this](int64_t point, std::span<double> row) { read(point, row); };
}

}  // namespace whence::gradients
