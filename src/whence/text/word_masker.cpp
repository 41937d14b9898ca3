#include "whence/text/word_masker.h"

#include <algorithm>

#include "whence/core/error.h"
#include "whence/core/parallel.h"

namespace whence::text {
namespace {

constexpr int64_t bytes_per_task = 1 << 16;

Tensor& explained(Batch& rows, const std::string& name) {
    const Tensor* wanted = &rows.at(name);
    return std::ranges::find_if(rows.tensors(), [&](NamedTensor& t) { return &t.value == wanted; })
        ->value;
}

}  // namespace

WordMasker::WordMasker(Words words, std::optional<std::string> mask_string, std::string input_name)
    : words_(std::move(words)),
      mask_string_(std::move(mask_string)),
      input_name_(std::move(input_name)) {}

void WordMasker::write(const uint8_t* present, std::string& out) const {
    out.clear();
    // Parts cover the text: neighbours that are there are copied together.
    int64_t begin = 0;
    for (const Words::Part& part : words_.parts) {
        if (part.player < 0 || present[part.player]) continue;
        out.append(words_.text, begin, part.place.begin - begin);
        if (mask_string_) out += *mask_string_;
        begin = part.place.end;
    }
    out.append(words_.text, begin);
}

void WordMasker::apply(MatrixView<const uint8_t> present, int64_t first, Batch& rows,
                       const Run& run) const {
    Tensor& out = explained(rows, input_name_);
    if (out.type() != ElementType::string || out.row_size() != 1 || first < 0 ||
        present.columns != players() || first + out.rows() > present.rows)
        throw Error(ErrorKind::internal, "word masker: rows of " + to_string(out.shape()) +
                                             " from row " + std::to_string(first) + " for " +
                                             std::to_string(present.rows) + " coalitions of " +
                                             std::to_string(present.columns) + " players");
    const std::span<std::string> texts = out.as<std::string>();
    const auto size = static_cast<int64_t>(words_.text.size());
    parallel_for(run, out.rows(), std::max<int64_t>(1, bytes_per_task / std::max<int64_t>(1, size)),
                 [&](int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row)
                         write(present.row(first + row).data(), texts[row]);
                 });
}

std::string WordMasker::masked(std::span<const uint8_t> present) const {
    std::string out;
    write(present.data(), out);
    return out;
}

LabelMasker token_masker(std::string input_name, const Tensor& ids, const Words& words,
                         const std::vector<Token>& tokens, int64_t hidden) {
    const std::vector<int32_t> labels = players_of_tokens(words, tokens);
    for (int64_t player = 0; player < words.players(); ++player)
        if (std::ranges::find(labels, static_cast<int32_t>(player)) == labels.end())
            throw Error(ErrorKind::input,
                        "the word '" + printable(words.names[player], 40) +
                            "' has no token in what the model reads; take a shorter text, or mask "
                            "words instead of tokens");
    std::vector<double> baseline = ids.to_doubles();
    for (size_t i = 0; i < labels.size(); ++i)
        if (labels[i] >= 0) baseline[i] = static_cast<double>(hidden);
    return {std::move(input_name), ids, Tensor::of<double>(ids.shape(), baseline).cast(ids.type()),
            labels, words.names};
}

}  // namespace whence::text
