#include "whence/text/tokenizer.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <charconv>

#include "whence/core/file.h"
#include "whence/core/nesting.h"
#include "whence/text/added_tokens.h"
#include "whence/text/parts.h"

namespace whence::text {

class TokenizerParts {
  public:
    AddedTokens raw, normalized;
    std::unique_ptr<Normalizer> normalizer;       // may be null
    std::unique_ptr<PreTokenizer> pre_tokenizer;  // may be null
    std::unique_ptr<TokenModel> model;
    std::unique_ptr<PostProcessor> post_processor;  // may be null
    Vocabulary added;                               // tokens beside the model's
    Length length;
    int64_t pad_id = 0, pad_type = 0, multiple_of = 0;
    bool pad_left = false, cut_left = false;
};

namespace {

constexpr uint64_t largest_file = 128 << 20;
constexpr size_t largest_text = 64 << 20;

void check_text(std::string_view text) {
    if (text.size() > largest_text) throw Error(ErrorKind::limit, "a text of more than 64 MiB");
    const auto length = static_cast<int32_t>(text.size());
    for (int32_t i = 0; i < length;) {
        const int32_t begin = i;
        UChar32 code = 0;
        U8_NEXT(text.data(), i, length, code);
        if (code < 0)
            throw Error(ErrorKind::input,
                        fmt::format("the text is not UTF-8: byte {} does not belong there; convert "
                                    "it, for example with iconv -f latin1 -t utf8",
                                    begin));
    }
}

// Nesting is refused before it is parsed: objects are taken apart recursively.
Json parse(std::string_view text) {
    if (nested_too_deeply(text)) wrong("JSON is nested too deeply");
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object()) wrong("this is no JSON object in UTF-8");
    return json;
}

Aligned normalized_text(const TokenizerParts& parts, std::string_view text, int64_t at) {
    Chars chars = to_chars(text, at);
    if (parts.normalizer) parts.normalizer->apply(chars);
    return to_aligned(chars);
}

void read_added_tokens(const Json& json, TokenizerParts& parts) {
    if (member(json, "added_tokens").is_null()) return;
    for (const Json& one : list_of(json, "added_tokens")) {
        AddedToken token{.content = text_of(one, "content"),
                         .id = whole(member(one, "id"), "id"),
                         .single_word = flag_or(one, "single_word", false),
                         .strip_left = flag_or(one, "lstrip", false),
                         .strip_right = flag_or(one, "rstrip", false),
                         .special = flag_or(one, "special", false)};
        token.normalized = flag_or(one, "normalized", !token.special);
        if (!parts.model->vocabulary().find(token.content))
            parts.added.add(token.content, token.id);
        if (token.normalized) {
            // It is looked for as the normalizer leaves it.
            token.content = normalized_text(parts, token.content, 0).text;
            parts.normalized.add(std::move(token));
        } else {
            parts.raw.add(std::move(token));
        }
    }
}

std::optional<int64_t> find_token(const TokenizerParts& parts, std::string_view token) {
    const auto found = parts.model->vocabulary().find(token);
    return found ? found : parts.added.find(token);
}

void read_truncation(const Json& json, TokenizerParts& parts) {
    if (json.is_null()) return;
    parts.length.most = whole_or(json, "max_length", 0);
    parts.cut_left = text_or(json, "direction", "Right") == "Left";
}

void read_padding(const Json& json, TokenizerParts& parts) {
    if (json.is_null()) {
        for (const std::string_view name : {"[PAD]", "<pad>", "<PAD>", "<|endoftext|>"})
            if (const auto id = find_token(parts, name)) {
                parts.pad_id = *id;
                return;
            }
        return;
    }
    const Json& strategy = member(json, "strategy");
    if (strategy.is_object()) parts.length.least = whole_or(strategy, "Fixed", 0);
    if (parts.length.least > static_cast<int64_t>(largest_text)) wrong("padding is too long");
    parts.multiple_of = whole_or(json, "pad_to_multiple_of", 0);
    if (parts.multiple_of > 65536) wrong("'pad_to_multiple_of' is too large");
    parts.pad_id = whole_or(json, "pad_id", 0);
    parts.pad_type = whole_or(json, "pad_type_id", 0);
    parts.pad_left = text_or(json, "direction", "Right") == "Left";
}

void tokenize(const TokenizerParts& parts, Aligned text, std::vector<Token>& out) {
    std::vector<Aligned> pieces;
    if (parts.pre_tokenizer)
        parts.pre_tokenizer->cut(std::move(text), pieces);
    else if (!text.text.empty())
        pieces.push_back(std::move(text));
    std::vector<PieceToken> tokens;
    for (const Aligned& piece : pieces) {
        tokens.clear();
        parts.model->tokenize(piece.text, tokens);
        for (const PieceToken& token : tokens)
            out.push_back({.id = token.id, .place = piece.origin_of(token.begin, token.end)});
    }
}

void pad(const TokenizerParts& parts, int64_t length, std::vector<Token>& tokens) {
    const int64_t missing = length - static_cast<int64_t>(tokens.size());
    if (missing <= 0) return;
    const Token filling = {
        .id = parts.pad_id, .type = parts.pad_type, .special = true, .padding = true};
    tokens.insert(parts.pad_left ? tokens.begin() : tokens.end(), missing, filling);
}

std::string named(const std::filesystem::path& path, const Error& error) {
    return printable(path.string(), 400) + ": " + error.what();
}

}  // namespace

