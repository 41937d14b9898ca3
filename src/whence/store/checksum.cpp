#include "whence/store/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace whence::store {
namespace {

// Multiplied by an odd number and turned, a word can be had back: no two values of one word give
// the same lane.
uint64_t mixed(uint64_t lane, uint64_t word) {
    return std::rotl((lane ^ word) * 0x9e3779b97f4a7c15u, 29);
}

}  // namespace

void Checksum::block(const std::byte* bytes) {
    for (size_t i = 0; i < 4; ++i) {
        uint64_t word;
        std::memcpy(&word, bytes + 8 * i, 8);
        lanes_[i] = mixed(lanes_[i], word);
    }
}

void Checksum::add(std::span<const std::byte> bytes) {
    length_ += bytes.size();
    if (buffered_ > 0) {
        const size_t part = std::min(sizeof buffer_ - buffered_, bytes.size());
        std::memcpy(buffer_ + buffered_, bytes.data(), part);
        buffered_ += part;
        bytes = bytes.subspan(part);
        if (buffered_ < sizeof buffer_) return;
        block(buffer_);
        buffered_ = 0;
    }
    for (; bytes.size() >= sizeof buffer_; bytes = bytes.subspan(sizeof buffer_))
        block(bytes.data());
    if (!bytes.empty()) std::memcpy(buffer_, bytes.data(), bytes.size());
    buffered_ = bytes.size();
}

uint64_t Checksum::value() const {
    Checksum rest = *this;
    if (buffered_ > 0) {
        std::fill(rest.buffer_ + buffered_, std::end(rest.buffer_), std::byte{0});
        rest.block(rest.buffer_);
    }
    uint64_t sum = length_;
    for (const uint64_t lane : rest.lanes_) sum = mixed(sum, lane);
    return sum ^ (sum >> 31);
}

}  // namespace whence::store
