// JSON as models are written in: a plain recursive reader, since long arrays of numbers must not
// become trees of nodes and XGBoost's files may hold NaN.

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "whence/core/error.h"
#include "whence/trees/document.h"

namespace whence::trees {
namespace {

class JsonReader {
  public:
    explicit JsonReader(std::string_view text) : text_(text) {}

    Value document() {
        Value value = read(0);
        skip_blanks();
        if (at_ != text_.size()) refuse("something follows its end");
        return value;
    }

  private:
    static constexpr int deepest = 64;

    [[noreturn]] void refuse(const std::string& why) const {
        throw Error(ErrorKind::model, fmt::format("JSON, byte {}: {}", at_, why));
    }
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void skip_blanks() {
        while (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t') ++at_;
    }
    bool take(std::string_view word) {
        if (text_.substr(at_, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }
    void expect(char c) {
        skip_blanks();
        if (peek() != c) refuse(fmt::format("'{}' is missing", c));
        ++at_;
    }

    Value read(int depth) {
        if (depth > deepest) refuse("it is nested too deeply");
        skip_blanks();
        switch (peek()) {
            case '{':
                return {object(depth)};
            case '[':
                return array(depth);
            case '"':
                return {string()};
            default:
                break;
        }
        if (take("true")) return {true};
        if (take("false")) return {false};
        if (take("null")) return {};
        return {number()};
    }

    double number() {
        if (take("NaN")) return std::numeric_limits<double>::quiet_NaN();
        if (take("Infinity")) return std::numeric_limits<double>::infinity();
        if (take("-Infinity")) return -std::numeric_limits<double>::infinity();
        double value = 0;
        const char* begin = text_.data() + at_;
        const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
        if (error != std::errc() || !std::isfinite(value)) refuse("this is no value");
        at_ += static_cast<size_t>(end - begin);
        return value;
    }

    Object object(int depth) {
        Object out;
        expect('{');
        skip_blanks();
        if (peek() == '}') return ++at_, out;
        while (true) {
            skip_blanks();
            std::string key = string();
            expect(':');
            out.push_back({std::move(key), read(depth + 1)});
            skip_blanks();
            if (peek() == '}') return ++at_, out;
            expect(',');
        }
    }

    // Numbers as long as there is nothing else.
    Value array(int depth) {
        Numbers numbers;
        List list;
        expect('[');
        skip_blanks();
        if (peek() == ']') return ++at_, Value{numbers};
        while (true) {
            add_item(numbers, list, read(depth + 1));
            skip_blanks();
            if (peek() == ']') {
                ++at_;
                return list.empty() ? Value{std::move(numbers)} : Value{std::move(list)};
            }
            expect(',');
        }
    }

    std::string string() {
        expect('"');
        std::string out;
        while (true) {
            if (at_ >= text_.size()) refuse("a text has no end");
            const char c = text_[at_++];
            if (c == '"') return out;
            if (c == '\\')
                escape(out);
            else
                out += c;
        }
    }

    void escape(std::string& out) {
        const char c = peek();
        ++at_;
        switch (c) {
            case '"':
            case '\\':
            case '/':
                out += c;
                return;
            case 'b':
                out += '\b';
                return;
            case 'f':
                out += '\f';
                return;
            case 'n':
                out += '\n';
                return;
            case 'r':
                out += '\r';
                return;
            case 't':
                out += '\t';
                return;
            case 'u':
                break;
            default:
                refuse("an escape that JSON does not have");
        }
        uint32_t code = hex();
        if (code >= 0xD800 && code < 0xDC00 && take("\\u")) {
            const uint32_t low = hex();
            if (low < 0xDC00 || low > 0xDFFF) refuse("half of a pair of surrogates");
            code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
        }
        append(out, code);
    }

    uint32_t hex() {
        uint32_t code = 0;
        const std::string_view digits = text_.substr(at_, 4);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4)
            refuse("\\u needs four digits");
        at_ += 4;
        return code;
    }

    static void append(std::string& out, uint32_t code) {
        const auto add = [&](uint32_t byte) { out += static_cast<char>(byte); };
        if (code < 0x80) return add(code);
        if (code < 0x800) {
            add(0xC0U | code >> 6U);
        } else {
            if (code < 0x10000) {
                add(0xE0U | code >> 12U);
            } else {
                add(0xF0U | code >> 18U);
                add(0x80U | (code >> 12U & 0x3FU));
            }
            add(0x80U | (code >> 6U & 0x3FU));
        }
        add(0x80U | (code & 0x3FU));
    }

    std::string_view text_;
    size_t at_ = 0;
};

}  // namespace

Value parse_json(std::string_view text) {
    return JsonReader(text).document();
}

}  // namespace whence::trees
