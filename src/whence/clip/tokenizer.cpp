#include "whence/clip/tokenizer.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "whence/core/error.h"
#include "whence/core/file.h"
#include "whence/data/gzip.h"

namespace whence::clip {
namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr std::string_view start = "<|startoftext|>", end = "<|endoftext|>";
constexpr size_t largest_file = size_t{64} << 20;
constexpr int64_t context = 77;
// Of the file's 262 144 merges those that the authors' own code reads.
constexpr size_t published_merges = 49152 - 256 - 2;

[[noreturn]] void wrong(std::string_view what) {
    throw Error(ErrorKind::input, fmt::format("CLIP's tokenizer: {}", what));
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> out;
    for (size_t at = 0; at < text.size();) {
        const size_t stop = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, stop - at);
        if (line.ends_with('\r')) line.remove_suffix(1);
        out.push_back(line);
        at = stop + 1;
    }
    return out;
}

/// The printable letters that stand for bytes, in the order of CLIP's first 256 tokens (Radford et
/// al. 2019, "Language models are unsupervised multitask learners": bytes_to_unicode).
std::vector<std::string> byte_letters() {
    const auto utf8 = [](int code) {
        return code < 0x80 ? std::string(1, static_cast<char>(code))
                           : std::string{static_cast<char>(0xC0 | code >> 6),
                                         static_cast<char>(0x80 | (code & 0x3F))};
    };
    const auto printable_byte = [](int byte) {
        return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    };
    std::vector<std::string> out;
    for (int byte = 0; byte < 256; ++byte)
        if (printable_byte(byte)) out.push_back(utf8(byte));
    for (int next = 256; out.size() < 256; ++next) out.push_back(utf8(next));
    return out;
}

text::Tokenizer byte_pair_encoding(const Json& vocabulary, std::vector<std::string_view> merges) {
    if (!vocabulary.is_object()) wrong("the vocabulary is no JSON object of tokens and numbers");
    std::array<Json, 2> ends;
    for (const auto& [token, at] : {std::pair{start, 0}, std::pair{end, 1}}) {
        const auto found = vocabulary.find(token);
        if (found == vocabulary.end() || !found->is_number_unsigned())
            wrong(fmt::format("the vocabulary does not number {}", token));
        ends[at] = *found;
    }
    const auto special = [](std::string_view token, const Json& id) {
        return Json{{"id", id},           {"content", token},      {"single_word", false},
                    {"lstrip", false},    {"rstrip", false},       {"normalized", true},
                    {"special", true}};
    };
    // The form in which Hugging Face publishes CLIP's tokenizer.
    const Json json = {
        {"truncation", {{"max_length", context}, {"strategy", "LongestFirst"}, {"stride", 0}}},
        {"added_tokens", {special(start, ends[0]), special(end, ends[1])}},
        {"normalizer",
         {{"type", "Sequence"},
          {"normalizers",
           {{{"type", "NFC"}},
            {{"type", "Replace"}, {"pattern", {{"Regex", "\\s+"}}}, {"content", " "}},
            {{"type", "Lowercase"}}}}}},
        {"pre_tokenizer",
         {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern",
              {{"Regex",
                "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"}}},
             {"behavior", "Removed"},
             {"invert", true}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}}}}}},
        {"post_processor",
         {{"type", "RobertaProcessing"},
          {"sep", {end, ends[1]}},
          {"cls", {start, ends[0]}},
          {"trim_offsets", false},
          {"add_prefix_space", false}}},
        {"model",
         {{"type", "BPE"},
          {"unk_token", end},
          {"continuing_subword_prefix", ""},
          {"end_of_word_suffix", "</w>"},
          {"vocab", vocabulary},
          {"merges", std::move(merges)}}}};
    return text::Tokenizer::from_json(json.dump());
}

std::string content(const Path& path) {
    return read_text(path, largest_file);
}

bool is_file(const Path& path) {
    std::error_code failed;
    return std::filesystem::is_regular_file(path, failed);
}

}  // namespace

text::Tokenizer tokenizer_of(std::string_view vocabulary, std::string_view merges) {
    const Json json = Json::parse(vocabulary, nullptr, false);
    if (json.is_discarded()) wrong("the vocabulary is no JSON");
    std::vector<std::string_view> lines = lines_of(merges);
    if (!lines.empty() && lines.front().starts_with("#version")) lines.erase(lines.begin());
    std::erase(lines, "");
    return byte_pair_encoding(json, std::move(lines));
}

text::Tokenizer tokenizer_of(std::string_view merges_of_the_authors) {
    std::vector<std::string_view> merges = lines_of(merges_of_the_authors);
    if (merges.size() < 2) wrong("the file of merges is empty");
    merges.erase(merges.begin());
    if (merges.size() > published_merges) merges.resize(published_merges);
    std::vector<std::string> tokens = byte_letters();
    for (size_t byte = 0; byte < 256; ++byte) tokens.push_back(tokens[byte] + "</w>");
    for (const std::string_view merge : merges) {
        std::string joined(merge);
        std::erase(joined, ' ');
        tokens.push_back(std::move(joined));
    }
    for (const std::string_view token : {start, end}) tokens.emplace_back(token);
    Json vocabulary = Json::object();
    for (uint64_t number = 0; number < tokens.size(); ++number)
        vocabulary.emplace(std::move(tokens[number]), number);
    return byte_pair_encoding(vocabulary, std::move(merges));
}

text::Tokenizer read_tokenizer(const Path& folder) {
    if (const Path file = folder / "tokenizer.json"; is_file(file))
        return text::Tokenizer::read(file);
    const auto named = [](const Path& path, const auto& read) {
        try {
            return read();
        } catch (const Error& error) {
            throw Error(error.kind(),
                        fmt::format("{}: {}", printable(path.string(), 400), error.what()));
        }
    };
    const Path vocabulary = folder / "vocab.json", merges = folder / "merges.txt";
    if (is_file(vocabulary) && is_file(merges))
        return named(vocabulary, [&] { return tokenizer_of(content(vocabulary), content(merges)); });
    if (const Path file = folder / "bpe_simple_vocab_16e6.txt"; is_file(file))
        return named(file, [&] { return tokenizer_of(content(file)); });
    if (const Path file = folder / "bpe_simple_vocab_16e6.txt.gz"; is_file(file)) {
        const std::vector<std::byte> text =
            data::decode_gzip(read_file(file, largest_file), printable(file.string(), 400));
        return named(file, [&] {
            return tokenizer_of({reinterpret_cast<const char*>(text.data()), text.size()});
        });
    }
    throw Error(ErrorKind::io,
                fmt::format("{}: no tokenizer here; looked for tokenizer.json, vocab.json with "
                            "merges.txt, bpe_simple_vocab_16e6.txt and its .gz",
                            printable(folder.string(), 400)));
}

}  // namespace whence::clip
