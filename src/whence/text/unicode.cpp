#include "whence/text/unicode.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include <algorithm>

#include "whence/core/error.h"

namespace whence::text {
namespace {

bool in_category(char32_t c, uint32_t mask) {
    return (U_GET_GC_MASK(static_cast<UChar32>(c)) & mask) != 0;
}

bool is_ascii_punctuation(char32_t c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

const UNormalizer2& normalizer(NormalForm form) {
    UErrorCode status = U_ZERO_ERROR;
    const bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
    const UNormalizer2* found =
        compatible ? unorm2_getNFKCInstance(&status) : unorm2_getNFCInstance(&status);
    if (U_FAILURE(status)) throw Error(ErrorKind::internal, "ICU has no normalisation data");
    return *found;
}

void append_decomposition(const UNormalizer2& with, const Char& c, Chars& out) {
    UErrorCode status = U_ZERO_ERROR;
    UChar units[64];
    const int32_t length =
        unorm2_getDecomposition(&with, static_cast<UChar32>(c.code), units, 64, &status);
    if (U_FAILURE(status) || length < 0) {
        out.push_back(c);
        return;
    }
    for (int32_t i = 0; i < length;) {
        UChar32 code = 0;
        U16_NEXT(units, i, length, code);
        out.push_back({static_cast<char32_t>(code), c.origin});
    }
}

// Marks in their canonical order. Origins stay in the order of the text, as in the package.
void order_marks(Chars& text) {
    const auto order = [](const Char& c) {
        return u_getCombiningClass(static_cast<UChar32>(c.code));
    };
    for (auto begin = text.begin(); begin != text.end();) {
        if (order(*begin) == 0) {
            ++begin;
            continue;
        }
        const auto end =
            std::find_if(begin, text.end(), [&](const Char& c) { return order(c) == 0; });
        Chars marks(begin, end);
        std::ranges::stable_sort(marks, {}, order);
        for (const Char& mark : marks) begin++->code = mark.code;
    }
}

// Canonical composition (UAX #15, D117): a mark joins the last starter unless something of its own
// or a higher class, or another starter, stands between them.
void compose(const UNormalizer2& with, Chars& text) {
    size_t written = 0, starter = 0;
    bool has_starter = false;
    int last_class = -1;  // of what stands between; -1: nothing does
    for (const Char& c : text) {
        const int own = u_getCombiningClass(static_cast<UChar32>(c.code));
        if (has_starter && (last_class < own || last_class == -1)) {
            const UChar32 joined = unorm2_composePair(
                &with, static_cast<UChar32>(text[starter].code), static_cast<UChar32>(c.code));
            if (joined >= 0) {
                text[starter].code = static_cast<char32_t>(joined);
                continue;
            }
        }
        if (own == 0) {
            starter = written;
            has_starter = true;
            last_class = -1;
        } else {
            last_class = own;
        }
        text[written++] = c;
    }
    text.resize(written);
}

}  // namespace

bool is_space(char32_t c) {
    return u_isUWhiteSpace(static_cast<UChar32>(c));
}
bool is_letter(char32_t c) {
    return in_category(c, U_GC_L_MASK);
}
bool is_number(char32_t c) {
    return in_category(c, U_GC_N_MASK);
}
bool is_mark(char32_t c) {
    return in_category(c, U_GC_M_MASK);
}
bool is_nonspacing_mark(char32_t c) {
    return in_category(c, U_GC_MN_MASK);
}
bool is_word_character(char32_t c) {
    return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_ALPHABETIC) ||
           in_category(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) || c == 0x200C || c == 0x200D;
}
bool is_bert_control(char32_t c) {
    return c != '\t' && c != '\n' && c != '\r' && in_category(c, U_GC_C_MASK);
}
bool is_bert_punctuation(char32_t c) {
    return is_ascii_punctuation(c) || in_category(c, U_GC_P_MASK);
}
bool is_cjk(char32_t c) {
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

void append_lowercase(const Char& c, Chars& out) {
    if (c.code == 0x130) {  // the only character whose lower case is two
        out.push_back({U'i', c.origin});
        out.push_back({0x307, c.origin});
        return;
    }
    out.push_back({static_cast<char32_t>(u_tolower(static_cast<UChar32>(c.code))), c.origin});
}

void normalize(NormalForm form, Chars& text) {
    if (std::ranges::all_of(text, [](const Char& c) { return c.code < 0x80; })) return;
    const UNormalizer2& with = normalizer(form);
    Chars parts;
    parts.reserve(text.size());
    for (const Char& c : text) append_decomposition(with, c, parts);
    order_marks(parts);
    if (form == NormalForm::nfc || form == NormalForm::nfkc) compose(with, parts);
    text = std::move(parts);
}

}  // namespace whence::text
