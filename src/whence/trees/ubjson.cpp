// UBJSON (ubjson.org, draft 12), as XGBoost writes it: typed and counted containers, big-endian.

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "whence/core/error.h"
#include "whence/trees/document.h"

namespace whence::trees {
namespace {

class UbjsonReader {
  public:
    explicit UbjsonReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    Value document() {
        Value value = read(marker(), 0);
        if (!bytes_.subspan(at_).empty()) refuse("something follows its end");
        return value;
    }

  private:
    static constexpr int deepest = 64;

    /// What stands before the items of a container.
    struct Header {
        char type = '\0';  ///< of every item; '\0': each says its own
        bool counted = false;
        size_t count = 0;
    };

    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(ErrorKind::model, fmt::format("UBJSON, byte {}: {}", at_, why));
    }
    [[nodiscard]] size_t left() const { return bytes_.size() - at_; }
    [[nodiscard]] char peek() const { return left() > 0 ? static_cast<char>(bytes_[at_]) : '\0'; }
    std::span<const std::byte> take(size_t count) {
        if (count > left()) refuse("the file ends too early");
        const auto out = bytes_.subspan(at_, count);
        at_ += count;
        return out;
    }
    char marker() {
        char type = 'N';
        while (type == 'N') type = static_cast<char>(take(1)[0]);
        return type;
    }

    // Big-endian bytes as an unsigned number.
    uint64_t raw(size_t size) {
        uint64_t out = 0;
        for (const std::byte byte : take(size)) out = out << 8U | static_cast<uint64_t>(byte);
        return out;
    }

    static size_t size_of(char type) {
        switch (type) {
            case 'i':
            case 'U':
                return 1;
            case 'I':
                return 2;
            case 'l':
            case 'd':
                return 4;
            case 'L':
            case 'D':
                return 8;
            default:
                return 0;
        }
    }

    double number(char type) {
        switch (type) {
            case 'i':
                return static_cast<int8_t>(raw(1));
            case 'U':
                return static_cast<double>(raw(1));
            case 'I':
                return static_cast<int16_t>(raw(2));
            case 'l':
                return static_cast<int32_t>(raw(4));
            case 'L':
                return static_cast<double>(static_cast<int64_t>(raw(8)));
            case 'd':
                return std::bit_cast<float>(static_cast<uint32_t>(raw(4)));
            case 'D':
                return std::bit_cast<double>(raw(8));
            default:
                refuse(fmt::format("type {} is no number", static_cast<int>(type)));
        }
    }

    size_t length() {
        const char type = marker();
        if (size_of(type) == 0 || type == 'd' || type == 'D') refuse("a length is no whole number");
        const double value = number(type);
        // Every item takes a byte, or counts as if: a length is no reason to allocate more.
        if (!(value >= 0 && value <= static_cast<double>(left())))
            refuse("a length beyond the file");
        return static_cast<size_t>(value);
    }

    std::string string() {
        const auto text = take(length());
        return {reinterpret_cast<const char*>(text.data()), text.size()};
    }

    Header header() {
        Header out;
        if (peek() == '$') {
            ++at_;
            out.type = marker();
            if (peek() != '#') refuse("a typed container without a count");
        }
        if (peek() == '#') {
            ++at_;
            out.count = length();
            out.counted = true;
            if (size_of(out.type) > 0 && out.count > left() / size_of(out.type))
                refuse("a length beyond the file");
        }
        return out;
    }

    bool ends(const Header& header, size_t read, char end) {
        if (header.counted) return read == header.count;
        while (peek() == 'N') ++at_;
        if (peek() != end) return false;
        ++at_;
        return true;
    }

    Value read(char type, int depth) {
        if (depth > deepest) refuse("it is nested too deeply");
        switch (type) {
            case 'Z':
                return {};
            case 'T':
                return {true};
            case 'F':
                return {false};
            case 'C':
                return {std::string(1, static_cast<char>(take(1)[0]))};
            case 'S':
                return {string()};
            case '[':
                return array(depth);
            case '{':
                return {object(depth)};
            default:
                return {number(type)};
        }
    }

    Value array(int depth) {
        const Header head = header();
        Numbers numbers;
        List list;
        if (size_of(head.type) > 0) {
            numbers.reserve(head.count);
            for (size_t i = 0; i < head.count; ++i) numbers.push_back(number(head.type));
            return {std::move(numbers)};
        }
        for (size_t i = 0; !ends(head, i, ']'); ++i)
            add_item(numbers, list, read(head.type ? head.type : marker(), depth + 1));
        return list.empty() ? Value{std::move(numbers)} : Value{std::move(list)};
    }

    Object object(int depth) {
        const Header head = header();
        Object out;
        for (size_t i = 0; !ends(head, i, '}'); ++i) {
            std::string key = string();
            out.push_back({std::move(key), read(head.type ? head.type : marker(), depth + 1)});
        }
        return out;
    }

    std::span<const std::byte> bytes_;
    size_t at_ = 0;
};

}  // namespace

Value parse_ubjson(std::span<const std::byte> bytes) {
    return UbjsonReader(bytes).document();
}

}  // namespace whence::trees
