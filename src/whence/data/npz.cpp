// A .npz is a zip archive of .npy files (PKWARE APPNOTE 6.3: sections 4.3.6 to 4.3.16, 4.5.3).

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <functional>
#include <set>

#include "bytes.h"
#include "npy.h"
#include "stb.h"
#include "whence/core/error.h"
#include "whence/core/file.h"

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
constexpr uint64_t narrow = 0xFFFFFFFF;  // from here on a number of 4 bytes says: see the extra field

using Piece = std::function<void(Bytes)>;

/// Writes an archive from front to back. What is larger than 4 GiB, or lies behind them, is written
/// as zip64 (section 4.3.14).
class ZipWriter {
  public:
    explicit ZipWriter(Piece out) : out_(std::move(out)) {}

    /// `each` hands over the content, piece by piece; twice the same.
    void add(const std::string& name, const std::function<void(const Piece&)>& each) {
        if (name.empty() || name.size() > 1000 || !seen_.insert(name).second)
            throw Error(ErrorKind::usage, "the arrays of a .npz need names that differ");
        if (entries_.size() == UINT16_MAX - 1)
            throw Error(ErrorKind::limit, "a .npz of more than 65534 arrays is not written");
        Entry entry{.name = name + ".npy", .offset = at_};
        each([&](Bytes piece) {
            entry.crc = crc32(piece, entry.crc);
            entry.size += piece.size();
        });
        std::vector<std::byte> header;
        append_little_endian(header, local_signature, 4);
        append_common(header, entry, false);
        put(header);
        each([&](Bytes piece) { put(piece); });
        entries_.push_back(entry);
    }

    void finish() {
        std::vector<std::byte> out;
        for (const Entry& entry : entries_) {
            append_little_endian(out, central_signature, 4);
            append_little_endian(out, 20, 2);
            append_common(out, entry, true);
        }
        const uint64_t start = at_, size = out.size(), behind = start + size;
        const bool wide = behind >= narrow;
        if (wide) append_wide_end(out, start, size);
        append_little_endian(out, end_signature, 4);
        append_little_endian(out, 0, 4);  // disk 0 of 0
        append_little_endian(out, entries_.size(), 2);
        append_little_endian(out, entries_.size(), 2);
        append_little_endian(out, size, 4);
        append_little_endian(out, std::min(start, narrow), 4);
        append_little_endian(out, 0, 2);  // no comment
        put(out);
    }

  private:
    void put(Bytes bytes) {
        out_(bytes);
        at_ += bytes.size();
    }

    /// The fields from the version on, the name and what does not fit into four bytes: of a local
    /// header, or of a directory entry.
    static void append_common(std::vector<std::byte>& out, const Entry& entry, bool directory) {
        std::vector<std::byte> wide;
        if (entry.size >= narrow) {
            append_little_endian(wide, entry.size, 8);
            append_little_endian(wide, entry.size, 8);
        }
        if (directory && entry.offset >= narrow) append_little_endian(wide, entry.offset, 8);
        append_little_endian(out, wide.empty() ? 20 : 45, 2);  // the version a reader needs
        append_little_endian(out, utf8_names, 2);
        append_little_endian(out, stored, 2);
        append_little_endian(out, first_day << 16, 4);
        append_little_endian(out, entry.crc, 4);
        append_little_endian(out, std::min(entry.size, narrow), 4);
        append_little_endian(out, std::min(entry.size, narrow), 4);
        append_little_endian(out, entry.name.size(), 2);
        append_little_endian(out, wide.empty() ? 0 : wide.size() + 4, 2);
        if (directory) {
            append_little_endian(out, 0, 6);  // no comment, disk 0, no attributes (2 + 2 + 2 + 4)
            append_little_endian(out, 0, 4);
            append_little_endian(out, std::min(entry.offset, narrow), 4);
        }
        for (const char c : entry.name) out.push_back(static_cast<std::byte>(c));
        if (wide.empty()) return;
        append_little_endian(out, 1, 2);
        append_little_endian(out, wide.size(), 2);
        out.insert(out.end(), wide.begin(), wide.end());
    }

    /// The end of a zip64 archive, and where it stands.
    void append_wide_end(std::vector<std::byte>& out, uint64_t start, uint64_t size) const {
        append_little_endian(out, 0x06064B50, 4);
        append_little_endian(out, 44, 8);  // bytes that follow in this record
        append_little_endian(out, 45, 2);
        append_little_endian(out, 45, 2);
        append_little_endian(out, 0, 8);  // disk 0 of 0
        append_little_endian(out, entries_.size(), 8);
        append_little_endian(out, entries_.size(), 8);
        append_little_endian(out, size, 8);
        append_little_endian(out, start, 8);
        append_little_endian(out, 0x07064B50, 4);
        append_little_endian(out, 0, 4);
        append_little_endian(out, start + size, 8);
        append_little_endian(out, 1, 4);  // one disk
    }

    Piece out_;
    uint64_t at_ = 0;
    std::vector<Entry> entries_;
    std::set<std::string> seen_;
};

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
    ZipWriter zip([&](Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); });
    for (const NamedTensor& tensor : tensors) {
        const std::vector<std::byte> content = encode_npy(tensor.value);
        zip.add(tensor.name, [&](const Piece& piece) { piece(content); });
    }
    zip.finish();
    return out;
}

void write_npz(const std::filesystem::path& path, std::span<const GrowingArray> arrays,
               std::span<const NamedTensor> tensors) {
    FileWriter file(path);
    ZipWriter zip([&](Bytes bytes) { file.append(bytes); });
    for (const GrowingArray& array : arrays)
        zip.add(array.name(), [&](const Piece& piece) { array.each(piece); });
    for (const NamedTensor& tensor : tensors) {
        const std::vector<std::byte> content = encode_npy(tensor.value);
        zip.add(tensor.name, [&](const Piece& piece) { piece(content); });
    }
    zip.finish();
    file.commit();
}

}  // namespace whence::data
