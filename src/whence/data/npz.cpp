// A .npz is a zip archive of .npy files (PKWARE APPNOTE 6.3: sections 4.3.6 to 4.3.16, 4.5.3).

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <set>

#include "bytes.h"
#include "npy.h"
#include "stb.h"
#include "whence/core/error.h"

namespace whence::data {
namespace {

using Bytes = std::span<const std::byte>;
constexpr uint64_t most_bytes = uint64_t{4} << 30;
constexpr uint32_t local_signature = 0x04034B50, central_signature = 0x02014B50,
                   end_signature = 0x06054B50;
constexpr size_t local_size = 30, central_size = 46, end_size = 22;
constexpr int stored = 0, deflated = 8;

struct Entry {
    std::string name;
    int flags = 0, method = 0;
    uint32_t crc = 0;
    uint64_t packed_size = 0, size = 0, offset = 0;
};

class ZipReader {
  public:
    ZipReader(Bytes bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

    /// Entries of the central directory, every size checked.
    std::vector<Entry> entries() const {
        const size_t end = find_end();
        const size_t count = number(end + 10, 2);
        size_t at = number(end + 16, 4);
        std::vector<Entry> out;
        uint64_t packed = 0, unpacked = 0;
        for (size_t i = 0; i < count; ++i) {
            out.push_back(read_entry(at));
            packed += out.back().packed_size;
            unpacked += out.back().size;
            // Entries that overlap are how a small archive unpacks to a huge one.
            if (packed > bytes_.size()) fail("its entries are larger than the archive");
            if (unpacked > most_bytes)
                throw Error(ErrorKind::limit, name_ + ": this .npz unpacks to more than 4 GiB");
        }
        return out;
    }

    /// The entry's content, unpacked into `room` if it is not stored as it stands.
    Bytes content(const Entry& entry, std::vector<std::byte>& room) const {
        const Bytes packed = packed_bytes(entry);
        if (entry.method == stored) {
            room.assign(packed.begin(), packed.end());
        } else {
            // DEFLATE shrinks at most 1032 times: no memory for what cannot be there.
            if (entry.size > entry.packed_size * 1032 + 64 || entry.size > INT_MAX)
                fail(fmt::format("entry '{}' claims {} bytes", printable(entry.name), entry.size));
            room.resize(entry.size);
            if (!stb::inflate(packed, room))
                fail("entry '" + printable(entry.name) + "' does not unpack");
        }
        if (!checksum_holds(room, entry.crc))
            fail("the checksum of entry '" + printable(entry.name) + "' is wrong");
        return room;
    }

  private:
    [[noreturn]] void fail(const std::string& why) const {
        throw Error(ErrorKind::input, name_ + ": this .npz is damaged: " + why);
    }
    /// A number of the archive; being outside it is the archive's fault, not a bug.
    uint64_t number(size_t at, int width) const {
        if (at > bytes_.size() || static_cast<size_t>(width) > bytes_.size() - at)
            fail("it is truncated");
        return little_endian(bytes_, at, width);
    }

    size_t find_end() const {
        const size_t longest_comment = 0xFFFF;
        for (size_t back = end_size; back <= std::min(bytes_.size(), end_size + longest_comment);
             ++back)
            if (number(bytes_.size() - back, 4) == end_signature) return bytes_.size() - back;
        throw Error(ErrorKind::input, name_ + " is no .npz archive, or a truncated one");
    }

    /// Reads the entry at `at` and moves on to the next.
    Entry read_entry(size_t& at) const {
        if (number(at, 4) != central_signature) fail("its directory is broken");
        Entry entry{.flags = static_cast<int>(number(at + 8, 2)),
                    .method = static_cast<int>(number(at + 10, 2)),
                    .crc = static_cast<uint32_t>(number(at + 16, 4)),
                    .packed_size = number(at + 20, 4),
                    .size = number(at + 24, 4),
                    .offset = number(at + 42, 4)};
        const size_t name_length = number(at + 28, 2), extra_length = number(at + 30, 2);
        const size_t comment_length = number(at + 32, 2);
        const size_t extra = at + central_size + name_length;
        at = extra + extra_length + comment_length;
        if (at > bytes_.size()) fail("it is truncated");
        entry.name = as_text(bytes_.subspan(extra - name_length, name_length));
        read_wide_sizes(entry, extra, extra + extra_length);
        if (entry.flags & 1) fail("entry '" + printable(entry.name) + "' is encrypted");
        if (entry.method != stored && entry.method != deflated)
            fail(fmt::format("entry '{}' is packed by the unknown method {}", printable(entry.name),
                             entry.method));
        if (entry.packed_size > bytes_.size() || entry.size > (uint64_t{1} << 40) ||
            (entry.method == stored && entry.size != entry.packed_size))
            fail("entry '" + printable(entry.name) + "' has an impossible size");
        return entry;
    }

    /// Zip64: a field of 0xFFFFFFFF continues, in this order, in the extra field 1.
    void read_wide_sizes(Entry& entry, size_t at, size_t end) const {
        for (; at + 4 <= end; at += 4 + number(at + 2, 2)) {
            if (number(at, 2) != 1) continue;
            const size_t field_end = std::min(end, at + 4 + number(at + 2, 2));
            size_t value = at + 4;
            for (uint64_t* wide : {&entry.size, &entry.packed_size, &entry.offset})
                if (*wide == 0xFFFFFFFF && value + 8 <= field_end) {
                    *wide = number(value, 8);
                    value += 8;
                }
            return;
        }
    }

    /// The entry as it lies in the archive. After what is deflated, which knows its own end, comes
    /// a little more: stb takes the last codes for truncated where nothing follows them.
    Bytes packed_bytes(const Entry& entry) const {
        const size_t at = entry.offset;
        if (at > bytes_.size() || number(at, 4) != local_signature)
            fail("entry '" + printable(entry.name) + "' is not where the directory says");
        const size_t start = at + local_size + number(at + 26, 2) + number(at + 28, 2);
        if (start > bytes_.size() || entry.packed_size > bytes_.size() - start)
            fail("it is truncated");
        const size_t more = entry.method == deflated ? 8 : 0;
        return bytes_.subspan(start, std::min(entry.packed_size + more, bytes_.size() - start));
    }

    Bytes bytes_;
    std::string name_;
};

constexpr uint64_t first_day = 1 << 5 | 1;  // 1 January 1980: the same tensors give the same bytes
constexpr uint64_t utf8_names = 1 << 11;

/// The fields that a local header and a directory entry share.
void append_common(std::vector<std::byte>& out, const Entry& entry) {
    append_little_endian(out, 20, 2);  // needs version 2.0
    append_little_endian(out, utf8_names, 2);
    append_little_endian(out, stored, 2);
    append_little_endian(out, first_day << 16, 4);
    append_little_endian(out, entry.crc, 4);
    append_little_endian(out, entry.size, 4);
    append_little_endian(out, entry.size, 4);
    append_little_endian(out, entry.name.size(), 2);
    append_little_endian(out, 0, 2);  // no extra field
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
    for (const char c : text) out.push_back(static_cast<std::byte>(c));
}

void append_directory(std::vector<std::byte>& out, const std::vector<Entry>& entries) {
    const size_t start = out.size();
    for (const Entry& entry : entries) {
        append_little_endian(out, central_signature, 4);
        append_little_endian(out, 20, 2);
        append_common(out, entry);
        append_little_endian(out, 0, 10);  // no comment, disk 0, no attributes (2 + 2 + 2 + 4)
        append_little_endian(out, entry.offset, 4);
        append_text(out, entry.name);
    }
    const size_t size = out.size() - start;
    append_little_endian(out, end_signature, 4);
    append_little_endian(out, 0, 4);  // disk 0 of 0
    append_little_endian(out, entries.size(), 2);
    append_little_endian(out, entries.size(), 2);
    append_little_endian(out, size, 4);
    append_little_endian(out, start, 4);
    append_little_endian(out, 0, 2);  // no comment
}

}  // namespace

std::vector<NamedTensor> decode_npz(Bytes bytes, std::string_view source) {
    const std::string name = printable(source, 400);
    const ZipReader zip(bytes, name);
    std::vector<NamedTensor> out;
    std::vector<std::byte> room;
    std::set<std::string> seen;
    for (const Entry& entry : zip.entries()) {
        constexpr std::string_view suffix = ".npy";
        if (!entry.name.ends_with(suffix))
            throw Error(ErrorKind::input, fmt::format("{}: entry '{}' is no .npy array", name,
                                                      printable(entry.name)));
        if (!seen.insert(entry.name).second)
            throw Error(ErrorKind::input,
                        fmt::format("{}: two entries are named '{}'", name, printable(entry.name)));
        const Bytes content = zip.content(entry, room);
        out.push_back({entry.name.substr(0, entry.name.size() - suffix.size()),
                       decode_npy(content, fmt::format("{}: '{}'", name, entry.name))});
    }
    return out;
}

std::vector<std::byte> encode_npz(std::span<const NamedTensor> tensors) {
    std::vector<std::byte> out;
    std::vector<Entry> entries;
    std::set<std::string> seen;
    for (const NamedTensor& tensor : tensors) {
        if (tensor.name.empty() || tensor.name.size() > 1000 || !seen.insert(tensor.name).second)
            throw Error(ErrorKind::usage, "the arrays of a .npz need names that differ");
        const std::vector<std::byte> content = encode_npy(tensor.value);
        if (out.size() + content.size() > UINT32_MAX - (1 << 20) || entries.size() == UINT16_MAX)
            throw Error(ErrorKind::limit,
                        "a .npz of more than 4 GiB or 65535 arrays is not written");
        entries.push_back({.name = tensor.name + ".npy",
                           .crc = crc32(content),
                           .size = content.size(),
                           .offset = out.size()});
        append_little_endian(out, local_signature, 4);
        append_common(out, entries.back());
        append_text(out, entries.back().name);
        out.insert(out.end(), content.begin(), content.end());
    }
    append_directory(out, entries);
    if (out.size() > UINT32_MAX)
        throw Error(ErrorKind::limit, "a .npz of more than 4 GiB is not written");
    return out;
}

}  // namespace whence::data
