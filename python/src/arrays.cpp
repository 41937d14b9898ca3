#include "arrays.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstring>
#include <memory>

#include "whence/core/error.h"

namespace whence::python {
namespace {

struct TypeRow {
    ElementType type;
    nb::dlpack::dtype_code code;
    uint8_t bits;
    const char* numpy;
};
constexpr TypeRow types[] = {
    {ElementType::float32, nb::dlpack::dtype_code::Float, 32, "float32"},
    {ElementType::float64, nb::dlpack::dtype_code::Float, 64, "float64"},
    {ElementType::float16, nb::dlpack::dtype_code::Float, 16, "float16"},
    {ElementType::int8, nb::dlpack::dtype_code::Int, 8, "int8"},
    {ElementType::int16, nb::dlpack::dtype_code::Int, 16, "int16"},
    {ElementType::int32, nb::dlpack::dtype_code::Int, 32, "int32"},
    {ElementType::int64, nb::dlpack::dtype_code::Int, 64, "int64"},
    {ElementType::uint8, nb::dlpack::dtype_code::UInt, 8, "uint8"},
    {ElementType::uint16, nb::dlpack::dtype_code::UInt, 16, "uint16"},
    {ElementType::uint32, nb::dlpack::dtype_code::UInt, 32, "uint32"},
    {ElementType::uint64, nb::dlpack::dtype_code::UInt, 64, "uint64"},
    {ElementType::boolean, nb::dlpack::dtype_code::Bool, 8, "bool"},
};

const TypeRow* find(ElementType type) {
    for (const TypeRow& row : types)
        if (row.type == type) return &row;
    return nullptr;
}

nb::dlpack::dtype dlpack_type(const TypeRow& row) { return {static_cast<uint8_t>(row.code), row.bits, 1}; }

// What Python raised as one line of ours.
[[noreturn]] void refuse(const char* what, const nb::python_error& error) {
    std::string text = error.matches(PyExc_MemoryError) ? "not enough memory" : nb::str(error.value()).c_str();
    throw Error(ErrorKind::input, std::string(what) + " is no array: " + printable(text, 200));
}

Tensor text_tensor(nb::handle array, const char* what) {
    Shape shape;
    for (const nb::handle length : array.attr("shape")) shape.push_back(nb::cast<int64_t>(length));
    Tensor out(ElementType::string, std::move(shape));
    const auto texts = out.as<std::string>();
    size_t i = 0;
    for (const nb::handle item : nb::cast<nb::list>(array.attr("ravel")().attr("tolist")())) {
        if (!nb::isinstance<nb::str>(item) && !nb::isinstance<nb::bytes>(item))
            throw Error(ErrorKind::input, std::string(what) + " holds a " + Py_TYPE(item.ptr())->tp_name +
                                              "; arrays hold numbers or text");
        texts[i++] = nb::isinstance<nb::str>(item) ? nb::cast<std::string>(item)
                                                   : std::string(nb::cast<nb::bytes>(item).c_str());
    }
    return out;
}

// Objects that are all numbers (a frame of mixed columns, fractions) become float64.
Tensor object_tensor(nb::handle array, const char* what) {
    try {
        return to_tensor(array.attr("astype")("float64"), what);
    } catch (const nb::python_error&) {
        return text_tensor(array, what);
    }
}

}  // namespace

Tensor to_tensor(nb::handle object, const char* what) {
    nb::object array;
    try {
        array = nb::module_::import_("numpy").attr("asarray")(object, nb::arg("order") = "C");
    } catch (const nb::python_error& error) {
        refuse(what, error);
    }
    const nb::object dtype = array.attr("dtype");
    const char kind = nb::cast<std::string>(dtype.attr("kind"))[0];
    if (kind == 'U' || kind == 'S' || kind == 'T') return text_tensor(array, what);
    if (kind == 'O') return object_tensor(array, what);
    if (!nb::cast<bool>(dtype.attr("isnative"))) array = array.attr("astype")(dtype.attr("newbyteorder")("="));

    nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu> numbers;
    if (nb::try_cast(array, numbers))
        for (const TypeRow& row : types) {
            if (!(numbers.dtype() == dlpack_type(row))) continue;
            Shape shape;
            for (size_t d = 0; d < numbers.ndim(); ++d) shape.push_back(static_cast<int64_t>(numbers.shape(d)));
            Tensor out(row.type, std::move(shape));
            if (out.bytes() > 0) std::memcpy(out.data(), numbers.data(), out.bytes());
            return out;
        }
    throw Error(ErrorKind::input, std::string(what) + " holds " + nb::str(dtype).c_str() + "; arrays hold numbers or text");
}

nb::object to_numpy(Tensor tensor) {
    if (tensor.type() == ElementType::string) {
        nb::list texts;
        for (const std::string& text : tensor.as<std::string>())
            texts.append(nb::steal(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace")));
        nb::list shape;
        for (const int64_t length : tensor.shape()) shape.append(length);
        return nb::module_::import_("numpy").attr("array")(texts, nb::arg("dtype") = "str").attr("reshape")(nb::tuple(shape));
    }
    if (!find(tensor.type())) tensor = tensor.cast(ElementType::float32);  // bfloat16, which NumPy does not know
    auto kept = std::make_unique<Tensor>(std::move(tensor));
    const Tensor& numbers = *kept;
    const nb::capsule owner(kept.get(), [](void* p) noexcept { delete static_cast<Tensor*>(p); });
    kept.release();
    std::vector<size_t> shape(numbers.shape().begin(), numbers.shape().end());
    return nb::cast(nb::ndarray<nb::numpy>(const_cast<std::byte*>(numbers.data()), shape.size(), shape.data(), owner,
                                           nullptr, dlpack_type(*find(numbers.type()))));
}

nb::object view(const void* data, ElementType type, std::span<const int64_t> shape, nb::handle owner) {
    const std::vector<size_t> lengths(shape.begin(), shape.end());
    return nb::cast(nb::ndarray<nb::numpy, nb::ro>(data, lengths.size(), lengths.data(), owner, nullptr,
                                                   dlpack_type(*find(type))));
}

nb::object numpy_dtype(ElementType type) {
    const TypeRow* row = find(type);
    const char* name = row ? row->numpy : type == ElementType::string ? "str" : "float32";
    return nb::module_::import_("numpy").attr("dtype")(name);
}

}  // namespace whence::python
