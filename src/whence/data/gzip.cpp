#include "whence/data/gzip.h"

#include <fmt/format.h>

#include <climits>
#include <string>

#include "bytes.h"
#include "stb.h"
#include "whence/core/error.h"

namespace whence::data {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint64_t most_bytes = INT_MAX;

[[noreturn]] void fail(std::string_view name, const std::string& why) {
    throw Error(ErrorKind::input, std::string(name) + ": " + why);
}

// Where the compressed data of a gzip file begin: after a header of optional parts.
size_t gzip_header(Bytes bytes, std::string_view name) {
    constexpr int has_checksum = 2, has_extra = 4, has_name = 8, has_comment = 16, reserved = 0xE0;
    const auto number = [&](size_t at, int width) {
        if (at > bytes.size() || static_cast<size_t>(width) > bytes.size() - at)
            fail(name, "this gzip file is truncated");
        return little_endian(bytes, at, width);
    };
    if (number(0, 2) != 0x8B1F || number(2, 1) != 8) fail(name, "this is no gzip file");
    const auto flags = static_cast<int>(number(3, 1));
    if (flags & reserved)
        fail(name, "this gzip file has flags that no version of the format knows");
    size_t at = 10;
    if (flags & has_extra) at += 2 + number(at, 2);
    for (const int text : {has_name, has_comment})
        if (flags & text) {
            while (number(at, 1) != 0) ++at;
            ++at;
        }
    if (flags & has_checksum) at += 2;
    (void)number(at, 8);  // the trailer, at least
    return at;
}

}  // namespace

bool is_gzip(Bytes bytes) {
    return bytes.size() >= 2 && little_endian(bytes, 0, 2) == 0x8B1F;
}

std::vector<std::byte> decode_gzip(Bytes bytes, std::string_view name) {
    const size_t begin = gzip_header(bytes, name), end = bytes.size() - 8;
    const uint64_t size = little_endian(bytes, end + 4, 4), packed = end - begin;
    // DEFLATE shrinks at most 1032 times: no memory for what cannot be there.
    if (size > packed * 1032 + 64)
        fail(name, fmt::format("this gzip file claims {} bytes from {}", size, packed));
    if (size > most_bytes || bytes.size() > most_bytes)
        throw Error(ErrorKind::limit, std::string(name) + ": more than 2 GiB, packed or unpacked");
    std::vector<std::byte> out(size);
    // The trailer goes along: stb takes the last codes for truncated where nothing follows them.
    if (!stb::inflate(bytes.subspan(begin), out))
        fail(name, "this gzip file does not unpack to the size it states");
    if (!checksum_holds(out, static_cast<uint32_t>(little_endian(bytes, end, 4))))
        fail(name, "the checksum of this gzip file is wrong");
    return out;
}

}  // namespace whence::data
