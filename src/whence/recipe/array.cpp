#include "whence/recipe/array.h"

#include <fmt/format.h>

#include "whence/core/error.h"

namespace whence::recipe {
namespace {

bool is_float(ElementType type) {
    return type == ElementType::float32 || type == ElementType::float64 ||
           type == ElementType::float16;
}

bool fits(const Shape& given, const Shape& wanted) {
    if (given.size() != wanted.size()) return false;
    for (size_t d = 1; d < wanted.size(); ++d)
        if (wanted[d] >= 0 && wanted[d] != given[d]) return false;
    return true;
}

Shape with_leading_one(Shape shape) {
    shape.insert(shape.begin(), 1);
    return shape;
}

// [N, A, B] -> [N, B, A], for N pictures whose channels are the longer or the shorter stride.
Tensor transposed(const Tensor& array, int64_t rows, int64_t a, int64_t b, Shape shape) {
    Tensor out(array.type(), std::move(shape));
    const auto copy = [&]<class T>(T) {
        const std::span<const T> from = array.as<T>();
        const std::span<T> to = out.as<T>();
        for (int64_t n = 0; n < rows; ++n)
            for (int64_t i = 0; i < a; ++i)
                for (int64_t j = 0; j < b; ++j) to[(n * b + j) * a + i] = from[(n * a + i) * b + j];
    };
    if (array.type() == ElementType::float64)
        copy(double{});
    else
        copy(float{});
    return out;
}

// A picture [N, H, W, C] for a model that reads [N, C, H, W], or the other way round.
bool turn_picture(Tensor& array, const Shape& wanted) {
    const Shape s = array.shape();
    if (s.size() != 4 ||
        (array.type() != ElementType::float32 && array.type() != ElementType::float64))
        return false;
    const auto is_channels = [](int64_t length) {
        return length == 1 || length == 3 || length == 4;
    };
    const Shape first = {s[0], s[3], s[1], s[2]}, last = {s[0], s[2], s[3], s[1]};
    if (is_channels(wanted[1]) && fits(first, wanted)) {
        array = transposed(array, s[0], s[1] * s[2], s[3], first);
        return true;
    }
    if (is_channels(wanted[3]) && fits(last, wanted)) {
        array = transposed(array, s[0], s[1], s[2] * s[3], last);
        return true;
    }
    return false;
}

}  // namespace

FittedArray fit_array(const Subject& subject, Tensor array) {
    const std::vector<TensorInfo>& inputs = subject.model().inputs();
    if (inputs.size() != 1)
        throw Error(
            ErrorKind::usage,
            fmt::format("the model has {} inputs; give an array for each by name", inputs.size()));
    const TensorInfo& input = inputs[0];
    FittedArray fitted;
    if (array.type() == ElementType::uint8 && is_float(input.type)) fitted.white = 255;
    if (array.type() != input.type && array.type() != ElementType::string && is_float(input.type))
        array = array.cast(input.type);
    if (fitted.white != 1 && subject.kind() == data::InputKind::image) {
        for (float& value : array.as<float>()) value /= 255;
        fitted.white = 1;
    }

    const size_t rank = input.shape.size();
    fitted.batched = array.shape().size() >= rank;
    if (!fits(array.shape(), input.shape)) {
        const Shape& s = array.shape();
        Tensor shaped = array;
        if (rank == 4 && s.size() == 2)
            shaped = array.reshaped({1, s[0], s[1], 1});
        else if (rank == 4 && s.size() == 3 && fits({s[0], s[1], s[2], 1}, input.shape) &&
                 !fits(with_leading_one(s), input.shape))
            shaped = array.reshaped({s[0], s[1], s[2], 1}), fitted.batched = true;
        else if (s.size() + 1 == rank)
            shaped = array.reshaped(with_leading_one(s));
        if (fits(shaped.shape(), input.shape) || (rank == 4 && turn_picture(shaped, input.shape)) ||
            shaped.rank() == static_cast<int64_t>(rank))
            array = std::move(shaped);
    }
    fitted.array = std::move(array);
    return fitted;
}

}  // namespace whence::recipe
