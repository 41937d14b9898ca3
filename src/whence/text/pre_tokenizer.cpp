#include <algorithm>
#include <array>

#include "whence/text/parts.h"
#include "whence/text/pattern.h"
#include "whence/text/unicode.h"

namespace whence::text {
namespace {

void append_parts(const Aligned& piece, const std::vector<Span>& parts, std::vector<Aligned>& out) {
    for (const Span& part : parts)
        if (part.begin < part.end) out.push_back(piece.part(part.begin, part.end));
}

// Each character that `is` holds for is a match.
template <class Is>
std::vector<Span> characters(std::string_view text, const Is& is) {
    std::vector<Span> out;
    for (size_t i = 0; i < text.size();) {
        const auto begin = static_cast<int64_t>(i);
        if (is(next_code_point(text, i))) out.push_back({begin, static_cast<int64_t>(i)});
    }
    return out;
}

// Cuts at characters of one kind.
class AtCharacters final : public PreTokenizer {
  public:
    using Is = bool (*)(char32_t);
    AtCharacters(Is is, Behavior behavior, bool separable = false)
        : is_(is), behavior_(behavior), separable_(separable) {}
    void cut(Aligned piece, std::vector<Aligned>& out) const override {
        append_parts(piece,
                     split_at(characters(piece.text, is_), static_cast<int64_t>(piece.text.size()),
                              behavior_, false),
                     out);
    }
    [[nodiscard]] bool separable() const override { return separable_; }

  private:
    Is is_;
    Behavior behavior_;
    bool separable_;
};

class Delimiter final : public PreTokenizer {
  public:
    explicit Delimiter(const Json& json) {
        const Chars chars = to_chars(text_of(json, "delimiter"), 0);
        if (chars.size() != 1) wrong("'delimiter' must be one character");
        delimiter_ = chars[0].code;
    }
    void cut(Aligned piece, std::vector<Aligned>& out) const override {
        const auto matches = characters(piece.text, [&](char32_t c) { return c == delimiter_; });
        append_parts(
            piece,
            split_at(matches, static_cast<int64_t>(piece.text.size()), Behavior::removed, false),
            out);
    }

  private:
    char32_t delimiter_;
};

class AtPattern final : public PreTokenizer {
  public:
    AtPattern(Pattern pattern, Behavior behavior, bool invert, bool separable = false)
        : pattern_(std::move(pattern)),
          behavior_(behavior),
          invert_(invert),
          separable_(separable) {}
    void cut(Aligned piece, std::vector<Aligned>& out) const override {
        append_parts(piece,
                     split_at(pattern_.matches(piece.text), static_cast<int64_t>(piece.text.size()),
                              behavior_, invert_),
                     out);
    }
    [[nodiscard]] bool separable() const override { return separable_; }

  private:
    Pattern pattern_;
    Behavior behavior_;
    bool invert_, separable_;
};

class Bert final : public PreTokenizer {
  public:
    void cut(Aligned piece, std::vector<Aligned>& out) const override {
        std::vector<Aligned> words;
        AtCharacters(is_space, Behavior::removed).cut(std::move(piece), words);
        for (Aligned& word : words)
            AtCharacters(is_bert_punctuation, Behavior::isolated).cut(std::move(word), out);
    }
    [[nodiscard]] bool separable() const override { return true; }
};

class ByteLevel final : public PreTokenizer {
  public:
    explicit ByteLevel(const Json& json)
        : prefix_(flag_or(json, "add_prefix_space", true)),
          cut_(flag_or(json, "use_regex", true)) {}

    void cut(Aligned piece, std::vector<Aligned>& out) const override {
        if (prefix_ && !piece.text.starts_with(' ') && !piece.text.empty()) {
            piece.text.insert(0, 1, ' ');
            piece.origin.insert(piece.origin.begin(), piece.origin[0]);
        }
        if (!cut_) {
            out.push_back(to_bytes(piece));
            return;
        }
        for (const Span& part : gpt2_pieces(piece.text))
            out.push_back(to_bytes(piece.part(part.begin, part.end)));
    }

  private:
    static Aligned to_bytes(const Aligned& piece) {
        Chars out;
        out.reserve(piece.text.size());
        for (size_t i = 0; i < piece.text.size(); ++i)
            out.push_back(
                {byte_character(static_cast<unsigned char>(piece.text[i])), piece.origin[i]});
        return to_aligned(out);
    }
    bool prefix_, cut_;
};

class Metaspace final : public PreTokenizer {
  public:
    explicit Metaspace(const Json& json)
        : sign_(text_or(json, "replacement", "\u2581")), cut_(flag_or(json, "split", true)) {
        // Before version 0.16 of the package a flag said it.
        scheme_ = text_or(json, "prepend_scheme",
                          flag_or(json, "add_prefix_space", true) ? "always" : "never");
        if (scheme_ != "always" && scheme_ != "first" && scheme_ != "never")
            wrong("'prepend_scheme' must be always, first or never");
    }