Tokenizer Tokenizer::read(const std::filesystem::path& path) {
    const std::string text = whence::read_text(path, largest_file);
    try {
        return from_json(text);
    } catch (const Error& error) {
        throw Error(error.kind(), named(path, error));
    }
}

Tokenizer Tokenizer::from_json(std::string_view text) {
    const Json json = parse(text);
    auto parts = std::make_shared<TokenizerParts>();
    parts->normalizer = read_normalizer(member(json, "normalizer"));
    parts->pre_tokenizer = read_pre_tokenizer(member(json, "pre_tokenizer"));
    parts->model = read_model(member(json, "model"));
    parts->post_processor = read_post_processor(member(json, "post_processor"));
    read_added_tokens(json, *parts);
    read_truncation(member(json, "truncation"), *parts);
    read_padding(member(json, "padding"), *parts);
    return Tokenizer(std::move(parts));
}

Tokenizer Tokenizer::read_vocabulary(const std::filesystem::path& path,
                                     const VocabularyOptions& options) {
    const std::string text = whence::read_text(path, largest_file);
    try {
        return vocabulary(text, options);
    } catch (const Error& error) {
        throw Error(error.kind(), named(path, error));
    }
}

Tokenizer Tokenizer::vocabulary(std::string_view lines, const VocabularyOptions& options) {
    check_text(lines);
    Vocabulary words;
    int64_t number = 0;
    for (size_t at = 0; at < lines.size(); ++number) {
        const size_t end = std::min(lines.find('\n', at), lines.size());
        std::string_view line = lines.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        const size_t blank = line.find_last_of(" \t");
        int64_t id = number;
        if (blank != std::string_view::npos) {
            const char* last = line.data() + line.size();
            const auto [stop, error] = std::from_chars(line.data() + blank + 1, last, id);
            if (error != std::errc() || stop != last || id < 0 || id > largest_number)
                wrong(fmt::format("line {} is no word with a number", number + 1));
            line = line.substr(0, blank);
        }
        words.add(std::string(line), id);
    }
    if (words.size() == 0) wrong("there are no words");
    const auto id_of = [&](const std::string& word, std::string_view role) {
        if (word.empty()) return std::optional<int64_t>();
        const auto found = words.find(word);
        if (!found)
            wrong(fmt::format("the vocabulary has no '{}', which is to be the token '{}'",
                              printable(word, 40), role));
        return found;
    };
    auto parts = std::make_shared<TokenizerParts>();
    parts->pad_id = id_of(options.pad, "pad").value_or(0);
    parts->post_processor = surround(id_of(options.start, "start"), id_of(options.end, "end"));
    const std::optional<int64_t> unknown_word = id_of(options.unknown, "unknown");
    if (options.lowercase) parts->normalizer = lowercase_normalizer();
    parts->pre_tokenizer = keep_matches(options.words);
    parts->model = word_level(std::move(words), unknown_word);
    return Tokenizer(std::move(parts));
}

