#pragma once
// Tensor owns its numbers, TensorView borrows them. Row-major, batch first, float32 unless said.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whence {

enum class ElementType : uint8_t {
    float32, float64, float16, bfloat16,
    int8, int16, int32, int64, uint8, uint16, uint32, uint64,
    boolean,  ///< one byte, 0 or 1
    string,
};

/// Lengths of the dimensions. Where a shape describes what a model accepts, -1 means "any".
using Shape = std::vector<int64_t>;

/// Bytes of one element; 0 for strings.
[[nodiscard]] size_t element_size(ElementType type);
[[nodiscard]] std::string_view name(ElementType type);

/// Product of the lengths (1 for a scalar). Throws Error(input) on a negative length or overflow.
[[nodiscard]] int64_t element_count(std::span<const int64_t> shape);

/// "[1, 3, 224, 224]"; unknown lengths print as "?".
[[nodiscard]] std::string to_string(std::span<const int64_t> shape);

template <class T>
constexpr ElementType element_type_of();
template <> constexpr ElementType element_type_of<float>() { return ElementType::float32; }
template <> constexpr ElementType element_type_of<double>() { return ElementType::float64; }
template <> constexpr ElementType element_type_of<int8_t>() { return ElementType::int8; }
template <> constexpr ElementType element_type_of<int16_t>() { return ElementType::int16; }
template <> constexpr ElementType element_type_of<int32_t>() { return ElementType::int32; }
template <> constexpr ElementType element_type_of<int64_t>() { return ElementType::int64; }
template <> constexpr ElementType element_type_of<uint8_t>() { return ElementType::uint8; }
template <> constexpr ElementType element_type_of<uint16_t>() { return ElementType::uint16; }
template <> constexpr ElementType element_type_of<uint32_t>() { return ElementType::uint32; }
template <> constexpr ElementType element_type_of<uint64_t>() { return ElementType::uint64; }
template <> constexpr ElementType element_type_of<bool>() { return ElementType::boolean; }
template <> constexpr ElementType element_type_of<std::string>() { return ElementType::string; }

class Tensor {
 public:
    Tensor() = default;
    /// Zeros (empty strings) of the given shape.
    Tensor(ElementType type, Shape shape);

    template <class T>
    static Tensor of(Shape shape, std::span<const T> values);
    template <class T>
    static Tensor of(Shape shape, const std::vector<T>& values) {
        return of<T>(std::move(shape), std::span<const T>(values));
    }

    [[nodiscard]] ElementType type() const { return type_; }
    [[nodiscard]] const Shape& shape() const { return shape_; }
    [[nodiscard]] int64_t size() const { return size_; }
    [[nodiscard]] int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
    /// Length of the first dimension; 1 for a scalar.
    [[nodiscard]] int64_t rows() const { return shape_.empty() ? 1 : shape_[0]; }
    /// Elements per row.
    [[nodiscard]] int64_t row_size() const { return rows() == 0 ? 0 : size_ / rows(); }

    /// The elements. T must be the element type exactly; a mismatch is a bug in the caller.
    template <class T>
    [[nodiscard]] std::span<T> as();
    template <class T>
    [[nodiscard]] std::span<const T> as() const;

    /// Raw bytes; not for strings.
    [[nodiscard]] std::byte* data() { return reinterpret_cast<std::byte*>(storage_.data()); }
    [[nodiscard]] const std::byte* data() const {
        return reinterpret_cast<const std::byte*>(storage_.data());
    }
    [[nodiscard]] size_t bytes() const { return static_cast<size_t>(size_) * element_size(type_); }

    /// Same elements under another shape of the same size.
    [[nodiscard]] Tensor reshaped(Shape shape) const&;
    [[nodiscard]] Tensor reshaped(Shape shape) &&;
    /// Copy of `count` rows from `first`.
    [[nodiscard]] Tensor slice_rows(int64_t first, int64_t count) const;
    /// This one row repeated `count` times. Needs rows() == 1.
    [[nodiscard]] Tensor repeat_row(int64_t count) const;
    /// Numbers as double (booleans as 0 and 1). Throws Error(input) for strings.
    [[nodiscard]] std::vector<double> to_doubles() const;
    /// Numeric conversion through double. Towards integers it truncates; what is out of range becomes
    /// the nearest integer of the type, NaN becomes 0.
    [[nodiscard]] Tensor cast(ElementType type) const;

    friend bool operator==(const Tensor& a, const Tensor& b);

 private:
    void expect(ElementType type) const;

    ElementType type_ = ElementType::float32;
    Shape shape_ = {0};
    int64_t size_ = 0;
    // 16-byte words: every element type is aligned, and the vectoriser likes it.
    struct alignas(16) Word { std::byte bytes[16]; };
    std::vector<Word> storage_;
    std::vector<std::string> strings_;
};

/// Borrowed rows of numbers: what kernels take. `rows` x `columns`, row-major, no gaps.
template <class T>
struct MatrixView {
    T* data = nullptr;
    int64_t rows = 0;
    int64_t columns = 0;
    [[nodiscard]] std::span<T> row(int64_t i) const {
        return {data + i * columns, static_cast<size_t>(columns)};
    }
    [[nodiscard]] T& operator()(int64_t i, int64_t j) const { return data[i * columns + j]; }
};

/// A borrowed Tensor of numbers, read-only.
struct TensorView {
    ElementType type = ElementType::float32;
    std::span<const int64_t> shape;
    const std::byte* data = nullptr;
    TensorView() = default;
    TensorView(const Tensor& tensor)  // NOLINT: a view of a tensor is the point
        : type(tensor.type()), shape(tensor.shape()), data(tensor.data()) {}
    TensorView(ElementType element, std::span<const int64_t> lengths, const void* bytes)
        : type(element), shape(lengths), data(static_cast<const std::byte*>(bytes)) {}
    [[nodiscard]] Tensor to_tensor() const;
};

}  // namespace whence
