#include "whence/core/pairwise.h"

#include <nlohmann/json.hpp>

#include <numeric>

#include "whence/core/error.h"
#include "whence/core/explanation_json.h"

namespace whence {
namespace {

std::vector<int64_t> chosen(const std::vector<int64_t>& asked, int64_t count, const char* what) {
    if (asked.empty()) {
        std::vector<int64_t> all(static_cast<size_t>(count));
        std::iota(all.begin(), all.end(), int64_t{0});
        return all;
    }
    for (const int64_t one : asked)
        if (one < 0 || one >= count)
            throw Error(ErrorKind::usage, std::string("there is no ") + what + " " + std::to_string(one) + ", there are " +
                                              std::to_string(count) + " (numbered from 0)");
    return asked;
}

// What a part of the pairs has in common with all of them.
Explanation part_of(const PairwiseExplanation& pairs) {
    Explanation out{.target = pairs.target, .diagnostics = pairs.diagnostics, .provenance = pairs.provenance};
    out.diagnostics.attribution_error.reset();
    out.diagnostics.relative_error.reset();
    out.diagnostics.no_error_because = "it is a part of the pairs of words and patches, which only all together add up";
    return out;
}

}  // namespace

Explanation of_words(const PairwiseExplanation& pairs, const std::vector<int64_t>& patches) {
    const int64_t columns = pairs.height * pairs.width;
    const std::vector<int64_t> kept = chosen(patches, columns, "patch");
    const std::span<const double> values = pairs.values.as<double>();
    std::vector<double> sums(pairs.words.size(), 0.0);
    for (size_t word = 0; word < sums.size(); ++word)
        for (const int64_t patch : kept) sums[word] += values[word * static_cast<size_t>(columns) + static_cast<size_t>(patch)];
    Explanation out = part_of(pairs);
    out.attribution.values = Tensor::of<double>({std::ssize(sums)}, sums);
    out.attribution.names = pairs.words;
    out.attribution.text = pairs.text;
    return out;
}

Explanation of_patches(const PairwiseExplanation& pairs, const std::vector<int64_t>& words) {
    const auto columns = static_cast<size_t>(pairs.height * pairs.width);
    const std::span<const double> values = pairs.values.as<double>();
    std::vector<double> sums(columns, 0.0);
    for (const int64_t word : chosen(words, std::ssize(pairs.words), "word"))
        for (size_t patch = 0; patch < columns; ++patch) sums[patch] += values[static_cast<size_t>(word) * columns + patch];
    Explanation out = part_of(pairs);
    out.attribution.values = Tensor::of<double>({1, 1, pairs.height, pairs.width}, sums);
    out.attribution.layer = "patches";
    return out;
}

std::string to_json(const PairwiseExplanation& pairs) {
    Explanation whole{.target = pairs.target, .diagnostics = pairs.diagnostics, .provenance = pairs.provenance};
    whole.attribution.values = pairs.values.reshaped({std::ssize(pairs.words), pairs.height, pairs.width});
    whole.attribution.text = pairs.text;
    std::string json = to_json(whole);
    // The last brace makes room for what only pairs have.
    json.erase(json.rfind('}'));
    while (!json.empty() && (json.back() == '\n' || json.back() == ' ')) json.pop_back();
    const nlohmann::json words(pairs.words);
    return json + ",\n  \"words\": " + words.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n}\n";
}

PairwiseExplanation pairwise_from_json(std::string_view text) {
    Explanation whole = explanation_from_json(text);
    const nlohmann::json json = nlohmann::json::parse(text);
    const Shape& shape = whole.attribution.values.shape();
    const auto wrong = [](const char* what) { throw Error(ErrorKind::input, std::string("no pairs of words and patches: ") + what); };
    if (shape.size() != 3 || !whole.attribution.text) wrong("the values are not [words, height, width] of a text");
    if (!json.contains("words") || !json["words"].is_array()) wrong("'words' is missing");
    PairwiseExplanation pairs{.text = std::move(*whole.attribution.text), .height = shape[1], .width = shape[2]};
    for (const auto& word : json["words"]) {
        if (!word.is_string()) wrong("a word is no text");
        pairs.words.push_back(word.get<std::string>());
    }
    if (std::ssize(pairs.words) != shape[0]) wrong("the words are not as many as the rows of values");
    for (const ExplainedText::Part& part : pairs.text.parts)
        if (part.feature >= shape[0]) wrong("a part of the text belongs to no word");
    pairs.values = whole.attribution.values.cast(ElementType::float64).reshaped({shape[0], shape[1] * shape[2]});
    pairs.target = std::move(whole.target);
    pairs.diagnostics = std::move(whole.diagnostics);
    pairs.provenance = std::move(whole.provenance);
    return pairs;
}

}  // namespace whence