    void cut(Aligned piece, std::vector<Aligned>& out) const override {
        Chars chars = to_chars(piece), sign = to_chars(sign_, 0);
        Chars signs;
        for (const Char& c : chars) {
            if (c.code != ' ')
                signs.push_back(c);
            else
                for (const Char& s : sign) signs.push_back({s.code, c.origin});
        }
        piece = to_aligned(signs);
        const bool first = !piece.origin.empty() && piece.origin[0].begin == 0;
        if ((scheme_ == "always" || (scheme_ == "first" && first)) &&
            !piece.text.starts_with(sign_) && !piece.text.empty()) {
            piece.text.insert(0, sign_);
            piece.origin.insert(piece.origin.begin(), sign_.size(), piece.origin[0]);
        }
        if (!cut_) {
            out.push_back(std::move(piece));
            return;
        }
        append_parts(
            piece,
            split_at(Pattern::literal(sign_).matches(piece.text),
                     static_cast<int64_t>(piece.text.size()), Behavior::merged_with_next, false),
            out);
    }

  private:
    std::string sign_, scheme_;
    bool cut_;
};

class Sequence final : public PreTokenizer {
  public:
    Sequence(const Json& json, int depth) {
        for (const Json& part : list_of(json, "pretokenizers"))
            if (auto read = read_pre_tokenizer(part, depth + 1)) parts_.push_back(std::move(read));
    }
    void cut(Aligned piece, std::vector<Aligned>& out) const override {
        std::vector<Aligned> pieces = {std::move(piece)};
        for (const auto& part : parts_) {
            std::vector<Aligned> cut;
            for (Aligned& one : pieces) part->cut(std::move(one), cut);
            pieces = std::move(cut);
        }
        std::ranges::move(pieces, std::back_inserter(out));
    }
    // Once the blanks are gone, what follows sees one part at a time.
    [[nodiscard]] bool separable() const override {
        return !parts_.empty() && parts_[0]->separable();
    }

