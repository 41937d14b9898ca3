#pragma once
// A tokenizer's JSON, read with suspicion. Private to this folder.

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "whence/core/error.h"

namespace whence::text {

using Json = nlohmann::json;

[[noreturn]] inline void wrong(std::string_view what) {
    throw Error(ErrorKind::input, fmt::format("tokenizer: {}", what));
}

[[noreturn]] inline void unknown(std::string_view part, std::string_view type) {
    throw Error(ErrorKind::unsupported,
                fmt::format("tokenizer: {} '{}' is not known here", part, printable(type, 60)));
}

/// The member, or null where it is missing.
inline const Json& member(const Json& json, const char* key) {
    static const Json null;
    if (!json.is_object()) return null;
    const auto found = json.find(key);
    return found == json.end() ? null : *found;
}

inline std::string text_of(const Json& json, const char* key) {
    const Json& value = member(json, key);
    if (!value.is_string()) wrong(fmt::format("'{}' must be text", key));
    return value.get<std::string>();
}

inline std::string text_or(const Json& json, const char* key, std::string otherwise) {
    return member(json, key).is_null() ? std::move(otherwise) : text_of(json, key);
}

inline bool flag_or(const Json& json, const char* key, bool otherwise) {
    const Json& value = member(json, key);
    if (value.is_null()) return otherwise;
    if (!value.is_boolean()) wrong(fmt::format("'{}' must be true or false", key));
    return value.get<bool>();
}

inline constexpr int64_t largest_number = 2147483647;

inline int64_t whole(const Json& value, std::string_view key) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > largest_number)
        wrong(fmt::format("'{}' must be a whole number from 0 to {}", key, largest_number));
    return value.get<int64_t>();
}

inline int64_t whole_or(const Json& json, const char* key, int64_t otherwise) {
    const Json& value = member(json, key);
    return value.is_null() ? otherwise : whole(value, key);
}

inline const Json& list_of(const Json& json, const char* key) {
    const Json& value = member(json, key);
    if (!value.is_array()) wrong(fmt::format("'{}' must be a list", key));
    return value;
}

}  // namespace whence::text
