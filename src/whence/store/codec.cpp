#include "whence/store/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "whence/core/rng.h"
#include "whence/store/kernels.h"

namespace whence::store {
namespace {

constexpr uint32_t sign_stream = 0x5167;  // any fixed number: codes on disk depend on it

void hadamard(std::span<float> block) {
    for (size_t half = 1; half < block.size(); half *= 2)
        for (size_t i = 0; i < block.size(); i += 2 * half)
            for (size_t j = i; j < i + half; ++j) {
                const float a = block[j], b = block[j + half];
                block[j] = a + b;
                block[j + half] = a - b;
            }
    const float length = std::sqrt(static_cast<float>(block.size()));
    for (float& value : block) value /= length;
}

}  // namespace

Codec::Codec(int64_t width)
    : width_(width), bytes_((width + 63) / 64 * 64), block_(width & -width), signs_(width) {
    Rng rng(0, sign_stream, static_cast<uint64_t>(width));
    for (float& sign : signs_) sign = rng.next32() & 1 ? 1.0f : -1.0f;
}

std::vector<float> Codec::turned(std::span<const float> vector) const {
    std::vector<float> out(vector.size());
    for (size_t j = 0; j < out.size(); ++j) out[j] = signs_[j] * vector[j];
    for (int64_t at = 0; at < width_; at += block_)
        hadamard(std::span(out).subspan(static_cast<size_t>(at), static_cast<size_t>(block_)));
    return out;
}

void Codec::encode(std::span<const float> vector, int64_t id, std::byte* code) const {
    const std::vector<float> x = turned(vector);
    float largest = 0;
    for (const float value : x) largest = std::max(largest, std::abs(value));
    CodeTail tail{
        .scale = largest > 0 ? largest / 127 : 1, .error = 0, .sum = 0, .unused = 0, .id = id};
    std::memset(code, 0, static_cast<size_t>(stride()));
    int8_t* bytes = reinterpret_cast<int8_t*>(code);
    double squares = 0;
    for (size_t j = 0; j < x.size(); ++j) {
        const float rounded = std::clamp(std::nearbyint(x[j] / tail.scale), -127.0f, 127.0f);
        bytes[j] = static_cast<int8_t>(rounded);
        tail.sum += bytes[j];
        const double rest = double{x[j]} - double{tail.scale} * double{rounded};
        squares += rest * rest;
    }
    tail.error = std::nextafter(static_cast<float>(std::sqrt(squares)), 2.0f);
    std::memcpy(code + bytes_, &tail, sizeof tail);
}

bool Codec::same(const std::byte* a, const std::byte* b) const {
    return std::memcmp(a, b, static_cast<size_t>(bytes_) + offsetof(CodeTail, unused)) == 0;
}

Query Codec::query(std::span<const float> vector) const {
    AlignedVector<std::byte> code(static_cast<size_t>(stride()));
    encode(vector, 0, code.data());
    Query out{.vector = {vector.begin(), vector.end()},
              .bytes = AlignedVector<uint8_t>(static_cast<size_t>(bytes_))};
    shift(reinterpret_cast<const int8_t*>(code.data()), bytes_, out.bytes.data());
    CodeTail tail;
    std::memcpy(&tail, code.data() + bytes_, sizeof tail);
    out.scale = tail.scale;
    out.error = tail.error;
    return out;
}

}  // namespace whence::store
