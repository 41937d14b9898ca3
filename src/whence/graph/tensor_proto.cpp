#include "whence/graph/tensor_proto.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>

#include "whence/core/error.h"

namespace whence::graph {
namespace {

struct TypeRow {
    int32_t number;  // TensorProto.DataType
    ElementType type;
};
constexpr TypeRow types[] = {
    {1, ElementType::float32}, {2, ElementType::uint8},   {3, ElementType::int8},
    {4, ElementType::uint16},  {5, ElementType::int16},   {6, ElementType::int32},
    {7, ElementType::int64},   {8, ElementType::string},  {9, ElementType::boolean},
    {10, ElementType::float16}, {11, ElementType::float64}, {12, ElementType::uint32},
    {13, ElementType::uint64}, {16, ElementType::bfloat16}};

[[noreturn]] void fail(const onnx::TensorProto& proto, const std::string& what) {
    throw Error(ErrorKind::model, fmt::format("constant '{}': {}", printable(proto.name()), what));
}

template <class To, class Field>
void copy_field(const onnx::TensorProto& proto, const Field& field, Tensor& out) {
    if (field.size() != out.size())
        fail(proto, fmt::format("{} values for shape {}", field.size(), to_string(out.shape())));
    To* to = reinterpret_cast<To*>(out.data());
    for (int64_t i = 0; i < out.size(); ++i) to[i] = static_cast<To>(field[static_cast<int>(i)]);
}

void read_typed_field(const onnx::TensorProto& proto, Tensor& out) {
    switch (out.type()) {
        case ElementType::float32: return copy_field<float>(proto, proto.float_data(), out);
        case ElementType::float64: return copy_field<double>(proto, proto.double_data(), out);
        case ElementType::int64: return copy_field<int64_t>(proto, proto.int64_data(), out);
        case ElementType::uint32: return copy_field<uint32_t>(proto, proto.uint64_data(), out);
        case ElementType::uint64: return copy_field<uint64_t>(proto, proto.uint64_data(), out);
        case ElementType::int32: return copy_field<int32_t>(proto, proto.int32_data(), out);
        case ElementType::int16: return copy_field<int16_t>(proto, proto.int32_data(), out);
        case ElementType::int8: return copy_field<int8_t>(proto, proto.int32_data(), out);
        case ElementType::uint16:
        case ElementType::float16:
        case ElementType::bfloat16: return copy_field<uint16_t>(proto, proto.int32_data(), out);
        case ElementType::uint8: return copy_field<uint8_t>(proto, proto.int32_data(), out);
        case ElementType::boolean: return copy_field<bool>(proto, proto.int32_data(), out);
        case ElementType::string: {
            if (proto.string_data_size() != out.size()) fail(proto, "wrong number of strings");
            std::ranges::copy(proto.string_data(), out.as<std::string>().begin());
        }
    }
}

uint64_t parse_offset(const onnx::TensorProto& proto, const std::string& text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) fail(proto, "bad external data offset");
    return value;
}

// External data stay inside the model's folder: no absolute path, no "..", no link that leads out.
std::filesystem::path external_path(const onnx::TensorProto& proto, const std::string& location,
                                    const std::filesystem::path& folder) {
    const std::filesystem::path relative(location);
    std::error_code error;
    const auto root = std::filesystem::weakly_canonical(folder.empty() ? "." : folder, error);
    const auto path = std::filesystem::weakly_canonical(root / relative, error);
    const auto [root_end, ignored] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
    if (location.empty() || relative.is_absolute() || error || root_end != root.end())
        fail(proto, fmt::format("external data '{}' lie outside the model's folder", printable(location)));
    return path;
}

void read_external(const onnx::TensorProto& proto, const std::filesystem::path& folder, Tensor& out) {
    std::string location;
    uint64_t offset = 0, length = out.bytes();
    for (const auto& entry : proto.external_data()) {
        if (entry.key() == "location") location = entry.value();
        if (entry.key() == "offset") offset = parse_offset(proto, entry.value());
        if (entry.key() == "length") length = parse_offset(proto, entry.value());
    }
    const auto path = external_path(proto, location, folder);
    if (length != out.bytes())
        fail(proto, fmt::format("external data hold {} bytes, the shape needs {}", length, out.bytes()));
    std::ifstream file(path, std::ios::binary);
    if (!file) fail(proto, fmt::format("cannot read external data '{}'", printable(location)));
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.bytes()));
    if (static_cast<uint64_t>(file.gcount()) != out.bytes())
        fail(proto, fmt::format("external data '{}' are too short", printable(location)));
}

