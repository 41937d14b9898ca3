#include "whence/core/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "whence/core/error.h"

namespace whence {
namespace {

struct TypeRow {
    ElementType type;
    std::string_view name;
    size_t size;
};
constexpr TypeRow types[] = {
    {ElementType::float32, "float32", 4}, {ElementType::float64, "float64", 8},
    {ElementType::float16, "float16", 2}, {ElementType::bfloat16, "bfloat16", 2},
    {ElementType::int8, "int8", 1},       {ElementType::int16, "int16", 2},
    {ElementType::int32, "int32", 4},     {ElementType::int64, "int64", 8},
    {ElementType::uint8, "uint8", 1},     {ElementType::uint16, "uint16", 2},
    {ElementType::uint32, "uint32", 4},   {ElementType::uint64, "uint64", 8},
    {ElementType::boolean, "bool", 1},    {ElementType::string, "string", 0},
};
// The table is indexed by the enum's value.
static_assert([] {
    size_t i = 0;
    for (const TypeRow& row : types)
        if (static_cast<size_t>(row.type) != i++) return false;
    return true;
}());

float half_to_float(uint16_t bits) {
    const int exponent = (bits >> 10) & 31;
    const int mantissa = bits & 1023;
    const float sign = bits >> 15 ? -1.0F : 1.0F;
    if (exponent == 31)
        return mantissa ? std::numeric_limits<float>::quiet_NaN()
                        : sign * std::numeric_limits<float>::infinity();
    if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
    return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

float bfloat_to_float(uint16_t bits) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &wide, 4);
    return value;
}

template <class T, class Convert>
void read_as(const Tensor& tensor, std::vector<double>& out, Convert convert) {
    const T* values = reinterpret_cast<const T*>(tensor.data());
    for (int64_t i = 0; i < tensor.size(); ++i) out[i] = static_cast<double>(convert(values[i]));
}

// Truncates; what no T can hold becomes the nearest T, NaN among integers 0.
template <class T>
T converted(double value) {
    if constexpr (std::is_integral_v<T>) {
        if (std::isnan(value)) return 0;
        if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
        if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    }
    return static_cast<T>(value);
}

template <class T>
void write_as(const std::vector<double>& values, Tensor& out) {
    T* to = reinterpret_cast<T*>(out.data());
    for (size_t i = 0; i < values.size(); ++i) to[i] = converted<T>(values[i]);
}

}  // namespace

size_t element_size(ElementType type) { return types[static_cast<size_t>(type)].size; }
std::string_view name(ElementType type) { return types[static_cast<size_t>(type)].name; }

int64_t element_count(std::span<const int64_t> shape) {
    int64_t count = 1;
    for (const int64_t length : shape) {
        if (length < 0) throw Error(ErrorKind::input, "shape " + to_string(shape) + " has an unknown or negative length");
        if (__builtin_mul_overflow(count, length, &count) || count > (int64_t{1} << 48))
            throw Error(ErrorKind::limit, "shape " + to_string(shape) + " is too large");
    }
    return count;
}

std::string to_string(std::span<const int64_t> shape) {
    std::string out = "[";
    for (size_t i = 0; i < shape.size(); ++i)
        out += (i ? ", " : "") + (shape[i] < 0 ? "?" : std::to_string(shape[i]));
    return out + "]";
}

Tensor::Tensor(ElementType type, Shape shape)
    : type_(type), shape_(std::move(shape)), size_(element_count(shape_)) {
    try {
        if (type_ == ElementType::string)
            strings_.resize(size_);
        else
            storage_.resize((bytes() + sizeof(Word) - 1) / sizeof(Word));
    } catch (const std::exception&) {  // bad_alloc or length_error
        throw Error(ErrorKind::limit, "shape " + to_string(shape_) + " needs more memory than there is");
    }
}

void Tensor::expect(ElementType type) const {
    if (type != type_)
        throw Error(ErrorKind::internal, "tensor of " + std::string(whence::name(type_)) +
                                             " was read as " + std::string(whence::name(type)));
}

template <class T>
Tensor Tensor::of(Shape shape, std::span<const T> values) {
    Tensor tensor(element_type_of<T>(), std::move(shape));
    if (tensor.size() != static_cast<int64_t>(values.size()))
        throw Error(ErrorKind::internal, "shape " + to_string(tensor.shape()) + " does not hold " +
                                             std::to_string(values.size()) + " values");
    std::copy(values.begin(), values.end(), tensor.as<T>().begin());
    return tensor;
}

template <class T>
std::span<T> Tensor::as() {
    expect(element_type_of<T>());
    return {reinterpret_cast<T*>(data()), static_cast<size_t>(size_)};
}
template <class T>
std::span<const T> Tensor::as() const {
    expect(element_type_of<T>());
    return {reinterpret_cast<const T*>(data()), static_cast<size_t>(size_)};
}
template <>
std::span<std::string> Tensor::as<std::string>() {
    expect(ElementType::string);
    return strings_;
}
template <>
std::span<const std::string> Tensor::as<std::string>() const {
    expect(ElementType::string);
    return strings_;
}

#define WHENCE_INSTANTIATE(T)                                  \
    template std::span<T> Tensor::as<T>();                     \
    template std::span<const T> Tensor::as<T>() const;         \
    template Tensor Tensor::of<T>(Shape, std::span<const T>);
