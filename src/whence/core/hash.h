#pragma once
// SHA-256 (FIPS 180-4): the fingerprint of models and inputs that an explanation carries.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace whence {

class Sha256 {
 public:
    Sha256();
    void update(std::span<const std::byte> bytes);
    /// 64 lower-case hexadecimal digits. Call once, last.
    [[nodiscard]] std::string hex();

 private:
    void block(const unsigned char* bytes);
    std::array<uint32_t, 8> state_;
    std::array<unsigned char, 64> buffer_{};
    size_t buffered_ = 0;
    uint64_t length_ = 0;
};

[[nodiscard]] std::string sha256(std::span<const std::byte> bytes);
/// Throws Error(io) if the file cannot be read.
[[nodiscard]] std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace whence
