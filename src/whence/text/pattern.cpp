#include "whence/text/pattern.h"

#include <fmt/format.h>
#include <unicode/uregex.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>

#include "whence/core/error.h"

namespace whence::text {
namespace {

// ICU counts a step of its matching engine as its time; this is about a second.
constexpr int32_t time_limit = 2'000, stack_limit = 64 << 20;

struct Close {
    void operator()(URegularExpression* regex) const { uregex_close(regex); }
    void operator()(UText* text) const { utext_close(text); }
};

// ICU's own \s knows neither the vertical tab nor NEL, its \w is not Python's. The names of
// properties stand inside and outside of brackets.
std::string translated(std::string_view expression, Dialect dialect) {
    std::string out;
    bool in_set = false;
    for (size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        if (c != '\\' || i + 1 == expression.size()) {
            if (c == '[') in_set = true;
            if (c == ']') in_set = false;
            out += c;
            continue;
        }
        const char next = expression[++i];
        const bool python = dialect == Dialect::python;
        if (next == 's')
            out += "\\p{White_Space}";
        else if (next == 'S')
            out += "\\P{White_Space}";
        else if (next == 'w' && python)
            out += in_set ? "\\p{L}\\p{N}_" : "[\\p{L}\\p{N}_]";
        else if (next == 'W' && python)
            out += "[^\\p{L}\\p{N}_]";
        else
            out += {c, next};
    }
    return out;
}

std::u16string to_utf16(std::string_view text) {
    UErrorCode status = U_ZERO_ERROR;
    int32_t length = 0;
    std::u16string out(text.size() + 1, u'\0');
    u_strFromUTF8(out.data(), static_cast<int32_t>(out.size()), &length, text.data(),
                  static_cast<int32_t>(text.size()), &status);
    if (U_FAILURE(status)) throw Error(ErrorKind::input, "a regular expression is not UTF-8");
    out.resize(length);
    return out;
}

[[noreturn]] void too_long(UErrorCode status) {
    throw Error(
        ErrorKind::limit,
        fmt::format("a regular expression takes too long on this text ({})", u_errorName(status)));
}

std::vector<Span> regex_matches(const URegularExpression* compiled, std::string_view text) {
    UErrorCode status = U_ZERO_ERROR;
    // Matching changes the object: each call has its own, and they share the program (not the
    // limits).
    const std::unique_ptr<URegularExpression, Close> regex(uregex_clone(compiled, &status));
    uregex_setTimeLimit(regex.get(), time_limit, &status);
    uregex_setStackLimit(regex.get(), stack_limit, &status);
    const std::unique_ptr<UText, Close> input(
        utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &status));
    uregex_setUText(regex.get(), input.get(), &status);
    std::vector<Span> out;
    while (U_SUCCESS(status) && uregex_findNext(regex.get(), &status)) {
        const Span match = {uregex_start64(regex.get(), 0, &status),
                            uregex_end64(regex.get(), 0, &status)};
        if (match.begin < match.end) out.push_back(match);
    }
    if (U_FAILURE(status)) too_long(status);
    return out;
}

}  // namespace

Pattern::Pattern(std::string_view expression, Dialect dialect) {
    if (expression.size() > 100'000)
        throw Error(ErrorKind::limit, "a regular expression of more than 100 000 bytes");
    const std::u16string units = to_utf16(translated(expression, dialect));
    UErrorCode status = U_ZERO_ERROR;
    UParseError where{};
    std::unique_ptr<URegularExpression, Close> regex(
        uregex_open(units.data(), static_cast<int32_t>(units.size()), 0, &where, &status));
    if (U_FAILURE(status))
        throw Error(ErrorKind::input,
                    fmt::format("'{}' is no regular expression that can be used ({})",
                                printable(expression, 200), u_errorName(status)));
    compiled_ = std::shared_ptr<URegularExpression>(std::move(regex));
}

Pattern Pattern::literal(std::string text) {
    Pattern out;
    out.literal_ = std::move(text);
    return out;
}

std::vector<Span> Pattern::matches(std::string_view text) const {
    if (compiled_)
        return regex_matches(static_cast<const URegularExpression*>(compiled_.get()), text);
    std::vector<Span> out;
    if (literal_.empty()) return out;
    for (size_t at = text.find(literal_); at != std::string_view::npos;
         at = text.find(literal_, at + literal_.size()))
        out.push_back({static_cast<int64_t>(at), static_cast<int64_t>(at + literal_.size())});
    return out;
}

}  // namespace whence::text
