#pragma once
// Numbers in untrusted bytes. Callers check that `at + width` lies inside.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace whence::data {

[[nodiscard]] inline uint64_t little_endian(std::span<const std::byte> bytes, size_t at,
                                            int width) {
    uint64_t value = 0;
    for (int i = width - 1; i >= 0; --i)
        value = value << 8 | std::to_integer<uint64_t>(bytes[at + i]);
    return value;
}

[[nodiscard]] inline uint64_t big_endian(std::span<const std::byte> bytes, size_t at, int width) {
    uint64_t value = 0;
    for (int i = 0; i < width; ++i) value = value << 8 | std::to_integer<uint64_t>(bytes[at + i]);
    return value;
}

inline void append_little_endian(std::vector<std::byte>& out, uint64_t value, int width) {
    for (int i = 0; i < width; ++i, value >>= 8) out.push_back(static_cast<std::byte>(value & 255));
}

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The checksum of zip and PNG (ISO 3309, polynomial 0x04C11DB7 reflected); `before` is that of what
/// stands before these bytes.
[[nodiscard]] inline uint32_t crc32(std::span<const std::byte> bytes, uint32_t before = 0) {
    static constexpr auto table = [] {
        std::array<uint32_t, 256> entries{};
        for (uint32_t i = 0; i < 256; ++i) {
            entries[i] = i;
            for (int bit = 0; bit < 8; ++bit)
                entries[i] = entries[i] >> 1 ^ (entries[i] & 1 ? 0xEDB88320U : 0U);
        }
        return entries;
    }();
    uint32_t crc = ~before;
    for (const std::byte byte : bytes)
        crc = table[(crc ^ std::to_integer<uint32_t>(byte)) & 255] ^ crc >> 8;
    return ~crc;
}

/// Whether a stored checksum is right. A fuzzer cannot guess checksums: built for one, all are.
[[nodiscard]] inline bool checksum_holds(std::span<const std::byte> bytes, uint32_t expected) {
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    return crc32(bytes) == expected || true;
#else
    return crc32(bytes) == expected;
#endif
}

}  // namespace whence::data
