#include <algorithm>

#include "whence/text/parts.h"
#include "whence/text/pattern.h"
#include "whence/text/unicode.h"

namespace whence::text {
namespace {

// A normalizer that is one function of the text.
class Function final : public Normalizer {
  public:
    using Apply = void (*)(Chars&);
    Function(Apply function, bool separable) : apply_(function), separable_(separable) {}
    void apply(Chars& text) const override { apply_(text); }
    [[nodiscard]] bool separable() const override { return separable_; }

  private:
    Apply apply_;
    bool separable_;
};

void lowercase(Chars& text) {
    Chars out;
    out.reserve(text.size());
    for (const Char& c : text) append_lowercase(c, out);
    text = std::move(out);
}

// Bytes as printable characters, each where its character stood.
void bytes(Chars& text) {
    const Aligned from = to_aligned(text);
    text.clear();
    for (size_t i = 0; i < from.text.size(); ++i)
        text.push_back({byte_character(static_cast<unsigned char>(from.text[i])), from.origin[i]});
}

class Bert final : public Normalizer {
  public:
    explicit Bert(const Json& json)
        : clean_(flag_or(json, "clean_text", true)),
          chinese_(flag_or(json, "handle_chinese_chars", true)),
          lowercase_(flag_or(json, "lowercase", true)),
          strip_(flag_or(json, "strip_accents", lowercase_)) {}

    void apply(Chars& text) const override {
        if (clean_) clean(text);
        if (chinese_) space_out(text);
        if (strip_) {
            normalize(NormalForm::nfd, text);
            std::erase_if(text, [](const Char& c) { return is_nonspacing_mark(c.code); });
        }
        if (lowercase_) lowercase(text);
    }
    [[nodiscard]] bool separable() const override { return true; }

  private:
    static void clean(Chars& text) {
        std::erase_if(text, [](const Char& c) {
            return c.code == 0 || c.code == 0xFFFD || is_bert_control(c.code);
        });
        for (Char& c : text)
            if (is_space(c.code)) c.code = ' ';
    }
    static void space_out(Chars& text) {
        if (std::ranges::none_of(text, [](const Char& c) { return is_cjk(c.code); })) return;
        Chars out;
        for (const Char& c : text) {
            if (is_cjk(c.code)) out.push_back({' ', c.origin});
            out.push_back(c);
            if (is_cjk(c.code)) out.push_back({' ', c.origin});
        }
        text = std::move(out);
    }

    bool clean_, chinese_, lowercase_, strip_;
};

class Strip final : public Normalizer {
  public:
    explicit Strip(const Json& json)
        : left_(flag_or(json, "strip_left", true)), right_(flag_or(json, "strip_right", true)) {}
    void apply(Chars& text) const override {
        const auto solid = [](const Char& c) { return !is_space(c.code); };
        if (right_) text.erase(std::find_if(text.rbegin(), text.rend(), solid).base(), text.end());
        if (left_) text.erase(text.begin(), std::ranges::find_if(text, solid));
    }

  private:
    bool left_, right_;
};

class Prepend final : public Normalizer {
  public:
    explicit Prepend(const Json& json) : prefix_(to_chars(text_of(json, "prepend"), 0)) {}
    void apply(Chars& text) const override {
        if (text.empty()) return;
        Chars prefix = prefix_;
        for (Char& c : prefix) c.origin = text[0].origin;
        text.insert(text.begin(), prefix.begin(), prefix.end());
    }

  private:
    Chars prefix_;
};

class Replace final : public Normalizer {
  public:
    explicit Replace(const Json& json)
        : pattern_(read_pattern(member(json, "pattern"))),
          content_(to_chars(text_of(json, "content"), 0)) {}

    void apply(Chars& text) const override {
        const Aligned from = to_aligned(text);
        const std::vector<Span> matches = pattern_.matches(from.text);
        if (matches.empty()) return;
        Chars out;
        size_t at = 0;
        const auto keep_until = [&](size_t end) {
            const Chars kept = to_chars(from.part(at, end));
            out.insert(out.end(), kept.begin(), kept.end());
        };
        for (const Span& match : matches) {
            keep_until(match.begin);
            // What is put in lies where the last character of the match lay.
            for (Char c : content_) {
                c.origin = from.origin[match.end - 1];
                out.push_back(c);
            }
            at = match.end;
        }
        keep_until(from.text.size());
        text = std::move(out);
    }
    // Of blanks themselves only: "\s+" -> " ".
    [[nodiscard]] bool separable() const override {
        return content_.size() == 1 && content_[0].code == ' ' && blanks_;
    }

    static Pattern read_pattern(const Json& json) {
        if (member(json, "String").is_string()) return Pattern::literal(text_of(json, "String"));
        return Pattern(text_of(json, "Regex"), Dialect::oniguruma);
    }
    void only_blanks() { blanks_ = true; }

  private:
    Pattern pattern_;
    Chars content_;
    bool blanks_ = false;
};

class Sequence final : public Normalizer {
  public:
    Sequence(const Json& json, int depth) {
        for (const Json& part : list_of(json, "normalizers"))
            if (auto read = read_normalizer(part, depth + 1)) parts_.push_back(std::move(read));
    }
    void apply(Chars& text) const override {
        for (const auto& part : parts_) part->apply(text);
    }
    [[nodiscard]] bool separable() const override {
        return std::ranges::all_of(parts_, [](const auto& part) { return part->separable(); });
    }

  private:
    std::vector<std::unique_ptr<Normalizer>> parts_;
};

struct Row {
    std::string_view type;
    Function::Apply apply;
    bool separable;
};
constexpr Row functions[] = {
    {"NFC", [](Chars& t) { normalize(NormalForm::nfc, t); }, true},
    {"NFD", [](Chars& t) { normalize(NormalForm::nfd, t); }, true},
    {"NFKC", [](Chars& t) { normalize(NormalForm::nfkc, t); }, true},
    {"NFKD", [](Chars& t) { normalize(NormalForm::nfkd, t); }, true},
    {"Lowercase", lowercase, true},
    {"StripAccents",
     [](Chars& t) { std::erase_if(t, [](const Char& c) { return is_mark(c.code); }); }, true},
    {"ByteLevel", bytes, false},
};

}  // namespace

std::unique_ptr<Normalizer> lowercase_normalizer() {
    return std::make_unique<Function>(lowercase, true);
}

std::unique_ptr<Normalizer> read_normalizer(const Json& json, int depth) {
    if (json.is_null()) return nullptr;
    if (depth > deepest) wrong("normalizers are nested too deeply");
    const std::string type = text_of(json, "type");
    for (const Row& row : functions)
        if (row.type == type) return std::make_unique<Function>(row.apply, row.separable);
    if (type == "BertNormalizer") return std::make_unique<Bert>(json);
    if (type == "Strip") return std::make_unique<Strip>(json);
    if (type == "Prepend") return std::make_unique<Prepend>(json);
    if (type == "Sequence") return std::make_unique<Sequence>(json, depth);
    if (type != "Replace") unknown("normalizer", type);
    auto replace = std::make_unique<Replace>(json);
    if (text_or(member(json, "pattern"), "Regex", "") == "\\s+") replace->only_blanks();
    return replace;
}

}  // namespace whence::text
