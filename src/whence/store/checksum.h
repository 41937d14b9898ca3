#pragma once
// Tells damage, not malice: 64 bits of some bytes, as fast as they are read. Private to this
// folder.

#include <cstddef>
#include <cstdint>
#include <span>

namespace whence::store {

/// Takes pieces in any cut: the sum depends on the bytes alone.
class Checksum {
  public:
    void add(std::span<const std::byte> bytes);
    [[nodiscard]] uint64_t value() const;

  private:
    void block(const std::byte* bytes);
    uint64_t lanes_[4] = {1, 2, 3, 4};
    std::byte buffer_[32];
    size_t buffered_ = 0;
    uint64_t length_ = 0;
};

template <class T>
[[nodiscard]] uint64_t checksum(std::span<T> values) {
    Checksum sum;
    sum.add(std::as_bytes(values));
    return sum.value();
}

}  // namespace whence::store
