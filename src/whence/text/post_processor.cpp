#include <algorithm>

#include "whence/text/parts.h"
#include "whence/text/unicode.h"

namespace whence::text {
namespace {

Token special(int64_t id, int64_t type) {
    return {.id = id, .type = type, .special = true};
}

// Where the character behind (before) the one at `at` begins.
int64_t after(std::string_view text, int64_t at) {
    auto next = static_cast<size_t>(at);
    static_cast<void>(next_code_point(text, next));
    return static_cast<int64_t>(next);
}
int64_t before(std::string_view text, int64_t at) {
    do --at;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
    return at;
}

// Blanks at the edges of a token do not belong to its place. As the package does it: an offset of 0
// tells the first token, whose blank may be one that was added.
void trim_places(std::vector<Token>& tokens, const Vocabulary& vocabulary, std::string_view text,
                 bool added_prefix) {
    const auto solid = [](const Char& c) {
        return c.code != byte_character(' ') && !is_space(c.code);
    };
    for (size_t i = 0; i < tokens.size(); ++i) {
        if (tokens[i].special) continue;
        Span& place = tokens[i].place;
        const std::string word = vocabulary.word(tokens[i].id);
        // An added token may have taken blanks that its own name does not have.
        const std::string_view there = text.substr(place.begin, place.end - place.begin);
        const bool taken = there.size() > word.size() && there.find(word) != std::string_view::npos;
        const Chars chars = to_chars(taken ? there : std::string_view(word), 0);
        int64_t leading = std::ranges::find_if(chars, solid) - chars.begin();
        int64_t trailing = std::find_if(chars.rbegin(), chars.rend(), solid) - chars.rbegin();
        if (leading > 0 && (i == 0 || place.begin == 0) && added_prefix) --leading;
        for (; leading > 0 && place.begin < place.end; --leading)
            place.begin = after(text, place.begin);
        for (; trailing > 0 && place.begin < place.end; --trailing)
            place.end = before(text, place.end);
    }
}

class Surround final : public PostProcessor {
  public:
    Surround(std::optional<int64_t> start, std::optional<int64_t> end) : start_(start), end_(end) {}
    void apply(std::vector<Token>& tokens, const Vocabulary&, std::string_view) const override {
        if (start_) tokens.insert(tokens.begin(), special(*start_, 0));
        if (end_) tokens.push_back(special(*end_, 0));
    }
    [[nodiscard]] int64_t added() const override { return (start_ ? 1 : 0) + (end_ ? 1 : 0); }

  private:
    std::optional<int64_t> start_, end_;
};

// BertProcessing and RobertaProcessing: ["[SEP]", 102], ["[CLS]", 101].
int64_t id_in_pair(const Json& json, const char* key) {
    const Json& pair = member(json, key);
    if (!pair.is_array() || pair.size() != 2)
        wrong(fmt::format("'{}' must be a token and its number", key));
    return whole(pair[1], key);
}

class Trim final : public PostProcessor {
  public:
    explicit Trim(const Json& json)
        : trim_(flag_or(json, "trim_offsets", true)),
          prefix_(flag_or(json, "add_prefix_space", true)) {}
    void apply(std::vector<Token>& tokens, const Vocabulary& vocabulary,
               std::string_view text) const override {
        if (trim_ && !text.empty()) trim_places(tokens, vocabulary, text, prefix_);
    }
    [[nodiscard]] int64_t added() const override { return 0; }

  private:
    bool trim_, prefix_;
};

class Sequence final : public PostProcessor {
  public:
    Sequence() = default;
    Sequence(const Json& json, int depth) {
        for (const Json& part : list_of(json, "processors"))
            if (auto read = read_post_processor(part, depth + 1)) add(std::move(read));
    }
    void add(std::unique_ptr<PostProcessor> part) { parts_.push_back(std::move(part)); }
    void apply(std::vector<Token>& tokens, const Vocabulary& vocabulary,
               std::string_view text) const override {
        for (const auto& part : parts_) part->apply(tokens, vocabulary, text);
    }
    [[nodiscard]] int64_t added() const override {
        int64_t sum = 0;
        for (const auto& part : parts_) sum += part->added();
        return sum;
    }

  private:
    std::vector<std::unique_ptr<PostProcessor>> parts_;
};

class Template final : public PostProcessor {
  public:
    explicit Template(const Json& json) {
        const Json& specials = member(json, "special_tokens");
        for (const Json& piece : list_of(json, "single")) {
            if (const Json& sequence = member(piece, "Sequence"); sequence.is_object()) {
                if (text_of(sequence, "id") != "A")
                    wrong("the template of one text names a second");
                pieces_.push_back({{}, whole_or(sequence, "type_id", 0), true});
            } else if (const Json& token = member(piece, "SpecialToken"); token.is_object()) {
                Piece read = {{}, whole_or(token, "type_id", 0), false};
                const Json& known = member(specials, text_of(token, "id").c_str());
                for (const Json& id : list_of(known, "ids")) read.ids.push_back(whole(id, "ids"));
                pieces_.push_back(std::move(read));
            } else {
                wrong("a template holds sequences and special tokens only");
            }
        }
        if (std::ranges::count_if(pieces_, &Piece::text) > 1)
            wrong("a template names the text twice");
    }
    void apply(std::vector<Token>& tokens, const Vocabulary&, std::string_view) const override {
        std::vector<Token> out;
        for (const Piece& piece : pieces_) {
            for (const int64_t id : piece.ids) out.push_back(special(id, piece.type));
            if (!piece.text) continue;
            for (Token token : tokens) {
                token.type = piece.type;
                out.push_back(token);
            }
        }
        tokens = std::move(out);
    }
    [[nodiscard]] int64_t added() const override {
        int64_t sum = 0;
        for (const Piece& piece : pieces_) sum += static_cast<int64_t>(piece.ids.size());
        return sum;
    }

  private:
    struct Piece {
        std::vector<int64_t> ids;
        int64_t type;
        bool text;
    };
    std::vector<Piece> pieces_;
};

}  // namespace

std::unique_ptr<PostProcessor> surround(std::optional<int64_t> start, std::optional<int64_t> end) {
    return std::make_unique<Surround>(start, end);
}

std::unique_ptr<PostProcessor> read_post_processor(const Json& json, int depth) {
    if (json.is_null()) return nullptr;
    if (depth > deepest) wrong("post-processors are nested too deeply");
    const std::string type = text_of(json, "type");
    if (type == "TemplateProcessing") return std::make_unique<Template>(json);
    if (type == "ByteLevel") return std::make_unique<Trim>(json);
    if (type == "Sequence") return std::make_unique<Sequence>(json, depth);
    if (type != "BertProcessing" && type != "RobertaProcessing") unknown("post-processor", type);
    auto around = surround(id_in_pair(json, "cls"), id_in_pair(json, "sep"));
    if (type == "BertProcessing") return around;
    auto both = std::make_unique<Sequence>();
    both->add(std::make_unique<Trim>(json));
    both->add(std::move(around));
    return both;
}

}  // namespace whence::text