std::vector<Token> Tokenizer::encode(std::string_view text) const {
    Length length = parts_->length;
    std::vector<Token> out = encode(text, length);
    if (const int64_t m = parts_->multiple_of; m > 0)
        pad(*parts_, (static_cast<int64_t>(out.size()) + m - 1) / m * m, out);
    return out;
}

std::vector<Token> Tokenizer::encode(std::string_view text, const Length& length) const {
    return finished(encode_part(text), length, text);
}

std::vector<Token> Tokenizer::encode_part(std::string_view text) const {
    check_text(text);
    std::vector<Token> out;
    for (const AddedTokens::Found& found : parts_->raw.find(text)) {
        if (found.token) {
            out.push_back({.id = found.token->id, .place = found.place});
            continue;
        }
        const Aligned part = normalized_text(
            *parts_, text.substr(found.place.begin, found.place.end - found.place.begin),
            found.place.begin);
        if (parts_->normalized.empty()) {
            tokenize(*parts_, part, out);
            continue;
        }
        for (const AddedTokens::Found& inner : parts_->normalized.find(part.text)) {
            const auto begin = static_cast<size_t>(inner.place.begin),
                       end = static_cast<size_t>(inner.place.end);
            if (inner.token)
                out.push_back({.id = inner.token->id, .place = part.origin_of(begin, end)});
            else
                tokenize(*parts_, part.part(begin, end), out);
        }
    }
    return out;
}

std::vector<Token> Tokenizer::finished(std::vector<Token> tokens, const Length& length,
                                       std::string_view text) const {
    const PostProcessor* post = parts_->post_processor.get();
    if (length.most > 0) {
        const auto room = std::max<int64_t>(0, length.most - (post ? post->added() : 0));
        const int64_t surplus = static_cast<int64_t>(tokens.size()) - room;
        if (surplus > 0 && parts_->cut_left)
            tokens.erase(tokens.begin(), tokens.begin() + surplus);
        else if (surplus > 0)
            tokens.resize(room);
    }
    if (post) post->apply(tokens, parts_->model->vocabulary(), text);
    pad(*parts_, length.least, tokens);
    return tokens;
}

Length Tokenizer::length() const {
    return parts_->length;
}

int64_t Tokenizer::pad_id() const {
    return parts_->pad_id;
}

bool Tokenizer::pads_left() const {
    return parts_->pad_left;
}

bool Tokenizer::cuts_left() const {
    return parts_->cut_left;
}

std::optional<int64_t> Tokenizer::mask_id() const {
    for (const std::string_view name : {"[MASK]", "<mask>", "<MASK>"})
        if (const auto id = id_of(name)) return id;
    return std::nullopt;
}

std::string Tokenizer::token(int64_t id) const {
    std::string own = parts_->model->vocabulary().word(id);
    return own.empty() ? parts_->added.word(id) : own;
}

std::optional<int64_t> Tokenizer::id_of(std::string_view token) const {
    return find_token(*parts_, token);
}

bool Tokenizer::separable() const {
    return (!parts_->normalizer || parts_->normalizer->separable()) && parts_->pre_tokenizer &&
           parts_->pre_tokenizer->separable() && parts_->raw.separable() &&
           parts_->normalized.empty();
}

}  // namespace whence::text