  private:
    std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

AtPattern read_split(const Json& json) {
    const Json& pattern = member(json, "pattern");
    const Behavior behavior = read_behavior(json, Behavior::isolated);
    const bool invert = flag_or(json, "invert", false);
    if (member(pattern, "String").is_string())
        return {Pattern::literal(text_of(pattern, "String")), behavior, invert};
    const std::string expression = text_of(pattern, "Regex");
    // CLIP's: matches hold no blanks, what lies between them is dropped.
    const bool clip =
        invert && behavior == Behavior::removed &&
        expression == "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
    return {Pattern(expression, Dialect::oniguruma), behavior, invert, clip};
}

// Errs on the side of no: nothing that names, negates or looks at blanks.
bool matches_no_blank(std::string_view expression) {
    for (const char c : expression)
        if ((c >= 0 && c <= ' ') || c == '.' || c == '^' || c == '$') return false;
    for (const std::string_view sign :
         {"\\s", "\\S", "\\W", "\\D", "\\P", "\\b", "\\B", "\\n", "\\t", "\\r", "\\x", "\\u",
          "\\c", "\\0", "\\h", "\\v", "\\R", "\\X", "\\N", "\\A", "\\G", "\\Z", "\\z", "(?"})
        if (expression.find(sign) != std::string_view::npos) return false;
    return true;
}

}  // namespace

std::vector<Span> split_at(const std::vector<Span>& matches, int64_t size, Behavior behavior,
                           bool invert) {
    struct Part {
        Span place;
        bool match;
    };
    std::vector<Part> parts;
    int64_t at = 0;
    for (const Span& match : matches) {
        if (at < match.begin) parts.push_back({{at, match.begin}, invert});
        parts.push_back({match, !invert});
        at = match.end;
    }
    if (at < size) parts.push_back({{at, size}, invert});

    std::vector<Span> out;
    bool previous = false;
    switch (behavior) {
        case Behavior::removed:
            for (const Part& part : parts)
                if (!part.match) out.push_back(part.place);
            break;
        case Behavior::isolated:
            for (const Part& part : parts) out.push_back(part.place);
            break;
        case Behavior::merged_with_previous:
            for (const Part& part : parts) {
                if (part.match && !previous && !out.empty())
                    out.back().end = part.place.end;
                else
                    out.push_back(part.place);
                previous = part.match;
            }
            break;
        case Behavior::merged_with_next:
            for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
                if (part->match && !previous && !out.empty())
                    out.back().begin = part->place.begin;
                else
                    out.push_back(part->place);
                previous = part->match;
            }
            std::ranges::reverse(out);
            break;
        case Behavior::contiguous:
            for (const Part& part : parts) {
                if (!out.empty() && part.match == previous)
                    out.back().end = part.place.end;
                else
                    out.push_back(part.place);
                previous = part.match;
            }
            break;
    }
    return out;
}

Behavior read_behavior(const Json& json, Behavior otherwise) {
    static constexpr std::array<std::pair<std::string_view, Behavior>, 5> names = {{
        {"Removed", Behavior::removed},
        {"Isolated", Behavior::isolated},
        {"MergedWithPrevious", Behavior::merged_with_previous},
        {"MergedWithNext", Behavior::merged_with_next},
        {"Contiguous", Behavior::contiguous},
    }};
    const std::string wanted = text_or(json, "behavior", "");
    if (wanted.empty()) return otherwise;
    for (const auto& [name, behavior] : names)
        if (name == wanted) return behavior;
    unknown("behavior", wanted);
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::vector<Span> gpt2_pieces(std::string_view text) {
    enum class Kind { letter, number, space, other };
    const auto kind_of = [](char32_t c) {
        return is_letter(c)   ? Kind::letter
               : is_number(c) ? Kind::number
               : is_space(c)  ? Kind::space
                              : Kind::other;
    };
    // The end of the run of `kind` that begins at `at`.
    const auto run = [&](size_t at, Kind kind) {
        while (at < text.size()) {
            size_t next = at;
            if (kind_of(next_code_point(text, next)) != kind) break;
            at = next;
        }
        return at;
    };
    const auto contraction = [&](size_t at) -> size_t {
        for (const std::string_view end : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
            if (text.substr(at).starts_with(end)) return end.size();
        return 0;
    };
    std::vector<Span> out;
    for (size_t at = 0; at < text.size();) {
        size_t end = at + contraction(at);
        if (end == at) {
            // One blank may stand before a word.
            size_t word = at + (text[at] == ' ' && at + 1 < text.size() ? 1 : 0);
            size_t after = word;
            Kind kind = kind_of(next_code_point(text, after));
            if (kind == Kind::space && word > at) word = after = at, kind = Kind::space;
            end = run(word, kind);
            if (kind == Kind::space && end < text.size()) {
                // The last blank of several belongs to what follows.
                size_t last = end - 1;
                while ((static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
                if (last > at) end = last;
            }
        }
        out.push_back({static_cast<int64_t>(at), static_cast<int64_t>(end)});
        at = end;
    }
    return out;
}

char32_t byte_character(unsigned char byte) {
    static const std::array<char32_t, 256> table = [] {
        std::array<char32_t, 256> out{};
        char32_t next = 256;
        for (int b = 0; b < 256; ++b) {
            const bool printed = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            out[b] = printed ? static_cast<char32_t>(b) : next++;
        }
        return out;
    }();
    return table[byte];
}

std::unique_ptr<PreTokenizer> keep_matches(std::string_view expression) {
    return std::make_unique<AtPattern>(Pattern(expression, Dialect::oniguruma), Behavior::removed,
                                       true, matches_no_blank(expression));
}

std::unique_ptr<PreTokenizer> read_pre_tokenizer(const Json& json, int depth) {
    if (json.is_null()) return nullptr;
    if (depth > deepest) wrong("pre-tokenizers are nested too deeply");
    const std::string type = text_of(json, "type");
    if (type == "BertPreTokenizer") return std::make_unique<Bert>();
    if (type == "ByteLevel") return std::make_unique<ByteLevel>(json);
    if (type == "Whitespace")
        return std::make_unique<AtPattern>(Pattern("\\w+|[^\\w\\s]+", Dialect::oniguruma),
                                           Behavior::removed, true, true);
    if (type == "WhitespaceSplit")
        return std::make_unique<AtCharacters>(is_space, Behavior::removed, true);
    if (type == "Split") return std::make_unique<AtPattern>(read_split(json));
    if (type == "Punctuation")
        return std::make_unique<AtCharacters>(is_bert_punctuation,
                                              read_behavior(json, Behavior::isolated));
    if (type == "Digits")
        return std::make_unique<AtCharacters>(is_number, flag_or(json, "individual_digits", false)
                                                             ? Behavior::isolated
                                                             : Behavior::contiguous);
    if (type == "Metaspace") return std::make_unique<Metaspace>(json);
    if (type == "CharDelimiterSplit") return std::make_unique<Delimiter>(json);
    if (type == "Sequence") return std::make_unique<Sequence>(json, depth);
    unknown("pre-tokenizer", type);
}

}  // namespace whence::text
