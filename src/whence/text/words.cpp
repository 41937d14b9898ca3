#include "whence/text/words.h"

#include <algorithm>
#include <unordered_map>

#include "whence/core/error.h"
#include "whence/data/utf.h"
#include "whence/text/aligned.h"
#include "whence/text/pattern.h"

namespace whence::text {
namespace {

constexpr size_t largest_text = 16 << 20;

std::vector<Span> separators(const std::string& text, const WordOptions& options) {
    if (options.char_level) return {};
    std::vector<Span> out = Pattern(options.split_expression, Dialect::python).matches(text);
    // lime splits at "(...)|$" too, and Python's $ also stands before a newline at the very end.
    const auto size = static_cast<int64_t>(text.size());
    if (text.ends_with('\n') && (out.empty() || out.back().end < size))
        out.push_back({size - 1, size});
    return out;
}

// Texts between separators; with char_level every character.
std::vector<Span> word_places(const std::string& text, const WordOptions& options,
                              const std::vector<Span>& between) {
    std::vector<Span> out;
    if (options.char_level) {
        for (size_t at = 0; at < text.size();) {
            const auto begin = static_cast<int64_t>(at);
            static_cast<void>(next_code_point(text, at));
            out.push_back({begin, static_cast<int64_t>(at)});
        }
        return out;
    }
    int64_t at = 0;
    for (const Span& separator : between) {
        if (at < separator.begin) out.push_back({at, separator.begin});
        at = separator.end;
    }
    if (at < static_cast<int64_t>(text.size()))
        out.push_back({at, static_cast<int64_t>(text.size())});
    return out;
}

}  // namespace

Words split_words(std::string text, const WordOptions& options) {
    if (text.size() > largest_text) throw Error(ErrorKind::limit, "a text of more than 16 MiB");
    if (!data::decode_utf8(text)) throw Error(ErrorKind::input, "the text is not UTF-8");
    const std::vector<Span> between = separators(text, options);
    const std::vector<Span> places = word_places(text, options, between);
    Words out;
    for (const Span& place : between) out.parts.push_back({place});
    std::unordered_map<std::string, int32_t> known;
    for (const Span& place : places) {
        std::string word = text.substr(place.begin, place.end - place.begin);
        auto player = static_cast<int32_t>(out.names.size());
        if (options.bow) player = known.try_emplace(word, player).first->second;
        if (player == static_cast<int32_t>(out.names.size())) out.names.push_back(std::move(word));
        out.parts.push_back({place, player});
    }
    std::ranges::sort(out.parts, {}, [](const Words::Part& part) { return part.place.begin; });
    out.text = std::move(text);
    return out;
}

std::vector<int32_t> players_of_tokens(const Words& words, const std::vector<Token>& tokens) {
    std::vector<int32_t> out;
    for (const Token& token : tokens) {
        out.push_back(-1);
        if (token.special) continue;
        // The first word that ends behind the token's beginning.
        auto part = std::ranges::upper_bound(words.parts, token.place.begin, {},
                                             [](const Words::Part& p) { return p.place.end; });
        while (part != words.parts.end() && part->player < 0 && part->place.end < token.place.end)
            ++part;
        if (part != words.parts.end() && part->place.begin < token.place.end)
            out.back() = part->player;
    }
    return out;
}

}  // namespace whence::text
