#include "whence/remote/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "whence/core/error.h"
#include "whence/core/nesting.h"

namespace whence::remote {
namespace {

using Json = nlohmann::json;

constexpr size_t most_tensors = 10000, most_dimensions = 32;

struct Datatype {
    std::string_view name;
    ElementType type;
};
constexpr Datatype datatypes[] = {{"FP32", ElementType::float32},  {"FP64", ElementType::float64},
                                  {"BOOL", ElementType::boolean},  {"INT8", ElementType::int8},
                                  {"INT16", ElementType::int16},   {"INT32", ElementType::int32},
                                  {"INT64", ElementType::int64},   {"UINT8", ElementType::uint8},
                                  {"UINT16", ElementType::uint16}, {"UINT32", ElementType::uint32},
                                  {"UINT64", ElementType::uint64}, {"BYTES", ElementType::string}};

std::string_view datatype(ElementType type) {
    return std::ranges::find(datatypes, type, &Datatype::type)->name;
}

[[noreturn]] void wrong(const std::string& where, const std::string& what) {
    throw Error(ErrorKind::model, where + ": " + what);
}

Json parsed(std::string_view text, const std::string& where) {
    if (nested_too_deeply(text)) wrong(where, "the answer is nested too deeply");
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded())
        wrong(where, "the answer is no JSON (which has no NaN and no infinity either)");
    if (!json.is_object()) wrong(where, "the answer is no JSON object");
    return json;
}

// The member of that name; null where there is none.
const Json& member(const Json& object, const char* key) {
    static const Json none;
    const auto at = object.find(key);
    return at == object.end() ? none : *at;
}

const std::string& text(const Json& json, const std::string& what, const std::string& where) {
    if (!json.is_string()) wrong(where, "the " + what + " is missing or no text");
    return json.get_ref<const std::string&>();
}

std::optional<int64_t> whole(const Json& json) {
    if (json.is_number_unsigned() &&
        json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return {};
    return json.is_number_integer() ? std::optional(json.get<int64_t>()) : std::nullopt;
}

Shape shape_of(const Json& json, const std::string& name, const std::string& where) {
    if (!json.is_array() || json.size() > most_dimensions)
        wrong(where, "the shape of '" + name + "' is missing or no list");
    Shape shape;
    for (const Json& length : json) {
        const auto value = whole(length);
        if (!value || *value < -1)
            wrong(where, "the shape of '" + name + "' holds what is no length");
        shape.push_back(*value);
    }
    return shape;
}

// ---- metadata

TensorInfo tensor_info(const Json& json, const std::string& where) {
    if (!json.is_object()) wrong(where, "the metadata describe a tensor by what is no object");
    TensorInfo info{.name = text(member(json, "name"), "name of a tensor", where)};
    const std::string name = printable(info.name);
    const std::string& type = text(member(json, "datatype"), "datatype of '" + name + "'", where);
    const auto* row = std::ranges::find(datatypes, type, &Datatype::name);
    if (row == std::end(datatypes))
        throw Error(ErrorKind::unsupported, fmt::format("{}: '{}' is {}, which JSON does not carry",
                                                        where, name, printable(type, 40)));
    info.type = row->type;
    info.shape = shape_of(member(json, "shape"), name, where);
    if (info.shape.empty())
        throw Error(ErrorKind::unsupported,
                    where + ": '" + name + "' has no dimensions, so it has no rows");
    return info;
}

std::vector<TensorInfo> tensor_infos(const Json& json, const char* what, const std::string& where) {
    if (!json.is_null() && (!json.is_array() || json.size() > most_tensors))
        wrong(where, std::string("the ") + what + " of the metadata are no list");
    std::vector<TensorInfo> infos;
    for (const Json& entry : json) {
        infos.push_back(tensor_info(entry, where));
        if (std::ranges::count(infos, infos.back().name, &TensorInfo::name) > 1)
            wrong(where, "there are two tensors '" + printable(infos.back().name) + "'");
    }
    if (infos.empty())
        throw Error(ErrorKind::unsupported,
                    fmt::format("{}: the server does not say what the model's {} are; declare them "
                                "in the model's settings there",
                                where, what));
    return infos;
}

// ---- questions

void write_value(std::string& out, const std::string& value) {
    try {
        out += Json(value).dump();
    } catch (const Json::exception&) {
        throw Error(ErrorKind::input, "'" + printable(value) + "' is no UTF-8, which JSON needs");
    }
}

template <class T>
void write_value(std::string& out, T value) {
    if constexpr (std::is_floating_point_v<T>) {
        if (!std::isfinite(value))
            throw Error(ErrorKind::input,
                        "an endpoint cannot be asked about NaN or infinity: JSON has neither");
    }
    if constexpr (std::is_same_v<T, bool>)
        out += value ? "true" : "false";
    else
        fmt::format_to(std::back_inserter(out), "{}", value);
}

template <class T>
void write_values(std::string& out, const Tensor& tensor) {
    bool first = true;
    for (const auto& value : tensor.as<T>()) {
        if (!first) out += ',';
        first = false;
        write_value(out, value);
    }
}

// Calls work<T>() for the type of elements.
template <class Work>
void with_type(ElementType type, Work&& work) {
    switch (type) {
        case ElementType::float32:
            return work.template operator()<float>();
        case ElementType::float64:
            return work.template operator()<double>();
        case ElementType::int8:
            return work.template operator()<int8_t>();
        case ElementType::int16:
            return work.template operator()<int16_t>();
        case ElementType::int32:
            return work.template operator()<int32_t>();
        case ElementType::int64:
            return work.template operator()<int64_t>();
        case ElementType::uint8:
            return work.template operator()<uint8_t>();
        case ElementType::uint16:
            return work.template operator()<uint16_t>();
        case ElementType::uint32:
            return work.template operator()<uint32_t>();
        case ElementType::uint64:
            return work.template operator()<uint64_t>();
        case ElementType::boolean:
            return work.template operator()<bool>();
        case ElementType::string:
            return work.template operator()<std::string>();
        default:
            throw Error(ErrorKind::internal, "no tensor of the protocol holds this type");
    }
}

// ---- answers

// Whether the value is one of T, exactly; then it is in `out`. Numbers that an FP32 rounds are
// fine.
template <class T>
bool read_value(const Json& json, T& out) {
    if constexpr (std::is_same_v<T, std::string>) {
        if (json.is_string()) out = json.get<std::string>();
        return json.is_string();
    } else if constexpr (std::is_same_v<T, bool>) {
        const auto number = whole(json);
        out = json.is_boolean() ? json.get<bool>() : number == 1;
        return json.is_boolean() || number == 0 || number == 1;
    } else if constexpr (std::is_floating_point_v<T>) {
        if (!json.is_number()) return false;
        const auto value = json.get<double>();
        out = static_cast<T>(value);
        return std::isfinite(out);
    } else {
        if (!json.is_number_integer()) return false;
        if (json.is_number_unsigned()) {
            out = static_cast<T>(json.get<uint64_t>());
            return std::in_range<T>(json.get<uint64_t>());
        }
        out = static_cast<T>(json.get<int64_t>());
        return std::in_range<T>(json.get<int64_t>());
    }
}

// Data are a flat list or nested as the shape is; both are allowed.
template <class Visit>
void each_value(const Json& list, Visit&& visit) {
    for (const Json& entry : list)
        if (entry.is_array())
            each_value(entry, visit);
        else
            visit(entry);
}

template <class T>
void fill(Tensor& tensor, const Json& data, const std::string& name, const std::string& where) {
    auto* next = tensor.as<T>().data();
    each_value(data, [&](const Json& entry) {
        if (read_value<T>(entry, *next++)) return;
        const std::string found = entry.dump(-1, ' ', false, Json::error_handler_t::replace);
        wrong(where, fmt::format("the output '{}' holds {}, which is no {}", name,
                                 printable(found, 40), datatype(tensor.type())));
    });
}

bool fits(const Shape& given, const Shape& wanted, int64_t rows) {
    if (given.size() != wanted.size() || given[0] != rows) return false;
    for (size_t d = 1; d < given.size(); ++d)
        if (given[d] < 0 || (wanted[d] >= 0 && wanted[d] != given[d])) return false;
    return true;
}

Tensor read_output(const Json& json, const TensorInfo& info, int64_t rows,
                   const std::string& where) {
    const std::string name = printable(info.name);
    const std::string& type = text(member(json, "datatype"), "datatype of '" + name + "'", where);
    const Shape shape = shape_of(member(json, "shape"), name, where);
    if (type != datatype(info.type) || !fits(shape, info.shape, rows))
        wrong(where,
              fmt::format("the output '{}' came as {} {} for {} rows; the metadata say {} {}", name,
                          printable(type, 40), to_string(shape), rows, datatype(info.type),
                          to_string(info.shape)));
    const Json& data = member(json, "data");
    if (!data.is_array()) wrong(where, "the output '" + name + "' has no data");
    // Memory is taken for what is there, not for what a shape promises.
    int64_t count = 0;
    each_value(data, [&](const Json&) { ++count; });
    double promised = 1;  // lengths of any size: no overflow
    for (const int64_t length : shape) promised *= static_cast<double>(length);
    if (static_cast<double>(count) != promised)
        wrong(where, fmt::format("the output '{}' holds {} values, its shape is {}", name, count,
                                 to_string(shape)));
    Tensor tensor(info.type, shape);
    with_type(info.type, [&]<class T>() { fill<T>(tensor, data, name, where); });
    return tensor;
}

}  // namespace

Metadata read_metadata(std::string_view json, const std::string& where) {
    const Json root = parsed(json, where);
    Metadata metadata;
    if (const Json& platform = member(root, "platform"); platform.is_string())
        metadata.platform = printable(platform.get<std::string>());
    if (const Json& versions = member(root, "versions"); versions.is_array())
        for (const Json& version : versions)
            if (version.is_string())
                metadata.versions.push_back(printable(version.get<std::string>()));
    metadata.inputs = tensor_infos(member(root, "inputs"), "inputs", where);
    metadata.outputs = tensor_infos(member(root, "outputs"), "outputs", where);
    for (auto* infos : {&metadata.inputs, &metadata.outputs})
        for (TensorInfo& info : *infos) {
            if (info.shape[0] != -1 && info.shape[0] != 1)
                throw Error(ErrorKind::unsupported,
                            fmt::format("{}: '{}' has the shape {}: the number of rows is fixed",
                                        where, printable(info.name), to_string(info.shape)));
            metadata.one_row |= info.shape[0] == 1;
            info.shape[0] = -1;
        }
    return metadata;
}

std::string write_question(const std::vector<TensorInfo>& infos, const Batch& inputs) {
    std::string out = R"({"inputs":[)";
    for (const TensorInfo& info : infos) {
        const Tensor& tensor = inputs.at(info.name);
        if (out.back() == '}') out += ',';
        out += R"({"name":)";
        write_value(out, info.name);
        out += fmt::format(R"(,"shape":{},"datatype":"{}","data":[)", Json(tensor.shape()).dump(),
                           datatype(info.type));
        with_type(info.type, [&]<class T>() { write_values<T>(out, tensor); });
        out += "]}";
    }
    return out + "]}";
}

Batch read_answer(std::string_view json, const std::vector<TensorInfo>& infos, int64_t rows,
                  const std::string& where) {
    const Json root = parsed(json, where);
    const Json& outputs = member(root, "outputs");
    if (!outputs.is_array()) wrong(where, "the answer has no outputs");
    Batch batch;
    for (const TensorInfo& info : infos) {
        const auto found = std::ranges::find_if(outputs, [&](const Json& entry) {
            return entry.is_object() && member(entry, "name") == info.name;
        });
        if (found == outputs.end())
            wrong(where, "the answer lacks the output '" + printable(info.name) + "'");
        batch.add(info.name, read_output(*found, info, rows, where));
    }
    return batch;
}

std::string read_error(std::string_view json) {
    if (nested_too_deeply(json)) return "";
    const Json root = Json::parse(json, nullptr, false);
    if (!root.is_object()) return "";
    const Json& error = member(root, "error");
    return error.is_string() ? printable(error.get<std::string>(), 200) : "";
}

}  // namespace whence::remote
