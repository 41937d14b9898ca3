#include "npy_header.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "bytes.h"
#include "whence/core/error.h"

namespace whence::data {
namespace {

constexpr size_t longest_header = 1 << 16;
constexpr size_t most_dimensions = 64;

struct TypeRow {
    std::string_view name;  // kind and size, without the byte order
    ElementType type;
};
constexpr std::array types = {
    TypeRow{"f2", ElementType::float16}, TypeRow{"f4", ElementType::float32},
    TypeRow{"f8", ElementType::float64}, TypeRow{"i1", ElementType::int8},
    TypeRow{"i2", ElementType::int16},   TypeRow{"i4", ElementType::int32},
    TypeRow{"i8", ElementType::int64},   TypeRow{"u1", ElementType::uint8},
    TypeRow{"u2", ElementType::uint16},  TypeRow{"u4", ElementType::uint32},
    TypeRow{"u8", ElementType::uint64},  TypeRow{"b1", ElementType::boolean},
};

/// Reads the Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
  public:
    HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

    NpyHeader parse() {
        expect('{');
        while (!accept('}')) {
            const std::string_view key = quoted();
            expect(':');
            value(key);
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        if (!has_type_ || !has_order_ || !has_shape_) fail("lacks descr, fortran_order or shape");
        return std::move(header_);
    }

  private:
    [[noreturn]] void fail(const std::string& why) const {
        throw Error(ErrorKind::input,
                    fmt::format("{}: the header of this .npy array {}", name_, why));
    }

    void skip_blanks() {
        while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
    }
    bool accept(char c) {
        skip_blanks();
        if (text_.empty() || text_[0] != c) return false;
        text_.remove_prefix(1);
        return true;
    }
    void expect(char c) {
        if (!accept(c)) fail(fmt::format("has no '{}' where one belongs", c));
    }

    std::string_view quoted() {
        skip_blanks();
        const char quote = text_.empty() ? ' ' : text_[0];
        const size_t end =
            quote == '\'' || quote == '"' ? text_.find(quote, 1) : std::string_view::npos;
        if (end == std::string_view::npos) fail("is damaged");
        const std::string_view inside = text_.substr(1, end - 1);
        text_.remove_prefix(end + 1);
        return inside;
    }

    void value(std::string_view key) {
        if (key == "descr") {
            type();
            has_type_ = true;
        } else if (key == "fortran_order") {
            header_.fortran_order = boolean();
            has_order_ = true;
        } else if (key == "shape") {
            shape();
            has_shape_ = true;
        } else {
            fail("has the unknown key '" + printable(key, 40) + "'");
        }
    }

    bool boolean() {
        skip_blanks();
        for (const std::string_view word : {"True", "False"})
            if (text_.starts_with(word)) {
                text_.remove_prefix(word.size());
                return word == "True";
            }
        fail("has a fortran_order that is neither True nor False");
    }

    void type() {
        skip_blanks();
        if (text_.starts_with("["))
            fail("describes records (a structured array), which are not read");
        const std::string_view descr = quoted();
        const char order = descr.empty() ? ' ' : descr[0];
        const bool ordered = order == '<' || order == '>' || order == '|' || order == '=';
        const std::string_view kind = descr.substr(ordered ? 1 : 0);
        if (kind.starts_with("O"))
            fail("says that it holds Python objects (a pickle), which are never read");
        header_.big_endian = order == '>';
        if (kind.starts_with("U") || kind.starts_with("S")) return text_type(kind);
        for (const TypeRow& row : types)
            if (row.name == kind) {
                header_.type = row.type;
                header_.item_size = element_size(row.type);
                return;
            }
        fail(fmt::format("names the element type '{}', which is not read", printable(descr, 40)));
    }

    void text_type(std::string_view kind) {
        size_t length = 0;
        const auto [end, error] =
            std::from_chars(kind.data() + 1, kind.data() + kind.size(), length);
        if (error != std::errc() || end != kind.data() + kind.size() || length > (size_t{1} << 30))
            fail("names a text type without a length");
        header_.type = ElementType::string;
        header_.wide_text = kind[0] == 'U';
        header_.item_size = length * (header_.wide_text ? 4 : 1);
    }

    void shape() {
        expect('(');
        while (!accept(')')) {
            skip_blanks();
            int64_t length = 0;
            const auto [end, error] =
                std::from_chars(text_.data(), text_.data() + text_.size(), length);
            if (error != std::errc() || length < 0)
                fail("has a shape with something other than lengths");
            text_.remove_prefix(static_cast<size_t>(end - text_.data()));
            if (text_.starts_with("L")) text_.remove_prefix(1);  // Python 2 wrote 3L
            header_.shape.push_back(length);
            if (header_.shape.size() > most_dimensions) fail("has too many dimensions");
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
    }

    std::string_view text_;
    const std::string& name_;
    NpyHeader header_;
    bool has_type_ = false, has_order_ = false, has_shape_ = false;
};

}  // namespace

NpyHeader read_npy_header(std::span<const std::byte> bytes, const std::string& name) {
    constexpr std::string_view magic = "\x93NUMPY";
    const auto fail = [&](std::string_view why) {
        throw Error(ErrorKind::input, fmt::format("{} is no .npy array: {}", name, why));
    };
    if (bytes.size() < 12 || as_text(bytes.first(6)) != magic) fail("it begins like none");
    const auto version = std::to_integer<int>(bytes[6]);
    if (version < 1 || version > 3) fail(fmt::format("version {} is not known", version));
    const int width = version == 1 ? 2 : 4;
    const size_t start = 8 + static_cast<size_t>(width);
    const size_t length = little_endian(bytes, 8, width);
    if (length > longest_header || length > bytes.size() - start) fail("its header is truncated");
    NpyHeader header = HeaderParser(as_text(bytes.subspan(start, length)), name).parse();
    header.data_offset = start + length;
    return header;
}

std::string npy_type(ElementType type, size_t text_length) {
    if (type == ElementType::string) return fmt::format("<U{}", text_length);
    for (const TypeRow& row : types)
        if (row.type == type)
            return fmt::format("{}{}", element_size(type) == 1 ? '|' : '<', row.name);
    throw Error(ErrorKind::internal, "NumPy has no such element type");
}

void append_header(std::vector<std::byte>& out, const std::string& type, const Shape& shape) {
    std::string lengths;
    for (const int64_t length : shape) lengths += fmt::format("{}, ", length);
    if (shape.size() > 1) lengths.resize(lengths.size() - 2);  // "(3, 4)", but "(3,)"
    if (shape.size() == 1) lengths.resize(lengths.size() - 1);
    std::string text =
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, lengths);
    // NumPy aligns the data to 64 bytes: ten bytes before the header, a line break after it.
    text.append((64 - (10 + text.size() + 1) % 64) % 64, ' ');
    text += '\n';
    const std::string_view magic("\x93NUMPY\x01\x00", 8);
    for (const char c : magic) out.push_back(static_cast<std::byte>(c));
    append_little_endian(out, text.size(), 2);
    for (const char c : text) out.push_back(static_cast<std::byte>(c));
}

}  // namespace whence::data