WHENCE_INSTANTIATE(float)
WHENCE_INSTANTIATE(double)
WHENCE_INSTANTIATE(int8_t)
WHENCE_INSTANTIATE(int16_t)
WHENCE_INSTANTIATE(int32_t)
WHENCE_INSTANTIATE(int64_t)
WHENCE_INSTANTIATE(uint8_t)
WHENCE_INSTANTIATE(uint16_t)
WHENCE_INSTANTIATE(uint32_t)
WHENCE_INSTANTIATE(uint64_t)
WHENCE_INSTANTIATE(bool)
#undef WHENCE_INSTANTIATE
template Tensor Tensor::of<std::string>(Shape, std::span<const std::string>);

Tensor Tensor::reshaped(Shape shape) const& { return Tensor(*this).reshaped(std::move(shape)); }

Tensor Tensor::reshaped(Shape shape) && {
    if (element_count(shape) != size_)
        throw Error(ErrorKind::input,
                    "shape " + to_string(shape_) + " cannot become " + to_string(shape));
    Tensor out = std::move(*this);
    out.shape_ = std::move(shape);
    return out;
}

Tensor Tensor::slice_rows(int64_t first, int64_t count) const {
    if (first < 0 || count < 0 || first + count > rows())
        throw Error(ErrorKind::internal, "rows out of range");
    Shape shape = shape_;
    if (shape.empty()) shape = {1};
    shape[0] = count;
    Tensor out(type_, std::move(shape));
    const int64_t per_row = row_size();
    if (type_ == ElementType::string)
        std::copy_n(strings_.begin() + first * per_row, count * per_row, out.strings_.begin());
    else if (out.bytes() > 0)
        std::memcpy(out.data(), data() + first * per_row * element_size(type_), out.bytes());
    return out;
}

Tensor Tensor::repeat_row(int64_t count) const {
    if (rows() != 1) throw Error(ErrorKind::internal, "repeat_row needs a tensor of one row");
    Shape shape = shape_;
    if (shape.empty()) shape = {1};
    shape[0] = count;
    Tensor out(type_, std::move(shape));
    for (int64_t row = 0; row < count; ++row) {
        if (type_ == ElementType::string)
            std::copy(strings_.begin(), strings_.end(), out.strings_.begin() + row * size_);
        else if (bytes() > 0)
            std::memcpy(out.data() + row * bytes(), data(), bytes());
    }
    return out;
}

std::vector<double> Tensor::to_doubles() const {
    std::vector<double> out(size_);
    const auto same = [](auto value) { return value; };
    switch (type_) {
        case ElementType::float32: read_as<float>(*this, out, same); break;
        case ElementType::float64: read_as<double>(*this, out, same); break;
        case ElementType::float16: read_as<uint16_t>(*this, out, half_to_float); break;
        case ElementType::bfloat16: read_as<uint16_t>(*this, out, bfloat_to_float); break;
        case ElementType::int8: read_as<int8_t>(*this, out, same); break;
        case ElementType::int16: read_as<int16_t>(*this, out, same); break;
        case ElementType::int32: read_as<int32_t>(*this, out, same); break;
        case ElementType::int64: read_as<int64_t>(*this, out, same); break;
        case ElementType::uint8: read_as<uint8_t>(*this, out, same); break;
        case ElementType::uint16: read_as<uint16_t>(*this, out, same); break;
        case ElementType::uint32: read_as<uint32_t>(*this, out, same); break;
        case ElementType::uint64: read_as<uint64_t>(*this, out, same); break;
        case ElementType::boolean: read_as<uint8_t>(*this, out, [](uint8_t v) { return v != 0; }); break;
        case ElementType::string: throw Error(ErrorKind::input, "text where a number belongs");
    }
    return out;
}

Tensor Tensor::cast(ElementType type) const {
    if (type == type_) return *this;
    const std::vector<double> values = to_doubles();
    Tensor out(type, shape_);
    switch (type) {
        case ElementType::float32: write_as<float>(values, out); break;
        case ElementType::float64: write_as<double>(values, out); break;
        case ElementType::int8: write_as<int8_t>(values, out); break;
        case ElementType::int16: write_as<int16_t>(values, out); break;
        case ElementType::int32: write_as<int32_t>(values, out); break;
        case ElementType::int64: write_as<int64_t>(values, out); break;
        case ElementType::uint8: write_as<uint8_t>(values, out); break;
        case ElementType::uint16: write_as<uint16_t>(values, out); break;
        case ElementType::uint32: write_as<uint32_t>(values, out); break;
        case ElementType::uint64: write_as<uint64_t>(values, out); break;
        case ElementType::boolean:
            for (size_t i = 0; i < values.size(); ++i) out.data()[i] = std::byte{values[i] != 0};
            break;
        default:
            throw Error(ErrorKind::unsupported,
                        "cannot convert to " + std::string(whence::name(type)));
    }
    return out;
}

bool operator==(const Tensor& a, const Tensor& b) {
    return a.type_ == b.type_ && a.shape_ == b.shape_ && a.strings_ == b.strings_ &&
           (a.bytes() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}

Tensor TensorView::to_tensor() const {
    Tensor out(type, Shape(shape.begin(), shape.end()));
    if (out.bytes() > 0) std::memcpy(out.data(), data, out.bytes());
    return out;
}

}  // namespace whence