// Bytes that are really there, before anything of that size is allocated.
uint64_t available_bytes(const onnx::TensorProto& proto) {
    if (proto.has_raw_data()) return proto.raw_data().size();
    const int64_t values = std::max({proto.float_data_size(), proto.int32_data_size(),
                                     proto.int64_data_size(), proto.double_data_size(),
                                     proto.uint64_data_size(), proto.string_data_size()});
    return static_cast<uint64_t>(values) * 8;
}

}  // namespace

std::optional<ElementType> element_type(int32_t number) {
    for (const TypeRow& row : types)
        if (row.number == number) return row.type;
    return std::nullopt;
}

int32_t data_type(ElementType type) { return std::ranges::find(types, type, &TypeRow::type)->number; }

std::optional<Tensor> read_tensor(const onnx::TensorProto& proto, const std::filesystem::path& folder) {
    const auto type = element_type(proto.data_type());
    const bool external = proto.data_location() == onnx::TensorProto::EXTERNAL;
    // ONNX Runtime would look for them, anywhere.
    if (!type && external) fail(proto, "external data of a type that is not read");
    if (!type) return std::nullopt;
    Shape shape(proto.dims().begin(), proto.dims().end());
    if (std::ranges::any_of(shape, [](int64_t length) { return length < 0; }))
        fail(proto, "a negative length");
    const auto elements = static_cast<uint64_t>(element_count(shape));
    if (!external && elements > available_bytes(proto))
        fail(proto, fmt::format("shape {} but only {} bytes of data", to_string(shape), available_bytes(proto)));
    if (elements > uint64_t{1} << 36) fail(proto, "too large");
    if (external && *type == ElementType::string) fail(proto, "text cannot be external data");
    // External data are checked to be there before their size is allocated.
    if (external && elements > 0) {
        std::string location;
        for (const auto& entry : proto.external_data())
            if (entry.key() == "location") location = entry.value();
        std::error_code error;
        const auto size = std::filesystem::file_size(external_path(proto, location, folder), error);
        if (error) fail(proto, fmt::format("cannot read external data '{}'", printable(location)));
        if (elements * element_size(*type) > size)
            fail(proto, fmt::format("external data '{}' are too short", printable(location)));
    }
    Tensor out(*type, std::move(shape));
    if (external) {
        read_external(proto, folder, out);
    } else if (proto.has_raw_data() && *type != ElementType::string) {
        if (proto.raw_data().size() != out.bytes())
            fail(proto, fmt::format("{} bytes of data, shape {} needs {}", proto.raw_data().size(),
                                    to_string(out.shape()), out.bytes()));
        if (out.bytes() > 0) std::memcpy(out.data(), proto.raw_data().data(), out.bytes());
    } else {
        read_typed_field(proto, out);
    }
    return out;
}

namespace {

onnx::TensorProto without_data(const Tensor& tensor, const std::string& name) {
    onnx::TensorProto proto;
    proto.set_name(name);
    proto.set_data_type(data_type(tensor.type()));
    for (const int64_t length : tensor.shape()) proto.add_dims(length);
    return proto;
}

}  // namespace

onnx::TensorProto write_description(const Tensor& tensor, const std::string& name) {
    onnx::TensorProto proto = without_data(tensor, name);
    proto.set_data_location(onnx::TensorProto::EXTERNAL);
    auto* location = proto.add_external_data();
    location->set_key("location");
    location->set_value("whence");  // ONNX Runtime wants a name, and reads no such file
    return proto;
}

onnx::TensorProto write_tensor(const Tensor& tensor, const std::string& name) {
    onnx::TensorProto proto = without_data(tensor, name);
    if (tensor.type() == ElementType::string)
        for (const std::string& text : tensor.as<std::string>()) proto.add_string_data(text);
    else
        proto.set_raw_data(tensor.data(), tensor.bytes());
    return proto;
}

}  // namespace whence::graph
